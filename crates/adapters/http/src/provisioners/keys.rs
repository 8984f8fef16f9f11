//! Keys with which daemons come in.

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use crate::provisioners::daemons::DaemonObject;
use doorward_domain::entitlements::Feature;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::wire;
use doorward_services::intent::Intent;
use doorward_services::provisioners::keys::{self, CreateKey, KeyView};
use doorward_services::{Error, Principal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_list, list).needs(Feature::ExternalProvisionerDaemons);
    r.user(__path_create, create).needs(Feature::ExternalProvisionerDaemons).no_store();
    r.user(__path_list_with_daemons, list_with_daemons).needs(Feature::ExternalProvisionerDaemons);
    r.user(__path_delete, delete).needs(Feature::ExternalProvisionerDaemons);
    r.public(__path_find, find).no_store();
}

/// A key of provisioner daemons.
#[derive(Serialize, ToSchema)]
#[schema(as = ProvisionerKey)]
pub(crate) struct KeyObject {
    id: Uuid,
    /// When it was made; "never" for what stands in the place of a key.
    created_at: Timestamp,
    /// The id of the organization.
    organization: Uuid,
    name: String,
    /// The tags of its daemons.
    tags: BTreeMap<String, String>,
}

impl From<KeyView> for KeyObject {
    fn from(key: KeyView) -> Self {
        Self {
            id: key.id.0,
            created_at: Timestamp::from(key.created_at),
            organization: key.organization_id.0,
            name: key.name,
            tags: key.tags.all().clone(),
        }
    }
}

/// Lists the keys of an organization, in the order in which they were made.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/provisionerkeys", tag = "provisioner keys",
    params(("organization" = String, Path, description = "Id or name")),
    responses((status = 200, body = [KeyObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let all = keys::list(call.context(), &actor, &call.organization()).await?;
    Ok(ok(&all.into_iter().map(KeyObject::from).collect::<Vec<_>>()))
}

/// A key that is to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateProvisionerKeyRequest)]
pub(crate) struct CreateBody {
    /// What people call it, at most 64 bytes.
    #[schema(required)]
    name: String,
    /// The tags of its daemons, at most 100.
    tags: Option<BTreeMap<String, String>>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = CreateProvisionerKeyResponse)]
pub(crate) struct Created {
    /// What daemons present: shown this once.
    key: String,
}

/// Makes a key, which is shown this once.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/provisionerkeys", tag = "provisioner keys",
    params(("organization" = String, Path, description = "Id or name")),
    request_body = CreateBody,
    responses((status = 201, body = Created)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CreateBody = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Create, ResourceType::ProvisionerDaemon))
        .await?;
    let command = CreateKey { name: body.name, tags: body.tags.unwrap_or_default() };
    let secret = keys::create(call.context(), &actor, &call.organization(), command).await?;
    Ok(created(&Created { key: secret.into_exposed() }))
}

/// A key with its daemons.
#[derive(Serialize, ToSchema)]
#[schema(as = ProvisionerKeyDaemons)]
pub(crate) struct KeyDaemons {
    key: KeyObject,
    daemons: Vec<DaemonObject>,
}

/// Lists the keys of an organization, and what stands in the place of keys, with the daemons that were seen within three minutes.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/provisionerkeys/daemons", tag = "provisioner keys",
    params(("organization" = String, Path, description = "Id or name")),
    responses((status = 200, body = [KeyDaemons])),
)]
pub(crate) async fn list_with_daemons(call: Call, actor: Principal) -> HandlerResult {
    let all = keys::list_with_daemons(call.context(), &actor, &call.organization()).await?;
    let object = |(key, daemons): (KeyView, Vec<_>)| KeyDaemons {
        key: key.into(),
        daemons: daemons.into_iter().map(DaemonObject::from).collect(),
    };
    Ok(ok(&all.into_iter().map(object).collect::<Vec<_>>()))
}

/// Deletes a key. Its daemons are forgotten, and cut off within a minute.
#[utoipa::path(
    delete, path = "/api/v2/organizations/{organization}/provisionerkeys/{provisionerkey}", tag = "provisioner keys",
    params(("organization" = String, Path, description = "Id or name"), ("provisionerkey" = String, Path, description = "Name of the key")),
    responses((status = 204, description = "Deleted")),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    keys::delete(call.context(), &actor, &call.organization(), &call.segment("provisionerkey")).await?;
    Ok(no_content())
}

/// Shows a key to whoever has it. The key is that of the header `Coder-Provisioner-Daemon-Key`; the one in the path is not looked at.
#[utoipa::path(
    get, path = "/api/v2/provisionerkeys/{provisionerkey}", tag = "provisioner keys",
    params(("provisionerkey" = String, Path, description = "Ignored")),
    responses((status = 200, body = KeyObject)),
)]
pub(crate) async fn find(call: Call) -> HandlerResult {
    let header = |name: &'static str| call.request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let presented = header(wire::PROVISIONER_KEY_HEADER).filter(|key| !key.is_empty()).ok_or_else(|| {
        let message = "provisioner daemon key required".to_owned();
        Error::Unauthenticated { message, detail: "Send it in the header Coder-Provisioner-Daemon-Key.".to_owned() }
    })?;
    if header(wire::PROVISIONER_PSK_HEADER).is_some_and(|psk| !psk.is_empty()) {
        return Err(Error::invalid("A provisioner key and the shared key cannot be used together.").into());
    }
    Ok(ok(&KeyObject::from(keys::find(call.context(), presented).await?)))
}
