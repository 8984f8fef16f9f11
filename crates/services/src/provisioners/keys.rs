//! Keys with which daemons come in. Each is shown once, and kept as a digest.

use crate::Principal;
use crate::audit::{Audited, Snapshot};
use crate::context::Context;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::organizations::{OrganizationRef, resolve};
use crate::sessions::in_person::InPerson;
use crate::users::access;
use crate::users::caller::with_caller;
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::{OrganizationId, ProvisionerKeyId};
use doorward_domain::organizations::Organization;
use doorward_domain::provisioners::{
    KEYS_MAX, KeyName, ProvisionerDaemon, ProvisionerKey, RECENT, ReservedKey, SECRET_LEN, Tags,
};
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::provisioners::DaemonFilter;
use std::collections::BTreeMap;

/// What is asked of a new key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateKey {
    /// What people call it.
    pub name: String,
    /// The tags of its daemons.
    pub tags: BTreeMap<String, String>,
}

/// A key as people see it: one that was made, or what stands in the place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Its id.
    pub id: ProvisionerKeyId,
    /// When it was made, if it was.
    pub created_at: Option<Instant>,
    /// The organization.
    pub organization_id: OrganizationId,
    /// What people call it.
    pub name: String,
    /// The tags of its daemons.
    pub tags: Tags,
}

impl From<ProvisionerKey> for KeyView {
    fn from(key: ProvisionerKey) -> Self {
        Self {
            id: key.id,
            created_at: Some(key.created_at),
            organization_id: key.organization_id,
            name: key.name.to_string(),
            tags: key.tags,
        }
    }
}

impl KeyView {
    fn reserved(key: ReservedKey, organization_id: OrganizationId, created_at: Option<Instant>) -> Self {
        let name = key.name().to_owned();
        Self { id: key.id(), created_at, organization_id, name, tags: Tags::default() }
    }
}

/// The keys of an organization, in the order in which they were made; none for who may not read them.
///
/// Shows what `provisioner_daemon:read` reaches. Errors: `OrganizationNotFound`.
pub async fn list(ctx: &Context, actor: &Principal, organization: &OrganizationRef) -> Result<Vec<KeyView>, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let place = resolve(look.repos, look.by, &reference)?.id;
        if access::may(look.by, Action::Read, &object(place)).is_err() {
            return Ok(Vec::new());
        }
        Ok(look.repos.provisioner_keys().list(place)?.into_iter().map(KeyView::from).collect())
    })
    .await
}

/// Makes a key; the answer is what daemons present, which is seen this once. An organization has at most a thousand.
///
/// Needs `provisioner_daemon:create` in the organization. Errors: `OrganizationNotFound`, `Forbidden`, `Refused` (asked by an app),
/// `Invalid` (`name`, `tags`), `Conflict` (`name` taken; too many).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    command: CreateKey,
) -> Result<Secret<String>, Error> {
    let reference = organization.clone();
    let checked = check(command);
    ctx.act(actor, move |deed| {
        let place = resolve(deed.repos, deed.by, &reference)?.id;
        with_caller(deed, |deed, actor| {
            let permit = access::permit(actor, &object(place))?;
            actor.in_person(InPerson::MakeKey)?;
            let (name, tags) = checked.map_err(|field| Error::invalid_fields(VALIDATION_FAILED, vec![field]))?;
            // Held, so that keys are counted right.
            let gone = || Error::OrganizationNotFound(place.to_string());
            deed.repos.organizations().find_for_update(place)?.ok_or_else(gone)?;
            if deed.repos.provisioner_keys().list(place)?.len() >= KEYS_MAX {
                return Err(Error::conflict(format!("An organization has at most {KEYS_MAX} provisioner keys.")));
            }
            let secret = deed.random().alphanumeric(SECRET_LEN);
            let key = ProvisionerKey {
                id: deed.new_id(),
                created_at: deed.now,
                organization_id: place,
                name,
                digest: Digest::of(secret.expose()),
                tags,
            };
            deed.repos.provisioner_keys().insert(&permit, &key)?;
            Ok(deed.made(&key)?.answer(secret))
        })
    })
    .await
}

fn check(command: CreateKey) -> Result<(KeyName, Tags), FieldError> {
    let name = command
        .name
        .parse()
        .map_err(|error: doorward_domain::provisioners::KeyNameError| FieldError::new("name", error.to_string()))?;
    let tags = Tags::new(command.tags).map_err(|error| FieldError::new("tags", error.to_string()))?;
    Ok((name, tags))
}

