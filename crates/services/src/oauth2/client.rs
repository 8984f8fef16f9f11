//! Client authentication (RFC 6749 2.3): who presents itself, and whether that is proved.

use crate::{Context, OAuthError};
use doorward_domain::Instant;
use doorward_domain::Secret;
use doorward_domain::ids::{AppId, AppSecretId};
use doorward_domain::oauth2::{App, AppSecret, ClientType, OpaqueToken, app_of_client_id};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_ports::oauth2::ClientCredentials;
use doorward_ports::{Repositories, StoreError};
use time::Duration;

/// How often the last use of a secret is written down, at most.
const TOUCH_EVERY: Duration = Duration::HOUR;

/// How a client presents itself: by Basic, in the body, by an assertion, or by its id alone.
#[derive(Clone, Debug, Default)]
pub struct ClientAuthentication {
    /// `client_id`, or the user name of Basic.
    pub client_id: Option<String>,
    /// `client_secret`, or the password of Basic.
    pub client_secret: Option<Secret<String>>,
    /// Basic and body are both there and disagree.
    pub disagrees: bool,
    /// `client_assertion`: what a key of the client has signed.
    pub assertion: Option<Secret<String>>,
    /// `client_assertion_type`.
    pub assertion_type: Option<String>,
}

/// A client as it presents itself, parsed but not believed, unless it has proved itself by a key.
#[derive(Clone, Debug)]
pub(crate) struct PresentedClient {
    pub(crate) app_id: AppId,
    pub(crate) secret: PresentedSecret,
}

/// The secret that came with it.
#[derive(Clone, Debug)]
pub(crate) enum PresentedSecret {
    Absent,
    Malformed,
    Given(OpaqueToken),
    /// None, for one of its keys has signed an assertion, which was verified and is used up.
    Key,
}

impl ClientAuthentication {
    /// The id is there and is one. Assertions are for [`client_assertions`](super::client_assertions).
    pub(super) fn present(&self) -> Result<PresentedClient, OAuthError> {
        let id =
            self.client_id.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| OAuthError::missing("client_id"))?;
        let app_id = app_of_client_id(id).ok_or_else(unknown_client)?;
        if self.disagrees {
            return Err(OAuthError::new(
                doorward_domain::oauth2::OAuthErrorCode::InvalidRequest,
                "the Authorization header and the body name different clients",
            ));
        }
        let secret = match self.client_secret.as_ref().map(|secret| secret.expose().as_str()) {
            None | Some("") => PresentedSecret::Absent,
            Some(text) => OpaqueToken::parse(text).map_or(PresentedSecret::Malformed, PresentedSecret::Given),
        };
        Ok(PresentedClient { app_id, secret })
    }
}

/// The reason of `invalid_client` when the id names no client; it is for the log, and for counting.
pub const UNKNOWN_CLIENT: &str = "client_id names no client";

/// The id names no client. From outside it looks like a wrong secret.
pub(crate) fn unknown_client() -> OAuthError {
    OAuthError::invalid_client(UNKNOWN_CLIENT)
}

impl PresentedClient {
    /// The form in which one statement can check everything; `None` when only the steps can say what is wrong.
    pub(crate) fn credentials(&self) -> Option<ClientCredentials> {
        let secret = match &self.secret {
            PresentedSecret::Absent | PresentedSecret::Key => None,
            PresentedSecret::Malformed => return None,
            PresentedSecret::Given(token) => Some((token.prefix().to_owned(), token.digest())),
        };
        Some(ClientCredentials { app_id: self.app_id, secret, by_key: self.has_key() })
    }

    /// Whether it has proved itself by a key.
    pub(crate) const fn has_key(&self) -> bool {
        matches!(self.secret, PresentedSecret::Key)
    }

    /// The app of this id.
    pub(crate) fn find_app(&self, repos: &mut dyn Repositories) -> Result<App, OAuthError> {
        repos.apps().find(self.app_id)?.ok_or_else(unknown_client)
    }

