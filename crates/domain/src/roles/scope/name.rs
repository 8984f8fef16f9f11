//! Names of scopes, as tokens carry them and as people read them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::super::permission::{Pattern, Permission};
use super::super::{Action, ResourceType, UnknownName};
use super::caution;
use super::tables::{self, BuiltInScope, CompositeScope};

/// The name of a scope that an OAuth2 client or an API token may ask for: `resource:action`, `resource:*`, or one of
/// the `coder:` names. `all` and `application_connect` are read as `coder:all` and `coder:application_connect`.
#[derive(Clone, Copy)]
pub struct ScopeName(Kind);

#[derive(Clone, Copy)]
enum Kind {
    BuiltIn(&'static BuiltInScope),
    Composite(&'static CompositeScope),
    Pair(ResourceType, Option<Action>),
}

impl ScopeName {
    /// `coder:all`: everything its holder may do.
    pub const ALL: Self = Self(Kind::BuiltIn(tables::ALL));
    /// `coder:application_connect`: connecting to workspace apps.
    pub const APPLICATION_CONNECT: Self = Self(Kind::BuiltIn(tables::APPLICATION_CONNECT));

    /// Reads a name of the catalogue, or an old alias.
    pub fn parse(name: &str) -> Result<Self, UnknownName> {
        Self::find(name).ok_or_else(|| UnknownName::new("scope", name))
    }

    /// The same, without an error to tell.
    pub(crate) fn find(name: &str) -> Option<Self> {
        if let Some(scope) = tokens().find(|scope| scope.name == name || scope.title == name) {
            return Some(Self(Kind::BuiltIn(scope)));
        }
        if let Some(scope) = tables::composites().iter().find(|scope| scope.name == name) {
            return Some(Self(Kind::Composite(scope)));
        }
        let (resource, action) = name.split_once(':')?;
        let resource = ResourceType::parse(resource)?;
        let action = match action {
            "*" => None,
            named => Some(Action::parse(named).filter(|action| resource.defines(*action))?),
        };
        Some(Self(Kind::Pair(resource, action)))
    }

    /// The least name that permits the action: `resource:action`, or `resource:*` for an action that is not defined for
    /// the type.
    #[must_use]
    pub fn of(resource: ResourceType, action: Action) -> Self {
        Self(Kind::Pair(resource, Some(action).filter(|action| resource.defines(*action))))
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> Cow<'static, str> {
        match self.0 {
            Kind::BuiltIn(scope) => Cow::Borrowed(scope.title),
            Kind::Composite(scope) => Cow::Borrowed(scope.name),
            Kind::Pair(resource, action) => Cow::Owned(format!("{resource}:{}", action.map_or("*", Action::as_str))),
        }
    }

    /// The name in the `scope` member of an API key, for the two that had one before there was a catalogue.
    #[must_use]
    pub const fn old_name(&self) -> Option<&'static str> {
        match self.0 {
            Kind::BuiltIn(scope) => Some(scope.name),
            Kind::Composite(_) | Kind::Pair(..) => None,
        }
    }

    /// Whether it permits everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Whether it permits all that `entry` does. `*` on a type says more than all its actions together: it includes those of
    /// later releases.
    fn permits(&self, entry: &Permission) -> bool {
        let held = |held: &Permission| {
            let resource = held.resource == Pattern::Any || held.resource == entry.resource;
            resource && (held.action == Pattern::Any || held.action == entry.action)
        };
        self.any_permission(held)
    }

    /// Whether this holds of one of its permissions. Allocates nothing, as [`ScopeName::permissions`] may.
    fn any_permission(&self, test: impl Fn(&Permission) -> bool) -> bool {
        match self.0 {
            Kind::BuiltIn(scope) => scope.site.permissions().iter().any(test),
            Kind::Composite(scope) => scope.site.permissions().iter().any(test),
            Kind::Pair(resource, action) => test(&pair(resource, action)),
        }
    }

    /// What it permits.
    #[must_use]
    pub fn permissions(&self) -> Cow<'static, [Permission]> {
        match self.0 {
            Kind::BuiltIn(scope) => Cow::Borrowed(scope.site.permissions()),
            Kind::Composite(scope) => Cow::Borrowed(scope.site.permissions()),
            Kind::Pair(resource, action) => Cow::Owned(vec![pair(resource, action)]),
        }
    }

