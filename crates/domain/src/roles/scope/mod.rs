//! Scopes: what a credential lets its holder do.

mod allow;
mod caution;
mod name;
mod tables;

use std::collections::HashSet;
use std::fmt;

pub use allow::{AllowEntry, AllowEntryError};
pub(crate) use name::covers_any;
pub use name::{ScopeName, Topic, catalogue, covers, describe, join_names, parse_names};

use super::permission::{Permission, Shared, Vote};
use super::{Action, Id, PermissionSet, ResourceType, UnknownName};

/// What a credential lets its holder do, at most. Read by the same rules as a role; only site permissions count.
///
/// ```
/// use doorward_domain::roles::{Action, ResourceType, Scope, ScopeName};
///
/// let names = [ScopeName::parse("workspace:read")?, ScopeName::parse("coder:templates.author")?];
/// let scope = Scope::from_names(&names);
/// assert!(scope.permits(Action::Read, ResourceType::Workspace));
/// assert!(!scope.permits(Action::Delete, ResourceType::Workspace));
/// assert!(Scope::all().covers(&scope) && !scope.covers(&Scope::all()));
/// # Ok::<(), doorward_domain::roles::UnknownName>(())
/// ```
#[derive(Clone)]
pub struct Scope {
    site: Shared,
    allow_list: Vec<AllowEntry>,
    every: bool,
}

impl Scope {
    /// From permissions and an allow list. Without entries nothing is admitted.
    #[must_use]
    pub fn new(site: Vec<Permission>, allow_list: Vec<AllowEntry>) -> Self {
        Self::made(site.into(), allow_list)
    }

    fn made(site: Shared, allow_list: Vec<AllowEntry>) -> Self {
        let every = allow_list.iter().any(AllowEntry::is_every);
        Self { site, allow_list, every }
    }

    /// Everything the holder may do: signing in, and tokens by default.
    #[must_use]
    pub fn all() -> Self {
        Self::named("all")
    }

    /// Only connecting to workspace apps.
    #[must_use]
    pub fn application_connect() -> Self {
        Self::named("application_connect")
    }

    /// One of the built-in scopes: `all`, `application_connect`, `no_user_data`.
    pub fn built_in(name: &str) -> Result<Self, UnknownName> {
        tables::built_in(name).map(Self::table).ok_or_else(|| UnknownName::new("scope", name))
    }

    /// The scope a key of this release may be made with: `all`, `application_connect`, or empty for `all`.
    pub fn for_token(name: &str) -> Result<Self, UnknownName> {
        let name = if name.is_empty() { "all" } else { name };
        let table = tables::built_in(name).filter(|table| table.for_tokens);
        table.map(Self::table).ok_or_else(|| UnknownName::new("scope", name))
    }

    /// A name of the data files; a test proves that these exist. Nothing is permitted otherwise.
    fn named(name: &str) -> Self {
        tables::built_in(name).map_or_else(|| Self::from_names(&[]), Self::table)
    }

    fn table(table: &'static tables::BuiltInScope) -> Self {
        Self::made(Shared::Table(&table.site), vec![AllowEntry::every()])
    }

    /// Everything that at least one of the names permits. Nothing without names.
    #[must_use]
    pub fn from_names(names: &[ScopeName]) -> Self {
        let entries = names.iter().flat_map(|name| name.permissions().into_owned());
        Self::new(entries.collect(), vec![AllowEntry::every()])
    }

    /// The same, for these objects only. Entries replace the ones before.
    #[must_use]
    pub fn limited_to(self, allow_list: Vec<AllowEntry>) -> Self {
        Self::made(self.site, allow_list)
    }

    /// The same, for those of its objects only that the list admits too: the list of a credential, cut with that of its
    /// scope.
    ///
    /// ```
    /// use doorward_domain::roles::{AllowEntry, ResourceType, Scope};
    ///
    /// let one = Scope::all().limited_to(vec![AllowEntry::any_type("a"), AllowEntry::any_type("b")]);
    /// let both = one.cut(&[AllowEntry::typed(ResourceType::Template, "a"), AllowEntry::any_type("c")]);
    /// assert_eq!(both.allow_list(), [AllowEntry::typed(ResourceType::Template, "a")]);
    /// ```
    #[must_use]
    pub fn cut(self, allow_list: &[AllowEntry]) -> Self {
        let met = self.allow_list.iter().flat_map(|own| allow_list.iter().filter_map(|entry| own.meet(entry)));
        let mut seen = HashSet::new();
        let common = met.filter(|entry| seen.insert(entry.clone())).collect();
        Self::made(self.site, common)
    }

    /// What a workspace agent's credential may do: `self` for exactly workspace, owner, template and template version.
    /// `None` when one of the four is unset or the all-zero UUID.
    #[must_use]
    pub fn for_agent(self, ids: [Id; 4]) -> Option<Self> {
        let usable = ids.iter().all(|id| !id.is_empty() && !id.is_nil());
        usable.then(|| self.limited_to(ids.into_iter().map(AllowEntry::any_type).collect()))
    }

    /// Its permission list.
    #[must_use]
    pub fn site(&self) -> &PermissionSet {
        &self.site
    }

    /// The objects it is limited to.
    #[must_use]
    pub fn allow_list(&self) -> &[AllowEntry] {
        &self.allow_list
    }

    /// Whether it admits every object.
    #[must_use]
    pub const fn admits_every(&self) -> bool {
        self.every
    }

