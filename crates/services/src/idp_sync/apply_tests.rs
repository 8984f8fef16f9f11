use super::apply::{Synced, apply};
use super::settings::GivenRoles;
use crate::deed::Deed;
use crate::error::Error;
use crate::users::testing::{BOB, NOW, ORGANIZATION, bob, context_with, membership, organization, origin, settings};
use crate::{Principal, Settings};
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::idp_sync::{SyncClaims, SyncOutcome, SyncRecord, Unsyncable};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::names::{DisplayName, GroupName};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::RoleNames;
use doorward_domain::users::{LoginType, User};
use doorward_ports::groups::FoundGroup;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::runtime_settings::StoredSetting;
use serde_json::{Value, json};
use uuid::Uuid;

const ACME: OrganizationId = OrganizationId(Uuid::from_u128(0xAC));
const OLD: OrganizationId = OrganizationId(Uuid::from_u128(0x01D));
const DEVS: GroupId = GroupId(Uuid::from_u128(11));
const OPS: GroupId = GroupId(Uuid::from_u128(12));
const OLD_DEVS: GroupId = GroupId(Uuid::from_u128(13));
const MADE: GroupId = GroupId(Uuid::from_u128(14));

fn place(id: OrganizationId, name: &str) -> Organization {
    Organization { id, name: name.parse().unwrap(), is_default: false, ..organization() }
}

fn found(id: GroupId, organization_id: OrganizationId, name: &str) -> FoundGroup {
    let group = Group {
        id,
        organization_id,
        name: GroupName::from_storage(name.to_owned()),
        display_name: DisplayName::default(),
        avatar_url: String::new(),
        quota_allowance: 0,
        source: GroupSource::User,
        created_at: NOW,
        updated_at: NOW,
    };
    FoundGroup { group, organization_name: "x".parse().unwrap(), organization_display_name: DisplayName::default() }
}

fn member() -> User {
    User { login_type: LoginType::Oidc, roles: ["auditor"].into_iter().collect(), ..bob() }
}

/// Bob is in the organizations `acme` (the default one) and `old`, and in a group of each. Everything follows claims. What is read
/// is read once.
fn world() -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.organizations.expect_list_memberships().times(1).returning(|user| {
        let old = Membership {
            organization_id: OLD,
            roles: ["organization-admin"].into_iter().collect(),
            ..membership(user)
        };
        Ok(vec![membership(user), old])
    });
    repos.organizations.expect_find_default().times(1).returning(|| Ok(Some(organization())));
    repos.organizations.expect_list_by_id_for_key_share().times(1).returning(|ids| {
        let all = [organization(), place(ACME, "new-place"), place(OLD, "old-place")];
        Ok(all.into_iter().filter(|place| ids.contains(&place.id)).collect())
    });
    repos.runtime_settings.expect_find().times(1).returning(|name, place| {
        assert_eq!((name, place), ("organization_sync", None));
        let sync = json!({ "field": "orgs", "mapping": { "new": [ACME] }, "organization_assign_default": true });
        Ok(Some(sync.to_string()))
    });
    repos.runtime_settings.expect_list().times(1).returning(|_, places| {
        let groups = json!({ "field": "groups", "mapping": { "ops": [OPS] }, "auto_create_missing_groups": true });
        let roles = json!({ "field": "roles" });
        let stored = |name: &str, organization, document: &Value| StoredSetting {
            name: name.to_owned(),
            organization,
            document: document.to_string(),
        };
        let each =
            |place: &OrganizationId| [stored("group_sync", *place, &groups), stored("role_sync", *place, &roles)];
        Ok(places.iter().filter(|place| **place != ACME).flat_map(each).collect())
    });
    repos.users.expect_list_group_ids().times(1).returning(|_| Ok(vec![DEVS, OLD_DEVS]));
    repos.groups.expect_list_by_id().times(1).returning(|ids| {
        let all =
            [found(DEVS, ORGANIZATION, "devs"), found(OPS, ORGANIZATION, "Operations"), found(OLD_DEVS, OLD, "devs")];
        Ok(all.into_iter().filter(|found| ids.contains(&found.group.id)).collect())
    });
    repos.roles.expect_find_custom_for_key_share().times(0..=1).returning(|_| Ok(Vec::new()));
    repos
}