/// Deletes the key of this name, without regard to letter case, and forgets its daemons; those that are connected are cut off
/// within a minute.
///
/// Needs `provisioner_daemon:delete` in the organization. Errors: `OrganizationNotFound`, `Forbidden`, `NotFound`, `Invalid` (it is
/// one of the server's own).
pub async fn delete(ctx: &Context, actor: &Principal, organization: &OrganizationRef, name: &str) -> Result<(), Error> {
    let reference = organization.clone();
    let name = doorward_domain::names::key(name);
    ctx.act(actor, move |deed| {
        let place = resolve(deed.repos, deed.by, &reference)?;
        with_caller(deed, |deed, actor| {
            let permit = access::permit(actor, &object(place.id))?;
            if place.is_default && ReservedKey::named(&name).is_some() {
                return Err(Error::invalid("This provisioner key is reserved by the server."));
            }
            let all = deed.repos.provisioner_keys().list(place.id)?;
            let key = all.into_iter().find(|key| key.name.as_str() == name).ok_or(Error::NotFound)?;
            if !deed.repos.provisioner_keys().delete(&permit, place.id, key.id)? {
                return Err(Error::NotFound);
            }
            Ok(deed.ended(&key)?.answer(()))
        })
    })
    .await
}

/// The keys of an organization, with their daemons that were seen within three minutes, by name.
///
/// Shows what `provisioner_daemon:read` reaches. Errors: `OrganizationNotFound`.
pub async fn list_with_daemons(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
) -> Result<Vec<(KeyView, Vec<ProvisionerDaemon>)>, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let place = resolve(look.repos, look.by, &reference)?;
        if access::may(look.by, Action::Read, &object(place.id)).is_err() {
            return Ok(Vec::new());
        }
        let keys = look.repos.provisioner_keys().list(place.id)?;
        let recent = DaemonFilter { seen_since: Some(look.now - RECENT), ..DaemonFilter::default() };
        let mut of_key: BTreeMap<ProvisionerKeyId, Vec<ProvisionerDaemon>> = BTreeMap::new();
        for daemon in look.repos.provisioner_daemons().list(place.id, &recent)? {
            of_key.entry(daemon.key_id).or_default().push(daemon);
        }
        let with_daemons = |key: KeyView| {
            let mut daemons = of_key.remove(&key.id).unwrap_or_default();
            daemons.sort_by(|one, other| one.name.cmp(&other.name));
            (key, daemons)
        };
        Ok(with_reserved(&place, keys).into_iter().map(with_daemons).collect())
    })
    .await
}

/// The keys, with those that stand in the place of keys: all of them in the default organization, which is older than its keys, and
/// what users start elsewhere.
fn with_reserved(place: &Organization, keys: Vec<ProvisionerKey>) -> Vec<KeyView> {
    let keys = keys.into_iter().map(KeyView::from);
    if place.is_default {
        let reserved = |key| KeyView::reserved(key, place.id, Some(place.created_at));
        ReservedKey::ALL.map(reserved).into_iter().chain(keys).collect()
    } else {
        keys.chain([KeyView::reserved(ReservedKey::UserAuth, place.id, None)]).collect()
    }
}

/// The key that this is.
///
/// Needs the key. Errors: `Invalid` (it is none), `Unauthenticated` (none that is known).
pub async fn find(ctx: &Context, presented: &str) -> Result<KeyView, Error> {
    const INVALID: &str = "provisioner daemon key invalid";
    if presented.len() != SECRET_LEN {
        return Err(Error::invalid(INVALID));
    }
    let unknown = || Error::Unauthenticated { message: INVALID.to_owned(), detail: "There is no such key.".to_owned() };
    find_secret(ctx, presented).await?.map(KeyView::from).ok_or_else(unknown)
}

/// The key that this is, if it is one.
pub(super) async fn find_secret(ctx: &Context, presented: &str) -> Result<Option<ProvisionerKey>, Error> {
    if presented.len() != SECRET_LEN {
        return Ok(None);
    }
    let digest = Digest::of(presented);
    ctx.read(move |repos| {
        let found = repos.provisioner_keys().find_by_digest(&digest)?;
        // In constant time, by the type.
        Ok(found.filter(|key| key.digest == digest))
    })
    .await
}

/// The daemons of an organization, and its keys.
fn object(organization: OrganizationId) -> Object<'static> {
    Object::of::<resource::ProvisionerDaemon>().organization(organization.0)
}

impl Audited for ProvisionerKey {
    fn kind(&self) -> AuditResource {
        AuditResource::ProvisionerKey
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.organization_id)
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        let tags: Vec<String> = self.tags.all().iter().map(|(name, value)| format!("{name}={value}")).collect();
        Snapshot::default().field("name", self.name.as_str()).field("tags", tags)
    }
}
