//! By what the holder of a session proved who they are, and how long ago.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::sessions::in_person::InPerson;
use doorward_domain::Instant;
use doorward_domain::factors::{Proof, Totp};
use doorward_domain::ids::UserId;
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::LoginType;
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;

/// By what the session of this key began. One of which nothing is stored began with a password.
pub(crate) fn proof_of(repos: &mut dyn Repositories, key: &ApiKey) -> Result<Proof, StoreError> {
    if let Some(proof) = repos.factors().find_proof(&key.id)? {
        return Ok(proof);
    }
    let key_id = key.id.clone();
    if let Some((session, _)) = repos.federated_sessions().find(&key.id)? {
        let mut amr = session.amr;
        amr.push("fed".to_owned());
        // Of a sign-in of which a provider says nothing, no more is known than of a password.
        let acr = if session.acr.is_empty() { Proof::PASSWORD.to_owned() } else { session.acr };
        return Ok(Proof { key_id, auth_time: session.auth_time, factor_at: None, amr, acr });
    }
    let (amr, acr) = (vec![Proof::PASSWORD.to_owned()], Proof::PASSWORD.to_owned());
    Ok(Proof { key_id, auth_time: key.created_at, factor_at: None, amr, acr })
}

/// When whoever holds this session signed in; `None` for callers without an account. A session that was made of another one is as old as that.
pub async fn signed_in_at(ctx: &Context, actor: &Principal) -> Result<Option<Instant>, Error> {
    let Some(account) = actor.as_account() else { return Ok(None) };
    let key = Arc::clone(&account.key);
    let proof = ctx.look(actor, move |look| Ok::<_, Error>(look.repos.factors().find_proof(&key.id)?)).await?;
    Ok(Some(proof.map_or(account.key.created_at, |proof| proof.auth_time)))
}

/// Whether a user has a second factor.
pub(crate) fn has_factor(repos: &mut dyn Repositories, user: UserId) -> Result<bool, StoreError> {
    Ok(repos.factors().find_totp(user)?.as_ref().is_some_and(Totp::is_active))
}

/// Refuses whoever has a second factor and has not shown it within ten minutes, and whoever has none and has not signed in within them. Of
/// API tokens and apps nobody knows who holds them.
pub(crate) fn must_be_fresh(repos: &mut dyn Repositories, actor: &Principal, now: Instant) -> Result<(), Error> {
    let account = actor.account()?;
    actor.in_person(InPerson::ChangeFactors)?;
    if account.key.login_type == LoginType::Token {
        return Err(Error::Refused("An API token cannot change second factors. Use a session.".to_owned()));
    }
    let proof = proof_of(repos, &account.key)?;
    if has_factor(repos, account.user.id)? {
        return if Proof::is_fresh(proof.factor_at, now) { Ok(()) } else { Err(show_it()) };
    }
    if Proof::is_fresh(Some(proof.auth_time), now) {
        return Ok(());
    }
    Err(Error::Refused("You signed in more than ten minutes ago. Sign in again to do this.".to_owned()))
}

/// Refuses whoever has a second factor and has not shown it within ten minutes, before something changes by which they sign in.
pub(crate) async fn second_factor_shown(ctx: &Context, actor: &Principal) -> Result<(), Error> {
    let Some(account) = actor.as_account() else { return Ok(()) };
    let (user, key) = (account.user.id, account.key.id.clone());
    ctx.look(actor, move |look| {
        if !has_factor(look.repos, user)? {
            return Ok(());
        }
        let proof = look.repos.factors().find_proof(&key)?;
        let is_fresh = Proof::is_fresh(proof.and_then(|proof| proof.factor_at), look.now);
        if is_fresh { Ok(()) } else { Err(show_it()) }
    })
    .await
}

fn show_it() -> Error {
    let text =
        "This asks for your second factor, shown within the last ten minutes. Show it by a code, or sign in again.";
    Error::Refused(text.to_owned())
}
