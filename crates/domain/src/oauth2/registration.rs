//! Clients that register themselves (RFC 7591): what they may say of themselves, and which registrations are of one client.

mod limits;
#[cfg(test)]
mod tests;

pub use limits::{LIMITS_MAX, RegistrationLimits};

use super::uri::is_loopback;
use super::{ClientType, OpaqueToken, RedirectUri};
use crate::digest::Digesting;
use crate::ids::{AppId, RegistrationTokenId, UserId};
use crate::names::hidden_in_name;
use crate::text_enum::text_enum;
use crate::{Digest, Instant, Secret, wire};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeSet;
use time::Duration;
use url::Url;

/// Longest name of a client that registers itself, in bytes; longer ones are cut.
pub const CLIENT_NAME_MAX: usize = 64;
/// For how long after its last registration a public client is that of the next one with the same metadata.
pub const SHARED_FOR: Duration = Duration::DAY;
/// Most registrations of one client whose tokens are kept; of more, the newest.
pub const REGISTRATIONS_MAX: usize = 1000;
/// Most different clients that one address may register in an hour.
pub const NEW_PER_ADDRESS: usize = 100;

/// What a client without a name is called.
const NAMELESS: &str = "Dynamically Registered Client";
/// Longest URL in the metadata, in bytes.
const WEB_URI_MAX: usize = 2048;

text_enum! {
    /// How a client authenticates (RFC 7591 2).
    TokenAuthMethod {
        /// By `Authorization: Basic`.
        Basic = "client_secret_basic",
        /// By its secret in the body.
        Post = "client_secret_post",
        /// By what a key of its own signs (RFC 7523 2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// Not at all: it is public.
        None = "none",
    }
}

impl TokenAuthMethod {
    /// What that makes of the client.
    #[must_use]
    pub const fn client_type(self) -> ClientType {
        match self {
            Self::Basic | Self::Post => ClientType::Confidential,
            Self::PrivateKeyJwt => ClientType::Keyed,
            Self::None => ClientType::Public,
        }
    }
}

/// Grant types that exist, and that a client that registers itself does not get: they are left out of what it asks for (RFC 7591 2).
const NOT_GIVEN: [&str; 6] = [
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
];

text_enum! {
    /// The grant types of clients that register themselves.
    GrantType {
        /// RFC 6749 4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 6.
        RefreshToken = "refresh_token",
    }
}

/// Why metadata is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A grant type that is not known, or that nobody should use.
    #[error("grant_types: {0} is not supported")]
    GrantType(String),
    /// Nothing can begin without it.
    #[error("grant_types must contain authorization_code")]
    NoAuthorizationCode,
    /// The strict rule of OpenID Connect Dynamic Client Registration 2.
    #[error("redirect_uris do not fit application_type {0}")]
    ApplicationType(&'static str),
}

impl GrantType {
    /// The grant types that a client gets of those that it asks for; both when it asks for none.
    pub fn negotiate(asked: &[String]) -> Result<Vec<Self>, MetadataError> {
        let asked: Vec<&str> = asked.iter().map(String::as_str).filter(|name| !NOT_GIVEN.contains(name)).collect();
        if asked.is_empty() {
            return Ok(Self::ALL.to_vec());
        }
        let known = asked.iter().map(|name| name.parse().or(Err(MetadataError::GrantType((*name).to_owned()))));
        let known: BTreeSet<Self> = known.collect::<Result<_, _>>()?;
        if !known.contains(&Self::AuthorizationCode) {
            return Err(MetadataError::NoAuthorizationCode);
        }
        Ok(known.into_iter().collect())
    }
}

text_enum! {
    /// What kind of program a client is (OpenID Connect Dynamic Client Registration 2).
    ApplicationType {
        /// One of a web server.
        Web = "web",
        /// One on a device of its user.
        Native = "native",
    }
}

impl ApplicationType {
    /// The kind of a client with these redirect URIs. What it says itself counts only where they tell nothing, for clients send
    /// `web` with redirect URIs of native ones. `strict`: what it says must fit.
    pub fn settle(sent: Option<&str>, uris: &[RedirectUri], strict: bool) -> Result<Self, MetadataError> {
        let said = sent.and_then(|text| text.parse::<Self>().ok());
        let (native, web) = (uris.iter().all(is_native), uris.iter().all(|uri| uri.as_str().starts_with("https://")));
        if strict {
            let said = said.unwrap_or(Self::Web);
            let fits = match said {
                Self::Web => web,
                Self::Native => uris.iter().all(|uri| is_native(uri) || uri.as_str().starts_with("https://")),
            };
            return if fits { Ok(said) } else { Err(MetadataError::ApplicationType(said.as_str())) };
        }
        Ok(match (native, web) {
            (true, _) => Self::Native,
            (_, true) => Self::Web,
            _ => said.unwrap_or(Self::Native),
        })
    }
}

