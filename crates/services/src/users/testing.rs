//! People and things for the tests of use cases.

use crate::context::{Context, Essentials};
use crate::keys::Keys;
use crate::origin::Origin;
use crate::principal::{Account, Principal};
use crate::sessions::subject_of;
use crate::settings::{SessionSettings, Settings};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::keys::KeyRing;
use doorward_domain::oauth2::Scopes;
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{AllowEntry, DefaultRoles, RoleName, RoleNames};
use doorward_domain::sessions::{ApiKey, ApiToken};
use doorward_domain::users::{LoginType, PasswordHash, User};
use doorward_domain::{Digest, Instant};
use doorward_ports::mocks::{FixedClock, MockRepositories, PlainHasher, SeededRandom, people};
use doorward_ports::sessions::KeyOwner;
use doorward_testkit::settings::Defaults;
use std::sync::Arc;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const NOW: Instant = datetime!(2026-03-04 05:06:07 UTC);
pub(crate) const ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(0xA));
pub(crate) const ANN: UserId = UserId(Uuid::from_u128(1));
pub(crate) const BOB: UserId = UserId(Uuid::from_u128(2));
/// A password that keeps the rule, and that of everybody here.
pub(crate) const PASSWORD: &str = "SomeSecurePassword!";
/// The token of [`key`].
pub(crate) const TOKEN: &str = "0123456789-abcdefghijABCDEFGHIJ01";

/// The usual ones, but that nobody is told anything.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::from_sections("https://door.example/".parse().unwrap(), &Defaults);
    settings.notifications.inbox_enabled = false;
    settings
}

pub(crate) fn context(repos: MockRepositories) -> Context {
    context_with(repos, settings())
}

pub(crate) fn context_with(mut repos: MockRepositories, settings: Settings) -> Context {
    // Nobody has a second factor, unless the test says so.
    repos.factors.expect_find_totp().returning(|_| Ok(None));
    repos.factors.expect_find_proof().returning(|_| Ok(None));
    repos.factors.expect_upsert_proof().returning(|_, _| Ok(()));
    repos.federated_sessions.expect_find().returning(|_| Ok(None));
    Context::from(Essentials {
        store: repos.into_store().into(),
        clock: Arc::new(FixedClock::at(NOW)),
        random: Arc::new(SeededRandom::new(1)),
        passwords: Arc::new(PlainHasher),
        keys: Keys::fixed(KeyRing::single(&[7; 32])),
        settings,
    })
}

/// Settings that differ from the usual ones in those of sessions.
pub(crate) fn with_sessions(change: impl FnOnce(&mut SessionSettings)) -> Settings {
    let mut settings = settings();
    change(&mut settings.sessions);
    settings
}

/// An active user with [`PASSWORD`].
pub(crate) fn user(id: UserId, username: &str) -> User {
    User {
        password_hash: Some(PasswordHash::new(format!("plain:{PASSWORD}"))),
        ..people::user(id, username, NOW - Duration::DAY)
    }
}

pub(crate) fn ann() -> User {
    user(ANN, "ann")
}

pub(crate) fn bob() -> User {
    user(BOB, "bob")
}

pub(crate) fn owner_of_site() -> User {
    User { roles: ["owner"].into_iter().collect(), ..user(UserId(Uuid::from_u128(9)), "olivia") }
}

pub(crate) fn organization() -> Organization {
    Organization {
        id: ORGANIZATION,
        name: "acme".parse().unwrap(),
        display_name: "Acme".parse().unwrap(),
        description: String::new(),
        icon: String::new(),
        created_at: NOW,
        updated_at: NOW,
        is_default: true,
        default_roles: DefaultRoles::default(),
    }
}

pub(crate) fn membership(user_id: UserId) -> Membership {
    Membership { organization_id: ORGANIZATION, user_id, roles: RoleNames::default(), created_at: NOW, updated_at: NOW }
}

/// A session with a day to live, last used now.
pub(crate) fn key(user_id: UserId) -> ApiKey {
    people::session(user_id, &ApiToken::parse(TOKEN).unwrap(), NOW)
}

/// An API token by this name.
pub(crate) fn token(user_id: UserId, name: &str) -> ApiKey {
    ApiKey {
        login_type: LoginType::Token,
        token_name: name.to_owned(),
        secret_digest: Digest::of(name),
        ..key(user_id)
    }
}

/// Ann with her session, unless the test says otherwise.
pub(crate) fn actor() -> PrincipalBuilder {
    as_user(ann())
}

/// The site's owner.
pub(crate) fn owner() -> PrincipalBuilder {
    as_user(owner_of_site())
}

