//! Finding or making the account of somebody whom a provider vouches for, in one transaction.

use super::identity::{Identified, kept_out};
use super::links::{NewLink, find_link, insert_link, note_link, update_link};
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::error::Error;
use crate::idp_sync::{self, Synced};
use crate::notifications::accounts::account_created;
use crate::origin::Origin;
use crate::sessions::devices;
use crate::sessions::{IssuedKey, KeySpec, refused_sign_in, seen};
use crate::settings::Settings;
use crate::users::{Identity, blank_user, default_organization, member};
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::identity_providers::{
    Account, AccountFacts, Decision, LinkPolicy, LinkedBy, Profile, decide, same_address,
};
use doorward_domain::idp_sync::{NotAdmitted, Unsyncable};
use doorward_domain::ids::UserId;
use doorward_domain::names::{NAME_MAX, Username};
use doorward_domain::roles::{OWNER, RoleNames, System};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::FederatedSession;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::{Repositories, Sealer, StoreError};
use std::sync::Arc;

/// How often another user name is tried when one is taken.
const NAMES_TRIED: usize = 10;
/// Length of the random part of such a name.
const SUFFIX_LEN: usize = 5;

/// A sign-in, in the transaction that ends it.
#[derive(Clone)]
struct SignIn {
    person: Identified,
    settings: Arc<Settings>,
    sealer: Option<Arc<dyn Sealer>>,
    policy: LinkPolicy,
}

/// What becomes of it: the outer error undoes it, the inner one is its answer.
type Decided = Result<Done<Result<Secret<String>, Error>>, Undone>;