    /// What it means to the person who is asked for it, in plain English.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self.0 {
            Kind::BuiltIn(scope) => scope.description,
            Kind::Composite(scope) => scope.description,
            Kind::Pair(resource, action) => tables::words(resource, action),
        }
    }

    /// Whether giving it away asks for care: its holder could get at accounts, rights, keys or the log of them, get into
    /// machines, or destroy work. A consent page marks it.
    ///
    /// ```
    /// # use doorward_domain::roles::ScopeName;
    /// assert!(ScopeName::parse("api_key:create")?.is_sensitive() && ScopeName::parse("coder:all")?.is_sensitive());
    /// assert!(!ScopeName::parse("template:read")?.is_sensitive());
    /// # Ok::<(), doorward_domain::roles::UnknownName>(())
    /// ```
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.any_permission(|permission| match (&permission.resource, &permission.action) {
            (Pattern::Is(resource), Pattern::Is(action)) => caution::is_sensitive(*resource, *action),
            (Pattern::Is(resource), _) => {
                resource.actions().iter().any(|action| caution::is_sensitive(*resource, *action))
            }
            (Pattern::Any | Pattern::Other(_), _) => true,
        })
    }

    /// What it is about: the heading under which a consent page shows it. Topics compare in the order of the page.
    ///
    /// ```
    /// # use doorward_domain::roles::ScopeName;
    /// assert_eq!(ScopeName::parse("coder:workspaces.access")?.topic().title(), "Workspaces");
    /// assert!(ScopeName::parse("workspace:ssh")?.topic() < ScopeName::parse("license:read")?.topic());
    /// # Ok::<(), doorward_domain::roles::UnknownName>(())
    /// ```
    #[must_use]
    pub const fn topic(&self) -> Topic {
        let resource = match self.0 {
            Kind::BuiltIn(scope) => scope.topic,
            Kind::Composite(scope) => scope.topic,
            Kind::Pair(resource, _) => resource,
        };
        Topic(tables::topic(resource))
    }
}

/// What `resource:action` permits, or `resource:*` without an action.
fn pair(resource: ResourceType, action: Option<Action>) -> Permission {
    let action = action.map_or(Pattern::Any, Pattern::Is);
    Permission { negate: false, resource: Pattern::Is(resource), action }
}

/// What scopes of a kind are about, in plain English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(usize);

impl Topic {
    /// The heading: `Workspaces`.
    #[must_use]
    pub fn title(self) -> &'static str {
        tables::topics().get(self.0).copied().unwrap_or_default()
    }
}

impl PartialEq for ScopeName {
    /// Names are equal when their texts are: no two of the catalogue are alike, so no text needs to be written for it.
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Kind::BuiltIn(own), Kind::BuiltIn(theirs)) => own.name == theirs.name,
            (Kind::Composite(own), Kind::Composite(theirs)) => own.name == theirs.name,
            (Kind::Pair(resource, action), Kind::Pair(other, others)) => (resource, action) == (other, others),
            (Kind::BuiltIn(_) | Kind::Composite(_) | Kind::Pair(..), _) => false,
        }
    }
}

impl Eq for ScopeName {}

impl PartialOrd for ScopeName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ScopeName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(&other.as_str())
    }
}

impl std::hash::Hash for ScopeName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self.0 {
            Kind::BuiltIn(scope) => scope.name.hash(state),
            Kind::Composite(scope) => scope.name.hash(state),
            Kind::Pair(resource, action) => (resource, action).hash(state),
        }
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // The usual case is written in parts, without a text in between.
            Kind::Pair(resource, action) if f.width().is_none() && f.precision().is_none() => {
                f.write_str(resource.as_str())?;
                f.write_str(":")?;
                f.write_str(action.map_or("*", Action::as_str))
            }
            Kind::BuiltIn(_) | Kind::Composite(_) | Kind::Pair(..) => f.pad(&self.as_str()),
        }
    }
}

impl fmt::Debug for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeName({self})")
    }
}

impl FromStr for ScopeName {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::parse(name)
    }
}

fn tokens() -> impl Iterator<Item = &'static BuiltInScope> {
    tables::built_ins().iter().filter(|scope| scope.for_tokens)
}

/// Every name that can be asked for, broad ones first. Aliases are left out.
#[must_use]
pub fn catalogue() -> Vec<ScopeName> {
    let mut names: Vec<ScopeName> = tokens().map(|scope| ScopeName(Kind::BuiltIn(scope))).collect();
    names.extend(tables::composites().iter().map(|scope| ScopeName(Kind::Composite(scope))));
    for resource in ResourceType::ALL {
        let actions = resource.actions().iter().copied().map(Some);
        names.extend([None].into_iter().chain(actions).map(|action| ScopeName(Kind::Pair(resource, action))));
    }
    names
}

/// What a name means in plain English, for a consent page.
///
/// ```
/// # use doorward_domain::roles::scope::describe;
/// assert_eq!(describe("workspace:read")?, "See your workspaces");
/// # Ok::<(), doorward_domain::roles::UnknownName>(())
/// ```
pub fn describe(name: &str) -> Result<&'static str, UnknownName> {
    ScopeName::parse(name).map(|name| name.describe())
}

/// Whether `allowed` together permit everything that `asked` permits.
#[must_use]
pub fn covers(allowed: &[ScopeName], asked: &ScopeName) -> bool {
    covers_any(&allowed.iter().copied(), *asked)
}

