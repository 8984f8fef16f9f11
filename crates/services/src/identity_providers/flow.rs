//! What a sign-in needs to remember, without storing it: the nonce and the PKCE verifier are derived from the state by a key of the
//! server, so any replica can finish what another began, and the browser never sees the verifier.

use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::keys::KeyId;

const PURPOSE: &str = "upstream-flow";

/// Length of the random part of a state.
const STATE_LEN: usize = 32;

/// The first part of the state of a user who is about to sign in otherwise.
pub(crate) const CONVERT: &str = "convert-";

/// The first part of the state of a user who is about to link an account.
pub(super) const LINK: &str = "link-";

/// The first part of the state of a visitor who has to authenticate anew. It cannot be exchanged for another one: the nonce is
/// derived from all of the state.
pub(super) const ANEW: &str = "anew-";

/// What a visitor is sent to a provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To sign in.
    SignIn,
    /// To sign in otherwise from now on.
    Convert,
    /// To link an account.
    Link,
}

impl Errand {
    /// As this state says, whoever made it: enough to choose words by.
    #[must_use]
    pub fn of_state(state: &str) -> Self {
        if state.starts_with(CONVERT) {
            Self::Convert
        } else if state.starts_with(LINK) {
            Self::Link
        } else {
            Self::SignIn
        }
    }
}

/// A sign-in that is under way at one provider.
pub(super) struct Flow<'a> {
    ctx: &'a Context,
    key: KeyId,
    provider: &'a str,
    state: &'a str,
}

/// A new state. Its last character names the key from which the rest is derived, which may be another one in a minute.
pub(crate) fn new_state(ctx: &Context, prefix: &str) -> Secret<String> {
    let key = ctx.keys.ring().forms().signing_id(ctx.clock.now());
    let random = ctx.alphanumeric(STATE_LEN - 1);
    Secret::new(format!("{prefix}{}{key}", random.expose()))
}

impl<'a> Flow<'a> {
    /// The sign-in with this state; `provider` is its name.
    pub(super) fn new(ctx: &'a Context, provider: &'a str, state: &'a str) -> Result<Self, Error> {
        let key = state.bytes().next_back().and_then(KeyId::of);
        let known = key.filter(|key| ctx.keys.ring().forms().ids().any(|id| id == *key));
        let key = known.ok_or_else(|| Error::Unauthenticated {
            message: "This sign-in began too long ago. Please try again.".to_owned(),
            detail: String::new(),
        })?;
        Ok(Self { ctx, key, provider, state })
    }

    /// What the ID token must repeat.
    pub(super) fn nonce(&self) -> Secret<String> {
        self.text("nonce")
    }

    /// The PKCE verifier (RFC 7636 4.1).
    pub(super) fn verifier(&self) -> Secret<String> {
        // One text is shorter than a verifier must be.
        Secret::new(format!("{}{}", self.text("pkce").expose(), self.text("pkce, second part").expose()))
    }

    fn text(&self, label: &str) -> Secret<String> {
        let parts: [&[u8]; 3] = [label.as_bytes(), self.provider.as_bytes(), self.state.as_bytes()];
        let keys = self.ctx.keys.ring();
        // The key was there a moment ago; if it is gone now, nothing fits, and the sign-in fails.
        keys.forms().text_of(self.key, PURPOSE, &parts).unwrap_or_else(|| Secret::new(String::new()))
    }
}
