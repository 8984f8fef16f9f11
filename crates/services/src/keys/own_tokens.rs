//! Tokens that this server has signed, and that come back to it.

use super::signing_ring;
use crate::{Context, Error};
use doorward_domain::jws::{Claims, Compact, HeaderDefect, SignatureAlgorithm, TokenHeader};

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 16 * 1024;
/// By what tokens of ours may be signed.
const ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa];

/// What a token says that this server has signed, as the issuer that it is, and that is of the kind that `check` lets through. `None` for
/// every other text. When it expires is for the caller to look at.
pub(crate) async fn read_own(
    ctx: &Context,
    text: &str,
    check: impl Fn(&TokenHeader) -> Result<(), HeaderDefect> + Send,
) -> Result<Option<Claims>, Error> {
    if text.len() > TOKEN_MAX {
        return Ok(None);
    }
    let Ok(compact) = Compact::parse(text) else { return Ok(None) };
    let Ok(header) = TokenHeader::parse(&compact.header, &ALGORITHMS) else { return Ok(None) };
    let Ok(claims) = Claims::parse(&compact.payload) else { return Ok(None) };
    if check(&header).is_err() {
        return Ok(None);
    }
    let ring = signing_ring(ctx).await?;
    let key = header.key_id.as_deref().and_then(|id| ring.find(id));
    let is_signed =
        key.is_some_and(|key| key.algorithm == header.algorithm && compact.is_signed_by(&key.public, header.algorithm));
    let is_ours = is_signed && claims.text("iss") == Ok(Some(ctx.settings.issuer()));
    Ok(is_ours.then_some(claims))
}
