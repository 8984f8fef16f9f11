use super::*;
use crate::idp_sync::{OrganizationSync, RoleSync, SiteRoleSync};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

const HOME: OrganizationId = OrganizationId(Uuid::from_u128(1));
const ACME: OrganizationId = OrganizationId(Uuid::from_u128(2));
const GONE: OrganizationId = OrganizationId(Uuid::from_u128(3));
const DEVS: GroupId = GroupId(Uuid::from_u128(11));
const OPS: GroupId = GroupId(Uuid::from_u128(12));
const ACME_DEVS: GroupId = GroupId(Uuid::from_u128(13));
const NO_GROUP: GroupId = GroupId(Uuid::from_u128(19));

fn claims(of: &Value) -> SyncClaims {
    SyncClaims::new(of.as_object().unwrap().clone())
}

fn names(names: &[&str]) -> RoleNames {
    names.iter().copied().collect()
}

fn known() -> Known {
    let group = |id, organization_id, name: &str| KnownGroup { id, organization_id, name: name.to_owned() };
    Known {
        default_organization: Some(HOME),
        organizations: [(HOME, "home".to_owned()), (ACME, "acme".to_owned())].into(),
        groups: vec![group(DEVS, HOME, "devs"), group(OPS, HOME, "ops"), group(ACME_DEVS, ACME, "devs")],
        custom_roles: [RoleName::organization("cook", HOME.0)].into(),
    }
}

fn rules() -> Rules {
    let orgs = [("acme".to_owned(), vec![ACME]), ("gone".to_owned(), vec![GONE]), ("none".to_owned(), Vec::new())];
    let groups = [("ops team".to_owned(), vec![OPS, ACME_DEVS, NO_GROUP, GroupId(HOME.0)])];
    let home = GroupSync {
        field: "groups".to_owned(),
        mapping: Some(groups.into_iter().collect()),
        regex_filter: Some("^[a-zE]".parse().unwrap()),
        auto_create_missing_groups: true,
        legacy_group_name_mapping: [("OLD".to_owned(), "devs".to_owned())].into(),
    };
    let acme = GroupSync { field: "groups".to_owned(), ..GroupSync::default() };
    let boss = [("boss".to_owned(), vec!["organization-admin".to_owned(), "cook".to_owned()])];
    let roles = RoleSync { field: "roles".to_owned(), mapping: Some(boss.into_iter().collect()) };
    let site = [("boss".to_owned(), vec!["owner".to_owned()]), ("nobody".to_owned(), Vec::new())];
    Rules {
        organizations: OrganizationSync {
            field: "orgs".to_owned(),
            mapping: Some(orgs.into_iter().collect()),
            assign_default: true,
        },
        groups: [(HOME, home), (ACME, acme)].into(),
        roles: [(HOME, roles)].into(),
        site_roles: Some(SiteRoleSync {
            field: "site".to_owned(),
            mapping: site.into_iter().collect(),
            defaults: vec!["auditor".to_owned(), "no-such".to_owned()],
        }),
    }
}

/// Member of both organizations, in all groups, with roles everywhere.
fn held() -> Held {
    Held {
        memberships: [(HOME, names(&["organization-auditor"])), (ACME, names(&["organization-admin"]))].into(),
        groups: [DEVS, OPS, ACME_DEVS].into(),
        site_roles: names(&["member", "user-admin"]),
        is_last_owner: false,
    }
}