fn is_native(uri: &RedirectUri) -> bool {
    Url::parse(uri.as_str()).is_ok_and(|url| match url.scheme() {
        "https" => false,
        "http" => is_loopback(&url),
        _ => true,
    })
}

/// Whether answers go only to this very machine, where any program can take them.
#[must_use]
pub fn all_loopback(uris: &[RedirectUri]) -> bool {
    let is_here =
        |uri: &RedirectUri| Url::parse(uri.as_str()).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url));
    !uris.is_empty() && uris.iter().all(is_here)
}

/// What a client is called here that calls itself so: what hides is left out, and a long name is cut and marked by a digest, so that
/// two of them stay two.
#[must_use]
pub fn client_name(sent: &str) -> String {
    let shown: String = sent.chars().filter(|c| hidden_in_name(c.encode_utf8(&mut [0; 4])).is_none()).collect();
    let shown = shown.trim();
    if shown.is_empty() {
        return NAMELESS.to_owned();
    }
    if shown.len() <= CLIENT_NAME_MAX {
        return shown.to_owned();
    }
    let digest = Digest::of(shown);
    let mark = digest.as_bytes().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    // A hyphen and eight digits come behind it.
    let mut end = CLIENT_NAME_MAX - 9;
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{mark:08x}", shown.split_at(end).0)
}

/// Whether a member of the metadata is a URL that people may be shown: absolute, http or https.
#[must_use]
pub fn is_web_uri(text: &str) -> bool {
    text.len() <= WEB_URI_MAX
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// By what a client is known again (`oauth2.md` 14.2): all that says which software it is and what it may do, and nothing that
/// changes from one release or machine to the next.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// `client_name`, as it was sent.
    pub name: &'a str,
    /// `software_id`, or empty.
    pub software_id: &'a str,
    /// `client_uri`, or empty.
    pub client_uri: &'a str,
    /// Where its answers go.
    pub redirect_uris: &'a [RedirectUri],
    /// How it authenticates.
    pub auth_method: TokenAuthMethod,
    /// Its grant types.
    pub grant_types: &'a [GrantType],
    /// The names in `scope`; `None` when it was left out.
    pub scope: Option<&'a [String]>,
    /// Where its users go after they have signed out.
    pub post_logout_redirect_uris: &'a [String],
    /// Where it is told that sessions have ended, or empty.
    pub backchannel_logout_uri: &'a str,
    /// Its keys and what it has said of them and of its requests, as a text that is the same for the same; `None` when that is nothing.
    pub rules: Option<&'a str>,
}

impl Identity<'_> {
    /// The digest of all of it. Order does not matter, nor does the port of a redirect URI on a loopback host.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digesting = Digesting::default();
        let mut add = |part: &str| {
            digesting.update(&(part.len() as u64).to_be_bytes());
            digesting.update(part.as_bytes());
        };
        for part in [self.name.trim(), self.software_id, self.client_uri, self.auth_method.as_str()] {
            add(part);
        }
        let uris: BTreeSet<String> = self.redirect_uris.iter().map(RedirectUri::for_any_port).collect();
        let grants: BTreeSet<&str> = self.grant_types.iter().map(|grant| grant.as_str()).collect();
        let scope: Option<BTreeSet<&str>> = self.scope.map(|names| names.iter().map(String::as_str).collect());
        add(&uris.len().to_string());
        for uri in &uris {
            add(uri);
        }
        add(&grants.len().to_string());
        grants.into_iter().for_each(&mut add);
        add(&scope.as_ref().map_or_else(|| "any".to_owned(), |names| names.len().to_string()));
        scope.into_iter().flatten().for_each(&mut add);
        // Nobody who registered the same first is to hear of the users of others. Clients that say nothing of it keep their digest.
        let logout: BTreeSet<&str> = self.post_logout_redirect_uris.iter().map(String::as_str).collect();
        if !logout.is_empty() || !self.backchannel_logout_uri.is_empty() {
            add("logout");
            add(self.backchannel_logout_uri);
            logout.into_iter().for_each(&mut add);
        }
        if let Some(rules) = self.rules {
            add("rules");
            add(rules);
        }
        digesting.finish()
    }
}

