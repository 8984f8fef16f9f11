//! The device authorization endpoint (RFC 8628 3.1, `oauth2.md` 14.8). Its pages are [`crate::pages::device`].

use crate::conventions::OAuth2;
use crate::conventions::page::paths;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::credential::{self, InBody};
use crate::kit::extract::form::secret;
use crate::kit::routes::Routes;
use doorward_domain::Secret;
use doorward_services::oauth2::device;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&OAuth2);
    r.public(__path_begin, begin).for_any_site();
}

/// A device authorization request (RFC 8628 section 3.1).
#[derive(Deserialize, ToSchema)]
#[schema(as = DeviceAuthorizationRequest)]
pub(crate) struct DeviceForm {
    /// Unless the client authenticates by Basic.
    client_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret<String>>,
    /// RFC 7523 2.2, with `client_assertion_type`.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    client_assertion: Option<Secret<String>>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    client_assertion_type: Option<String>,
    /// Names separated by spaces.
    scope: Option<String>,
    // That it came more than once is an error of its own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    resource: Vec<String>,
}

/// Codes for a device and its user (RFC 8628 section 3.2).
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceAuthorizationResponse)]
pub(crate) struct DeviceObject<'a> {
    device_code: &'a str,
    /// Eight letters: `WDJB-MJHT`.
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    /// Whole seconds until both codes stop being good.
    expires_in: i64,
    /// Seconds between two questions at the token endpoint.
    interval: i32,
}

/// Begins the device grant: gives codes to a device without a browser.
#[utoipa::path(
    post, path = "/oauth2/device", tag = "oauth2", operation_id = "device_authorization",
    request_body(content = DeviceForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = DeviceObject)),
)]
pub(crate) async fn begin(mut call: Call) -> HandlerResult {
    let (form, repeats): (DeviceForm, _) = call.form()?.read_with_repeats()?;
    let request = device::DeviceRequest {
        client: credential::client(
            &call.request,
            InBody {
                client_id: form.client_id,
                client_secret: form.client_secret,
                assertion: form.client_assertion,
                assertion_type: form.client_assertion_type,
            },
        )?,
        scope: form.scope,
        resources: form.resource,
        repeated: repeats.into_iter().next(),
    };
    call.admit(request.client.client_id.as_deref(), None).await?;
    let codes = device::begin(call.context(), request, Arc::clone(&call.origin)).await?;
    call.tally.made_row();
    let uri = format!("{}{}", call.context().settings.issuer(), paths::DEVICE_SHORT);
    Ok(ok(&DeviceObject {
        device_code: codes.device_code.expose(),
        user_code: codes.user_code.to_string(),
        verification_uri_complete: format!("{uri}?user_code={}", codes.user_code),
        verification_uri: uri,
        expires_in: codes.expires_in,
        interval: codes.interval,
    }))
}