/// What somebody has after a plan. Groups that are made get ids from their names.
fn applied(plan: &Plan, known: &mut Known, held: &Held) -> Held {
    let mut after = held.clone();
    for effect in plan.lost.iter().filter(|effect| effect.kind == Followed::Organization) {
        after.memberships.remove(&effect.organization_id.unwrap());
    }
    for effect in plan.gained.iter().filter(|effect| effect.kind == Followed::Organization) {
        after.memberships.insert(effect.organization_id.unwrap(), RoleNames::default());
    }
    for effect in plan.lost.iter().filter_map(|effect| effect.group_id) {
        after.groups.remove(&effect);
    }
    for effect in plan.gained.iter().filter(|effect| effect.kind == Followed::Group) {
        let place = effect.organization_id.unwrap();
        let id = effect.group_id.unwrap_or_else(|| {
            let id = GroupId(Uuid::from_u128(1000 + known.groups.len() as u128));
            known.groups.push(KnownGroup { id, organization_id: place, name: effect.name.clone() });
            id
        });
        assert!(after.groups.insert(id), "gained twice");
    }
    for (place, roles) in &mut after.memberships {
        *roles = plan.roles_after(roles, Some(*place));
    }
    after.site_roles = plan.roles_after(&after.site_roles, None);
    after
}

fn told(effects: &[Effect]) -> Vec<(Followed, &str)> {
    effects.iter().map(|effect| (effect.kind, effect.name.as_str())).collect()
}

fn ignored(plan: &Plan) -> Vec<String> {
    plan.ignored.iter().map(|note| note.because.to_string()).collect()
}

#[test]
fn all_parts_follow_in_order_and_say_why() {
    use Followed::{Group, Organization, OrganizationRole, SiteRole};
    let claims = claims(&json!({
        "orgs": ["acme", "gone", "none", "other"],
        "groups": ["OLD", "ops team", "new team", "9", "Everyone", "line\nfeed"],
        "roles": ["boss", "organization-member", "no-such"], "site": ["boss"],
    }));
    let held = Held {
        memberships: [(GONE, RoleNames::default())].into(),
        site_roles: names(&["user-admin"]),
        ..Held::default()
    };
    let plan = rules().plan(&claims, &known(), &held).unwrap();
    assert_eq!(
        told(&plan.gained),
        [
            (Organization, "home"),
            (Organization, "acme"),
            (Group, "devs"),
            (Group, "ops"),
            (Group, "new team"),
            (OrganizationRole, "cook"),
            (OrganizationRole, "organization-admin"),
            (SiteRole, "auditor"),
            (SiteRole, "owner"),
        ],
    );
    assert_eq!(told(&plan.lost), [(SiteRole, "user-admin")]);
    let because: Vec<String> = plan.gained.iter().map(|effect| effect.because.to_string()).collect();
    assert_eq!(
        (because[0].as_str(), because[1].as_str()),
        ("everybody has it", "the claim `orgs` has the value `acme`")
    );
    assert_eq!(because[2], "the claim `groups` has the value `OLD`");
    let told = ignored(&plan);
    for why in [
        "the mapping does not have the value",
        "there is no organization 00000000-0000-0000-0000-000000000003",
        "the group 00000000-0000-0000-0000-00000000000d is of another organization",
        "there is no group 00000000-0000-0000-0000-000000000013",
        "all members of the organization are in this group anyway",
        "the filter does not let it through",
        "no group can have this name",
        "no group has the name `OLD`, and missing groups are not made",
        "everybody has the role `organization-member` anyway",
        "there is no role `no-such`",
    ] {
        assert!(told.iter().any(|known| known == why), "{why}: {told:#?}");
    }
}

#[test]
fn what_is_absent_takes_all_but_what_everybody_has() {
    let plan = rules().plan(&SyncClaims::default(), &known(), &held()).unwrap();
    let mut known = known();
    let after = applied(&plan, &mut known, &held());
    assert_eq!(after.memberships, [(HOME, RoleNames::default())].into());
    assert!(after.groups.is_empty());
    assert_eq!(after.site_roles, names(&["auditor", "member"]), "the implied role stays as it was");
    let left = plan.lost.iter().filter(|effect| effect.because == Because::LeftOrganization);
    assert_eq!(left.map(|effect| effect.name.as_str()).collect::<Vec<_>>(), ["devs", "organization-admin"]);
}

