//! A provider ends sessions (OpenID Connect Back-Channel Logout 1.0).

use super::signed;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::Recorded;
use crate::error::Error;
use crate::origin::Origin;
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::identity_providers::{TokenHeader, check_logout_token};
use doorward_domain::ids::UserId;
use doorward_domain::replays::{ReplayKind, SeenToken};
use doorward_domain::roles::{ScopeName, System};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::Upstream;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ends the sessions that a logout token names: one session at the provider, or all of one account there. API tokens and grants stay.
/// Whether there were any is not told.
///
/// Needs no permission but the token. Errors: `Invalid` (the token is not accepted, or was used before), `NotFound` (no such provider),
/// `Upstream` (the keys of the provider cannot be fetched).
pub async fn end_sessions(
    ctx: &Context,
    provider: &str,
    token: &Secret<String>,
    origin: &Arc<Origin>,
) -> Result<(), Error> {
    let provider = ctx.settings.oidc.provider(provider).ok_or(Error::NotFound)?;
    let now = ctx.clock.now();
    let discovery = ctx.upstreams.discovery(provider, now).await?;
    let signed = signed::verify(ctx, provider, &discovery, token, TokenHeader::check_logout_token).await?;
    let token = check_logout_token(&signed.claims, provider, now, ctx.settings.oidc.clock_skew.get())
        .map_err(|defect| Error::invalid(defect.to_string()))?;
    let upstream = match (token.session_id, token.subject) {
        (Some(sid), subject) => Upstream::Session { sid, subject },
        (None, Some(subject)) => Upstream::Subject(subject),
        (None, None) => return Err(Error::invalid("the token names neither a session nor an account")),
    };
    let seen = SeenToken::new(ReplayKind::LogoutToken, &token.issuer, &token.id, token.remember_until);
    let issuers = provider.issuers_of_links(&token.issuer);
    ctx.act(&Principal::anonymous(Arc::clone(origin)), move |deed| {
        let because = System::because("the identity provider ends the session");
        if !deed.repos.replays().insert(&because.permit(), &seen)? {
            return Err(Error::invalid("the token was used before"));
        }
        let mut recorded: Option<Recorded> = None;
        let mut ending: BTreeMap<UserId, Vec<ApiKeyId>> = BTreeMap::new();
        for (id, user) in deed.repos.federated_sessions().list_keys(&issuers, &upstream)? {
            ending.entry(user).or_default().push(id);
        }
        deed.ends_sessions();
        // In the order of ids, as everybody locks users who ends what they have.
        for (user, keys) in ending {
            deed.repos.users().find_for_update(user)?;
            for id in keys {
                let Some(key) = deed.repos.api_keys().find(&id)? else { continue };
                deed.repos.api_keys().delete(&because.permit(), &id)?;
                let entry = deed.entry().of_user(Some(user));
                recorded = Some(entry.noted(AuditAction::Logout, 200, &key, Diff::default())?);
            }
            // As at every sign-out: the keys of apps on their own subdomain.
            deed.repos.api_keys().delete_of_scope(&because.permit(), user, ScopeName::APPLICATION_CONNECT)?;
        }
        Ok(match recorded {
            Some(recorded) => recorded.answer(()),
            None => deed.unrecorded("there was no such session", ()),
        })
    })
    .await
}