fn by_claims() -> Settings {
    let mut settings = settings();
    settings.idp_sync.site_role_field = "site".to_owned();
    settings.idp_sync.site_role_mapping = vec![GivenRoles { given: "boss".to_owned(), gets: vec!["owner".to_owned()] }];
    settings
}

fn expect_log(repos: &mut MockRepositories, outcome: SyncOutcome, look: impl Fn(&Value) + Send + 'static) {
    repos.sync_log.expect_insert().times(1).returning(move |_, record: &SyncRecord, keep| {
        assert_eq!((record.user_id, record.time, record.provider.as_str(), keep), (BOB, NOW, "corp", 20));
        assert_eq!(record.outcome, outcome);
        look(&serde_json::from_str(&record.document).unwrap());
        Ok(())
    });
}

async fn sync(
    repos: MockRepositories,
    settings: Settings,
    user: User,
    claims: Value,
) -> Result<Result<Synced, Unsyncable>, Error> {
    let ctx = context_with(repos, settings.clone());
    let claims = SyncClaims::new(claims.as_object().unwrap().clone());
    let by = Principal::anonymous(origin());
    ctx.act(&by, move |deed: &mut Deed<'_>| {
        let synced = apply(deed, &settings, &user, ("corp", &claims))?;
        Ok::<_, Error>(deed.unrecorded("a test", synced))
    })
    .await
}

#[tokio::test]
async fn all_parts_are_written_with_one_call_each() {
    let mut repos = world();
    repos.members.expect_delete_of().times(1).returning(|_, user, places| {
        assert_eq!((user, places), (BOB, &[OLD][..]));
        Ok(1)
    });
    repos.organizations.expect_insert_members().times(1).returning(|members| {
        let added: Vec<_> = members.iter().map(|(_, member)| (member.organization_id, member.user_id)).collect();
        assert_eq!(added, [(ACME, BOB)]);
        Ok(())
    });
    let mut calls = 0;
    repos.groups.expect_list_by_name().times(2).returning(move |names| {
        calls += 1;
        let wanted = |place| (place, "Night Shift".to_owned());
        // Of all organizations that may be left over, then of those groups that were made.
        if calls == 1 {
            assert!(names.contains(&wanted(ORGANIZATION)) && names.contains(&wanted(OLD)));
            return Ok(Vec::new());
        }
        assert_eq!(names, [wanted(ORGANIZATION)]);
        Ok(vec![found(MADE, ORGANIZATION, "Night Shift")])
    });
    repos.groups.expect_insert_missing().times(1).returning(|_, groups| {
        let made: Vec<_> =
            groups.iter().map(|group| (group.organization_id, group.name.as_str(), group.source)).collect();
        assert_eq!(made, [(ORGANIZATION, "Night Shift", GroupSource::Oidc)]);
        Ok(1)
    });
    repos.groups.expect_insert_memberships().times(1).returning(|_, user, groups| {
        assert_eq!((user, groups), (BOB, &[OPS, MADE][..]));
        Ok(2)
    });
    repos.groups.expect_delete_memberships().times(1).returning(|_, user, groups| {
        // The other one goes with its organization.
        assert_eq!((user, groups), (BOB, &[DEVS][..]));
        Ok(1)
    });
    repos.members.expect_update_roles_of().times(1).returning(|_, user, roles, _| {
        let auditor: RoleNames = ["organization-auditor"].into_iter().collect();
        assert_eq!((user, roles), (BOB, &[(ORGANIZATION, auditor)][..]));
        Ok(1)
    });
    repos.users.expect_update_roles().times(1).returning(|_, user, roles, _| {
        assert_eq!((user, roles.as_slice()), (BOB, &["owner".to_owned()][..]));
        Ok(true)
    });
    // Tokens of owners live less long.
    repos.api_keys.expect_shorten_tokens().times(1).returning(|_, _, _, _| Ok(1));
    expect_log(&mut repos, SyncOutcome::Changed, |document| {
        let names = |list: &Value| list.as_array().unwrap().iter().map(|e| e["name"].clone()).collect::<Vec<_>>();
        let gained = ["new-place", "Operations", "Night Shift", "organization-auditor", "owner"];
        assert_eq!(names(&document["gained"]), gained);
        assert_eq!(names(&document["lost"]), ["old-place", "devs", "devs", "organization-admin", "auditor"]);
        assert_eq!(document["gained"][1]["because"], "the claim `groups` has the value `ops`");
        assert_eq!((&document["gained_more"], &document["lost_more"]), (&json!(0), &json!(0)));
    });
    repos.audit.expect_insert().times(1).returning(|_, record| {
        assert_eq!(
            (record.action.as_str(), record.resource_type.as_str(), record.user_id),
            ("write", "user", Some(BOB))
        );
        assert_eq!(record.diff["rbac_roles"], json!({ "old": ["auditor"], "new": ["owner"], "secret": false }));
        assert_eq!(record.additional_fields["provider"], "corp");
        assert_eq!(record.additional_fields["idp_sync"]["gained"].as_array().unwrap().len(), 5);
        Ok(())
    });
    let claims = json!({
        "orgs": ["new"], "groups": ["ops", "Night Shift"], "roles": ["organization-auditor"], "site": "boss",
    });
    let synced = sync(repos, by_claims(), member(), claims).await.unwrap().unwrap();
    assert_eq!(synced.user.roles.as_slice(), ["owner"]);
    assert_eq!((synced.plan.gained.len(), synced.plan.lost.len()), (5, 5));
}

