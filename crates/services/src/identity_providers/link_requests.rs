//! What a browser keeps of a user who is about to link an account: tokens that only this server makes.

use super::conversions::{is_state, read_all, too_late};
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::identity_providers::LinkRequest;

/// The purpose of the key of the tokens.
const PURPOSE: &str = "link-login";

/// The token of a request, which was agreed upon at this moment.
pub(super) fn sign(ctx: &Context, request: &LinkRequest) -> Secret<String> {
    request.sign(&ctx.keys.ring().forms().text(PURPOSE, &[], request.issued_at))
}

/// What the browser has brought back of a request for this provider. Errors: `Invalid` (nothing that this server has made), `Refused`
/// (it is of another try or provider, or over).
pub(super) fn read(
    ctx: &Context,
    tokens: &[Secret<String>],
    state: &str,
    provider: &str,
) -> Result<LinkRequest, Error> {
    let mut read = read_all(ctx, PURPOSE, tokens, LinkRequest::read).peekable();
    if read.peek().is_none() {
        return Err(Error::invalid("This browser has not begun to link an account. Please begin again."));
    }
    let is_it = |request: &LinkRequest| is_state(&request.state, state) && request.provider == provider;
    let Some(request) = read.find(is_it) else {
        return Err(Error::Refused("This belongs to another try to link an account.".to_owned()));
    };
    if ctx.clock.now() >= request.expires_at {
        return Err(too_late());
    }
    Ok(request)
}
