//! ID tokens: what they say, and signing them.

use super::claims::of_user;
use crate::factors::proof_of;
use crate::identity_providers::settings::OidcSettings;
use crate::keys::signing_ring;
use crate::oauth2::client_documents::client_id_of;
use crate::{Context, Error, OAuthError, Settings};
use doorward_domain::ids::{AppId, CodeId, DeviceAuthorizationId, GrantId, UserId};
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::{OidcScope, Scopes};
use doorward_domain::openid::{
    AppRules, AuthenticationRequest, ClaimName, GROUPS_IN_TOKEN_MAX, IdToken, Identity, RequestedClaims, SignIn,
    Unsigned,
};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::User;
use doorward_domain::{Instant, Secret};
use doorward_ports::{Repositories, StoreError};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the value of `acr` is for those who have proved to know a password.
const PASSWORD: &str = "pwd";

/// What a sign-in was worth, by what its identity provider said; of one that it said nothing of, or that was none of a provider, no more
/// than a password.
pub(crate) fn acr(said: Option<&str>) -> &str {
    said.filter(|said| !said.is_empty()).unwrap_or(PASSWORD)
}

/// Whether tokens with these scopes come with an ID token.
pub(crate) fn is_asked_for(settings: &Settings, scopes: &Scopes) -> bool {
    settings.oidc.enabled && scopes.contains(&OidcScope::OpenId.into())
}

fn permit() -> Permit<action::Create, resource::Oauth2AppCodeToken> {
    System::because("the user allows an app to know who they are").permit()
}

/// How and when the session of this key began. The first app that asks gives it a name.
pub(crate) fn sign_in_of(repos: &mut dyn Repositories, key: &ApiKey, fresh: Uuid) -> Result<SignIn, StoreError> {
    repos.openid().insert_session(&permit(), &key.id, fresh)?;
    let sid = repos.openid().find_session(&key.id)?.unwrap_or(fresh);
    let proof = proof_of(repos, key)?;
    Ok(SignIn { sid, auth_time: proof.auth_time, acr: proof.acr, amr: proof.amr })
}

/// Notes with a code what the app is told of the user, who consents with this key.
pub(crate) fn note_code(
    repos: &mut dyn Repositories,
    code: CodeId,
    key: &ApiKey,
    request: &AuthenticationRequest,
    fresh: Uuid,
) -> Result<(), StoreError> {
    let sign_in = sign_in_of(repos, key, fresh)?;
    let identity = Identity { sign_in, nonce: request.nonce.clone(), claims: request.claims.clone() };
    repos.openid().insert_of_code(&permit(), code, &identity)
}

/// Notes with a device what its app is told of the user, who approves it with this key.
pub(crate) fn note_device(
    repos: &mut dyn Repositories,
    device: DeviceAuthorizationId,
    key: &ApiKey,
    fresh: Uuid,
) -> Result<(), StoreError> {
    let sign_in = sign_in_of(repos, key, fresh)?;
    let identity = Identity { sign_in, nonce: None, claims: RequestedClaims::default() };
    repos.openid().insert_of_device(&permit(), device, &identity)
}

/// About whom an ID token is, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    user: UserId,
    client_id: String,
    identity: Identity,
    algorithm: SignatureAlgorithm,
    claims: Map<String, Value>,
}

/// Carries what a code or a device says of its user over to the grant that comes of it.
///
/// Errors: `invalid_grant` (the session has ended in which it was allowed, and with it would the grant, or the app would be told).
pub(crate) fn redeem(
    repos: &mut dyn Repositories,
    settings: &OidcSettings,
    (identity, grant): (Option<Identity>, GrantId),
    user: &User,
    app: AppId,
    scopes: &Scopes,
) -> Result<Option<Subject>, OAuthError> {
    let Some(identity) = identity else { return Ok(None) };
    let rules = repos.openid().find_rules(app)?.unwrap_or_default();
    // The app would never hear that the session has ended: that was told to those who had a grant then.
    if rules.follows_sessions() && !repos.openid().hold_session(identity.sign_in.sid)? {
        return Err(OAuthError::invalid_grant("the session in which it was allowed has ended"));
    }
    repos.openid().insert_of_grant(&permit(), grant, &identity.of_grant())?;
    Ok(Some(subject(repos, settings, user, (app, rules), scopes, identity)?))
}

