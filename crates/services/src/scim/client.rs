//! Who provisions.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::OrganizationRef;
use crate::origin::Origin;
use crate::principal::Who;
use doorward_domain::Digest;
use doorward_domain::oauth2::OpaqueToken;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Id, Scope, Subject, System, action, resource};
use doorward_domain::scim::ScimToken;
use doorward_ports::{Repositories, StoreError};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// Whose directory is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// That of the deployment.
    Deployment,
    /// That of an organization.
    Organization(OrganizationRef),
}

/// Whether there is such a directory at all.
#[must_use]
pub fn is_on(ctx: &Context, place: &Place) -> bool {
    match place {
        Place::Deployment => !ctx.settings.scim.key.expose().is_empty(),
        Place::Organization(_) => ctx.settings.scim.organization_directories,
    }
}

/// The directory that presents this: the key of the settings, or a token of the organization. That a token was used is noted, once a
/// minute.
///
/// Needs the key or a token. Errors: `Unauthenticated`, also while there is no such directory.
pub async fn authenticate(
    ctx: &Context,
    place: &Place,
    presented: &str,
    origin: &Arc<Origin>,
) -> Result<Principal, Error> {
    if presented.is_empty() || !is_on(ctx, place) {
        return Err(refused("there is none"));
    }
    let client =
        |id, organization| Principal::machine(Who::ScimClient { id, organization }, provisioner(), Arc::clone(origin));
    let reference = match place {
        Place::Deployment => {
            // In constant time, by the type.
            let is_key = Digest::of(presented) == Digest::of(ctx.settings.scim.key.expose());
            return if is_key {
                Ok(client(Uuid::nil(), None))
            } else {
                Err(refused("it is not the key of this server"))
            };
        }
        Place::Organization(reference) => reference.clone(),
    };
    let wrong = || refused("it is no token of this organization, or not good any more");
    let token = OpaqueToken::parse(presented).map_err(|_malformed| wrong())?;
    let (prefix, digest, now) = (token.prefix().to_owned(), token.digest(), ctx.clock.now());
    let found = ctx.read(move |repos| find(repos, &reference, &prefix)).await?;
    // In constant time, by the type.
    let found = found.filter(|found| found.digest == digest && found.is_live(now)).ok_or_else(wrong)?;
    let principal = client(found.id.0, Some(found.organization_id));
    if found.is_use_noted(now) {
        note_use(ctx, &principal, &found).await?;
    }
    Ok(principal)
}

/// The token, if it is one of this organization.
fn find(repos: &mut dyn Repositories, reference: &OrganizationRef, prefix: &str) -> Result<Option<ScimToken>, Error> {
    let Some(token) = repos.scim_tokens().find_by_prefix(prefix)? else { return Ok(None) };
    let organization: Option<Organization> = match reference {
        OrganizationRef::Id(id) => repos.organizations().find(*id)?,
        OrganizationRef::Name(name) => repos.organizations().find_by_name(name)?,
        OrganizationRef::Default => repos.organizations().find_default()?,
    };
    Ok(organization.filter(|organization| organization.id == token.organization_id).map(|_| token))
}

/// Notes the use of a token. While the database takes no changes it is not noted.
async fn note_use(ctx: &Context, by: &Principal, token: &ScimToken) -> Result<(), Error> {
    let id = token.id;
    let noted = ctx
        .act(by, move |deed| {
            let permit = System::because("a directory has used its token").permit::<action::Update, resource::System>();
            deed.repos.scim_tokens().touch(&permit, id, deed.now)?;
            Ok::<_, StoreError>(deed.unrecorded("a use is no change", ()))
        })
        .await;
    match noted {
        Err(StoreError::Unavailable(_) | StoreError::Serialization(_)) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn refused(detail: &str) -> Error {
    let message = "A key for provisioning is needed, in the header Authorization.".to_owned();
    Error::Unauthenticated { message, detail: detail.to_owned() }
}

/// What directories may do. Those of organizations reach no further than what they have made, for they find nothing else.
fn provisioner() -> Subject {
    static PROVISIONER: LazyLock<Subject> =
        LazyLock::new(|| Subject::builder(Id::EMPTY).site_roles(["user-admin"]).scope(Scope::all()).build());
    PROVISIONER.clone()
}
