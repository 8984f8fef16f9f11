//! The clients that are played, and what is known of each: by which document, and with which metadata they come.

use clap::ValueEnum;
use serde_json::{Value, json};

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Client {
    /// claude.ai, its desktop app, and Claude Code
    Claude,
    /// The connectors of chatgpt.com
    #[value(name = "chatgpt")]
    ChatGpt,
    /// Visual Studio Code
    #[value(name = "vscode")]
    VsCode,
    /// The editor Cursor
    Cursor,
    /// The Codex command line
    Codex,
    /// Grafana, by its generic OAuth
    Grafana,
    /// Argo CD
    #[value(name = "argocd")]
    ArgoCd,
    /// The API server of Kubernetes, and kubectl
    Kubernetes,
    /// oauth2-proxy
    #[value(name = "oauth2-proxy")]
    Oauth2Proxy,
}

/// What is particular about a relying party.
pub(super) struct Party {
    /// What it asks for.
    pub(super) scope: &'static str,
    /// Where it is sent back to, below its own address or on the machine of its user.
    pub(super) callback: &'static str,
    /// Whether its issuer must be https.
    pub(super) wants_https: bool,
    /// What to know about the claims that it reads.
    pub(super) claims: &'static str,
}

impl Client {
    /// As its makers write it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Claude => "Claude",
            Self::ChatGpt => "ChatGPT",
            Self::VsCode => "VS Code",
            Self::Cursor => "Cursor",
            Self::Codex => "Codex",
            Self::Grafana => "Grafana",
            Self::ArgoCd => "Argo CD",
            Self::Kubernetes => "Kubernetes",
            Self::Oauth2Proxy => "oauth2-proxy",
        }
    }

    /// Its page in docs/connect.
    pub(super) const fn page(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::ChatGpt => "chatgpt",
            Self::VsCode => "vscode",
            Self::Cursor => "cursor",
            Self::Codex => "codex",
            Self::Grafana => "grafana",
            Self::ArgoCd => "argocd",
            Self::Kubernetes => "kubernetes",
            Self::Oauth2Proxy => "oauth2-proxy",
        }
    }

    /// Whether it is a client of MCP servers.
    pub(super) const fn is_mcp(self) -> bool {
        matches!(self, Self::Claude | Self::ChatGpt | Self::VsCode | Self::Cursor | Self::Codex)
    }

    /// Whether servers of its makers connect, from the internet: always, or in one of its forms.
    pub(super) const fn comes_from_the_internet(self) -> Option<bool> {
        match self {
            Self::ChatGpt => Some(true),
            Self::Claude => Some(false),
            Self::VsCode
            | Self::Cursor
            | Self::Codex
            | Self::Grafana
            | Self::ArgoCd
            | Self::Kubernetes
            | Self::Oauth2Proxy => None,
        }
    }

    /// Its metadata document, with the redirect URI that it uses then.
    pub(super) const fn document(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Claude => {
                Some(("https://claude.ai/oauth/mcp-oauth-client-metadata", "https://claude.ai/api/mcp/auth_callback"))
            }
            Self::ChatGpt => {
                Some(("https://chatgpt.com/oauth/client.json", "https://chatgpt.com/connector_platform_oauth_redirect"))
            }
            Self::VsCode => Some(("https://vscode.dev/oauth/client-metadata.json", "http://127.0.0.1:33418/")),
            // That of Codex has the account in its address.
            Self::Cursor | Self::Codex | Self::Grafana | Self::ArgoCd | Self::Kubernetes | Self::Oauth2Proxy => None,
        }
    }

    /// With which metadata it registers itself, the redirect URI that it uses first.
    pub(super) fn metadata(self) -> Value {
        let both = json!(["authorization_code", "refresh_token"]);
        match self {
            Self::Claude => json!({
                "client_name": "Claude",
                "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
                "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }),
            Self::ChatGpt => json!({
                "client_name": "ChatGPT",
                "redirect_uris": ["https://chatgpt.com/connector/oauth/doorward-doctor"],
                "grant_types": both,
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }),
            Self::VsCode => json!({
                "client_name": "Visual Studio Code",
                "client_uri": "https://code.visualstudio.com",
                "redirect_uris": [
                    "http://127.0.0.1:33418/",
                    "http://127.0.0.1/",
                    "https://vscode.dev/redirect",
                    "https://insiders.vscode.dev/redirect",
                ],
                "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
                "application_type": "native",
            }),
            Self::Cursor => json!({
                "client_name": "Cursor",
                "redirect_uris": [
                    "cursor://anysphere.cursor-mcp/oauth/callback",
                    "https://www.cursor.com/agents/mcp/oauth/callback",
                    "http://localhost:8787/callback",
                ],
                "grant_types": both,
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
                "application_type": "web",
            }),
            Self::Codex => json!({
                "client_name": "Codex",
                "redirect_uris": ["http://127.0.0.1:1455/callback"],
                "grant_types": both,
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
                "application_type": "native",
            }),
            Self::Grafana | Self::ArgoCd | Self::Kubernetes | Self::Oauth2Proxy => Value::Null,
        }
    }

    /// The `scope` of its authorization request, as it is sent.
    pub(super) const fn scope(self) -> Option<&'static str> {
        match self {
            // The first name is empty.
            Self::Claude => Some(" offline_access"),
            Self::ChatGpt | Self::VsCode | Self::Cursor | Self::Codex => None,
            Self::Grafana | Self::ArgoCd | Self::Kubernetes | Self::Oauth2Proxy => Some(self.party().scope),
        }
    }

    /// What is particular about it as a relying party.
    pub(super) const fn party(self) -> Party {
        match self {
            Self::Grafana => Party {
                scope: "openid profile email groups offline_access",
                callback: "https://grafana.example/login/generic_oauth",
                wants_https: false,
                claims: "it asks userinfo (`api_url`), which tells email, name and groups",
            },
            Self::ArgoCd => Party {
                scope: "openid profile email groups",
                callback: "https://argocd.example/auth/callback",
                wants_https: false,
                claims: "groups come from userinfo: set `enableUserInfoGroups: true` and `userInfoPath: /oauth2/userinfo`, or \
                         ask for them with `requestedIDTokenClaims`",
            },
            Self::Kubernetes => Party {
                scope: "openid groups",
                callback: "http://localhost:8000",
                wants_https: true,
                claims: "it reads the ID token alone, which has `sub` and no `email` or `groups`, unless the client asks by \
                         `claims` or the app has `claims_in_id_token`",
            },
            Self::Oauth2Proxy | Self::Claude | Self::ChatGpt | Self::VsCode | Self::Cursor | Self::Codex => Party {
                scope: "openid email profile groups offline_access",
                callback: "https://proxy.example/oauth2/callback",
                wants_https: false,
                claims: "it asks userinfo for email and groups; who signs in by a password has an address that is not \
                         verified, which it refuses without `--insecure-oidc-allow-unverified-email`",
            },
        }
    }
}
