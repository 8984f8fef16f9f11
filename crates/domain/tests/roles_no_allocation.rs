//! A decision on a prebuilt subject and object allocates nothing.

use doorward_domain::roles::{Acl, Action, Object, ResourceType, Scope, Subject};
use uuid::Uuid;

#[test]
fn deciding_allocates_nothing() {
    let me = Uuid::from_u128(1);
    let group = Uuid::from_u128(77);
    let organization = |n: u128| Uuid::from_u128(1000 + n);
    let mut builder = Subject::for_user(me).site_roles(["auditor"]).groups([group]).scope(Scope::all());
    for n in 0..20 {
        builder = builder.membership(organization(n), ["organization-auditor"]);
    }
    let subject = builder.build();
    let shared = Acl::new().grant(group, Action::Use);
    let workspace = Object::new(ResourceType::Workspace).owner(me).organization(organization(7));
    let foreign = Object::new(ResourceType::Workspace).owner(Uuid::from_u128(2)).organization(organization(7));
    let template = Object::new(ResourceType::Template).organization(organization(19)).group_acl(&shared);

    let measured = allocation_counter::measure(|| {
        assert!(subject.allows(Action::Update, &workspace));
        assert!(!subject.allows(Action::Update, &foreign));
        assert!(subject.allows(Action::Use, &template));
        assert!(subject.decide(Action::Use, &template).allow());
        assert!(!subject.decide(Action::Delete, &template).allow());
    });
    assert_eq!(measured.count_total, 0, "{measured:?}");
}
