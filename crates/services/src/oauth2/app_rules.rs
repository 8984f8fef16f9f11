//! What owners say is particular about an app as a relying party of OpenID Connect.

use crate::audit::{Audited, Snapshot};
use crate::deed::Deed;
use crate::{Context, Error, FieldError, Principal, Settings, VALIDATION_FAILED};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::AppId;
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::{App, ClientType, REDIRECT_URIS_MAX, RedirectUri};
use doorward_domain::openid::{
    AppProfile, AppRules, LOGO_MAX, Logo, LogoMark, check_logout_uri, display_name_defect, link_defect,
};
use doorward_domain::roles::System;
use doorward_ports::fetch::Request;
use std::collections::BTreeMap;

/// What an owner says about an app as a relying party. `None` keeps what there is.
#[derive(Clone, Debug, Default)]
pub struct RulesCommand {
    /// By which algorithm its tokens are signed.
    pub id_token_signed_response_alg: Option<String>,
    /// Whether what it may know stands in the ID token too.
    pub claims_in_id_token: Option<bool>,
    /// How many seconds ago a user may have signed in at most; `Some(None)`: that does not matter.
    pub default_max_age: Option<Option<u32>>,
    /// Whether nobody is asked whether they allow it.
    pub trusted: Option<bool>,
    /// Where users may be sent after they have signed out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it is told that a session has ended; empty: nowhere.
    pub backchannel_logout_uri: Option<String>,
    /// Whether it must be told which session has ended.
    pub backchannel_logout_session_required: Option<bool>,
    /// Whether its grants end with the session in which they were given.
    pub end_with_session: Option<bool>,
    /// Its name, in any language; empty: the other one.
    pub display_name: Option<String>,
    /// Where it lives; empty: nowhere.
    pub homepage_uri: Option<String>,
    /// What it does with what it learns.
    pub policy_uri: Option<String>,
    /// Under which terms it works.
    pub terms_uri: Option<String>,
    /// From where its logo is fetched, once; empty: it has none.
    pub logo_uri: Option<String>,
}

impl RulesCommand {
    /// The rules as they are afterwards, and what is wrong with what was said.
    pub(super) fn apply(
        &self,
        settings: &Settings,
        mut rules: AppRules,
        client_type: ClientType,
        fields: &mut Vec<FieldError>,
    ) -> AppRules {
        if let Some(name) = self.id_token_signed_response_alg.as_deref() {
            match signs_by(settings, name) {
                Some(algorithm) => rules.id_token_signed_response_alg = algorithm,
                None => fields.push(FieldError::new("id_token_signed_response_alg", ALGORITHMS_TEXT)),
            }
        }
        if let Some(list) = self.post_logout_redirect_uris.as_deref() {
            match post_logout_redirect_uris(list, client_type) {
                Ok(list) => rules.post_logout_redirect_uris = list,
                Err(errors) => {
                    let told = errors.into_iter().map(|error| FieldError::new("post_logout_redirect_uris", error));
                    fields.extend(told);
                }
            }
        }
        if let Some(uri) = self.backchannel_logout_uri.clone() {
            match check_logout_uri(&uri) {
                _ if uri.is_empty() => rules.backchannel_logout_uri = None,
                Ok(()) => rules.backchannel_logout_uri = Some(uri),
                Err(error) => fields.push(FieldError::new("backchannel_logout_uri", error.to_string())),
            }
        }
        self.apply_profile(&mut rules.profile, fields);
        rules.claims_in_id_token = self.claims_in_id_token.unwrap_or(rules.claims_in_id_token);
        rules.default_max_age = self.default_max_age.unwrap_or(rules.default_max_age);
        rules.trusted = self.trusted.unwrap_or(rules.trusted);
        rules.end_with_session = self.end_with_session.unwrap_or(rules.end_with_session);
        rules.backchannel_logout_session_required =
            self.backchannel_logout_session_required.unwrap_or(rules.backchannel_logout_session_required);
        rules
    }
}

