//! What stands around every screen: the menu, the organizations, who is signed in.

use super::path;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::Failure;
use crate::kit::html::layout::Person;
use crate::pages::sign_out_token;
use doorward_domain::entitlements::Feature;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::{Principal, organizations};

/// At most so many organizations are offered.
const PLACES_MAX: usize = 50;

/// The screens of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Access,
    Users,
    SiteRoles,
    Roles,
    Groups,
}

/// A group of the menu.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) entries: Vec<Entry>,
}

/// A link of the menu, or to another organization.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) text: String,
    /// A path of this server, without the base.
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Shell<'a> {
    pub(crate) groups: Vec<Group>,
    pub(crate) places: Vec<Entry>,
    pub(crate) sign_out_token: String,
    pub(crate) person: Person<'a>,
}

impl Shell<'_> {
    /// The organization that is shown, or that there are several.
    pub(crate) fn place_name(&self) -> &str {
        self.places.iter().find(|place| place.is_current).map_or("Organizations", |place| &place.text)
    }
}

/// What surrounds a screen; `place` is the organization that it is about.
pub(crate) async fn shell<'a>(
    call: &Call,
    actor: &'a Principal,
    screen: Screen,
    place: Option<&Organization>,
) -> Result<Shell<'a>, Failure> {
    let places = organizations::list(call.context(), actor).await?;
    let person = Person::of(&actor.account()?.user);
    let has_groups = call.context().licensing.allows(Feature::TemplateRbac, call.now());
    let sign_out_token = sign_out_token(call, actor);
    let chosen = place.or_else(|| places.iter().find(|place| place.is_default)).or_else(|| places.first());
    let may =
        |place: &Organization, kind| actor.subject.allows(Action::Read, &Object::new(kind).organization(place.id.0));
    let groups_of = |place: &Organization| {
        let href = path(paths::GROUPS, &[place.name.as_str()]);
        (has_groups && may(place, ResourceType::Group)).then_some(href)
    };
    let roles_of = |place: &Organization| {
        let href = path(paths::ROLES, &[place.name.as_str()]);
        may(place, ResourceType::AssignOrgRole).then_some(href)
    };
    let entry = |of: Screen, text: &str, href: String| Entry { text: text.to_owned(), href, is_current: of == screen };
    let mut groups = Vec::new();
    let access = vec![entry(Screen::Access, "Explain access", paths::ACCESS.to_owned())];
    groups.push(Group { id: "access", title: "Access".to_owned(), entries: access });
    if let Some(place) = chosen {
        let groups_there = groups_of(place).map(|href| entry(Screen::Groups, "Groups", href));
        let roles_there = roles_of(place).map(|href| entry(Screen::Roles, "Roles", href));
        let entries: Vec<Entry> = groups_there.into_iter().chain(roles_there).collect();
        if !entries.is_empty() {
            groups.push(Group { id: "place", title: shown_name(place), entries });
        }
    }
    let users = actor.subject.allows(Action::Read, &Object::new(ResourceType::User));
    let users = users.then(|| entry(Screen::Users, "Users", paths::USERS.to_owned()));
    let site_roles = actor.subject.allows(Action::Read, &Object::new(ResourceType::AssignRole));
    let site_roles = site_roles.then(|| entry(Screen::SiteRoles, "Site roles", paths::SITE_ROLES.to_owned()));
    let entries: Vec<Entry> = users.into_iter().chain(site_roles).collect();
    if !entries.is_empty() {
        groups.push(Group { id: "deployment", title: "Deployment".to_owned(), entries });
    }
    let same = |place: &Organization| match screen {
        Screen::Groups => groups_of(place).or_else(|| roles_of(place)),
        Screen::Roles | Screen::Access | Screen::Users | Screen::SiteRoles => {
            roles_of(place).or_else(|| groups_of(place))
        }
    };
    let is_shown = |known: &Organization| place.is_some_and(|place| place.id == known.id);
    let link =
        |known: &Organization| Some(Entry { text: shown_name(known), href: same(known)?, is_current: is_shown(known) });
    // The one that is shown stands among them, however many there are.
    let shown = places.iter().filter(|known| is_shown(known));
    let others = places.iter().filter(|known| !is_shown(known));
    let places = shown.chain(others).filter_map(link).take(PLACES_MAX).collect();
    Ok(Shell { groups, places, sign_out_token, person })
}

/// What people call an organization.
pub(crate) fn shown_name(place: &Organization) -> String {
    let shown = if place.display_name.is_empty() { place.name.as_str() } else { place.display_name.as_str() };
    shown.to_owned()
}
