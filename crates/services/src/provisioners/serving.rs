//! Daemons that come in, and stay.

use super::keys::find_secret;
use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError};
use crate::organizations::{OrganizationRef, resolve};
use crate::origin::Origin;
use crate::principal::Who;
use doorward_domain::Digest;
use doorward_domain::ids::{OrganizationId, ProvisionerKeyId, UserId};
use doorward_domain::names::hidden_in_name;
use doorward_domain::organizations::Organization;
use doorward_domain::provisioners::{
    ApiVersion, DAEMON_NAME_MAX, DAEMONS_MAX, DAEMONS_OF_USER_MAX, OFFLINE_AFTER, ProvisionerDaemon, ProvisionerKey,
    ProvisionerType, ReservedKey, SCOPE, Tags,
};
use doorward_domain::roles::{Denied, Object, Permit, Subject, System, SystemSubject, action, resource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest version of a program that is kept, in bytes.
const BUILD_VERSION_MAX: usize = 128;
/// Characters of a name that is drawn for a daemon without one.
const DRAWN_NAME: usize = 12;

/// What a daemon presents that no user started.
#[derive(Clone, Debug)]
pub enum Pass {
    /// A key of an organization.
    Key(Box<ProvisionerKey>),
    /// The key that all share.
    Shared,
}

/// What a daemon asks for, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeCommand {
    /// What it wants to be called; empty: a name is drawn.
    pub name: String,
    /// Each `name=value`.
    pub tags: Vec<String>,
    /// What it provisions with.
    pub provisioners: Vec<String>,
    /// The version of the protocol that it speaks; empty: 1.0.
    pub version: String,
    /// The version of its program.
    pub build_version: String,
    /// The request opens no connection: it is told what is wrong with it, and nothing is remembered of it.
    pub only_asks: bool,
}

/// A daemon that may connect.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The daemon.
    pub daemon: ProvisionerDaemon,
    /// What it acts as.
    pub principal: Principal,
    /// The user who started it, if one did.
    user: Option<UserId>,
}

/// What the daemon presents with these headers, if it is any good. A key counts for nothing beside the shared one.
///
/// Needs nothing. Errors: none of its own.
pub async fn recognize(ctx: &Context, key: Option<&str>, psk: Option<&str>) -> Result<Option<Pass>, Error> {
    let shared = ctx.settings.provisioners.psk.expose();
    match (key, psk) {
        (Some(key), None) => Ok(find_secret(ctx, key).await?.map(|key| Pass::Key(Box::new(key)))),
        // In constant time, by the type.
        (None, Some(psk)) if !shared.is_empty() && Digest::of(psk) == Digest::of(shared) => Ok(Some(Pass::Shared)),
        (Some(_) | None, Some(_)) | (None, None) => Ok(None),
    }
}

/// Remembers a daemon that is about to connect, in the order of `enterprise-platform.md` 6.2.
///
/// Needs a key, the shared key, or a session with `provisioner_daemon:create` in the organization; everybody may start one for
/// themselves. Errors: `Invalid` (two credentials; the query; no connection is opened), `Unauthenticated` (none), `OrganizationNotFound`, `Refused`, `Conflict`
/// (too many).
pub async fn connect(
    ctx: &Context,
    session: Option<&Principal>,
    pass: Option<Pass>,
    origin: &Arc<Origin>,
    organization: &OrganizationRef,
    command: ServeCommand,
) -> Result<Connected, Error> {
    let by = match (session, &pass) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "A daemon comes in by a session, or by a provisioner key or the shared key, and not by both.",
            ));
        }
        (None, None) => {
            let message = "A provisioner daemon needs a provisioner key, the shared key, or a session.".to_owned();
            return Err(Error::Unauthenticated {
                message,
                detail: "None of them was presented that is good.".to_owned(),
            });
        }
        (Some(session), None) => session.clone(),
        (None, Some(pass)) => newcomer(pass, origin),
    };
    let (reference, read) = (organization.clone(), read(command));
    let user = by.user_id();
    let daemon = ctx
        .act(&by, move |deed| {
            let place = match &pass {
                None => resolve(deed.repos, deed.by, &reference)?,
                Some(_) => any(deed, &reference)?,
            };
            let asked = read.map_err(Defect::told)?;
            let entry = entry(deed, pass.as_ref(), &place, &asked)?;
            let tags = Tags::new(entry.tags.all().clone()).map_err(|error| {
                Error::invalid_fields("Invalid tags.", vec![FieldError::new("tags", error.to_string())])
            })?;
            let version = spoken(&asked.version)?;
            let name =
                if asked.name.is_empty() { deed.random().alphanumeric(DRAWN_NAME).into_exposed() } else { asked.name };
            let new = ProvisionerDaemon {
                id: deed.new_id(),
                organization_id: entry.organization,
                key_id: entry.key,
                name,
                created_at: deed.now,
                last_seen_at: deed.now,
                version: asked.build_version,
                api_version: version.to_string(),
                provisioners: asked.provisioners,
                tags,
            };
            if asked.only_asks {
                return Ok(deed.unrecorded("a request that opens no connection leaves nothing", None));
            }
            let daemon = deed.repos.provisioner_daemons().upsert(&entry.permit, &new)?;
            // One that is known comes back whatever others do, and nobody's hinder those of others.
            let is_own = pass.is_none() && daemon.tags.is_for_user();
            let (whose, most) = if is_own { ("A user", DAEMONS_OF_USER_MAX) } else { ("An organization", DAEMONS_MAX) };
            let owner = daemon.tags.owner();
            if daemon.id == new.id && !has_room(deed, entry.organization, owner, most)? {
                return Err(Error::conflict(format!("{whose} has at most {most} provisioner daemons at once.")));
            }
            Ok::<_, Error>(deed.unrecorded("daemons come and go by themselves, and lists show them", Some(daemon)))
        })
        .await?;
    let daemon = daemon.ok_or_else(|| Error::invalid("A provisioner daemon connects by a WebSocket."))?;
    let principal = as_daemon(&daemon, origin);
    Ok(Connected { daemon, principal, user })
}

