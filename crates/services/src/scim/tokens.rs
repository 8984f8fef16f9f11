//! Tokens of the directories of organizations: made, listed, rotated with an overlap, revoked. Each is shown once, and kept as a
//! digest.
//!
//! All of them need `idpsync_settings:update` in the organization, and the setting `scim.organization_directories`.

use crate::Principal;
use crate::audit::{Audited, Snapshot};
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::sessions::in_person::InPerson;
use crate::users::access;
use crate::users::caller::{Held, with_caller};
use doorward_domain::Secret;
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::{OrganizationId, ScimTokenId};
use doorward_domain::oauth2::OpaqueToken;
use doorward_domain::roles::{Action, Object, Permit, action, resource};
use doorward_domain::scim::{ScimToken, TOKEN_NAME_MAX, TOKENS_MAX};
use time::Duration;

/// For how long the old token may be good beside the new one.
const OVERLAPS: (Duration, Duration) = (Duration::ZERO, Duration::days(30));
/// For how long it is if nothing is said.
const OVERLAP: Duration = Duration::DAY;
/// How long a token may be good, if it is to end by itself.
const LIFETIME: (Duration, Duration) = (Duration::MINUTE, Duration::days(3660));

/// What is asked of a new token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateToken {
    /// What people call it.
    pub name: String,
    /// For how many seconds it is good; `None` until it is revoked.
    pub lifetime_seconds: Option<i64>,
}

/// A token that was made, with what its directory presents: the only time that it is seen.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The token.
    pub token: ScimToken,
    /// What the directory presents.
    pub secret: Secret<String>,
}

/// The tokens of an organization, in the order in which they were made.
///
/// Errors: `OrganizationNotFound`, `Forbidden`, `NoSuch` (switched off).
pub async fn list(ctx: &Context, actor: &Principal, organization: &OrganizationRef) -> Result<Vec<ScimToken>, Error> {
    must_be_on(ctx)?;
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let organization = resolve(look.repos, look.by, &reference)?;
        access::may(look.by, Action::Update, &object(organization.id))?;
        Ok(look.repos.scim_tokens().list(organization.id)?)
    })
    .await
}

/// Makes a token. An organization has at most twenty.
///
/// Errors: `OrganizationNotFound`, `Forbidden`, `Refused` (asked by an app), `NoSuch` (switched off), `Invalid` (`name`,
/// `lifetime_seconds`), `Conflict` (too many).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    command: CreateToken,
) -> Result<NewToken, Error> {
    must_be_on(ctx)?;
    let name = command.name.trim().to_owned();
    let is_name = !name.is_empty() && name.len() <= TOKEN_NAME_MAX && doorward_domain::names::is_plain(&name);
    if !is_name {
        return Err(Error::invalid_field("name", format!("must be plain text of 1 to {TOKEN_NAME_MAX} bytes")));
    }
    let lifetime = command.lifetime_seconds.map(|seconds| span("lifetime_seconds", seconds, LIFETIME));
    let lifetime = lifetime.transpose()?;
    actor.in_person(InPerson::MakeKey)?;
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        let place = resolve(deed.repos, deed.by, &reference)?.id;
        with_caller(deed, |deed, actor| {
            let permit = held(deed, actor, place)?;
            if deed.repos.scim_tokens().list(place)?.len() >= TOKENS_MAX {
                return Err(too_many());
            }
            let new = insert(deed, &permit, place, name, lifetime)?;
            Ok(deed.made(&new.token)?.answer(new))
        })
    })
    .await
}