    /// Proves the client as [`prove`](Self::prove) does, and notes the use of its secret. Answers the secret.
    pub(crate) fn authenticate(
        &self,
        app: &App,
        repos: &mut dyn Repositories,
        now: Instant,
    ) -> Result<Option<AppSecretId>, OAuthError> {
        let Some((id, last_used_at)) = self.prove(app, repos)? else { return Ok(None) };
        touch_secret(repos, id, last_used_at, now)?;
        Ok(Some(id))
    }

    /// The prefix of the secret that came with it.
    pub(crate) fn secret_prefix(&self) -> Option<&str> {
        if let PresentedSecret::Given(token) = &self.secret { Some(token.prefix()) } else { None }
    }

    /// Proves the client: a confidential one by a secret of its own or by a key, whichever it is registered with; a public one has no
    /// secret to give. Answers the secret that was used, and when it was used before. Writes nothing.
    pub(crate) fn prove(
        &self,
        app: &App,
        repos: &mut dyn Repositories,
    ) -> Result<Option<(AppSecretId, Option<Instant>)>, OAuthError> {
        self.prove_by(app, |prefix| repos.apps().find_secret_by_prefix(prefix))
    }

    /// The same, where the secret of that prefix is found by `find`.
    pub(crate) fn prove_by(
        &self,
        app: &App,
        find: impl FnOnce(&str) -> Result<Option<AppSecret>, StoreError>,
    ) -> Result<Option<(AppSecretId, Option<Instant>)>, OAuthError> {
        match (app.client_type, &self.secret) {
            // A public client may have a key, and do without.
            (ClientType::Public, PresentedSecret::Absent | PresentedSecret::Key)
            | (ClientType::Keyed, PresentedSecret::Key) => Ok(None),
            (ClientType::Keyed, _) => Err(OAuthError::invalid_client("the client must authenticate by a key")),
            (ClientType::Confidential, PresentedSecret::Key) => {
                Err(OAuthError::invalid_client("the client must authenticate by its secret"))
            }
            (ClientType::Public, _) => Err(OAuthError::invalid_client("a public client has no secret")),
            (ClientType::Confidential, PresentedSecret::Absent) => {
                Err(OAuthError::invalid_client("a confidential client must authenticate"))
            }
            (ClientType::Confidential, PresentedSecret::Malformed) => {
                Err(OAuthError::invalid_client("the client secret is malformed"))
            }
            (ClientType::Confidential, PresentedSecret::Given(token)) => {
                let known = find(token.prefix())?;
                let Some(secret) = known.filter(|known| known.digest == token.digest() && known.app_id == app.id)
                else {
                    return Err(OAuthError::invalid_client("the client secret is wrong"));
                };
                Ok(Some((secret.id, secret.last_used_at)))
            }
        }
    }
}

/// Whether the last use of a secret is so long ago that this one must be written.
pub(crate) fn is_touch_due(last_used_at: Option<Instant>, now: Instant) -> bool {
    last_used_at.is_none_or(|last| (now - last).abs() > TOUCH_EVERY)
}

/// Writes the use of a secret when it is due, after the answer is settled. It is a note: that the database cannot take it now
/// is no reason to refuse the answer, which may be one that cannot be given twice.
pub(crate) async fn note_use(
    ctx: &Context,
    id: AppSecretId,
    last_used_at: Option<Instant>,
    now: Instant,
) -> Result<(), OAuthError> {
    if !is_touch_due(last_used_at, now) || !ctx.cache.takes_notes() {
        return Ok(());
    }
    let noted = ctx.at_once(move |once| Ok::<_, OAuthError>(once.touch_secret(&touch_permit(), id, now)?)).await;
    match noted {
        Err(error) if error.outage.is_some() => {
            ctx.cache.takes_no_notes();
            Ok(())
        }
        noted => noted,
    }
}

/// Writes the use of a secret, when it is due.
pub(crate) fn touch_secret(
    repos: &mut dyn Repositories,
    id: AppSecretId,
    last_used_at: Option<Instant>,
    now: Instant,
) -> Result<(), StoreError> {
    if is_touch_due(last_used_at, now) {
        repos.apps().touch_secret(&touch_permit(), id, now)?;
    }
    Ok(())
}

fn touch_permit() -> Permit<action::Update, resource::Oauth2AppSecret> {
    System::because("a client used its secret").permit()
}