/// What is kept of a client that registered itself, besides its app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClient {
    /// Its app.
    pub app_id: AppId,
    /// By which the next registration finds it; `None` for those that are not shared: confidential ones, and those in whose place
    /// another one came.
    pub identity: Option<Digest>,
    /// Whether more than one registration was given this client. It stays so.
    pub shared: bool,
    /// Whether an administrator has changed its app: then it is no longer its own, and stays until somebody deletes it.
    pub adopted: bool,
    /// Its metadata as a JSON document.
    pub metadata: String,
    /// The address from which it was registered first.
    pub created_from: String,
    /// When it was registered first.
    pub created_at: Instant,
    /// When it was registered last.
    pub matched_at: Instant,
    /// When it last had a live grant, to the hour, as far as was noted.
    pub granted_at: Option<Instant>,
    /// What it may be, by the token with which it was registered first.
    pub limits: RegistrationLimits,
}

impl RegisteredClient {
    /// Whether a registration with the same identity is of this client.
    #[must_use]
    pub fn is_current(&self, now: Instant) -> bool {
        self.identity.is_some() && now - self.matched_at < SHARED_FOR
    }
}

/// By what a registration is managed (RFC 7592 1.3). Only its digest is stored.
///
/// ```
/// use doorward_domain::oauth2::RegistrationToken;
/// let token = RegistrationToken::new(&[7; 32]);
/// assert!(token.to_wire().expose().starts_with("coder_rat_"));
/// assert_eq!(RegistrationToken::read(token.to_wire().expose()), Some(token.digest()));
/// assert_eq!(RegistrationToken::read("coder_0123456789_secret"), None);
/// ```
#[derive(Clone, Debug)]
pub struct RegistrationToken(Secret<String>);

impl RegistrationToken {
    const KIND: &str = "rat";

    /// A token of these random bytes.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        Self(Secret::new(format!("{}_{}_{}", wire::SECRET_PREFIX, Self::KIND, URL_SAFE_NO_PAD.encode(random))))
    }

    /// The digest of a presented one; `None` when the text cannot be one.
    #[must_use]
    pub fn read(text: &str) -> Option<Digest> {
        let rest = text.strip_prefix(wire::SECRET_PREFIX)?.strip_prefix('_')?.strip_prefix(Self::KIND)?;
        let secret = rest.strip_prefix('_')?;
        (secret.len() == 43).then(|| Digest::of(text))
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose())
    }

    /// The token as it is presented.
    #[must_use]
    pub fn to_wire(&self) -> Secret<String> {
        self.0.clone()
    }
}

/// Most tokens by which clients may be registered.
pub const INITIAL_TOKENS_MAX: usize = 100;

/// By what clients may be registered where not everybody may (RFC 7591 3, "initial access token"). Only a digest of it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialAccessToken {
    /// Its id.
    pub id: RegistrationTokenId,
    /// What people call it.
    pub name: String,
    /// The public part, by which it is found.
    pub prefix: String,
    /// The digest of the secret part.
    pub digest: Digest,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Instant,
    /// Until when it is good.
    pub expires_at: Instant,
    /// How many registrations it is good for; `None`: any number.
    pub max_uses: Option<i32>,
    /// How many there were.
    pub uses: i32,
    /// What clients may be that are registered by it.
    pub limits: RegistrationLimits,
}

impl InitialAccessToken {
    /// Whether it is good for one more registration.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        now < self.expires_at && self.max_uses.is_none_or(|max| self.uses < max)
    }

    /// Reads what is presented: `coder_reg_<prefix>_<secret>`.
    ///
    /// ```
    /// use doorward_domain::oauth2::InitialAccessToken;
    /// let token = InitialAccessToken::read("coder_reg_0123456789_secret").unwrap();
    /// assert_eq!(token.prefix(), "0123456789");
    /// assert_eq!(InitialAccessToken::to_wire(&token).expose(), "coder_reg_0123456789_secret");
    /// assert!(InitialAccessToken::read("coder_0123456789_secret").is_none());
    /// ```
    #[must_use]
    pub fn read(text: &str) -> Option<OpaqueToken> {
        let rest = text.strip_prefix(wire::SECRET_PREFIX)?.strip_prefix("_reg_")?;
        OpaqueToken::parse(&format!("{}_{rest}", wire::SECRET_PREFIX)).ok()
    }

    /// The same, for the one to whom it is issued.
    #[must_use]
    pub fn to_wire(token: &OpaqueToken) -> Secret<String> {
        Secret::new(format!("{}_reg_{}_{}", wire::SECRET_PREFIX, token.prefix(), token.secret().expose()))
    }
}
