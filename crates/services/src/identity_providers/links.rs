//! Links in the transaction of a use case.

use super::identity::Identified;
use crate::deed::{Deed, Recorded};
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::user_links::UserLink;
use doorward_domain::users::User;
use doorward_ports::{Repositories, StoreError};
use serde_json::Map;

/// The link of the account at the provider, under whichever spelling of the issuer.
pub(super) fn find_link(repos: &mut dyn Repositories, person: &Identified) -> Result<Option<UserLink>, StoreError> {
    repos.user_links().find(&person.issuers, &person.subject)
}

/// A link that is to be made of the account at the provider and a user.
pub(super) struct NewLink {
    pub(super) user_id: UserId,
    /// Whether the user follows it.
    pub(super) is_main: bool,
    pub(super) email_verified: bool,
}

/// Links the account at the provider to a user.
pub(super) fn insert_link(
    deed: &mut Deed<'_>,
    permit: &Permit<action::UpdatePersonal, resource::User>,
    person: &Identified,
    new: &NewLink,
) -> Result<(), StoreError> {
    let link = UserLink {
        user_id: new.user_id,
        login_type: person.login_type,
        provider: person.provider.clone(),
        issuer: person.issuer().to_owned(),
        subject: person.subject.clone(),
        is_main: new.is_main,
        email_verified: new.email_verified,
        claims: person.claims.clone(),
        created_at: deed.now,
        updated_at: deed.now,
    };
    deed.repos.user_links().insert(permit, &link)
}

/// Writes what the provider said at this sign-in.
pub(super) fn update_link(
    deed: &mut Deed<'_>,
    person: &Identified,
    link: UserLink,
    (is_main, email_verified): (bool, bool),
) -> Result<(), StoreError> {
    let link = UserLink {
        provider: person.provider.clone(),
        is_main,
        email_verified,
        claims: person.claims.clone(),
        updated_at: deed.now,
        ..link
    };
    let because = System::because("the identity provider vouches for the user");
    deed.repos.user_links().update(&because.permit(), &link).map(drop)
}

/// By whom, or by what, an account was linked or is not linked any more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Because {
    LinkedBy(&'static str),
    UnlinkedBy(&'static str),
}

/// What the audit log says of a link.
pub(super) fn about(provider: &str, issuer: &str, subject: &str, because: Because) -> Map<String, serde_json::Value> {
    let (key, by) = match because {
        Because::LinkedBy(by) => ("linked_by", by),
        Because::UnlinkedBy(by) => ("unlinked_by", by),
    };
    let pairs = [("provider", provider), ("issuer", issuer), ("subject", subject), (key, by)];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// Records that an account is linked to a provider from now on.
pub(super) fn note_link(
    deed: &mut Deed<'_>,
    person: &Identified,
    user: &User,
    by: &'static str,
) -> Result<Recorded, StoreError> {
    let about = about(&person.provider, person.issuer(), &person.subject, Because::LinkedBy(by));
    let entry = deed.entry().of_user(Some(user.id)).with(about);
    entry.noted(AuditAction::Write, 200, user, crate::audit::Diff::default())
}
