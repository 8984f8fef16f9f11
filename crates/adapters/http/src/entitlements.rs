//! What licences give (`enterprise-platform.md` 2).

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::{Entitlements, FeatureState};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.public(__path_find, find);
}

/// What is known of a feature.
#[derive(Serialize, ToSchema)]
#[schema(as = Feature)]
pub(crate) struct FeatureObject {
    /// `entitled`, `grace_period` or `not_entitled`.
    entitlement: &'static str,
    /// Whether it is in force.
    enabled: bool,
    /// How many there may be; absent for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
    /// How many there are; absent where that is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<i64>,
}

impl From<FeatureState> for FeatureObject {
    fn from(state: FeatureState) -> Self {
        let FeatureState { entitlement, enabled, limit, actual } = state;
        Self { entitlement: entitlement.as_str(), enabled, limit, actual }
    }
}

/// What this deployment is entitled to.
#[derive(Serialize, ToSchema)]
#[schema(as = Entitlements)]
pub(crate) struct EntitlementsObject<'a> {
    /// By name; names that this server does not know may be among them.
    features: BTreeMap<&'a str, FeatureObject>,
    warnings: &'a [String],
    errors: &'a [String],
    /// Whether any licence is in force. Without limits there is none, and everything is entitled.
    has_license: bool,
    trial: bool,
    require_telemetry: bool,
    /// When licences and users were last read.
    refreshed_at: Timestamp,
}

impl<'a> From<&'a Entitlements> for EntitlementsObject<'a> {
    fn from(all: &'a Entitlements) -> Self {
        Self {
            features: all.features().map(|(name, state)| (name, state.into())).collect(),
            warnings: &all.warnings,
            errors: &all.errors,
            has_license: all.has_license,
            trial: all.trial,
            require_telemetry: all.require_telemetry,
            refreshed_at: all.refreshed_at.into(),
        }
    }
}

/// Shows what this deployment is entitled to. Anyone may ask: clients do before they are signed in.
#[utoipa::path(
    get, path = "/api/v2/entitlements", tag = "entitlements",
    responses((status = 200, body = EntitlementsObject)),
)]
pub(crate) async fn find(call: Call) -> HandlerResult {
    let all = call.context().licensing.current(call.now());
    Ok(ok(&EntitlementsObject::from(&*all)))
}