#[test]
fn a_claim_of_which_nobody_knows_what_it_says_changes_nothing() {
    let unknown = ["orgs", "groups", "roles", "site"].into_iter().fold(SyncClaims::default(), SyncClaims::without);
    let plan = rules().plan(&unknown, &known(), &held()).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(plan.ignored.len(), 5);
    assert!(ignored(&plan).iter().all(|why| why.ends_with("so everything stays as it is")));
    // Nor does one of them change what follows the others.
    let part = claims(&json!({ "orgs": ["acme"], "roles": "boss" })).without("groups").without("site");
    let plan = rules().plan(&part, &known(), &held()).unwrap();
    assert!(plan.lost.iter().chain(&plan.gained).all(|effect| effect.kind == Followed::OrganizationRole), "{plan:?}");
}

#[test]
fn an_unreadable_claim_keeps_out_or_changes_nothing() {
    let kept_out = |field: &str| rules().plan(&claims(&json!({ (field): 7 })), &known(), &held());
    assert_eq!(kept_out("orgs").unwrap_err().kind, Followed::Organization);
    assert_eq!(kept_out("site").unwrap_err().kind, Followed::SiteRole);
    let claims = claims(&json!({ "orgs": "acme", "groups": "a,b", "roles": { "a": 1 }, "site": [] }));
    let plan = rules().plan(&claims, &known(), &held()).unwrap();
    assert_eq!(told(&plan.lost), [(Followed::SiteRole, "user-admin")]);
    assert_eq!(ignored(&plan).iter().filter(|why| why.ends_with("so everything stays as it is")).count(), 3);
}

#[test]
fn what_follows_no_claim_stays() {
    let plan = Rules::default().plan(&SyncClaims::default(), &known(), &held()).unwrap();
    assert_eq!(plan, Plan::default());
    let no_fields = Rules {
        organizations: OrganizationSync { field: String::new(), ..rules().organizations },
        groups: [(HOME, GroupSync::default())].into(),
        roles: [(HOME, RoleSync::default())].into(),
        site_roles: Some(SiteRoleSync { field: String::new(), ..rules().site_roles.unwrap() }),
    };
    assert_eq!(no_fields.plan(&claims(&json!({ "": ["x"] })), &known(), &held()), Ok(Plan::default()));
}

#[test]
fn the_last_owner_stays_one() {
    let owner = Held { site_roles: names(&["owner"]), is_last_owner: true, ..held() };
    let plan = rules().plan(&claims(&json!({ "site": "nobody" })), &known(), &owner).unwrap();
    assert_eq!(plan.roles_after(&owner.site_roles, None), names(&["auditor", "owner"]));
    assert!(ignored(&plan).iter().any(|why| why == "the last active owner keeps the role `owner`"));
    let one_of_two = Held { is_last_owner: false, ..owner };
    let plan = rules().plan(&claims(&json!({ "site": "nobody" })), &known(), &one_of_two).unwrap();
    assert_eq!(plan.roles_after(&one_of_two.site_roles, None), names(&["auditor"]));
}

#[test]
fn nobody_loses_anything_for_what_is_not_among_the_values_of_a_list_that_is_too_long() {
    let long: Vec<String> = (0..=super::super::VALUES_MAX).map(|n| format!("9{n}")).collect();
    let claims = claims(&json!({ "orgs": long, "groups": long, "roles": long, "site": long }));
    let plan = rules().plan(&claims, &known(), &held()).unwrap();
    assert_eq!((told(&plan.gained), plan.lost.len()), (vec![(Followed::SiteRole, "auditor")], 0));
    assert_eq!(plan.ignored.len(), super::super::NOTES_MAX);
    assert!(plan.ignored_more > 0);
}

fn some_values() -> impl Strategy<Value = Value> {
    let value = prop::sample::select(vec![
        "acme",
        "gone",
        "none",
        "devs",
        "ops",
        "ops team",
        "OLD",
        "new",
        "Everyone",
        "boss",
        "cook",
        "owner",
        "member",
        "organization-admin",
        "organization-member",
        "nobody",
        "9",
    ]);
    prop_oneof![
        prop::collection::vec(value, 0..6).prop_map(|list| json!(list)),
        Just(Value::Null),
        Just(json!(1)),
        Just(json!("a,b")),
    ]
}