/// Why a sign-in is undone.
enum Undone {
    /// A claim without which nobody signs in cannot be read. Nothing is written of such a sign-in but that it was refused.
    Unsyncable(Unsyncable),
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Undone {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// How often a sign-in is tried that others get in the way of: another one of the same person makes the account at the same moment.
const TRIES: usize = 3;

/// Signs somebody in; the answer is the key of the session.
pub(super) async fn enter(ctx: &Context, person: Identified, origin: &Arc<Origin>) -> Result<Secret<String>, Error> {
    let settings = &ctx.settings;
    let mut policy = settings.oidc.policy();
    if person.login_type == LoginType::Github {
        policy.sign_ups = settings.github.allow_signups;
    }
    if let Err(refusal) = admit(ctx, &person) {
        refuse(ctx, person, origin, None).await?;
        return Err(refusal);
    }
    let sealer = if person.id_token.is_some() { Some(ctx.keys.sealer()?) } else { None };
    let sign_in = SignIn { person, policy, settings: Arc::clone(settings), sealer };
    let caller = Principal::anonymous(Arc::clone(origin));
    let mut tries = 0;
    loop {
        tries += 1;
        let once = sign_in.clone();
        // A refusal leaves a trace, so it is an `Ok` of the closure.
        match ctx.act(&caller, move |deed| once.decide(deed)).await {
            Ok(decided) => return decided,
            Err(Undone::Failed(Error::Conflict { .. })) if tries < TRIES => {}
            Err(Undone::Failed(error)) => return Err(error),
            Err(Undone::Unsyncable(why)) => {
                let told = Error::Refused(kept_out(&why));
                refuse(ctx, sign_in.person, origin, Some(why)).await?;
                return Err(told);
            }
        }
    }
}

/// Whether the groups of somebody may sign in at all.
pub(super) fn admit(ctx: &Context, person: &Identified) -> Result<(), Error> {
    if person.login_type != LoginType::Oidc {
        return Ok(());
    }
    idp_sync::may_sign_in(&person.sync_claims(), &ctx.settings.idp_sync).map_err(|why| {
        let told = kept_out(&why);
        if matches!(why, NotAdmitted::Unreadable(_)) { Error::invalid(told) } else { Error::Refused(told) }
    })
}

/// Records that somebody was refused: in the audit log, and, for a user whose claims cannot be followed, in the log of syncs.
pub(super) async fn refuse(
    ctx: &Context,
    person: Identified,
    origin: &Arc<Origin>,
    why: Option<Unsyncable>,
) -> Result<(), Error> {
    ctx.act(&Principal::anonymous(Arc::clone(origin)), move |deed| {
        let link = find_link(deed.repos, &person)?;
        let user = link.map(|link| deed.repos.users().find(link.user_id)).transpose()?.flatten();
        if let (Some(user), Some(why)) = (&user, &why) {
            idp_sync::note_refused(deed, user, &person.provider, why)?;
        }
        Ok::<_, Error>(refused_sign_in(deed, user.as_ref(), 403)?.answer(()))
    })
    .await
}

/// Where the ID token of a session is stored.
pub(super) fn hint_place(key: &ApiKeyId) -> String {
    format!("federated_sessions/{}", key.as_str())
}

impl SignIn {
    fn decide(self, deed: &mut Deed<'_>) -> Decided {
        let mut link = find_link(deed.repos, &self.person)?;
        let mut linked = link.as_ref().map(|link| self.account(deed.repos, link.user_id)).transpose()?.flatten();
        let mut by_external_id = None;
        if let (None, Some(external_id)) = (&linked, &self.person.profile.external_id)
            && let Some(id) = deed.repos.scim().find_user_by_external_id(None, external_id)?
        {
            by_external_id = self.account(deed.repos, id)?;
            link = find_link(deed.repos, &self.person)?;
            if link.as_ref().is_some_and(|link| link.user_id == id) {
                linked = by_external_id.take();
            }
        }
        let mut by_email = None;
        if linked.is_none() && by_external_id.is_none() {
            let email = self.person.profile.email.as_str();
            if let Some(user) = deed.repos.users().find_by_email(email)?.filter(|user| !user.is_system) {
                let found = self.account(deed.repos, user.id)?;
                // Whoever waited for another sign-in of this person finds the link that it has made.
                link = find_link(deed.repos, &self.person)?;
                match &link {
                    Some(link) if link.user_id == user.id => linked = found,
                    // Meanwhile the address may have become another one.
                    _ => by_email = found.filter(|(_, user)| has_address(user, email)),
                }
            }
        }
        let facts = AccountFacts {
            login_type: self.person.login_type,
            linked: linked.as_ref().map(|(account, _)| *account),
            is_added: link.as_ref().is_some_and(|link| !link.is_main),
            by_external_id: by_external_id.as_ref().map(|(account, _)| *account),
            by_email: by_email.as_ref().map(|(account, _)| *account),
            email_trust: self.person.profile.email_trust,
            is_first_user: !deed.repos.users().any_exists()?,
        };
        let known = linked.or(by_external_id).or(by_email);
        let was_proven = known.as_ref().is_some_and(|(account, _)| account.is_email_proven);
        let known = known.map(|(_, user)| user);
        match decide(&facts, &self.policy) {
            Decision::Refuse(refusal) => {
                let told = Error::Refused(refusal.to_string());
                tracing::info!(provider = %self.person.provider, ?refusal, "a sign-in is refused");
                Ok(refused_sign_in(deed, known.as_ref(), 403)?.answer(Err(told)))
            }
            Decision::Create { is_first: true } if !self.settings.oidc.first_user_is_owner => {
                let message =
                    "This server has not been set up yet. Its operator makes the first user with the set-up link.";
                Ok(deed.unrecorded("there is nobody here", Err(Error::Refused(message.to_owned()))))
            }
            Decision::Create { is_first } => {
                let user = self.create(deed, is_first)?;
                let email_verified = self.proves(None, &user, false);
                self.insert_link(deed, &NewLink { user_id: user.id, is_main: true, email_verified })?;
                self.open(deed, user, true)
            }
            Decision::SignIn(_) => {
                let (Some(before), Some(link)) = (known, link) else { return Err(Error::UserNotFound.into()) };
                // A link that the user has added signs in, and that is all.
                let is_main = link.is_main;
                let user = if is_main { self.follow(deed, before.clone())? } else { before.clone() };
                let was_verified = link.email_verified;
                let verified = if is_main { self.proves(Some(&before), &user, was_verified) } else { was_verified };
                update_link(deed, &self.person, link, (is_main, verified))?;
                self.open(deed, user, is_main)
            }
            Decision::Link { by, .. } => {
                let Some(before) = known else { return Err(Error::UserNotFound.into()) };
                let user = self.follow(deed, before.clone())?;
                let email_verified = self.proves(Some(&before), &user, was_proven);
                self.insert_link(deed, &NewLink { user_id: user.id, is_main: true, email_verified })?;
                let by = match by {
                    LinkedBy::Email => "email",
                    LinkedBy::ExternalId => "external_id",
                };
                let _receipt = note_link(deed, &self.person, &user, by)?;
                self.open(deed, user, true)
            }
        }
    }

    /// Whether the address of the account is proven after this sign-in.
    fn proves(&self, before: Option<&User>, after: &User, was_proven: bool) -> bool {
        let before = before.and_then(|before| before.email.as_ref());
        self.person.profile.proves_email(before, after.email.as_ref(), was_proven)
    }

    fn insert_link(&self, deed: &mut Deed<'_>, new: &NewLink) -> Result<(), StoreError> {
        let because = System::because("the identity provider vouches for the user");
        insert_link(deed, &because.permit(), &self.person, new)
    }

    /// What the rules want to know of a user, who is not changed by others from here on.
    fn account(&self, repos: &mut dyn Repositories, id: UserId) -> Result<Option<(Account, User)>, StoreError> {
        let Some(user) = repos.users().find_for_update(id)? else { return Ok(None) };
        let links = repos.user_links().list_of_user(id)?;
        let account = Account {
            user: id,
            login_type: user.login_type,
            is_deleted: user.deleted,
            is_suspended: user.status == UserStatus::Suspended,
            is_owner: user.roles.contains(OWNER),
            // Addresses come from administrators and directories, or else from providers, which say whether they are verified.
            is_email_proven: links.iter().filter(|link| link.is_main).all(|link| link.email_verified),
            has_link: links.iter().any(|link| self.person.issuers.contains(&link.issuer)),
        };
        Ok(Some((account, user)))
    }

    fn create(&self, deed: &mut Deed<'_>, is_first: bool) -> Result<User, Error> {
        let Profile { email, name, avatar_url, username, .. } = self.person.profile.clone();
        let username = free_name(deed, username)?;
        let identity = Identity { email: Some(email), username, name };
        let roles = if is_first { [OWNER].into_iter().collect() } else { RoleNames::default() };
        let login_type = self.person.login_type;
        let user = User { login_type, avatar_url, roles, ..blank_user(deed.new_id(), identity, deed.now) };
        let because = System::because("the identity provider vouches for the user");
        if is_first {
            deed.repos.users().insert_first(&because.permit(), &user)?;
        } else {
            deed.repos.users().insert(&because.permit(), &user)?;
        }
        let organization = default_organization(deed.repos)?;
        deed.repos.organizations().insert_member(&because.permit(), &member(organization.id, user.id, deed.now))?;
        let _receipt = deed.entry().of_user(Some(user.id)).made(&user)?;
        account_created(deed, &user);
        Ok(user)
    }

    /// Address, name and picture follow the provider; the user name does not, for it stands in links and paths.
    fn follow(&self, deed: &mut Deed<'_>, user: User) -> Result<User, Error> {
        let Profile { email, name, avatar_url, .. } = self.person.profile.clone();
        let name = if name.as_str().is_empty() { user.name.clone() } else { name };
        let avatar_url = if avatar_url.is_empty() { user.avatar_url.clone() } else { avatar_url };
        let is_new = |old: &User| old.email.as_ref().is_none_or(|old| old.key() != email.key());
        let email = if is_new(&user) && deed.repos.users().find_by_email(email.as_str())?.is_some() {
            tracing::warn!(user = %user.id, "the address that the provider says is another user's");
            user.email.clone()
        } else {
            Some(email)
        };
        let changed = User { email, name, avatar_url, updated_at: deed.now, ..user.clone() };
        let is_same =
            (&changed.email, &changed.name, &changed.avatar_url) == (&user.email, &user.name, &user.avatar_url);
        match &changed.email {
            Some(email) if !is_same => {
                let permit = System::because("contact follows the identity provider").permit();
                let (name, avatar) = (&changed.name, &changed.avatar_url);
                deed.repos.users().update_contact(&permit, user.id, email, name, avatar, deed.now)?;
                let _receipt = deed.entry().of_user(Some(user.id)).changed(&user, &changed)?;
                Ok(changed)
            }
            _ => Ok(user),
        }
    }

    /// The ID token, sealed, if signing out here is to sign out at the provider.
    fn sealed_hint(&self, key: &ApiKeyId) -> Result<Option<Vec<u8>>, Error> {
        let (Some(token), Some(sealer)) = (&self.person.id_token, &self.sealer) else { return Ok(None) };
        let secret = Secret::new(token.expose().clone().into_bytes());
        sealer.seal(&hint_place(key), &secret).map(Some).map_err(|error| Error::Internal(error.into()))
    }

    /// Makes organizations, groups and roles those that the claims give.
    fn sync(&self, deed: &mut Deed<'_>, user: &User) -> Result<User, Undone> {
        let claims = self.person.sync_claims();
        match idp_sync::apply(deed, &self.settings, user, (&self.person.provider, &claims))? {
            Ok(Synced { user, plan }) => {
                let (gained, lost) = (plan.gained.len(), plan.lost.len());
                tracing::debug!(user = %user.id, gained, lost, "synced with the identity provider");
                Ok(user)
            }
            Err(why) => Err(Undone::Unsyncable(why)),
        }
    }

    /// Makes the session, of a user who follows the provider or does not.
    fn open(&self, deed: &mut Deed<'_>, user: User, follows: bool) -> Decided {
        let user = if user.status == UserStatus::Dormant { seen(deed, &user)? } else { user };
        let login_type = self.person.login_type;
        let user = if follows && login_type == LoginType::Oidc { self.sync(deed, &user)? } else { user };
        let lifetime = self.settings.sessions.lifetime.get();
        let spec = KeySpec { login_type, ..KeySpec::session(user.id, lifetime, &deed.by.origin.ip) };
        let session = IssuedKey::new(deed.random(), deed.now, spec)?;
        let because = System::because("the identity provider vouches for the user");
        deed.repos.api_keys().insert(&because.permit(), &session.key)?;
        devices::began(deed, &session.key)?;
        let facts = &self.person.facts;
        let federated = FederatedSession {
            key_id: session.key.id.clone(),
            provider: self.person.provider.clone(),
            issuer: self.person.issuer().to_owned(),
            subject: self.person.subject.clone(),
            upstream_sid: facts.upstream_session_id.clone(),
            auth_time: facts.authenticated_at,
            amr: facts.methods.clone(),
            acr: facts.acr.as_str().to_owned(),
        };
        let hint = self.sealed_hint(&session.key.id)?;
        deed.repos.federated_sessions().insert(&because.permit(), &federated, hint.as_deref())?;
        devices::signed_in(deed, &user)?;
        let entry = deed.entry().of_user(Some(user.id));
        let recorded = entry.noted(AuditAction::Login, 201, &session.key, Diff::default())?;
        Ok(recorded.answer(Ok(session.token)))
    }
}

fn has_address(user: &User, email: &str) -> bool {
    user.email.as_ref().is_some_and(|known| same_address(known.as_str(), email))
}

/// The name, or one like it that nobody has.
fn free_name(deed: &mut Deed<'_>, wanted: Option<Username>) -> Result<Username, Error> {
    let base = wanted.unwrap_or_else(|| Username::from_storage("user".to_owned()));
    let mut name = base.clone();
    for _try in 0..NAMES_TRIED {
        if deed.repos.users().find_by_username(name.as_str())?.is_none() {
            return Ok(name);
        }
        let suffix = deed.random().alphanumeric(SUFFIX_LEN);
        // Names are ASCII.
        let kept = base.as_str().get(..NAME_MAX - SUFFIX_LEN - 1).unwrap_or(base.as_str()).trim_end_matches('-');
        let made = format!("{kept}-{}", suffix.expose());
        name = Username::suggested_by(&made).unwrap_or(name);
    }
    Err(Error::conflict("No user name is free that is like the one at the identity provider."))
}
