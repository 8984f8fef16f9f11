//! Tags: which jobs a daemon takes.

use crate::ids::UserId;
use crate::names::hidden_in_name;
use std::collections::BTreeMap;

/// The tag that says for whom a daemon works.
pub const SCOPE: &str = "scope";
/// The tag that says whose daemon it is.
pub const OWNER: &str = "owner";
/// For a whole organization.
pub const SCOPE_ORGANIZATION: &str = "organization";
/// For one user.
pub const SCOPE_USER: &str = "user";
/// Most tags at once.
pub const TAGS_MAX: usize = 100;
/// Longest name, and longest value, of a tag, in bytes.
pub const TAG_MAX: usize = 1024;

/// Names with values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Tags(BTreeMap<String, String>);

/// Which rule tags break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// There are too many.
    #[error("there may be at most 100 tags")]
    TooMany,
    /// One is too long.
    #[error("the name and the value of a tag may have at most 1024 bytes each")]
    TooLong,
    /// One holds characters that nobody sees.
    #[error("tags must not hold characters that do not show")]
    Hidden,
}

impl Tags {
    /// Names with values that fit. Errors: when there are too many, one is too long, or does not show.
    pub fn new(tags: BTreeMap<String, String>) -> Result<Self, TagError> {
        let texts = || tags.iter().flat_map(|(name, value)| [name, value]);
        if tags.len() > TAGS_MAX {
            Err(TagError::TooMany)
        } else if texts().any(|text| text.len() > TAG_MAX) {
            Err(TagError::TooLong)
        } else if texts().any(|text| hidden_in_name(text).is_some()) {
            Err(TagError::Hidden)
        } else {
            Ok(Self(tags))
        }
    }

    /// Tags that were stored.
    #[must_use]
    pub const fn from_storage(tags: BTreeMap<String, String>) -> Self {
        Self(tags)
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The value of the tag of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whose daemon it is; empty for an organization's.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.get(OWNER).unwrap_or_default()
    }

    /// Whether they ask for a daemon of one user.
    #[must_use]
    pub fn is_for_user(&self) -> bool {
        self.get(SCOPE) == Some(SCOPE_USER)
    }

    /// The tags of a daemon that asks for these: without those that are empty, and with scope and owner. A daemon of one user
    /// belongs to `user`, whatever it asks for.
    ///
    /// ```
    /// use doorward_domain::ids::UserId;
    /// use doorward_domain::provisioners::Tags;
    /// let none = Tags::default().of_daemon(UserId::NIL);
    /// assert_eq!((none.get("scope"), none.owner()), (Some("organization"), ""));
    /// ```
    #[must_use]
    pub fn of_daemon(&self, user: UserId) -> Self {
        let mut tags = self.0.clone();
        tags.retain(|_, value| !value.is_empty());
        let (scope, owner) =
            if self.is_for_user() { (SCOPE_USER, user.to_string()) } else { (SCOPE_ORGANIZATION, String::new()) };
        tags.insert(SCOPE.to_owned(), scope.to_owned());
        tags.insert(OWNER.to_owned(), owner);
        Self(tags)
    }

    /// Whether they say nothing particular: for an organization as a whole, and no more.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.len() == 2 && self.get(SCOPE) == Some(SCOPE_ORGANIZATION) && self.get(OWNER) == Some("")
    }

    /// Whether a daemon with these tags takes what wants `wanted` (`provisioner-wire.md` 7): one that nothing particular is known
    /// of takes what wants nothing particular, and no other takes that.
    #[must_use]
    pub fn satisfy(&self, wanted: &Self) -> bool {
        if wanted.is_plain() {
            return self.is_plain();
        }
        wanted.0.iter().all(|(name, value)| self.get(name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        Tags::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()).unwrap()
    }

    #[test]
    fn tags_of_a_daemon_say_whose_it_is() {
        let me = UserId(uuid::Uuid::from_u128(7));
        let asked = tags(&[("scope", "user"), ("owner", "somebody"), ("gpu", "yes"), ("empty", "")]);
        let mine = asked.of_daemon(me);
        assert_eq!(mine, tags(&[("scope", "user"), ("owner", &me.to_string()), ("gpu", "yes")]));
        assert_eq!(
            tags(&[("scope", "galaxy"), ("owner", "x")]).of_daemon(me),
            tags(&[("scope", "organization"), ("owner", "")])
        );
    }

    #[test]
    fn plain_meets_plain_and_all_others_need_every_tag() {
        let plain = tags(&[("scope", "organization"), ("owner", "")]);
        let gpu = tags(&[("scope", "organization"), ("owner", ""), ("gpu", "yes")]);
        assert!(plain.satisfy(&plain) && !gpu.satisfy(&plain));
        assert!(gpu.satisfy(&gpu) && !plain.satisfy(&gpu));
        assert!(gpu.satisfy(&tags(&[("gpu", "yes")])) && !gpu.satisfy(&tags(&[("gpu", "no")])));
        assert!(plain.satisfy(&Tags::default()));
    }

    #[test]
    fn tags_are_bounded() {
        let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect();
        assert!(Tags::new(many(TAGS_MAX)).is_ok());
        assert_eq!(Tags::new(many(TAGS_MAX + 1)), Err(TagError::TooMany));
        let one = |value: &str| Tags::new(BTreeMap::from([("a".to_owned(), value.to_owned())]));
        assert_eq!(one(&"x".repeat(TAG_MAX + 1)), Err(TagError::TooLong));
        assert_eq!(one("\0"), Err(TagError::Hidden));
    }

    proptest! {
        #[test]
        fn tags_of_a_daemon_stay_as_they_are(pairs in proptest::collection::btree_map("scope|owner|[a-z]{0,3}", "user|organization|[a-z]{0,3}", 0..6)) {
            let me = UserId(uuid::Uuid::from_u128(7));
            let once = Tags::new(pairs).unwrap().of_daemon(me);
            prop_assert_eq!(once.of_daemon(me), once.clone());
            prop_assert!(once.satisfy(&once));
        }
    }
}
