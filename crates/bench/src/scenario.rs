//! Who asks what.

use doorward_domain::roles::{Acl, Action, Object, ResourceType, Scope, Subject};
use uuid::Uuid;

pub const ALICE: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_a11c);
pub const BOB: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0b0b);
pub const TEMPLATE: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_7e31);

/// Spread like ids of version 7.
#[must_use]
pub fn organization(number: u128) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + number * 0x9e37_79b9_7f4a)
}

#[must_use]
pub fn group(number: u128) -> Uuid {
    Uuid::from_u128(0x0194_0000_0000_7000_8000_0000_0000_0000 + number * 0x9e37_79b9_7f4a)
}

/// A question; peers build whatever they need from it.
#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub subject: Subject,
    pub action: Action,
    pub resource: ResourceType,
    pub id: Option<Uuid>,
    pub owner: Option<Uuid>,
    pub organization: Option<Uuid>,
    pub group_acl: Vec<(Uuid, Vec<Action>)>,
    pub expected: bool,
}

impl Scenario {
    #[must_use]
    pub fn acl(&self) -> Acl {
        let lists = self.group_acl.iter();
        lists.map(|(id, actions)| (*id, actions.iter().map(|action| action.as_str()).collect::<Vec<_>>())).collect()
    }

    #[must_use]
    pub fn object<'a>(&self, acl: &'a Acl) -> Object<'a> {
        let object = Object::new(self.resource).id(self.id).owner(self.owner).organization(self.organization);
        if acl.is_empty() { object } else { object.group_acl(acl) }
    }
}

/// A member of one organization.
#[must_use]
pub fn member() -> Subject {
    Subject::for_user(ALICE).membership(organization(1), [""; 0]).scope(Scope::all()).build()
}

/// A member of 20 organizations with a second role in each: 40 organization roles.
#[must_use]
pub fn traveller() -> Subject {
    let roles = ["organization-auditor", "organization-template-admin", "organization-user-admin"];
    let builder = (0..20)
        .zip(roles.iter().cycle())
        .fold(Subject::for_user(ALICE), |builder, (number, role)| builder.membership(organization(number), [role]));
    builder.scope(Scope::all()).build()
}

/// A member of one organization and of five groups.
#[must_use]
pub fn sharer() -> Subject {
    let builder = Subject::for_user(ALICE).membership(organization(1), [""; 0]);
    builder.groups((0..5).map(group)).scope(Scope::all()).build()
}

#[must_use]
pub fn all() -> Vec<Scenario> {
    let own = Scenario {
        name: "own workspace",
        subject: member(),
        action: Action::Update,
        resource: ResourceType::Workspace,
        id: Some(TEMPLATE),
        owner: Some(ALICE),
        organization: Some(organization(1)),
        group_acl: Vec::new(),
        expected: true,
    };
    let many = Scenario {
        name: "20 organizations",
        subject: traveller(),
        organization: Some(organization(13)),
        ..own.clone()
    };
    let group_acl = Scenario {
        name: "group list",
        subject: sharer(),
        action: Action::Use,
        resource: ResourceType::Template,
        owner: None,
        group_acl: (3..8).map(|number| (group(number), vec![Action::Read, Action::Use])).collect(),
        ..own.clone()
    };
    let foreign = Scenario { name: "denied", subject: traveller(), owner: Some(BOB), expected: false, ..many.clone() };
    vec![own, many, group_acl, foreign]
}
