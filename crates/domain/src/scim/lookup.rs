//! What a condition says of those that can meet it, so that an index finds them.

use super::filter::{Condition, Operand, Operator};
use super::schema::{GROUP, ResourceType, Target, USER};
use crate::Instant;
use uuid::Uuid;

/// Values of attributes that an index knows. Whoever meets the condition that it was made of has one of them; not everybody who
/// has one meets the condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Ids.
    pub ids: Vec<Uuid>,
    /// External ids.
    pub external_ids: Vec<String>,
    /// User names, in lower case.
    pub user_names: Vec<String>,
    /// Mail addresses of users, in lower case.
    pub emails: Vec<String>,
    /// Names of groups, in lower case.
    pub display_names: Vec<String>,
    /// Users who are members of a group.
    pub members: Vec<Uuid>,
    /// Beginnings of user names, in lower case; none is empty.
    pub user_name_prefixes: Vec<String>,
    /// Beginnings of names of groups, in lower case; none is empty.
    pub display_name_prefixes: Vec<String>,
    /// What changed then or later.
    pub modified_since: Option<Instant>,
}

/// So many values that are known are better to look for than one beginning or one instant, of which nobody knows how much it finds.
const RANGE: usize = 1_000_000;

/// The first text, in the order of characters, that is behind all texts with this beginning; `None` when there is none.
#[must_use]
pub fn behind_prefix(prefix: &str) -> Option<String> {
    let mut kept = prefix.to_owned();
    while let Some(last) = kept.pop() {
        // Between these two stand the surrogates, which are no characters.
        let next =
            if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last).saturating_add(1)) };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

impl Lookup {
    /// How many values there are, of which a beginning and an instant are very many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
            + self.external_ids.len()
            + self.user_names.len()
            + self.emails.len()
            + self.display_names.len()
            + self.members.len()
            + self.ranges() * RANGE
    }

    const fn ranges(&self) -> usize {
        let instants = if self.modified_since.is_some() { 1 } else { 0 };
        self.user_name_prefixes.len() + self.display_name_prefixes.len() + instants
    }

    /// Whether there are none, so that nothing can be found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn and(mut self, other: Self) -> Self {
        self.ids.extend(other.ids);
        self.external_ids.extend(other.external_ids);
        self.user_names.extend(other.user_names);
        self.emails.extend(other.emails);
        self.display_names.extend(other.display_names);
        self.members.extend(other.members);
        self.user_name_prefixes.extend(other.user_name_prefixes);
        self.display_name_prefixes.extend(other.display_name_prefixes);
        self.modified_since = match (self.modified_since, other.modified_since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self
    }

    /// The beginning with which an attribute is compared; `None` when no index knows the attribute.
    fn beginning(kind: &ResourceType, target: &Target, text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let text = vec![text.to_owned()];
        let is_user = kind.name == USER.name;
        Some(match target.names() {
            (None, "userName", None) if is_user => Self { user_name_prefixes: text, ..Self::default() },
            (None, "displayName", None) if !is_user => Self { display_name_prefixes: text, ..Self::default() },
            _ => return None,
        })
    }

    /// The value with which an attribute is compared; `None` when no index knows the attribute.
    fn equal(kind: &ResourceType, target: &Target, text: &str) -> Option<Self> {
        let text = || vec![text.to_owned()];
        // What is no id is the id of nobody.
        let id = || text().iter().filter_map(|text| Uuid::parse_str(text).ok()).collect();
        let is_user = kind.name == USER.name;
        Some(match target.names() {
            (None, "id", None) => Self { ids: id(), ..Self::default() },
            (None, "externalId", None) => Self { external_ids: text(), ..Self::default() },
            (None, "userName", None) if is_user => Self { user_names: text(), ..Self::default() },
            (None, "emails", Some("value")) if is_user => Self { emails: text(), ..Self::default() },
            (None, "displayName", None) if !is_user => Self { display_names: text(), ..Self::default() },
            (None, "members", Some("value")) if !is_user => Self { members: id(), ..Self::default() },
            _ => return None,
        })
    }
}

