//! Requests that are good for one code: those that were pushed, and those that were signed with an id.

use crate::Error;
use crate::deed::Deed;
use doorward_domain::Digest;
use doorward_domain::replays::SeenToken;
use doorward_domain::roles::System;
use doorward_ports::StoreError;

/// Uses a request up, on which the user has decided: by what it was pushed, and by what it was signed.
pub(super) fn use_up(deed: &mut Deed<'_>, pushed: Option<&Digest>, signed: Option<&SeenToken>) -> Result<(), Error> {
    if let Some(pushed) = pushed {
        let permit = System::because("the user has decided on a pushed request").permit();
        if !deed.repos.pushed_requests().consume(&permit, pushed, deed.now)? {
            return Err(used());
        }
    }
    match signed {
        Some(signed) if !use_up_signed(deed, signed)? => Err(used()),
        _ => Ok(()),
    }
}

/// Uses a signed request up. `false` when it was before.
pub(super) fn use_up_signed(deed: &mut Deed<'_>, signed: &SeenToken) -> Result<bool, StoreError> {
    let permit = System::because("a client's signed request is used").permit();
    deed.repos.replays().insert(&permit, signed)
}

fn used() -> Error {
    Error::invalid("This request was used already, or is too old. Go back to the application and begin again.")
}
