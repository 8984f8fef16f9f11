//! What a browser keeps of a user who is about to sign in otherwise: tokens that only this server makes.

use crate::context::Context;
use crate::error::Error;
use doorward_domain::identity_providers::Conversion;
use doorward_domain::keys::KeyRing;
use doorward_domain::users::User;
use doorward_domain::{Instant, Secret};
use subtle::ConstantTimeEq as _;

/// The purpose of the key of the tokens.
const PURPOSE: &str = "convert-login";
/// The purpose of the text of the password.
const PURPOSE_PASSWORD: &str = "convert-login, password";

/// The token of a conversion, which was agreed upon at this moment.
pub(super) fn sign(ctx: &Context, conversion: &Conversion) -> Secret<String> {
    conversion.sign(&ctx.keys.ring().forms().text(PURPOSE, &[], conversion.issued_at))
}

/// A text that only this server can make of the password of a user, and that another password has not.
pub(super) fn password_text(ring: &KeyRing, user: &User, now: Instant) -> String {
    ring.forms().text(PURPOSE_PASSWORD, &password_parts(user), now).into_exposed()
}

fn password_parts(user: &User) -> [&[u8]; 2] {
    [user.id.0.as_bytes(), user.password_hash.as_ref().map_or(b"", |hash| hash.expose().as_bytes())]
}

/// Whether the user still has the password that was proved.
pub(super) fn is_password_of(ring: &KeyRing, user: &User, conversion: &Conversion, now: Instant) -> bool {
    ring.forms().is_text(PURPOSE_PASSWORD, &password_parts(user), &conversion.password, now)
}

/// What the browser has brought back of a conversion. Errors: `Invalid` (nothing that this server has made), `Refused` (it is of another
/// deployment or sign-in, or over).
pub(super) fn read(ctx: &Context, tokens: &[Secret<String>], state: &str) -> Result<Conversion, Error> {
    let mut read = read_all(ctx, PURPOSE, tokens, Conversion::read).peekable();
    if read.peek().is_none() {
        return Err(Error::invalid("This browser has not begun to change how you sign in. Please begin again."));
    }
    let Some(conversion) = read.find(|conversion| is_state(&conversion.state, state)) else {
        return Err(Error::Refused("This belongs to another try to change how you sign in.".to_owned()));
    };
    if ctx.clock.now() >= conversion.expires_at {
        return Err(too_late());
    }
    Ok(conversion)
}

/// What these tokens say, as far as this server has made them for the purpose, with a key that it still has.
pub(super) fn read_all<T>(
    ctx: &Context,
    purpose: &'static str,
    tokens: &[Secret<String>],
    read: fn(&str, &Secret<String>) -> Option<T>,
) -> impl Iterator<Item = T> {
    let ring = ctx.keys.ring();
    let keys: Vec<_> = ring.forms().ids().filter_map(|id| ring.forms().text_of(id, purpose, &[])).collect();
    tokens.iter().filter_map(move |token| keys.iter().find_map(|key| read(token.expose(), key)))
}

/// Whether two states are the same, in constant time.
pub(super) fn is_state(known: &str, state: &str) -> bool {
    known.as_bytes().ct_eq(state.as_bytes()).into()
}

pub(super) fn too_late() -> Error {
    Error::Refused("It took too long. Please begin again.".to_owned())
}