    /// Whether it permits the action on some object of the type.
    #[must_use]
    pub fn permits(&self, action: Action, resource: ResourceType) -> bool {
        self.site.vote(action, resource) == Vote::Allow
    }

    /// Whether it admits the object; the permissions are another matter.
    #[must_use]
    pub fn admits(&self, resource: Option<ResourceType>, id: &Id) -> bool {
        self.every || self.allow_list.iter().any(|entry| entry.admits(resource, id))
    }

    /// Whether `other` permits nothing that this one does not, on no object that this one does not admit.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let objects = other.allow_list.iter().all(|entry| self.admits_entry(entry));
        objects && self.covers_permissions(other)
    }

    fn admits_entry(&self, entry: &AllowEntry) -> bool {
        self.every || self.allow_list.iter().any(|known| known.covers(entry))
    }

    /// Tries every name that can make a difference: the known ones, those mentioned, and one that nobody mentions.
    fn covers_permissions(&self, other: &Self) -> bool {
        let entries = || self.site.permissions().iter().chain(other.site.permissions());
        let mut resources: Vec<&str> = ResourceType::ALL.iter().map(|resource| resource.as_str()).collect();
        let mut actions: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        let longest = entries().map(|entry| entry.resource_name().len().max(entry.action_name().len())).max();
        let fresh = "-".repeat(longest.unwrap_or(0) + 1);
        resources.extend(entries().map(Permission::resource_name).chain([fresh.as_str()]));
        actions.extend(entries().map(Permission::action_name).chain([fresh.as_str()]));
        let allowed = |scope: &Self, action, resource| scope.site.vote_named(action, resource) == Vote::Allow;
        resources.iter().all(|resource| {
            actions.iter().all(|action| !allowed(other, action, resource) || allowed(self, action, resource))
        })
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("site", &*self.site).field("allow_list", &self.allow_list).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_scopes_are_those_of_the_data() {
        assert!(Scope::all().permits(Action::Delete, ResourceType::License) && Scope::all().admits_every());
        let apps = Scope::application_connect();
        assert!(apps.permits(Action::ApplicationConnect, ResourceType::Workspace));
        assert!(!apps.permits(Action::Read, ResourceType::Workspace));
        let agents = Scope::built_in("no_user_data").unwrap();
        assert!(agents.permits(Action::Read, ResourceType::File) && !agents.permits(Action::Read, ResourceType::User));
    }

    #[test]
    fn tokens_take_two_scopes_or_none() {
        for (name, fine) in [("all", true), ("application_connect", true), ("", true), ("no_user_data", false)] {
            assert_eq!(Scope::for_token(name).is_ok(), fine, "{name}");
        }
    }

    #[test]
    fn agents_are_limited_to_four_ids() {
        let ids = ["w", "o", "t", "v"].map(Id::from);
        let scope = Scope::all().for_agent(ids.clone()).unwrap();
        assert!(scope.admits(Some(ResourceType::User), &ids[1]) && !scope.admits(None, &Id::EMPTY));
        assert!(Scope::all().for_agent(["w", "", "t", "v"].map(Id::from)).is_none());
        let nil = "00000000-0000-0000-0000-000000000000";
        assert!(Scope::all().for_agent(["w", nil, "t", "v"].map(Id::from)).is_none());
    }

    #[test]
    fn a_cut_admits_what_both_lists_admit() {
        let user = Some(ResourceType::User);
        let entries = [
            AllowEntry::every(),
            AllowEntry::any_type("a"),
            AllowEntry::any_type("b"),
            AllowEntry::typed(ResourceType::User, "*"),
            AllowEntry::typed(ResourceType::User, "a"),
            AllowEntry::typed(ResourceType::Template, "*"),
            AllowEntry::typed(ResourceType::Template, "b"),
        ];
        // Every list of some of the entries, against every other.
        let lists = (0..1_usize << entries.len()).map(|bits| {
            let chosen = entries.iter().enumerate().filter(move |(n, _)| bits & (1 << n) != 0);
            chosen.map(|(_, entry)| entry.clone()).collect::<Vec<_>>()
        });
        let scopes: Vec<Scope> = lists.map(|list| Scope::all().limited_to(list)).collect();
        for left in &scopes {
            for right in &scopes {
                let cut = left.clone().cut(right.allow_list());
                for (resource, id) in [user, Some(ResourceType::Template), Some(ResourceType::File), None]
                    .into_iter()
                    .flat_map(|resource| ["", "a", "b", "c"].map(|id| (resource, Id::from(id))))
                {
                    let both = left.admits(resource, &id) && right.admits(resource, &id);
                    assert_eq!(cut.admits(resource, &id), both, "{left:?} {right:?} {resource:?} {id:?}");
                }
                assert!(left.covers(&cut) && right.covers(&cut));
            }
        }
    }

    #[test]
    fn covering_counts_objects_and_unknown_names() {
        let limited = Scope::all().limited_to(vec![AllowEntry::any_type("a")]);
        let typed = Scope::all().limited_to(vec![AllowEntry::typed(ResourceType::User, "a")]);
        assert!(Scope::all().covers(&limited) && limited.covers(&typed));
        assert!(!limited.covers(&Scope::all()) && !typed.covers(&limited));
        let made = |permission| Scope::new(vec![permission], vec![AllowEntry::every()]);
        let fly = made(Permission::named(false, "workspace", "fly"));
        let any = made(Permission::named(false, "workspace", "*"));
        assert!(any.covers(&fly) && !fly.covers(&any));
    }
}