#[tokio::test]
async fn what_changes_nothing_is_logged_and_leaves_no_record() {
    let mut repos = world();
    expect_log(&mut repos, SyncOutcome::Unchanged, |document| {
        assert_eq!((&document["gained"], &document["lost"]), (&json!([]), &json!([])));
        assert_eq!(document["ignored"].as_array().unwrap().len(), 6);
    });
    let unknown = json!({ "_claim_names": { "orgs": "s", "groups": "s", "roles": "s", "site": "s" } });
    let synced = sync(repos, by_claims(), member(), unknown).await.unwrap().unwrap();
    assert_eq!(synced.user, member());
    assert!(synced.plan.is_empty());
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_writes_nothing() {
    for field in ["orgs", "site"] {
        let mut repos = world();
        repos.groups.expect_list_by_name().returning(|_| Ok(Vec::new()));
        let refused = sync(repos, by_claims(), member(), json!({ (field): 1 })).await.unwrap().unwrap_err();
        assert!(refused.to_string().contains("must be a list of texts") && refused.to_string().contains(field));
    }
}

#[tokio::test]
async fn an_owner_who_is_not_the_last_one_is_none_any_more() {
    let owner = User { roles: ["owner"].into_iter().collect(), ..member() };
    for is_last in [false, true] {
        let mut repos = world();
        repos.users.expect_is_last_owner_for_update().times(1).returning(move |_| Ok(is_last));
        if is_last {
            expect_log(&mut repos, SyncOutcome::Unchanged, |_| {});
        } else {
            repos.users.expect_update_roles().times(1).returning(|_, _, roles, _| {
                assert!(roles.is_empty());
                Ok(true)
            });
            repos.audit.expect_insert().times(1).returning(|_, _| Ok(()));
            expect_log(&mut repos, SyncOutcome::Changed, |_| {});
        }
        let claims = json!({ "_claim_names": { "orgs": "s", "groups": "s", "roles": "s" } });
        let synced = sync(repos, by_claims(), owner.clone(), claims).await.unwrap().unwrap();
        assert_eq!(synced.user.roles.contains("owner"), is_last);
    }
}
