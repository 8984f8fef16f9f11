//! ID tokens of ours that come back: `id_token_hint`.

use crate::keys::signing_ring;
use crate::{Context, Error};
use doorward_domain::identity_providers::{Claims, Compact, TokenHeader};
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::app_of_client_id;
use uuid::Uuid;

/// The longest hint that is looked at, in bytes.
const HINT_MAX: usize = 16 * 1024;
/// By what ID tokens of ours may be signed.
const ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa];

/// An ID token of ours, whenever it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) user: UserId,
    pub(super) app: AppId,
    pub(super) sid: Option<Uuid>,
}

/// Reads a hint. `None` if it is not an ID token that this server has signed; that it has expired does not matter.
pub(super) async fn read(ctx: &Context, text: &str) -> Result<Option<Hint>, Error> {
    if text.len() > HINT_MAX {
        return Ok(None);
    }
    let Ok(compact) = Compact::parse(text) else { return Ok(None) };
    let Ok(header) = TokenHeader::parse(&compact.header, &ALGORITHMS) else { return Ok(None) };
    let Ok(claims) = Claims::parse(&compact.payload) else { return Ok(None) };
    let ring = signing_ring(ctx).await?;
    let key = header.key_id.as_deref().and_then(|id| ring.find(id));
    let is_ours = header.check_id_token().is_ok()
        && key.is_some_and(|key| {
            key.algorithm == header.algorithm && compact.is_signed_by(&key.public, header.algorithm)
        })
        && claims.text("iss") == Ok(Some(ctx.settings.issuer()));
    if !is_ours {
        return Ok(None);
    }
    let text = |name: &str| claims.text(name).ok().flatten();
    let uuid = |name: &str| text(name).and_then(|text| text.parse::<Uuid>().ok());
    let app = text("aud").and_then(app_of_client_id);
    Ok(uuid("sub").zip(app).map(|(user, app)| Hint { user: UserId(user), app, sid: uuid("sid") }))
}
