//! Which claims and values have been seen at sign-ins (`enterprise-identity.md` 4.4).
//!
//! The work is bounded, however many users there are and whatever providers send: what is older than the last
//! [`SIGN_INS_MAX`] sign-ins, claims of more than [`CLAIMS_MAX`] characters in all, and texts of more than [`TEXT_MAX`] bytes do
//! not count, and there are at most [`FOUND_MAX`] answers.

use super::object;
use crate::Principal;
use crate::context::Context;
use crate::deed::Look;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::users::access;
use doorward_domain::idp_sync::{FIELD_MAX, SyncClaims};
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::Action;
use std::collections::BTreeSet;

/// So many sign-ins are looked at, the last ones first: one for each account at a provider.
const SIGN_INS_MAX: u32 = 20_000;
/// Claims of one sign-in that have more characters, as JSON, are left out.
const CLAIMS_MAX: u32 = 65_536;
/// Longer texts are left out, in bytes.
const TEXT_MAX: usize = 1024;
/// So many names or values are answered at most.
const FOUND_MAX: usize = 2000;

/// So many sign-ins are read at once.
const AT_ONCE: u32 = 500;

/// The names of the claims that were seen, sorted: of all users, or of the members of an organization.
///
/// Needs `idpsync_settings:read`, in the organization if one is named. Errors: `OrganizationNotFound` (missing or not readable),
/// `Forbidden`.
pub async fn available_fields(
    ctx: &Context,
    actor: &Principal,
    organization: Option<&OrganizationRef>,
) -> Result<Vec<String>, Error> {
    let place = organization.cloned();
    ctx.look(actor, move |look| {
        let place = authorize(look, place.as_ref())?;
        collect(look, place, |claims, found| {
            found.extend(claims.members().keys().filter(|name| name.len() <= FIELD_MAX).cloned());
        })
    })
    .await
}

/// The values of a claim that were seen, sorted: of all users, or of the members of an organization.
///
/// Needs `idpsync_settings:read`, in the organization if one is named. Errors: `OrganizationNotFound` (missing or not readable),
/// `Forbidden`, `Invalid` (`claimField`).
pub async fn field_values(
    ctx: &Context,
    actor: &Principal,
    organization: Option<&OrganizationRef>,
    field: String,
) -> Result<Vec<String>, Error> {
    let place = organization.cloned();
    ctx.look(actor, move |look| {
        let place = authorize(look, place.as_ref())?;
        if field.is_empty() {
            return Err(Error::invalid_field("claimField", "is required"));
        }
        collect(look, place, |claims, found| {
            found.extend(claims.seen(&field).filter(|text| text.len() <= TEXT_MAX).map(str::to_owned));
        })
    })
    .await
}

/// The organization, if one is named, in which the caller may read the settings.
fn authorize(look: &mut Look<'_>, place: Option<&OrganizationRef>) -> Result<Option<OrganizationId>, Error> {
    let place = place.map(|reference| resolve(look.repos, look.by, reference)).transpose()?.map(|place| place.id);
    access::may(look.by, Action::Read, &object(place))?;
    Ok(place)
}

/// What `take` finds in the claims of the last sign-ins, each once.
fn collect(
    look: &mut Look<'_>,
    place: Option<OrganizationId>,
    take: impl Fn(&SyncClaims, &mut BTreeSet<String>),
) -> Result<Vec<String>, Error> {
    let mut found = BTreeSet::new();
    let mut offset = 0;
    while offset < SIGN_INS_MAX && found.len() < FOUND_MAX {
        let page = look.repos.user_links().list_claims(place, CLAIMS_MAX, offset, AT_ONCE)?;
        page.claims.iter().for_each(|claims| take(claims, &mut found));
        if !page.is_full {
            break;
        }
        offset += AT_ONCE;
    }
    Ok(found.into_iter().take(FOUND_MAX).collect())
}