impl Condition {
    /// What an index can look up to find everybody who meets the condition; `None` when all have to be looked at.
    ///
    /// Indexes know `id`, `externalId`, of users `userName` and `emails.value`, of groups `displayName` and `members.value`. One of
    /// these must be compared by `eq`, `userName` and `displayName` of a group by `sw` too, or `meta.lastModified` by `gt` or `ge`;
    /// and it must be joined to the rest by `and`, by `or` only to others like it.
    ///
    /// ```
    /// use doorward_domain::scim::{Filter, USER};
    /// let lookup = |text: &str| Some(text.parse::<Filter>().ok()?.resolve(&USER).ok()?.lookup(&USER)?.user_names);
    /// assert_eq!(lookup(r#"active eq true and userName eq "Ann""#), Some(vec!["ann".to_owned()]));
    /// assert_eq!(lookup(r#"active eq true or userName eq "Ann""#), None);
    /// ```
    #[must_use]
    pub fn lookup(&self, kind: &ResourceType) -> Option<Lookup> {
        match self {
            Self::Constant(false) => Some(Lookup::default()),
            Self::Compare { target, operator: Operator::Equal, operand: Operand::Text(text) } => {
                Lookup::equal(kind, target, text)
            }
            Self::Compare { target, operator: Operator::StartsWith, operand: Operand::Text(text) } => {
                Lookup::beginning(kind, target, text)
            }
            Self::Compare {
                target,
                operator: Operator::Greater | Operator::GreaterOrEqual,
                operand: Operand::Instant(since),
            } if target.names() == (None, "meta", Some("lastModified")) => {
                Some(Lookup { modified_since: Some(*since), ..Lookup::default() })
            }
            // What a value among several meets, the attribute meets.
            Self::HasValue { condition, .. } => condition.lookup(kind),
            Self::All(conditions) => {
                conditions.iter().filter_map(|condition| condition.lookup(kind)).min_by_key(Lookup::len)
            }
            Self::Any(conditions) => {
                let mut all = conditions.iter().map(|condition| condition.lookup(kind));
                all.try_fold(Lookup::default(), |found, one| Some(found.and(one?)))
            }
            Self::Constant(true) | Self::Compare { .. } | Self::Present(_) | Self::Not(_) => None,
        }
    }