/// [`covers`], of names that come one after the other.
pub(crate) fn covers_any(allowed: &(impl Iterator<Item = ScopeName> + Clone), asked: ScopeName) -> bool {
    let is_missing = |entry: &Permission| !allowed.clone().any(|name| name.permits(entry));
    !asked.any_permission(is_missing)
}

/// Reads a `scope` parameter: names separated by spaces, each kept once, in the order given.
pub fn parse_names(text: &str) -> Result<Vec<ScopeName>, UnknownName> {
    let mut names = Vec::new();
    for name in text.split(' ').filter(|name| !name.is_empty()) {
        let name = ScopeName::parse(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Writes a `scope` parameter.
#[must_use]
pub fn join_names(names: &[ScopeName]) -> String {
    names.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::super::Vote;
    use super::super::Scope;
    use super::*;

    #[test]
    fn every_name_is_parsed_described_and_permits_what_it_says() {
        let names = catalogue();
        assert_eq!(names.len(), 2 + 7 + 36 + 126);
        for name in &names {
            assert_eq!(ScopeName::parse(&name.as_str()), Ok(*name));
            let text = name.describe();
            assert!(text.len() > 8 && text.starts_with(|first: char| first.is_uppercase()), "{name}: {text}");
            assert!(!text.contains(['{', '_']), "{name}: {text}");
            assert!(!name.topic().title().is_empty(), "{name}");
        }
        assert_eq!(parse_names(&join_names(&names)), Ok(names));
    }

    #[test]
    fn every_pair_has_a_name_that_permits_it() {
        for resource in ResourceType::ALL {
            for action in Action::ALL {
                let name = ScopeName::of(resource, action);
                assert_eq!(ScopeName::parse(&name.as_str()), Ok(name));
                assert!(Scope::from_names(&[name]).permits(action, resource), "{name}");
            }
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        for name in ["", "*", "*:*", "workspace", "workspace:fly", "file:delete", "no_user_data", "coder:no_user_data"]
        {
            assert!(ScopeName::parse(name).is_err(), "{name}");
        }
        assert_eq!(ScopeName::parse("nope").unwrap_err().to_string(), "unknown scope `nope`");
    }

    #[test]
    fn aliases_are_the_same_scope() {
        assert_eq!(ScopeName::parse("all"), ScopeName::parse("coder:all"));
        assert_eq!(parse_names("all  coder:all").unwrap().len(), 1);
        assert_eq!(ScopeName::parse("all").unwrap().as_str(), "coder:all");
    }

    #[test]
    fn names_cover_what_they_permit() {
        let name = |text| ScopeName::parse(text).unwrap();
        let covered = |allowed: &str, asked| covers(&parse_names(allowed).unwrap(), &name(asked));
        assert!(covered("workspace:*", "workspace:read"));
        assert!(covered("workspace:* template:read", "coder:workspaces.access"));
        assert!(!covered("workspace:*", "coder:workspaces.access"));
        assert!(!covered("coder:workspaces.access", "workspace:*"));
        assert!(!covered("", "workspace:read"));
        let every_pair = catalogue().into_iter().filter(|name| name.as_str().ends_with(":*")).collect::<Vec<_>>();
        assert!(!covers(&every_pair, &name("coder:all")));
    }

    #[test]
    fn names_cover_exactly_as_scopes_do() {
        let names = catalogue();
        for left in names.iter().step_by(5) {
            for right in names.iter().step_by(3) {
                let scopes = Scope::from_names(&[*left]).covers(&Scope::from_names(&[*right]));
                assert_eq!(covers(&[*left], right), scopes, "{left} {right}");
            }
        }
    }

    #[test]
    fn equal_are_the_names_of_equal_text() {
        let names = catalogue();
        for (place, left) in names.iter().enumerate() {
            let equal = names.iter().enumerate().filter(|(_, right)| left == *right).map(|(place, _)| place);
            assert_eq!(equal.collect::<Vec<_>>(), [place], "{left}");
        }
        let texts: std::collections::HashSet<_> = names.iter().map(ScopeName::as_str).collect();
        assert_eq!(texts.len(), names.len());
    }

    #[test]
    fn the_names_of_the_code_are_those_of_the_data() {
        assert_eq!(ScopeName::ALL.to_string(), "coder:all");
        assert_eq!(ScopeName::APPLICATION_CONNECT.to_string(), "coder:application_connect");
        assert!(ScopeName::ALL.is_all() && !ScopeName::APPLICATION_CONNECT.is_all());
    }

    #[test]
    fn a_name_is_shown_in_parts_or_padded() {
        let name = ScopeName::parse("user:read").unwrap();
        assert_eq!(format!("{name}|{name:>11}|{name:.4}"), "user:read|  user:read|user");
    }

    #[test]
    fn a_scope_without_names_permits_nothing() {
        let scope = Scope::from_names(&[]);
        assert!(scope.site().permissions().is_empty());
        assert_eq!(scope.site().vote(Action::Read, ResourceType::User), Vote::Silent);
    }
}
