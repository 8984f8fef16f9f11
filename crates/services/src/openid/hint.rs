//! ID tokens of ours that come back: `id_token_hint`.

use crate::keys::read_own;
use crate::{Context, Error};
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::jws::TokenHeader;
use doorward_domain::oauth2::app_of_client_id;
use uuid::Uuid;

/// An ID token of ours, whenever it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) user: UserId,
    pub(super) app: AppId,
    pub(super) sid: Option<Uuid>,
}

/// Reads a hint. `None` if it is not an ID token that this server has signed; that it has expired does not matter.
pub(super) async fn read(ctx: &Context, text: &str) -> Result<Option<Hint>, Error> {
    let Some(claims) = read_own(ctx, text, TokenHeader::check_id_token).await? else { return Ok(None) };
    let text = |name: &str| claims.text(name).ok().flatten();
    let uuid = |name: &str| text(name).and_then(|text| text.parse::<Uuid>().ok());
    let app = text("aud").and_then(app_of_client_id);
    Ok(uuid("sub").zip(app).map(|(user, app)| Hint { user: UserId(user), app, sid: uuid("sid") }))
}