impl RulesCommand {
    /// What people are shown. The logo is another matter: it is fetched first.
    fn apply_profile(&self, profile: &mut AppProfile, fields: &mut Vec<FieldError>) {
        if let Some(name) = &self.display_name {
            match display_name_defect(name) {
                None => profile.display_name.clone_from(name),
                Some(defect) => fields.push(FieldError::new("display_name", defect)),
            }
        }
        for (name, sent, kept) in [
            ("homepage_uri", &self.homepage_uri, &mut profile.homepage_uri),
            ("policy_uri", &self.policy_uri, &mut profile.policy_uri),
            ("terms_uri", &self.terms_uri, &mut profile.terms_uri),
        ] {
            let Some(sent) = sent else { continue };
            match link_defect(sent) {
                None => kept.clone_from(sent),
                Some(defect) => fields.push(FieldError::new(name, defect)),
            }
        }
        if let Some(defect) = self.logo_uri.as_deref().and_then(link_defect) {
            fields.push(FieldError::new("logo_uri", defect));
        }
    }
}

/// What becomes of a logo.
#[derive(Clone, Debug)]
pub(super) enum NewLogo {
    /// It stays as it is.
    Kept,
    /// The app has none any more.
    None,
    /// Another one.
    Fetched(LogoMark, Logo),
}

impl NewLogo {
    /// Notes it, and keeps the picture, of an app that is stored.
    pub(super) fn store(self, deed: &mut Deed<'_>, app: AppId, rules: &mut AppRules) -> Result<(), Error> {
        let permit = System::because("an owner says what people are shown of an app").permit();
        match self {
            Self::Kept => {}
            Self::None => {
                rules.profile.logo = None;
                deed.repos.openid().replace_logo(&permit, app, None)?;
            }
            Self::Fetched(mark, logo) => {
                rules.profile.logo = Some(mark);
                deed.repos.openid().replace_logo(&permit, app, Some(&logo))?;
            }
        }
        Ok(())
    }
}

/// Fetches the logo from where an owner says it is. `old` is the one that is kept.
pub(super) async fn fetch_logo(ctx: &Context, sent: Option<&str>, old: Option<&LogoMark>) -> Result<NewLogo, Error> {
    let Some(uri) = sent else { return Ok(NewLogo::Kept) };
    if uri.is_empty() {
        return Ok(if old.is_some() { NewLogo::None } else { NewLogo::Kept });
    }
    let refused = |detail: String| Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("logo_uri", detail)]);
    // One byte more than a logo may have, so that what is too large is told as that.
    let answer = ctx.upstreams.fetch(Request::get(uri, LOGO_MAX + 1)).await.map_err(|error| {
        tracing::info!(class = error.class.as_str(), error = error.detail, "a logo could not be fetched");
        refused(error.to_string())
    })?;
    let logo = Logo::read(answer.body.expose().clone()).map_err(|error| refused(error.to_string()))?;
    let mark = LogoMark { fetched_from: uri.to_owned(), version: logo.version() };
    Ok(if old == Some(&mark) { NewLogo::Kept } else { NewLogo::Fetched(mark, logo) })
}

/// The logo of an app. Anybody may see it.
///
/// Errors: `NotFound`.
pub async fn logo(ctx: &Context, app: AppId) -> Result<Logo, Error> {
    ctx.read(move |repos| repos.openid().find_logo(app)?.ok_or(Error::NotFound)).await
}

/// What people are shown of an app.
///
/// Needs no permission: it is for the page that asks users. Errors: none of its own.
pub async fn profile(ctx: &Context, app: AppId) -> Result<AppProfile, Error> {
    let rules = ctx.read(move |repos| Ok::<_, Error>(repos.openid().find_rules(app)?)).await?;
    Ok(rules.unwrap_or_default().profile)
}

/// What is told about an algorithm that is none of ours.
pub(super) const ALGORITHMS_TEXT: &str = "must be RS256, ES256, or EdDSA where this server has it";

/// The algorithm of this name, if this server signs by it.
pub(super) fn signs_by(settings: &Settings, name: &str) -> Option<SignatureAlgorithm> {
    match name.parse().ok()? {
        SignatureAlgorithm::EdDsa if !settings.oidc.eddsa => None,
        found @ (SignatureAlgorithm::Rs256 | SignatureAlgorithm::Es256 | SignatureAlgorithm::EdDsa) => Some(found),
        SignatureAlgorithm::Ps256 | SignatureAlgorithm::Es384 => None,
    }
}