/// Makes a token in the place of another one, which stays good for `overlap_seconds` (a day if nothing is said), or until its own end
/// if that is earlier. The new one lives as long as the old one was to.
///
/// Errors: `OrganizationNotFound`, `Forbidden`, `Refused` (asked by an app), `NoSuch` (switched off), `NotFound` (no such token, or it has
/// ended), `Invalid` (`overlap_seconds`), `Conflict` (too many).
pub async fn rotate(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    id: ScimTokenId,
    overlap_seconds: Option<i64>,
) -> Result<NewToken, Error> {
    must_be_on(ctx)?;
    let overlap = overlap_seconds.map(|seconds| span("overlap_seconds", seconds, OVERLAPS));
    let overlap = overlap.transpose()?.unwrap_or(OVERLAP);
    actor.in_person(InPerson::MakeKey)?;
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        let place = resolve(deed.repos, deed.by, &reference)?.id;
        with_caller(deed, |deed, actor| {
            let permit = held(deed, actor, place)?;
            let all = deed.repos.scim_tokens().list(place)?;
            let old = all.iter().find(|token| token.id == id && token.is_live(deed.now)).ok_or(Error::NotFound)?;
            if all.len() >= TOKENS_MAX {
                return Err(too_many());
            }
            let end = old.expires_at.map_or(deed.now + overlap, |end| end.min(deed.now + overlap));
            if !deed.repos.scim_tokens().expire(&permit, place, id, end)? {
                return Err(Error::NotFound);
            }
            // Not as long as it lives now: it may have been replaced before.
            let new = insert(deed, &permit, place, old.name.clone(), old.lifetime)?;
            let ending = ScimToken { expires_at: Some(end), ..old.clone() };
            let _receipt = deed.changed(old, &ending)?;
            Ok(deed.made(&new.token)?.answer(new))
        })
    })
    .await
}

/// Ends a token at once.
///
/// Errors: `OrganizationNotFound`, `Forbidden`, `Refused` (asked by an app), `NoSuch` (switched off), `NotFound` (no such token).
pub async fn revoke(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    id: ScimTokenId,
) -> Result<(), Error> {
    must_be_on(ctx)?;
    actor.in_person(InPerson::EndKey)?;
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        let place = resolve(deed.repos, deed.by, &reference)?.id;
        with_caller(deed, |deed, actor| {
            let permit = held(deed, actor, place)?;
            let all = deed.repos.scim_tokens().list(place)?;
            let old = all.iter().find(|token| token.id == id).ok_or(Error::NotFound)?;
            if !deed.repos.scim_tokens().delete(&permit, place, id)? {
                return Err(Error::NotFound);
            }
            Ok(deed.ended(old)?.answer(()))
        })
    })
    .await
}

fn must_be_on(ctx: &Context) -> Result<(), Error> {
    if ctx.settings.scim.organization_directories {
        return Ok(());
    }
    Err(Error::NoSuch(
        "Directories of organizations are switched off on this server. Its administrator switches them on by the setting \
         scim.organization_directories."
            .to_owned(),
    ))
}

fn object(organization: OrganizationId) -> Object<'static> {
    Object::of::<resource::IdpsyncSettings>().organization(organization.0)
}

/// The permit for the organization, which stays as it is until the transaction ends: so tokens are counted right.
fn held(
    deed: &mut Deed<'_>,
    actor: &Held,
    organization: OrganizationId,
) -> Result<Permit<action::Update, resource::IdpsyncSettings>, Error> {
    let permit = access::permit(actor, &object(organization))?;
    let gone = || Error::OrganizationNotFound(organization.to_string());
    deed.repos.organizations().find_for_update(organization)?.ok_or_else(gone)?;
    Ok(permit)
}

fn insert(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::IdpsyncSettings>,
    organization_id: OrganizationId,
    name: String,
    lifetime: Option<Duration>,
) -> Result<NewToken, Error> {
    let random = deed.random();
    let prefix = random.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed();
    let secret = OpaqueToken::new(prefix, random.alphanumeric(OpaqueToken::SECRET_LEN));
    let token = ScimToken {
        id: deed.new_id(),
        organization_id,
        name,
        prefix: secret.prefix().to_owned(),
        digest: secret.digest(),
        created_by: deed.by.user_id(),
        created_at: deed.now,
        lifetime,
        expires_at: lifetime.map(|lifetime| deed.now + lifetime),
        last_used_at: None,
    };
    deed.repos.scim_tokens().insert(permit, &token)?;
    Ok(NewToken { token, secret: secret.to_wire() })
}

fn span(field: &'static str, seconds: i64, (least, most): (Duration, Duration)) -> Result<Duration, Error> {
    let span = Duration::seconds(seconds);
    if span >= least && span <= most {
        return Ok(span);
    }
    let rule = format!("must be from {} to {}", least.whole_seconds(), most.whole_seconds());
    Err(Error::invalid_field(field, rule))
}

fn too_many() -> Error {
    Error::conflict(format!(
        "An organization has at most {TOKENS_MAX} tokens for directories. Revoke some, or those that have ended."
    ))
}

impl Audited for ScimToken {
    fn kind(&self) -> AuditResource {
        AuditResource::ScimToken
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.clone()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.organization_id)
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default().field("name", self.name.as_str()).moment("expires_at", self.expires_at)
    }
}
