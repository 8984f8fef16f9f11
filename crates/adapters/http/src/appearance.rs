//! How the deployment looks (`enterprise-platform.md` 3).

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::appearance::{Banner, SupportLink};
use doorward_services::Principal;
use doorward_services::appearance::{self, Shown, UpdateAppearance, UpdateBanner};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_find, find);
    r.user(__path_update, update);
}

/// An announcement.
#[derive(Clone, Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = BannerConfig)]
pub(crate) struct BannerObject {
    enabled: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    /// `#` and six hexadecimal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    background_color: String,
}

impl From<Banner> for BannerObject {
    fn from(banner: Banner) -> Self {
        Self { enabled: banner.enabled, message: banner.message, background_color: banner.background_color.to_string() }
    }
}

impl From<BannerObject> for UpdateBanner {
    fn from(body: BannerObject) -> Self {
        Self { enabled: body.enabled, message: body.message, background_color: body.background_color }
    }
}

/// A link under which people find help.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkConfig)]
pub(crate) struct LinkObject {
    name: String,
    target: String,
    /// `bug`, `chat`, `docs` or `star`.
    icon: String,
}

impl From<SupportLink> for LinkObject {
    fn from(link: SupportLink) -> Self {
        Self { name: link.name, target: link.target, icon: link.icon }
    }
}

/// How the deployment looks.
#[derive(Serialize, ToSchema)]
#[schema(as = AppearanceConfig)]
pub(crate) struct AppearanceObject {
    application_name: String,
    logo_url: String,
    docs_url: String,
    /// The first of the banners; deprecated.
    service_banner: BannerObject,
    announcement_banners: Vec<BannerObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    support_links: Vec<LinkObject>,
}

impl From<Shown> for AppearanceObject {
    fn from(shown: Shown) -> Self {
        let Shown { chosen, docs_url, support_links } = shown;
        let banners: Vec<_> = chosen.announcement_banners.into_iter().map(BannerObject::from).collect();
        Self {
            application_name: chosen.application_name,
            logo_url: chosen.logo_url,
            docs_url,
            service_banner: banners.first().cloned().unwrap_or_default(),
            announcement_banners: banners,
            support_links: support_links.into_iter().map(LinkObject::from).collect(),
        }
    }
}

/// Shows how the deployment looks.
#[utoipa::path(
    get, path = "/api/v2/appearance", tag = "appearance", operation_id = "find_appearance",
    responses((status = 200, body = AppearanceObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    Ok(ok(&AppearanceObject::from(appearance::find(call.context(), &actor).await?)))
}

/// How the deployment is to look. What is absent is taken back.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateAppearanceConfig)]
pub(crate) struct UpdateBody {
    application_name: String,
    /// `https`, `http`, a path of this server, or a bitmap as a `data:` URL.
    logo_url: String,
    /// Of no effect.
    service_banner: BannerObject,
    announcement_banners: Vec<BannerObject>,
}

/// Chooses how the deployment looks.
#[utoipa::path(
    put, path = "/api/v2/appearance", tag = "appearance", operation_id = "update_appearance",
    request_body = UpdateBody,
    responses((status = 200, body = UpdateBody)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let body: UpdateBody = call.json_after(async |_call| appearance::may_update(&actor)).await?;
    let command = UpdateAppearance {
        application_name: body.application_name,
        logo_url: body.logo_url,
        announcement_banners: body.announcement_banners.into_iter().map(UpdateBanner::from).collect(),
    };
    let stored = appearance::update(call.context(), &actor, command).await?;
    Ok(ok(&UpdateBody {
        application_name: stored.application_name,
        logo_url: stored.logo_url,
        service_banner: body.service_banner,
        announcement_banners: stored.announcement_banners.into_iter().map(BannerObject::from).collect(),
    }))
}