pub(crate) fn as_user(user: User) -> PrincipalBuilder {
    let memberships = vec![membership(user.id)];
    PrincipalBuilder(KeyOwner {
        key: key(user.id),
        user,
        memberships,
        default_roles: Vec::new(),
        groups: Vec::new(),
        app: None,
    })
}

pub(crate) struct PrincipalBuilder(KeyOwner);

impl PrincipalBuilder {
    pub(crate) fn role(mut self, name: &str) -> Self {
        self.0.user.roles.insert(name);
        self
    }

    pub(crate) fn scopes(mut self, names: &[&str]) -> Self {
        self.0.key.scopes = Scopes::from_names(names).unwrap();
        self
    }

    pub(crate) fn allow_list(mut self, entries: &[&str]) -> Self {
        self.0.key.allow_list = AllowEntry::parse_list(entries).unwrap();
        self
    }

    /// What the organization gives to all of its members.
    pub(crate) fn default_role(mut self, name: &str) -> Self {
        self.0.default_roles.push(RoleName::organization(name, ORGANIZATION.0));
        self
    }

    pub(crate) fn without_memberships(mut self) -> Self {
        self.0.memberships.clear();
        self
    }

    pub(crate) fn build(self) -> Principal {
        let subject = subject_of(&self.0, Vec::new());
        let KeyOwner { key, user, memberships, .. } = self.0;
        let account = Account { user: Arc::new(user), memberships: memberships.into(), key: Arc::new(key) };
        Principal::of_account(subject, account, origin())
    }
}

pub(crate) fn origin() -> Arc<Origin> {
    Arc::new(Origin { ip: "192.0.2.7".to_owned(), user_agent: "tests".to_owned(), request_id: None })
}

/// Mocks that know these users by id and by name, and that each is a member of the organization.
pub(crate) fn repos_with(users: &[User]) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let known = users.to_vec();
    repos.users.expect_find().returning(move |id| Ok(known.iter().find(|user| user.id == id).cloned()));
    let known = users.to_vec();
    repos.users.expect_find_for_update().returning(move |id| Ok(known.iter().find(|user| user.id == id).cloned()));
    let known = users.to_vec();
    repos.users.expect_find_by_username().returning(move |name| {
        Ok(known.iter().find(|user| !user.deleted && user.username.as_str().eq_ignore_ascii_case(name)).cloned())
    });
    let known = users.to_vec();
    let asked = users.to_vec();
    repos
        .users
        .expect_find_for_share()
        .withf(move |id| asked.iter().any(|user| user.id == *id))
        .returning(move |id| Ok(known.iter().find(|user| user.id == id).cloned()));
    repos.organizations.expect_list_memberships().returning(|user| Ok(vec![membership(user)]));
    repos
}

/// The same mocks, which know the one who asks too, as they are now.
pub(crate) fn repos_of(actor: &Principal, users: &[User]) -> MockRepositories {
    let mut actor = actor.clone();
    if let Some(me) = users.iter().find(|user| actor.is(user.id)) {
        actor.renew(|account| account.user = Arc::new(me.clone()));
    }
    let mut repos = repos_with(users);
    expect_caller(&mut repos, &actor);
    repos
}

/// The key of the one who asks is there, and its owner is as at the beginning of the request.
pub(crate) fn expect_caller(repos: &mut MockRepositories, actor: &Principal) {
    let Account { user, memberships, key } = actor.account().unwrap();
    let (key, user, memberships) = (ApiKey::clone(key), User::clone(user), memberships.to_vec());
    let (me, known) = (user.clone(), key.clone());
    repos.users.expect_find_for_share().withf(move |id| *id == known.user_id).returning(move |_| Ok(Some(me.clone())));
    let known = key.clone();
    repos.api_keys.expect_find().returning(move |id| Ok(Some(known.clone()).filter(|key| key.id == *id)));
    let roles = actor.subject.roles().iter().flat_map(|role| {
        role.organizations().filter_map(|(id, _)| Some(RoleName::organization(role.name(), id.as_uuid()?)))
    });
    let owner = KeyOwner { key, user, memberships, default_roles: roles.collect(), groups: Vec::new(), app: None };
    repos.api_keys.expect_find_owner().returning(move |id| Ok(Some(owner.clone()).filter(|owner| owner.key.id == *id)));
}

/// Exactly one audit record of this action and status will be written.
pub(crate) fn expect_audit(repos: &mut MockRepositories, action: &'static str, status: u16) {
    repos
        .audit
        .expect_insert()
        .times(1)
        .withf(move |_, record| {
            let clean = !record.diff.to_string().contains(PASSWORD) && !record.diff.to_string().contains("plain:");
            clean && record.action.as_str() == action && record.status_code == status
        })
        .returning(|_, _| Ok(()));
}