/// Whether no more daemons of this owner are remembered than may be, after those that are offline were forgotten for it, the oldest first.
fn has_room(deed: &mut Deed<'_>, organization: OrganizationId, owner: &str, most: i64) -> Result<bool, Error> {
    let known = deed.repos.provisioner_daemons().count(organization, owner)?;
    if known <= most {
        return Ok(true);
    }
    let permit = System::because("another daemon takes its place").permit();
    let online_since = deed.now - OFFLINE_AFTER;
    let gone = deed.repos.provisioner_daemons().make_room(&permit, organization, owner, most, online_since)?;
    Ok(known - gone <= most)
}

/// Notes that a connected daemon is there. `false` when it may not be any more: its key was deleted, or its user may not act.
///
/// Needs nothing but the connection. Errors: none of its own.
pub async fn seen(ctx: &Context, connected: &Connected) -> Result<bool, Error> {
    let (id, user) = (connected.daemon.id, connected.user);
    ctx.act(&connected.principal, move |deed| {
        if let Some(user) = user
            && !deed.repos.users().find(user)?.is_some_and(|user| user.may_act())
        {
            return Ok(deed.unrecorded("nothing is written", false));
        }
        let permit = System::because("a connected daemon is there").permit::<action::Update, resource::System>();
        let is_known = deed.repos.provisioner_daemons().touch(&permit, id, deed.now)?;
        Ok(deed.unrecorded("that it is there is no change", is_known))
    })
    .await
}

/// A query that was read.
#[derive(Clone, Debug)]
struct Asked {
    name: String,
    tags: BTreeMap<String, String>,
    provisioners: BTreeSet<ProvisionerType>,
    version: String,
    build_version: String,
    only_asks: bool,
}

/// What is wrong with a query.
#[derive(Clone, Debug)]
struct Defect {
    field: &'static str,
    detail: String,
}

impl Defect {
    fn told(self) -> Error {
        Error::invalid_fields("Query parameters have invalid values.", vec![FieldError::new(self.field, self.detail)])
    }
}

fn read(command: ServeCommand) -> Result<Asked, Defect> {
    let wrong = |field, detail: &str| Defect { field, detail: detail.to_owned() };
    let mut tags = BTreeMap::new();
    for tag in command.tags {
        let Some((name, value)) = tag.split_once('=') else {
            return Err(wrong("tag", "each tag must be of the form `name=value`"));
        };
        tags.insert(name.to_owned(), value.to_owned());
    }
    if command.provisioners.is_empty() {
        return Err(wrong("provisioner", "the daemon must say what it provisions with: `terraform` or `echo`"));
    }
    let kinds = command.provisioners.iter().map(|kind| kind.parse::<ProvisionerType>());
    let provisioners = kinds
        .collect::<Result<_, _>>()
        .map_err(|_unknown| wrong("provisioner", "a daemon provisions with `terraform` or `echo`"))?;
    let name = command.name;
    if name.len() > DAEMON_NAME_MAX || hidden_in_name(&name).is_some() {
        return Err(wrong("name", "a name has at most 128 bytes and none that do not show"));
    }
    let mut build_version = command.build_version;
    build_version.retain(|c| !c.is_control());
    build_version.truncate(build_version.floor_char_boundary(BUILD_VERSION_MAX));
    Ok(Asked { name, tags, provisioners, version: command.version, build_version, only_asks: command.only_asks })
}

