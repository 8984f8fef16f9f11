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
    Audit,
    Members,
    Groups,
    Roles,
    PlaceSync,
    Settings,
    Overview,
    Users,
    Organizations,
    SiteRoles,
    Sync,
    Sessions,
    Tokens,
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
    let may = |kind, action| actor.subject.allows(action, &Object::new(kind));
    let may_there =
        |place: &Organization, kind, action| actor.subject.allows(action, &Object::new(kind).organization(place.id.0));
    let may_read = |place: &Organization, kind| may_there(place, kind, Action::Read);
    let address = |place: &Organization, of: Screen| {
        let (pattern, is_open) = match of {
            Screen::Members => (paths::MEMBERS, may_read(place, ResourceType::OrganizationMember)),
            Screen::Groups => (paths::GROUPS, has_groups && may_read(place, ResourceType::Group)),
            Screen::Roles => (paths::ROLES, may_read(place, ResourceType::AssignOrgRole)),
            Screen::PlaceSync => (paths::PLACE_IDP_SYNC, may_read(place, ResourceType::IdpsyncSettings)),
            Screen::Settings => {
                let object = Object::new(ResourceType::Organization).id(place.id.0).organization(place.id.0);
                (paths::ORGANIZATION_SETTINGS, actor.subject.allows(Action::Update, &object))
            }
            Screen::Access
            | Screen::Audit
            | Screen::Overview
            | Screen::Users
            | Screen::Organizations
            | Screen::SiteRoles
            | Screen::Sync
            | Screen::Sessions
            | Screen::Tokens => return None,
        };
        is_open.then(|| path(pattern, &[place.name.as_str()]))
    };
    let entry = |of: Screen, text: &str, href: String| Entry { text: text.to_owned(), href, is_current: of == screen };
    let mut groups = Vec::new();
    let mut group = |id, title: String, entries: Vec<Entry>| {
        if !entries.is_empty() {
            groups.push(Group { id, title, entries });
        }
    };
    let at_site = |entries: &[(Screen, &str, &str, bool)]| -> Vec<Entry> {
        let open = entries.iter().filter(|(.., is_open)| *is_open);
        open.map(|(of, text, href, _)| entry(*of, text, (*href).to_owned())).collect()
    };
    let has_log = actor.subject.allows(Action::Read, &Object::new(ResourceType::AuditLog).any_organization());
    let access =
        [(Screen::Access, "Explain access", paths::ACCESS, true), (Screen::Audit, "Audit log", paths::AUDIT, has_log)];
    group("access", "Access".to_owned(), at_site(&access));
    if let Some(place) = chosen {
        let there = [
            (Screen::Members, "Members"),
            (Screen::Groups, "Groups"),
            (Screen::Roles, "Roles"),
            (Screen::PlaceSync, "Identity providers"),
            (Screen::Settings, "Settings"),
        ];
        let there = there.into_iter().filter_map(|(of, text)| Some(entry(of, text, address(place, of)?)));
        group("place", shown_name(place), there.collect());
    }
    let has_keys = may(ResourceType::ApiKey, Action::Read);
    let deployment = [
        (Screen::Overview, "Overview", paths::OVERVIEW, may(ResourceType::DeploymentStats, Action::Read)),
        (Screen::Users, "Users", paths::USERS, may(ResourceType::User, Action::Read)),
        (Screen::Organizations, "Organizations", paths::ORGANIZATIONS, places.len() > 1 || may_make(actor)),
        (Screen::SiteRoles, "Site roles", paths::SITE_ROLES, may(ResourceType::AssignRole, Action::Read)),
        (Screen::Sync, "Organization sync", paths::IDP_SYNC, may(ResourceType::IdpsyncSettings, Action::Read)),
        (Screen::Sessions, "Sessions", paths::SESSIONS, has_keys),
        (Screen::Tokens, "API tokens", paths::TOKENS, has_keys),
    ];
    group("deployment", "Deployment".to_owned(), at_site(&deployment));
    let same = |place: &Organization| {
        let others = [screen, Screen::Roles, Screen::Groups, Screen::Members];
        others.into_iter().find_map(|of| address(place, of))
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

/// Whether the caller may make an organization.
pub(crate) fn may_make(actor: &Principal) -> bool {
    actor.subject.allows(Action::Create, &Object::new(ResourceType::Organization))
}

/// What people call an organization.
pub(crate) fn shown_name(place: &Organization) -> String {
    let shown = if place.display_name.is_empty() { place.name.as_str() } else { place.display_name.as_str() };
    shown.to_owned()
}
