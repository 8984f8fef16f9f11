//! What is stored about an authentication request, read in the call of the store that finds its app.

use crate::oauth2::resources::{bind, parse_resource};
use crate::{Context, Principal, Settings};
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::{App, Resource};
use doorward_domain::openid::{AppRules, Consent};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::FederatedSession;
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;

/// What is stored about a request and who is signed in, found in the same call of the store as its app.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether the app registered itself, and no administrator has changed it since: then nobody answers for its name.
    pub is_its_own: bool,
    pub(super) rules: AppRules,
    pub(super) consent: Option<Consent>,
    pub(super) session: Option<FederatedSession>,
}

/// Of whom and what that is.
#[derive(Clone, Debug)]
pub struct Asking {
    settings: Arc<Settings>,
    account: Option<(UserId, ApiKeyId)>,
    resources: Vec<String>,
}

impl Asking {
    /// Who asks for what: `actor` is who is signed in, `resources` is each `resource` of the request.
    #[must_use]
    pub fn new(ctx: &Context, actor: Option<&Principal>, resources: &[String]) -> Self {
        let account = actor.and_then(Principal::as_account);
        Self {
            settings: Arc::clone(&ctx.settings),
            account: account.map(|account| (account.user.id, account.key.id.clone())),
            resources: resources.to_vec(),
        }
    }

    pub(crate) fn look(&self, repos: &mut dyn Repositories, app: &App) -> Result<Known, StoreError> {
        let rules = repos.openid().find_rules(app.id)?.unwrap_or_default();
        let is_its_own = repos.registrations().find(app.id)?.is_some_and(|client| !client.adopted);
        let Some((user, key)) = &self.account else { return Ok(Known { is_its_own, rules, ..Known::default() }) };
        // A resource that cannot be is refused before anybody asks what was allowed for it.
        let asked = parse_resource(&self.resources).and_then(|asked| bind(&self.settings, app, asked.as_ref()));
        let consent = match asked {
            Ok(bound) => repos.openid().find_consent(*user, app.id, bound.as_ref().map_or("", Resource::as_str))?,
            Err(_refused) => None,
        };
        let session = repos.federated_sessions().find(key)?.map(|(session, _)| session);
        Ok(Known { is_its_own, rules, consent, session })
    }
}