fn spoken(version: &str) -> Result<ApiVersion, Error> {
    let version = if version.is_empty() { Ok(ApiVersion::DEFAULT) } else { version.parse() };
    version.and_then(ApiVersion::spoken).map_err(|error| {
        let fields = vec![FieldError::new("version", error.to_string())];
        Error::invalid_fields("Incompatible or unparsable version", fields)
    })
}

/// As what a daemon is remembered.
struct Entry {
    organization: OrganizationId,
    key: ProvisionerKeyId,
    tags: Tags,
    permit: Permit<action::Create, resource::ProvisionerDaemon>,
}

/// Whether the daemon may come in, and as what.
fn entry(deed: &Deed<'_>, pass: Option<&Pass>, place: &Organization, asked: &Asked) -> Result<Entry, Error> {
    let object =
        |organization: OrganizationId| Object::of::<resource::ProvisionerDaemon>().organization(organization.0);
    let scope = asked.tags.get(SCOPE).map_or("", String::as_str);
    let refused = |why: &str| {
        // What was asked for is repeated no longer than people read.
        let scope: String = scope.chars().take(64).collect();
        Error::Refused(format!(
            "You're not authorized to create a provisioner daemon with scope tag \"{scope}\": {why}"
        ))
    };
    let asked_tags = Tags::from_storage(asked.tags.clone());
    match pass {
        Some(Pass::Key(key)) => {
            if !asked.tags.is_empty() {
                return Err(refused("a daemon with a provisioner key has the tags of the key, and may name none."));
            }
            let system = System::because("a daemon has shown its key");
            Ok(Entry {
                organization: key.organization_id,
                key: key.id,
                tags: key.tags.of_daemon(UserId::NIL),
                permit: system.permit_on(&object(key.organization_id)),
            })
        }
        Some(Pass::Shared) => {
            if !place.is_default {
                return Err(refused("the shared key is for the default organization only."));
            }
            let system = System::because("a daemon has shown the shared key");
            Ok(Entry {
                organization: place.id,
                key: ReservedKey::Psk.id(),
                tags: asked_tags.of_daemon(UserId::NIL),
                permit: system.permit_on(&object(place.id)),
            })
        }
        None => {
            let user = deed.by.account()?.user.id;
            let wanted = object(place.id);
            let wanted = if asked_tags.is_for_user() { wanted.owner(user.0) } else { wanted };
            let permit = deed.by.permit(&wanted).map_err(|denied: Denied| refused(&denied.to_string()))?;
            let tags = asked_tags.of_daemon(user);
            Ok(Entry { organization: place.id, key: ReservedKey::UserAuth.id(), tags, permit })
        }
    }
}

/// The organization, for daemons, which need not be able to read it.
fn any(deed: &mut Deed<'_>, reference: &OrganizationRef) -> Result<Organization, Error> {
    let organizations = deed.repos.organizations();
    let found = match reference {
        OrganizationRef::Default => organizations.find_default()?,
        OrganizationRef::Id(id) => organizations.find(*id)?,
        OrganizationRef::Name(name) => organizations.find_by_name(name)?,
    };
    found.ok_or_else(|| Error::OrganizationNotFound(reference.to_string()))
}

/// A daemon that has shown its pass and is not remembered yet.
fn newcomer(pass: &Pass, origin: &Arc<Origin>) -> Principal {
    let (id, organization, tags) = match pass {
        Pass::Key(key) => (key.id, key.organization_id, key.tags.all().clone()),
        Pass::Shared => (ReservedKey::Psk.id(), OrganizationId::NIL, BTreeMap::new()),
    };
    let who = Who::Provisioner { id: id.0, organization, tags: Arc::new(tags) };
    Principal::machine(who, nobody(), Arc::clone(origin))
}

/// A daemon that is remembered.
fn as_daemon(daemon: &ProvisionerDaemon, origin: &Arc<Origin>) -> Principal {
    let who = Who::Provisioner {
        id: daemon.id.0,
        organization: daemon.organization_id,
        tags: Arc::new(daemon.tags.all().clone()),
    };
    let subject = SystemSubject::find("Provisioner Daemon").map_or_else(nobody, SystemSubject::subject);
    Principal::machine(who, subject, Arc::clone(origin))
}

/// Who may do nothing that access control is asked about.
fn nobody() -> Subject {
    Principal::anonymous(Origin::unknown()).subject
}
