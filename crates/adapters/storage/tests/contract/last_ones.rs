//! Of two who end each other's accounts, roles or memberships one is refused, and there is always an owner: the rules
//! "Last ones", raced on both databases.

use crate::audited::{PASSWORD, Walk, new_user, origin};
use crate::support::*;
use doorward_domain::Secret;
use doorward_domain::roles::Permission;
use doorward_domain::roles::custom::Draft;
use doorward_services::organizations::{self, CreateOrganization, OrganizationRef, UpdateOrganization};
use doorward_services::sessions::{self, CreateToken, Login, authenticate, login};
use doorward_services::users::{ChangePassword, CreateFirstUser, CreateUser, SetupProof, UpdateProfile, UserRef};
use doorward_services::{Error, Principal, members, roles, users};
use std::fmt::Debug;

/// How often each race is run.
const ROUNDS: usize = 6;

/// A server with a first owner.
pub(crate) struct Town {
    pub(crate) walk: Walk,
    pub(crate) first: Principal,
    made: usize,
}

impl Town {
    pub(crate) async fn begin(db: Fixture) -> Self {
        let walk = Walk::begin(db).await;
        let command = CreateFirstUser {
            email: "founder@example.com".to_owned(),
            username: "founder".to_owned(),
            name: String::new(),
            password: Secret::from(PASSWORD),
            proof: SetupProof::Local,
        };
        users::create_first(&walk.ctx, command, &origin()).await.unwrap();
        let first = enter(&walk, "founder").await;
        Self { walk, first, made: 0 }
    }

    /// A new user with these roles, on the site and in the default organization, who has signed in.
    pub(crate) async fn person(&mut self, site: &[&str], organization: &[&str]) -> Principal {
        self.made += 1;
        let (ctx, name) = (&self.walk.ctx, format!("person-{}", self.made));
        let id = UserRef::Id(users::create(ctx, &self.first, new_user(&name)).await.unwrap().user.id);
        users::update_roles(ctx, &self.first, &id, names(site)).await.unwrap();
        members::update_roles(ctx, &self.first, &OrganizationRef::Default, &id, names(organization)).await.unwrap();
        enter(&self.walk, &name).await
    }

    async fn pair(&mut self, site: &[&str], organization: &[&str]) -> [Principal; 2] {
        [self.person(site, organization).await, self.person(site, organization).await]
    }

    /// Both act at the same moment; exactly one of them succeeds, and the other is told that things have changed.
    async fn race<T: Debug + Send + 'static>(
        &self,
        what: &str,
        [ann, bob]: &[Principal; 2],
        act: impl AsyncFn(Principal, UserRef) -> Result<T, Error>,
    ) {
        let (to_ann, to_bob) = (UserRef::Id(ann.user_id().unwrap()), UserRef::Id(bob.user_id().unwrap()));
        let (first, second) = tokio::join!(act(ann.clone(), to_bob), act(bob.clone(), to_ann));
        let lost = match (first, second) {
            (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
            both => panic!("{what}: {both:?}"),
        };
        assert!(matches!(lost, Error::Conflict { .. }), "{what}: {lost:?}");
    }
}