fn some_claims() -> impl Strategy<Value = SyncClaims> {
    let fields =
        prop::collection::btree_map(prop::sample::select(vec!["orgs", "groups", "roles", "site"]), some_values(), 0..5);
    (fields, any::<bool>()).prop_map(|(fields, is_unknown)| {
        let members = fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        let claims = SyncClaims::new(members);
        if is_unknown { claims.without("groups") } else { claims }
    })
}

fn some_held() -> impl Strategy<Value = Held> {
    let subset = |of: Vec<&'static str>| prop::sample::subsequence(of.clone(), 0..=of.len());
    let roles = || subset(vec!["cook", "organization-admin", "organization-member"]);
    let site = subset(vec!["auditor", "member", "owner", "user-admin"]);
    (any::<[bool; 5]>(), roles(), roles(), site, any::<bool>()).prop_map(|(is, home, acme, site, is_last_owner)| {
        let [at_home, at_acme, devs, ops, acme_devs] = is;
        let mut held = Held { site_roles: names(&site), is_last_owner, ..Held::default() };
        for (place, roles) in
            [(HOME, home), (ACME, acme)].into_iter().zip([at_home, at_acme]).filter_map(|(m, is)| is.then_some(m))
        {
            held.memberships.insert(place, names(&roles));
        }
        let groups = [(DEVS, at_home && devs), (OPS, at_home && ops), (ACME_DEVS, at_acme && acme_devs)];
        held.groups = groups.into_iter().filter_map(|(id, is)| is.then_some(id)).collect();
        held
    })
}

proptest! {
    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(claims in some_claims(), held in some_held()) {
        let mut known = known();
        let Ok(plan) = rules().plan(&claims, &known, &held) else { return Ok(()) };
        let after = applied(&plan, &mut known, &held);
        let again = rules().plan(&claims, &known, &after).unwrap();
        prop_assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn rules_that_always_hold(claims in some_claims(), held in some_held()) {
        let mut known = known();
        let Ok(plan) = rules().plan(&claims, &known, &held) else { return Ok(()) };
        let after = applied(&plan, &mut known, &held);
        // Nobody is in a group of an organization they do not belong to, and nothing touches the group of all members.
        for id in &after.groups {
            let group = known.groups.iter().find(|group| group.id == *id).unwrap();
            prop_assert!(after.memberships.contains_key(&group.organization_id));
            prop_assert!(group.id.0 != group.organization_id.0 && group.name != EVERYONE);
        }
        prop_assert!(after.memberships.keys().all(|id| known.organizations.contains_key(id)));
        let implied = |roles: &RoleNames| roles.contains(ORGANIZATION_MEMBER);
        for (place, roles) in &after.memberships {
            prop_assert_eq!(implied(roles), held.memberships.get(place).is_some_and(implied), "never given, never taken");
        }
        if held.is_last_owner && held.site_roles.contains(OWNER) {
            prop_assert!(after.site_roles.contains(OWNER));
        }
        if claims.read("groups").is_err() || matches!(claims.read("groups"), Ok(ClaimValues::Unknown)) {
            let touched = plan.gained.iter().chain(&plan.lost).filter(|effect| effect.kind == Followed::Group);
            for effect in touched {
                prop_assert_eq!(&effect.because, &Because::LeftOrganization);
            }
        }
        // All that is gained was mentioned before anything was looked up.
        let mentioned = rules().mentioned_groups(&claims);
        let named = rules().mentioned_group_names(&claims);
        for effect in plan.gained.iter().filter(|effect| effect.kind == Followed::Group) {
            let place = effect.organization_id.unwrap();
            let by_id = effect.group_id.is_some_and(|id| mentioned.contains(&id));
            prop_assert!(by_id || named.contains(&(place, effect.name.clone())));
        }
    }
}
