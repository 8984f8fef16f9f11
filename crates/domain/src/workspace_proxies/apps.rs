//! Tokens with which a workspace proxy lets a browser reach an app (`enterprise-platform.md` 8).

use crate::Secret;
use crate::ids::{UserId, WorkspaceId};
use crate::keys::SharedKey;
use crate::{Instant, text_enum::text_enum};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

/// Longest text of a request, in bytes.
pub const APP_TEXT_MAX: usize = 1_024;
/// How long a token is good for.
const LIFETIME: Duration = Duration::minutes(1);

text_enum! {
    /// How a browser addresses an app.
    #[derive(Default)]
    AccessMethod {
        /// By a path of the proxy.
        #[default]
        Path = "path",
        /// By a host of its own.
        Subdomain = "subdomain",
        /// A terminal.
        Terminal = "terminal",
    }
}

/// Which app a browser asks a proxy for; the names are those of its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppRequest {
    /// How it is addressed.
    pub access_method: AccessMethod,
    /// What stands before the path that the app sees.
    pub base_path: String,
    /// What stands before the name of the app in the host, for proxies behind proxies.
    pub app_prefix: String,
    /// The owner of the workspace.
    pub username_or_id: String,
    /// The workspace.
    pub workspace_name_or_id: String,
    /// The agent; empty for the only one.
    pub agent_name_or_id: String,
    /// The app, or a port.
    pub app_slug_or_port: String,
}

/// A port that stands where the name of an app can stand: `8080`, and `8443s` for one that speaks TLS.
///
/// ```
/// use doorward_domain::workspace_proxies::port_url;
/// assert_eq!(port_url("8080").as_deref(), Some("http://127.0.0.1:8080"));
/// assert_eq!(port_url("8443s").as_deref(), Some("https://127.0.0.1:8443"));
/// assert_eq!([port_url("code"), port_url("0"), port_url("70000"), port_url("+80")], [None, None, None, None]);
/// ```
#[must_use]
pub fn port_url(text: &str) -> Option<String> {
    let (digits, scheme) = text.strip_suffix('s').map_or((text, "http"), |digits| (digits, "https"));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = digits.parse().ok().filter(|port| is_number && *port > 0)?;
    Some(format!("{scheme}://127.0.0.1:{port}"))
}

/// What a token of an app says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppToken<'a> {
    /// What was asked for.
    pub request: &'a AppRequest,
    /// Who may; nobody in particular for an app that is shared with everybody.
    pub user_id: Option<UserId>,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The agent.
    pub agent_id: Uuid,
    /// Where the app is, as the agent sees it.
    pub app_url: &'a str,
}

impl AppToken<'_> {
    /// The token, good for a minute, signed (HS512) with a key that the proxies know.
    #[must_use]
    pub fn signed(&self, key: &SharedKey, now: Instant) -> Secret<String> {
        let request = json!({
            "access_method": self.request.access_method.as_str(),
            "base_path": self.request.base_path,
            "app_prefix": self.request.app_prefix,
            "username_or_id": self.request.username_or_id,
            "workspace_name_or_id": self.request.workspace_name_or_id,
            "agent_name_or_id": self.request.agent_name_or_id,
            "app_slug_or_port": self.request.app_slug_or_port,
        });
        let claims = json!({
            "exp": (now + LIFETIME).unix_timestamp(),
            "request": request,
            "user_id": self.user_id.unwrap_or(UserId::NIL).0,
            "workspace_id": self.workspace_id.0,
            "agent_id": self.agent_id,
            "app_url": self.app_url,
        });
        let header = json!({ "alg": "HS512", "kid": key.sequence.to_string() });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}", part(&header), part(&claims));
        let key = hmac::Key::new(hmac::HMAC_SHA512, key.secret.expose());
        let signature = hmac::sign(&key, unsigned.as_bytes());
        Secret::new(format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(token: &Secret<String>) -> Vec<Vec<u8>> {
        token.expose().split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect()
    }

    #[test]
    fn a_token_says_who_may_reach_what_for_a_minute() {
        let key = |byte| SharedKey {
            sequence: 7,
            secret: Secret::new(vec![byte; 64]),
            starts_at: Instant::UNIX_EPOCH,
            ends_at: None,
        };
        let request = AppRequest { app_slug_or_port: "code".to_owned(), ..AppRequest::default() };
        let token = AppToken {
            request: &request,
            user_id: None,
            workspace_id: WorkspaceId(Uuid::from_u128(1)),
            agent_id: Uuid::from_u128(2),
            app_url: "http://127.0.0.1:13337",
        };
        let signed = token.signed(&key(1), Instant::UNIX_EPOCH);
        let read = parts(&signed);
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        assert_eq!(json(&read[0]), json!({ "alg": "HS512", "kid": "7" }));
        let claims = json(&read[1]);
        assert_eq!((&claims["exp"], &claims["user_id"]), (&json!(60), &json!(UserId::NIL.0)));
        assert_eq!(
            (&claims["request"]["access_method"], &claims["request"]["app_slug_or_port"]),
            (&json!("path"), &json!("code"))
        );
        assert_eq!(read[2].len(), 64);
        let other = token.signed(&key(2), Instant::UNIX_EPOCH);
        assert_ne!(parts(&other)[2], read[2]);
    }
}