/// Addresses that users are sent to after they have signed out, each once: the rules are those of redirect URIs.
pub(super) fn post_logout_redirect_uris(list: &[String], client_type: ClientType) -> Result<Vec<String>, Vec<String>> {
    if list.len() > REDIRECT_URIS_MAX {
        return Err(vec![format!("at most {REDIRECT_URIS_MAX} are allowed")]);
    }
    let (mut uris, mut errors): (Vec<String>, Vec<String>) = (Vec::with_capacity(list.len()), Vec::new());
    for text in list {
        match RedirectUri::register(text, client_type == ClientType::Public) {
            Ok(_) if uris.contains(text) => {}
            Ok(_) => uris.push(text.clone()),
            Err(error) => errors.push(error.to_string()),
        }
    }
    if errors.is_empty() { Ok(uris) } else { Err(errors) }
}

/// What is particular about these apps as relying parties, of those about which something is.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn list(ctx: &Context, actor: &Principal, apps: Vec<AppId>) -> Result<BTreeMap<AppId, AppRules>, Error> {
    super::app_access::may_read_each(actor, &apps)?;
    ctx.look(actor, move |look| Ok(look.repos.openid().list_rules(&apps)?.into_iter().collect())).await
}

/// An app as the audit log follows it.
pub(super) struct AppWithRules<'a> {
    pub(super) app: &'a App,
    pub(super) rules: &'a AppRules,
}

impl Audited for AppWithRules<'_> {
    fn kind(&self) -> AuditResource {
        self.app.kind()
    }

    fn id(&self) -> String {
        Audited::id(self.app)
    }

    fn target(&self) -> String {
        self.app.target()
    }

    fn tracked(&self) -> Snapshot {
        let rules = self.rules;
        self.app
            .tracked()
            .field("id_token_signed_response_alg", rules.id_token_signed_response_alg.as_str())
            .field("claims_in_id_token", rules.claims_in_id_token)
            .field("default_max_age", rules.default_max_age.map(|seconds| seconds.to_string()).unwrap_or_default())
            .field("trusted", rules.trusted)
            .field("post_logout_redirect_uris", rules.post_logout_redirect_uris.clone())
            .field("backchannel_logout_uri", rules.backchannel_logout_uri.clone().unwrap_or_default())
            .field("backchannel_logout_session_required", rules.backchannel_logout_session_required)
            .field("end_with_session", rules.end_with_session)
            .field("display_name", rules.profile.display_name.as_str())
            .field("homepage_uri", rules.profile.homepage_uri.as_str())
            .field("policy_uri", rules.profile.policy_uri.as_str())
            .field("terms_uri", rules.profile.terms_uri.as_str())
            .field("logo_uri", rules.profile.logo.as_ref().map_or("", |logo| logo.fetched_from.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::settings;

    #[test]
    fn what_is_not_said_stays_and_what_is_wrong_is_told_field_by_field() {
        let stored = AppRules { trusted: true, default_max_age: Some(7), ..AppRules::default() };
        let mut fields = Vec::new();
        let kept = RulesCommand::default().apply(&settings(), stored.clone(), ClientType::Public, &mut fields);
        assert_eq!((kept, fields.len()), (stored.clone(), 0));
        let command = RulesCommand {
            id_token_signed_response_alg: Some("ES256".to_owned()),
            default_max_age: Some(None),
            backchannel_logout_uri: Some(String::new()),
            ..RulesCommand::default()
        };
        let changed = command.apply(&settings(), stored.clone(), ClientType::Public, &mut fields);
        assert_eq!((changed.id_token_signed_response_alg, changed.default_max_age), (SignatureAlgorithm::Es256, None));
        assert!(changed.trusted && fields.is_empty());
        let wrong = RulesCommand {
            id_token_signed_response_alg: Some("none".to_owned()),
            post_logout_redirect_uris: Some(vec!["http://a.example/bye".to_owned(), "x".to_owned()]),
            backchannel_logout_uri: Some("http://a.example/l".to_owned()),
            ..RulesCommand::default()
        };
        wrong.apply(&settings(), stored, ClientType::Public, &mut fields);
        let names: Vec<_> = fields.iter().map(|error| error.field.clone()).collect();
        let lists = "post_logout_redirect_uris";
        assert_eq!(names, ["id_token_signed_response_alg", lists, lists, "backchannel_logout_uri"]);
    }

    #[test]
    fn this_server_signs_only_by_algorithms_of_its_own() {
        let mut settings = settings();
        for (name, signs) in [("RS256", true), ("ES256", true), ("EdDSA", true), ("PS256", false), ("none", false)] {
            assert_eq!(signs_by(&settings, name).is_some(), signs, "{name}");
        }
        settings.oidc.eddsa = false;
        assert_eq!(signs_by(&settings, "EdDSA"), None);
    }
}