pub(crate) async fn enter(walk: &Walk, name: &str) -> Principal {
    let command = Login { email: format!("{name}@example.com"), password: Secret::from(PASSWORD) };
    let signed_in = login(&walk.ctx, command, &origin()).await.unwrap();
    authenticate(&walk.ctx, signed_in.session.token.expose(), &origin()).await.unwrap()
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

contract! {
    async fn two_who_end_each_others_accounts_do_not_both_succeed(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        for _ in 0..ROUNDS {
            for role in ["owner", "user-admin"] {
                let pair = town.pair(&[role], &[]).await;
                town.race("delete", &pair, async |me, you| users::delete(&ctx, &me, &you).await).await;
            }
            let pair = town.pair(&["user-admin"], &[]).await;
            town.race("suspend", &pair, async |me, you| users::suspend(&ctx, &me, &you).await).await;
            let pair = town.pair(&["owner"], &[]).await;
            let demote = async |me: Principal, you| users::update_roles(&ctx, &me, &you, Vec::new()).await;
            town.race("demote", &pair, demote).await;
            let pair = town.pair(&["owner"], &[]).await;
            let id = pair[0].user_id().unwrap();
            let mixed = async |me: Principal, you: UserRef| {
                if me.is(id) {
                    users::delete(&ctx, &me, &you).await
                } else {
                    users::update_roles(&ctx, &me, &you, Vec::new()).await.map(drop)
                }
            };
            town.race("delete and demote", &pair, mixed).await;
        }
    }

    async fn two_who_end_each_others_memberships_do_not_both_succeed(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let here = OrganizationRef::Default;
        for _ in 0..ROUNDS {
            let pair = town.pair(&[], &["organization-admin"]).await;
            town.race("remove", &pair, async |me, you| members::remove(&ctx, &me, &here, &you).await).await;
            let pair = town.pair(&[], &["organization-admin"]).await;
            let demote = async |me: Principal, you| members::update_roles(&ctx, &me, &here, &you, Vec::new()).await;
            town.race("demote", &pair, demote).await;
        }
    }

    async fn two_who_take_each_others_custom_roles_apart_do_not_both_succeed(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let here = OrganizationRef::Default;
        for round in 0..ROUNDS {
            let named = |side: &str| format!("keeper-{side}-{round}");
            for side in ["a", "b"] {
                let may = |action| Permission::named(false, "assign_org_role", action);
                let organization = vec![may("read"), may("update"), may("delete")];
                let draft = Draft { name: named(side), organization, ..Draft::default() };
                roles::create(&ctx, &town.first, &here, draft).await.unwrap();
            }
            let ann = town.person(&[], &[&named("a")]).await;
            let bob = town.person(&[], &[&named("b")]).await;
            let ann_id = ann.user_id().unwrap();
            let take = async |me: Principal, _| {
                let other = named(if me.is(ann_id) { "b" } else { "a" });
                if round % 2 == 0 {
                    return roles::delete(&ctx, &me, &here, &other).await;
                }
                let draft = Draft { name: other, ..Draft::default() };
                roles::update(&ctx, &me, &here, draft).await.map(drop)
            };
            town.race("custom roles", &[ann, bob], take).await;
        }
    }

    async fn there_is_always_an_active_owner(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let first = UserRef::Id(town.first.user_id().unwrap());
        let is_kept = |what: &str, refused: Result<(), Error>| {
            let Err(Error::Conflict { message, .. }) = &refused else { panic!("{what}: {refused:?}") };
            assert!(message.contains("last active owner"), "{what}: {message}");
        };
        let admin = town.person(&["user-admin"], &[]).await;
        is_kept("the only one", users::delete(&ctx, &admin, &first).await);

        // Who may not act, cannot sign in, or has not been here yet, is no owner to rely on.
        let robot = CreateUser {
            service_account: true,
            email: String::new(),
            password: Secret::from(""),
            ..new_user("robot")
        };
        let robot = users::create(&ctx, &town.first, robot).await.unwrap().user.id;
        users::update_roles(&ctx, &town.first, &UserRef::Id(robot), names(&["owner"])).await.unwrap();
        is_kept("others cannot sign in", users::delete(&ctx, &admin, &first).await);
        let other = town.person(&["owner"], &[]).await;
        let suspended = town.person(&[], &[]).await;
        let id = UserRef::Id(suspended.user_id().unwrap());
        users::suspend(&ctx, &town.first, &id).await.unwrap();
        users::update_roles(&ctx, &town.first, &id, names(&["owner"])).await.unwrap();
        let dormant = users::create(&ctx, &town.first, new_user("dormant")).await.unwrap().user.id;
        users::update_roles(&ctx, &town.first, &UserRef::Id(dormant), names(&["owner"])).await.unwrap();
        users::delete(&ctx, &other, &first).await.unwrap();
        let other = UserRef::Id(other.user_id().unwrap());
        is_kept("others are away", users::delete(&ctx, &admin, &other).await);
        users::activate(&ctx, &admin, &id).await.unwrap();
        users::delete(&ctx, &admin, &other).await.unwrap();

        // Nobody of these four ends another's rights; only the owners would both be gone.
        town.first = enter(&town.walk, suspended.account().unwrap().user.username.as_str()).await;
        users::delete(&ctx, &town.first, &UserRef::Id(dormant)).await.unwrap();
        for _ in 0..ROUNDS {
            let helper = town.person(&["user-admin"], &[]).await;
            let (one, two) = (town.first.clone(), town.person(&["owner"], &[]).await);
            let (to_one, to_two) = (UserRef::Id(one.user_id().unwrap()), UserRef::Id(two.user_id().unwrap()));
            let (a, b) = tokio::join!(users::delete(&ctx, &admin, &to_one), users::delete(&ctx, &helper, &to_two));
            town.first = match (a, b) {
                (Ok(()), lost) => { is_kept("two at once", lost); two }
                (lost, Ok(())) => { is_kept("two at once", lost); one }
                both => panic!("{both:?}"),
            };
            let id = town.walk.db.uuid(town.first.user_id().unwrap().0);
            let active = format!("SELECT count(*) FROM users WHERE id = {id} AND NOT deleted AND status = 'active'");
            assert_eq!(town.walk.db.number(&active), 1);
        }
    }

    async fn two_administrators_by_what_all_members_have_do_not_both_succeed(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let here = OrganizationRef::Default;
        let give = |roles: &[&str]| UpdateOrganization { default_roles: Some(names(roles)), ..Default::default() };
        for _ in 0..ROUNDS {
            organizations::update(&ctx, &town.first, &here, give(&["organization-admin"])).await.unwrap();
            let pair = town.pair(&[], &[]).await;
            town.race("remove", &pair, async |me, you| members::remove(&ctx, &me, &here, &you).await).await;
            let pair = town.pair(&[], &[]).await;
            let take = async |me: Principal, _| organizations::update(&ctx, &me, &here, give(&[])).await;
            town.race("take from all", &pair, take).await;
        }
    }

    async fn who_was_demoted_before_is_refused_whatever_is_written(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let here = OrganizationRef::Default;
        let victim = town.person(&[], &["organization-auditor"]).await;
        let target = UserRef::Id(victim.user_id().unwrap());
        // What was found out about this caller is out of date, as it may be on another server.
        let stale = town.person(&["owner"], &[]).await;
        users::update_roles(&ctx, &town.first, &UserRef::Id(stale.user_id().unwrap()), Vec::new()).await.unwrap();
        let before = town.walk.everything();
        let is_told = |what: &str, refused: Result<(), Error>| {
            assert!(matches!(refused, Err(Error::Conflict { .. })), "{what}: {refused:?}");
        };
        let draft = || Draft { name: "cook".to_owned(), ..Draft::default() };
        let make = || CreateOrganization { name: "zoo".to_owned(), ..CreateOrganization::default() };
        let ask = CreateToken::default;
        let profile = || UpdateProfile { username: "other".to_owned(), name: String::new() };
        let password = || ChangePassword { password: Secret::from("AnotherPassword!"), old_password: None };
        is_told("create", users::create(&ctx, &stale, new_user("carl")).await.map(drop));
        is_told("delete", users::delete(&ctx, &stale, &target).await);
        is_told("suspend", users::suspend(&ctx, &stale, &target).await.map(drop));
        is_told("roles", users::update_roles(&ctx, &stale, &target, names(&["auditor"])).await.map(drop));
        is_told("profile", users::update_profile(&ctx, &stale, &target, profile()).await.map(drop));
        is_told("password", users::change_password(&ctx, &stale, &target, password()).await);
        is_told("remove", members::remove(&ctx, &stale, &here, &target).await);
        is_told("member roles", members::update_roles(&ctx, &stale, &here, &target, Vec::new()).await.map(drop));
        is_told("role", roles::create(&ctx, &stale, &here, draft()).await.map(drop));
        is_told("organization", organizations::create(&ctx, &stale, make()).await.map(drop));
        is_told("token", sessions::create_token(&ctx, &stale, &target, ask()).await.map(drop));
        is_told("key", sessions::create_key(&ctx, &stale, &target).await.map(drop));
        assert_eq!(town.walk.everything(), before, "and nothing was written");
        // What everybody may do goes on.
        users::update_profile(&ctx, &stale, &UserRef::Me, profile()).await.unwrap();
    }
}
