//! Licences (`enterprise-platform.md` 1).

use crate::conventions::Api;
use crate::kit::answer::{self, Message, message};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, api_error, whole_seconds_up};
use crate::kit::json::{Timestamp, append};
use crate::kit::routes::Routes;
use crate::kit::waiting::wait_in_words;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use doorward_domain::licenses::{License, LicenseId};
use doorward_services::entitlements::{self, Refresh};
use doorward_services::{Error, Principal, licenses};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(__path_add, add);
    r.user(__path_refresh, refresh);
    r.user(__path_delete, delete);
}

/// A licence. Its text is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = License)]
pub(crate) struct LicenseObject {
    id: i32,
    uuid: Uuid,
    uploaded_at: Timestamp,
    /// What it says, as it was signed. Written by [`write`], so that numbers keep their form.
    #[serde(skip_serializing_if = "is_written_elsewhere")]
    #[schema(value_type = Object, required)]
    claims: String,
}

/// Claims are never written by serde, which would write numbers anew.
const fn is_written_elsewhere(_claims: &str) -> bool {
    true
}

impl From<License> for LicenseObject {
    fn from(license: License) -> Self {
        let License { id, uuid, uploaded_at, ends_at: _, token } = license;
        let claims = token.claims().unwrap_or_else(|| "{}".to_owned());
        Self { id: id.0, uuid, uploaded_at: uploaded_at.into(), claims }
    }
}

/// Writes a licence behind what is there, with its claims as they are: only what HTML could take for markup is written otherwise,
/// which is the same text in JSON.
fn write(body: &mut Vec<u8>, license: &LicenseObject) -> Result<(), serde_json::Error> {
    append(body, license)?;
    // The brace that closes the object.
    body.pop();
    body.extend_from_slice(b",\"claims\":");
    for c in license.claims.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                body.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => body.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    body.push(b'}');
    Ok(())
}

/// An answer with licences, which are written into the body by `write`.
fn answer(status: StatusCode, write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>) -> HttpResponse {
    let mut body = Vec::new();
    match write(&mut body) {
        Ok(()) => {
            body.push(b'\n');
            answer::bytes(status, answer::JSON, body.into())
        }
        Err(error) => {
            tracing::error!(%error, "writing licences");
            answer::internal()
        }
    }
}

/// Lists the licences that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/licenses", tag = "licenses",
    responses((status = 200, body = [LicenseObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let licenses = licenses::list(call.context(), &actor).await?;
    let objects: Vec<LicenseObject> = licenses.into_iter().map(LicenseObject::from).collect();
    Ok(answer(StatusCode::OK, |body| {
        body.push(b'[');
        for (at, license) in objects.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            write(body, license)?;
        }
        body.push(b']');
        Ok(())
    }))
}

/// A licence to be added.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = AddLicenseRequest)]
pub(crate) struct AddLicense {
    /// Its text: a token that the operator of the product has signed.
    #[schema(required)]
    license: String,
}

/// Adds a licence. What it gives may be used at once; one whose term has not begun may be added early.
#[utoipa::path(
    post, path = "/api/v2/licenses", tag = "licenses",
    request_body = AddLicense,
    responses((status = 201, body = LicenseObject)),
)]
pub(crate) async fn add(mut call: Call, actor: Principal) -> HandlerResult {
    let body: AddLicense = call.json_after(async |_: &Call| licenses::may_add(&actor)).await?;
    let license = licenses::add(call.context(), &actor, &body.license).await?;
    Ok(answer(StatusCode::CREATED, |body| write(body, &license.into())))
}

/// Removes a licence. What it gave ends at once.
#[utoipa::path(
    delete, path = "/api/v2/licenses/{id}", tag = "licenses",
    params(("id" = i32, Path, description = "Id")),
    responses((status = 200)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    let id: i32 = call.segment("id").parse().map_err(|_not_a_number| Failure::from(Error::NotFound))?;
    licenses::delete(call.context(), &actor, LicenseId(id)).await?;
    Ok(HttpResponse::new(StatusCode::OK))
}

/// Reads licences and users anew, at most once a minute.
#[utoipa::path(
    post, path = "/api/v2/licenses/refresh-entitlements", tag = "licenses",
    responses((status = 200, body = Message)),
)]
pub(crate) async fn refresh(call: Call, actor: Principal) -> HandlerResult {
    match entitlements::refresh(call.context(), &actor).await? {
        Refresh::Done => Ok(message("Entitlements have been refreshed.")),
        Refresh::TooSoon(left) => {
            let seconds = whole_seconds_up(left);
            let wait = wait_in_words(seconds);
            let text = format!("Entitlements were refreshed within the last minute. Try again in {wait}.");
            let mut response = api_error(StatusCode::BAD_REQUEST, &text, "");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_written_as_they_were_signed_without_markup() {
        let license = LicenseObject {
            id: 1,
            uuid: Uuid::nil(),
            uploaded_at: Timestamp::from(None),
            claims: "{\"z\":1.50e3,\"a\":\"<b>&\u{2028}\u{e9}\"}".to_owned(),
        };
        let mut body = Vec::new();
        write(&mut body, &license).unwrap();
        let text = String::from_utf8(body).unwrap();
        assert!(text.ends_with(r#","claims":{"z":1.50e3,"a":"\u003cb\u003e\u0026\u2028é"}}"#), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["claims"]["a"], "<b>&\u{2028}\u{e9}");
    }
}