/// What a grant says of its user when it is refreshed.
pub(crate) async fn of_grant(ctx: &Context, id: GrantId, scopes: &Scopes) -> Result<Option<Subject>, Error> {
    let (settings, scopes) = (std::sync::Arc::clone(&ctx.settings), scopes.clone());
    ctx.read(move |repos| {
        let Some(identity) = repos.openid().find_of_grant(id)? else { return Ok(None) };
        let Some(grant) = repos.grants().find(id)? else { return Ok(None) };
        let Some(user) = repos.users().find(grant.user_id)? else { return Ok(None) };
        let rules = repos.openid().find_rules(grant.app_id)?.unwrap_or_default();
        Ok(Some(subject(repos, &settings.oidc, &user, (grant.app_id, rules), &scopes, identity)?))
    })
    .await
}

fn subject(
    repos: &mut dyn Repositories,
    settings: &OidcSettings,
    user: &User,
    (app, rules): (AppId, AppRules),
    scopes: &Scopes,
    identity: Identity,
) -> Result<Subject, StoreError> {
    let AppRules { id_token_signed_response_alg, claims_in_id_token, .. } = rules;
    let client_id = client_id_of(repos, app)?;
    let mut wanted = identity.claims.id_token.clone();
    if claims_in_id_token {
        wanted.extend(ClaimName::of_scopes(scopes));
    }
    let claims = in_token(repos, settings, user, &wanted)?;
    Ok(Subject { user: user.id, client_id, identity, algorithm: id_token_signed_response_alg, claims })
}

/// What a token says of a user: of too many groups, that there are too many.
pub(crate) fn in_token(
    repos: &mut dyn Repositories,
    settings: &OidcSettings,
    user: &User,
    wanted: &BTreeSet<ClaimName>,
) -> Result<Map<String, Value>, StoreError> {
    let mut claims = of_user(repos, settings, user, wanted)?;
    let groups = claims.get("groups").and_then(Value::as_array).map_or(0, Vec::len);
    if groups > GROUPS_IN_TOKEN_MAX {
        claims.remove("groups");
        claims.insert("groups_overage".to_owned(), true.into());
    }
    Ok(claims)
}

/// The ID token that comes with this access token.
pub(crate) async fn id_token(
    ctx: &Context,
    subject: Subject,
    access_token: &Secret<String>,
) -> Result<Secret<String>, Error> {
    let Subject { user, client_id, identity, algorithm, claims } = subject;
    sign(ctx, algorithm, None, |algorithm, now| {
        let token = IdToken {
            issuer: ctx.settings.issuer(),
            subject: user,
            audience: &client_id,
            issued_at: now,
            lifetime: ctx.settings.oidc.id_token_lifetime.get(),
            sign_in: &identity.sign_in,
            nonce: identity.nonce.as_deref(),
            access_token: access_token.expose(),
            claims,
        };
        token.claims(algorithm)
    })
    .await
}

/// Signs a token by this algorithm; by RS256 if there is no key for it any more.
pub(crate) async fn sign(
    ctx: &Context,
    algorithm: SignatureAlgorithm,
    kind: Option<&str>,
    claims: impl FnOnce(SignatureAlgorithm, Instant) -> Map<String, Value>,
) -> Result<Secret<String>, Error> {
    let (ring, now) = (signing_ring(ctx).await?, ctx.clock.now());
    let key = ring.signing(algorithm, now).or_else(|| ring.signing(SignatureAlgorithm::Rs256, now));
    let key = key.ok_or_else(|| Error::Internal("there is no key to sign with".into()))?;
    let unsigned = Unsigned::new(key.algorithm, &key.id, kind, claims(key.algorithm, now));
    let signature = key.signer.sign(unsigned.signed_part()).map_err(|error| Error::Internal(error.into()))?;
    Ok(unsigned.with_signature(&signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_of_which_nothing_is_said_is_worth_a_password() {
        assert_eq!([acr(None), acr(Some("")), acr(Some("mfa"))], [PASSWORD, PASSWORD, "mfa"]);
    }
}