    /// The members of a group that decide whether it meets the condition: it meets it or not, whoever else is a member. `None` when
    /// that depends on all of them.
    ///
    /// ```
    /// use doorward_domain::scim::{Filter, GROUP};
    /// let deciding = |text: &str| text.parse::<Filter>().ok()?.resolve(&GROUP).ok()?.deciding_members();
    /// let one = deciding(r#"not (members eq "92b725cd-9465-4e7d-8c16-01f8e146b87a")"#);
    /// assert_eq!(one.map(|ids| ids.len()), Some(1));
    /// assert_eq!(deciding("members pr"), None);
    /// ```
    #[must_use]
    pub fn deciding_members(&self) -> Option<Vec<Uuid>> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                let all = conditions.iter().map(Self::deciding_members).collect::<Option<Vec<_>>>()?;
                Some(all.into_iter().flatten().collect())
            }
            Self::Not(condition) => condition.deciding_members(),
            // Whoever has one of these ids meets it, or nobody does.
            _ if self.mentions("members") => Some(self.lookup(&GROUP)?.members),
            Self::Constant(_) | Self::Compare { .. } | Self::Present(_) | Self::HasValue { .. } => Some(Vec::new()),
        }
    }

    /// Whether the condition asks about an attribute of the resource itself, such as `groups`.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        let is_named = |target: &Target| target.extension.is_none() && target.attribute.name == name;
        match self {
            Self::Constant(_) => false,
            Self::Compare { target, .. } | Self::Present(target) => is_named(target),
            Self::HasValue { target, condition } => is_named(target) || condition.mentions(name),
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().any(|condition| condition.mentions(name))
            }
            Self::Not(condition) => condition.mentions(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{Filter, GROUP};
    use proptest::prelude::*;
    use time::macros::datetime;

    fn lookup(kind: &'static ResourceType, text: &str) -> Option<Lookup> {
        text.parse::<Filter>().unwrap().resolve(kind).unwrap().lookup(kind)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_an_index_knows_is_looked_up() {
        let id = Uuid::from_u128(7);
        let none = Lookup::default;
        for (filter, expected) in [
            (format!("ID eq \"{id}\""), Lookup { ids: vec![id], ..none() }),
            ("id eq \"nonsense\"".to_owned(), none()),
            ("externalId eq \"Ab\"".to_owned(), Lookup { external_ids: texts(&["Ab"]), ..none() }),
            ("emails eq \"A@x\"".to_owned(), Lookup { emails: texts(&["a@x"]), ..none() }),
            ("emails[type eq \"work\" and value eq \"A@x\"]".to_owned(), Lookup { emails: texts(&["a@x"]), ..none() }),
            (
                "(userName eq \"A\" or externalId eq \"B\") and active eq true".to_owned(),
                Lookup { user_names: texts(&["a"]), external_ids: texts(&["B"]), ..none() },
            ),
            (
                "(userName eq \"a\" or userName eq \"b\") and externalId eq \"B\"".to_owned(),
                Lookup { external_ids: texts(&["B"]), ..none() },
            ),
            ("shoeSize eq 5".to_owned(), none()),
        ] {
            assert_eq!(lookup(&USER, &filter), Some(expected), "{filter}");
        }
        let member = lookup(&GROUP, &format!("displayName sw \"d\" and members[value eq \"{id}\"]"));
        assert_eq!(member, Some(Lookup { members: vec![id], ..none() }));
        let named = lookup(&GROUP, "displayName eq \"Devs\"");
        assert_eq!(named, Some(Lookup { display_names: texts(&["devs"]), ..none() }));
    }

    #[test]
    fn beginnings_and_times_are_looked_up_where_nothing_better_is() {
        let none = Lookup::default;
        let (early, late) = (datetime!(2026-03-01 00:00 UTC), datetime!(2026-03-02 00:00 UTC));
        let since = "meta.lastModified gt \"2026-03-01T00:00:00Z\"";
        for (kind, filter, expected) in [
            (&USER, "userName sw \"An\"".to_owned(), Lookup { user_name_prefixes: texts(&["an"]), ..none() }),
            (&GROUP, "displayName sw \"De\"".to_owned(), Lookup { display_name_prefixes: texts(&["de"]), ..none() }),
            (&USER, format!("{since} and active eq true"), Lookup { modified_since: Some(early), ..none() }),
            (
                &GROUP,
                format!("meta.lastModified ge \"2026-03-02T00:00:00Z\" or {since} or id eq \"x\""),
                Lookup { modified_since: Some(early), ..none() },
            ),
            (
                &GROUP,
                "meta.lastModified ge \"2026-03-02T00:00:00Z\" or displayName eq \"D\"".to_owned(),
                Lookup { modified_since: Some(late), display_names: texts(&["d"]), ..none() },
            ),
            (&USER, format!("{since} and userName eq \"Ann\""), Lookup { user_names: texts(&["ann"]), ..none() }),
        ] {
            assert_eq!(lookup(kind, &filter), Some(expected), "{filter}");
        }
    }

    #[test]
    fn what_is_behind_a_beginning_is_behind_all_that_begin_so() {
        for (prefix, behind) in [
            ("a", Some("b")),
            ("az", Some("a{")),
            ("\u{e9}", Some("\u{ea}")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(behind_prefix(prefix).as_deref(), behind, "{prefix:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_lies_in_the_range_of_its_beginnings_and_of_no_other(text in ".{0,6}", prefix in ".{1,4}") {
            let lies = |prefix: &str| text.as_str() >= prefix && behind_prefix(prefix).is_none_or(|end| text < end);
            prop_assert_eq!(lies(&prefix), text.starts_with(&prefix));
            for (at, _) in text.char_indices().skip(1) {
                prop_assert!(lies(&text[..at]));
            }
        }
    }

    #[test]
    fn nothing_is_looked_up_when_others_can_meet_the_condition_too() {
        for filter in [
            "userName sw \"\"",
            "userName co \"a\"",
            "displayName sw \"a\"",
            "meta.lastModified lt \"2026-03-01T00:00:00Z\"",
            "meta.created gt \"2026-03-01T00:00:00Z\"",
            "not (userName sw \"a\")",
            "userName ne \"a\"",
            "not (userName eq \"a\")",
            "userName eq \"a\" or active eq true",
            "displayName eq \"Ann\"",
            "emails[not (value eq \"a\")]",
            "userName pr",
            "shoeSize ne 5",
        ] {
            assert_eq!(lookup(&USER, filter), None, "{filter}");
        }
    }

    #[test]
    fn the_members_who_decide_are_those_that_are_named() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let deciding = |text: &str| text.parse::<Filter>().unwrap().resolve(&GROUP).unwrap().deciding_members();
        for (filter, expected) in [
            ("displayName sw \"d\"".to_owned(), Some(vec![])),
            (format!("members eq \"{one}\" or not (members.value eq \"{two}\")"), Some(vec![one, two])),
            (format!("members[value eq \"{one}\" and display ne \"x\"] and displayName pr"), Some(vec![one])),
            (format!("members[value eq \"{one}\" or value eq \"{two}\"]"), Some(vec![one, two])),
            ("members eq \"nonsense\"".to_owned(), Some(vec![])),
            ("members pr".to_owned(), None),
            (format!("members ne \"{one}\""), None),
            (format!("members eq \"{one}\" or members.display eq \"x\""), None),
            (format!("members[not (value eq \"{one}\")]"), None),
        ] {
            assert_eq!(deciding(&filter), expected, "{filter}");
        }
    }

    #[test]
    fn attributes_that_are_asked_about_are_known() {
        let mentions = |filter: &str| filter.parse::<Filter>().unwrap().resolve(&USER).unwrap().mentions("groups");
        for filter in ["groups.display eq \"x\"", "not (groups pr)", "active eq true or groups[value eq \"x\"]"] {
            assert!(mentions(filter), "{filter}");
        }
        assert!(!mentions("userName eq \"groups\" and emails[value pr]"));
    }
}
