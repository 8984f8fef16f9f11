//! Resources that owners have registered: what the tokens that are bound to them look like (RFC 8707, RFC 9068).

use super::{OidcScope, Resource, ScopeEntry, Scopes};
use crate::Instant;
use crate::ids::{AppId, ResourceServerId};
use crate::jws::SignatureAlgorithm;
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use time::Duration;

/// The `typ` of access tokens that are signed (RFC 9068 2.1).
pub const ACCESS_TOKEN: &str = "at+jwt";
/// Longest name of a resource, in characters.
pub const RESOURCE_NAME_MAX: usize = 64;
/// Most scopes of one resource.
pub const OWN_SCOPES_MAX: usize = 100;
/// Longest name of a scope of a resource, in bytes.
pub const OWN_SCOPE_NAME_MAX: usize = 128;
/// Longest text about a scope of a resource, in characters.
pub const OWN_SCOPE_TEXT_MAX: usize = 200;
/// Most apps that may ask about the tokens of one resource.
pub const INTROSPECTORS_MAX: usize = 16;
/// Most registered resources.
pub const RESOURCE_SERVERS_MAX: usize = 1000;
/// Longest `acr`, in bytes.
pub const ACR_MAX: usize = 256;
/// The values of `acr` that have an order, from the lowest: whoever signs in has at least that.
const ACR_ORDER: [&str; 3] = ["pwd", "mfa", "phr"];
/// The longest time for which a signed access token is good: for so long whoever only looks at the signature takes one that was revoked.
pub const SIGNED_LIFETIME_MAX: Duration = Duration::HOUR;
/// The shortest.
pub const SIGNED_LIFETIME_MIN: Duration = Duration::MINUTE;

text_enum! {
    /// What access tokens look like.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    TokenFormat {
        /// Random text, about which resource servers ask.
        Opaque = "opaque",
        /// A signed token, which resource servers read themselves (RFC 9068).
        Jwt = "jwt",
    }
}

text_enum! {
    /// Whether access tokens are bound to a key of the client (RFC 9449).
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    DpopRule {
        /// Where the client proves one.
        #[default]
        Optional = "optional",
        /// Always: there are no others.
        Required = "required",
    }
}

/// A registered resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServer {
    /// Its id.
    pub id: ResourceServerId,
    /// What clients call it.
    pub identifier: Resource,
    /// What its tokens look like, and what people call it.
    pub rules: ResourceRules,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl ResourceServer {
    /// These scopes, with those that stand for what its signed tokens say of the user: the app that gets one can read it.
    #[must_use]
    pub fn with_told(&self, mut scopes: Scopes) -> Scopes {
        if self.rules.token_format == TokenFormat::Jwt {
            self.rules.told().for_each(|scope| scopes.insert(scope));
        }
        scopes
    }

    /// When what people are told of this scope or claim last became another thing: who was asked before has not allowed it.
    #[must_use]
    pub fn said_since(&self, name: &str) -> Instant {
        let noted = self.rules.said_since.get(name).map(|micros| i128::from(*micros) * 1_000);
        noted.and_then(|nanos| Instant::from_unix_timestamp_nanos(nanos).ok()).unwrap_or(self.created_at)
    }

    /// Whether people who were asked at this time were told of all these scopes of its own as they are now.
    #[must_use]
    pub fn said_at(&self, asked_at: Instant, scopes: &Scopes) -> bool {
        scopes.iter().filter_map(ScopeEntry::own).all(|name| self.said_since(name) <= asked_at)
    }

    /// Whether what was allowed at this time came of a sign-in that the resource takes today: what it wants was not raised since.
    #[must_use]
    pub fn took_sign_in(&self, allowed_at: Instant) -> bool {
        self.rules.min_acr.is_empty() || self.said_since(SIGN_IN) <= allowed_at
    }

    /// The scopes whose claims its tokens tell an app that has these scopes, and was allowed them at this time: what was added later, nobody
    /// has allowed. Where nobody is asked, it is `None`.
    pub fn told_to(&self, scopes: &Scopes, allowed_at: Option<Instant>) -> impl Iterator<Item = OidcScope> {
        let is_signed = self.rules.token_format == TokenFormat::Jwt;
        self.rules.told().filter(move |scope| {
            is_signed
                && (scopes.contains(&(*scope).into())
                    || allowed_at.is_none_or(|at| self.said_since(scope.as_str()) <= at))
        })
    }
}

/// Under this name stands since when a resource wants what it wants of a sign-in. No scope has an empty name.
const SIGN_IN: &str = "";

/// What holds for a registered resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceRules {
    /// What people call it.
    pub name: String,
    /// What its access tokens look like.
    pub token_format: TokenFormat,
    /// By which algorithm they are signed.
    pub jwt_alg: SignatureAlgorithm,
    /// For how many seconds signed ones are good; `None`: as the settings say.
    pub access_token_lifetime: Option<u32>,
    /// What they say of the user: of `email`, `groups` and `roles`.
    pub claims: Vec<String>,
    /// Its scopes by name, with what people are told of them. A resource that has some takes these and the names of OpenID Connect
    /// only; one that has none takes the names of this server's catalogue, which permit nothing there.
    pub scopes: BTreeMap<String, String>,
    /// Which of them an app gets that asks for none; if there are none of these, all.
    pub default_scopes: Vec<String>,
    /// Whether its access tokens are bound to a key of the client.
    pub dpop: DpopRule,
    /// The apps that may ask about tokens that are bound to it, beside those that are registered as serving it.
    pub introspectors: Vec<AppId>,
    /// What the sign-in of its users must have been worth at least (`acr`); empty: it does not matter.
    pub min_acr: String,
    /// When what people are told of a scope or claim was changed, and (under an empty name) when a stronger sign-in was first wanted, in microseconds since 1970; of what is not here it is as it was at first.
    pub said_since: BTreeMap<String, i64>,
}

impl Default for ResourceRules {
    fn default() -> Self {
        Self {
            name: String::new(),
            token_format: TokenFormat::Opaque,
            jwt_alg: SignatureAlgorithm::Es256,
            access_token_lifetime: None,
            claims: Vec::new(),
            scopes: BTreeMap::new(),
            default_scopes: Vec::new(),
            dpop: DpopRule::Optional,
            introspectors: Vec::new(),
            min_acr: String::new(),
            said_since: BTreeMap::new(),
        }
    }
}

impl ResourceRules {
    /// For how long a signed token is good, if the settings say `usual`.
    #[must_use]
    pub fn lifetime(&self, usual: Duration) -> Duration {
        let own = self.access_token_lifetime.map(|seconds| Duration::seconds(seconds.into()));
        own.unwrap_or(usual).clamp(SIGNED_LIFETIME_MIN, SIGNED_LIFETIME_MAX)
    }

    /// The scopes of which signed tokens tell the claims.
    pub fn told(&self) -> impl Iterator<Item = OidcScope> {
        self.claims.iter().filter_map(|name| name.parse().ok()).filter(|scope| may_be_told(*scope))
    }

    /// Whether a sign-in that was worth this much will do. Of the values that have an order (`pwd`, `mfa`, `phr`) a higher one will, of others
    /// only the same.
    #[must_use]
    pub fn takes_acr(&self, acr: &str) -> bool {
        let rank = |value: &str| ACR_ORDER.iter().position(|known| *known == value);
        let is_lowest = rank(&self.min_acr) == Some(0);
        let is_higher = rank(&self.min_acr).zip(rank(acr)).is_some_and(|(least, acr)| acr >= least);
        self.min_acr.is_empty() || is_lowest || is_higher || acr == self.min_acr
    }

    /// The same rules, with a note of what they now tell people that those before did not.
    #[must_use]
    pub fn noting_changes(mut self, before: &Self, now: Instant) -> Self {
        let tells = |rules: &Self| -> Vec<OidcScope> {
            if rules.token_format == TokenFormat::Jwt { rules.told().collect() } else { Vec::new() }
        };
        let told_before = tells(before);
        let claims = tells(&self).into_iter().filter(|claim| !told_before.contains(claim));
        let claims = claims.map(|claim| claim.as_str().to_owned());
        let scopes = self.scopes.iter().filter(|(name, text)| before.scopes.get(*name) != Some(*text));
        let changed: Vec<String> = scopes.map(|(name, _)| name.clone()).chain(claims).collect();
        // What is gone, and comes back one day, is new again.
        let is_kept =
            |name: &String| name == SIGN_IN || before.scopes.contains_key(name) || name.parse::<OidcScope>().is_ok();
        self.said_since.retain(|name, _| is_kept(name));
        let least =
            if before.min_acr.is_empty() { ACR_ORDER.first().copied().unwrap_or_default() } else { &*before.min_acr };
        let is_raised = !self.takes_acr(least);
        let changed = changed.into_iter().chain(is_raised.then(|| SIGN_IN.to_owned()));
        let micros = i64::try_from(now.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        self.said_since.extend(changed.map(|name| (name, micros)));
        self
    }
}

impl ResourceRules {
    /// Whether it has scopes of its own.
    #[must_use]
    pub fn has_scopes(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// The scope of this name: its own, or one of OpenID Connect.
    #[must_use]
    pub fn scope(&self, name: &str) -> Option<ScopeEntry> {
        match name.parse::<OidcScope>() {
            Ok(name) => Some(name.into()),
            Err(_) => self.scopes.contains_key(name).then(|| ScopeEntry::Own(name.into())),
        }
    }

    /// What an app gets that asks for nothing.
    #[must_use]
    pub fn usual_scopes(&self) -> Scopes {
        let all = || self.scopes.keys().map(|name| ScopeEntry::Own(name.as_str().into())).collect();
        if self.default_scopes.is_empty() {
            return all();
        }
        self.default_scopes.iter().map(|name| ScopeEntry::Own(name.as_str().into())).collect()
    }
}

/// What is wrong with the name of a scope of a resource; `None` if it is one. Names of this server are nobody else's: a token must never
/// say one thing to its resource and another one here.
#[must_use]
pub fn own_scope_defect(name: &str) -> Option<&'static str> {
    let is_syntax = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if name.is_empty() || name.len() > OWN_SCOPE_NAME_MAX || !name.bytes().all(is_syntax) {
        return Some("must be 1 to 128 printable ASCII characters without spaces, quotes and backslashes");
    }
    ScopeEntry::known(name).is_some().then_some("is a scope of this server")
}

/// All registered resources, by what they are.
#[derive(Clone, Debug, Default)]
pub struct ResourceServers(HashMap<String, Arc<ResourceServer>>);

impl ResourceServers {
    /// The one that is the same as this resource.
    #[must_use]
    pub fn find(&self, resource: &Resource) -> Option<&Arc<ResourceServer>> {
        if self.0.is_empty() { None } else { self.0.get(&resource.to_normal_form()) }
    }

    /// Whether any of them wants more of a sign-in than that there was one.
    #[must_use]
    pub fn want_sign_ins(&self) -> bool {
        self.0.values().any(|server| !server.rules.min_acr.is_empty())
    }

    /// Whether any of them takes tokens only that are bound to a key.
    #[must_use]
    pub fn want_keys(&self) -> bool {
        self.0.values().any(|server| server.rules.dpop == DpopRule::Required)
    }

    /// Whether this app may ask about tokens that are bound to this resource, because the resource says so.
    #[must_use]
    pub fn lets_introspect(&self, app: AppId, bound: &Resource) -> bool {
        self.find(bound).is_some_and(|server| server.rules.introspectors.contains(&app))
    }
}

impl ResourceServers {
    /// Those of these scopes that still mean something at the resource: an owner may have taken some of its own away, or given it its first
    /// ones, beside which the catalogue of this server says nothing. What those of a resource mean that nobody has registered is not known.
    #[must_use]
    pub fn left(&self, resource: Option<&Resource>, scopes: Scopes) -> Scopes {
        let server = resource.and_then(|resource| self.find(resource));
        let is_left = |entry: &ScopeEntry| match entry {
            ScopeEntry::Own(name) => {
                resource.is_some() && server.is_none_or(|server| server.rules.scopes.contains_key(&**name))
            }
            ScopeEntry::Access(_) => server.is_none_or(|server| !server.rules.has_scopes()),
            ScopeEntry::Oidc(_) | ScopeEntry::Unknown(_) => true,
        };
        if scopes.iter().all(is_left) {
            scopes
        } else {
            scopes.iter().filter(|entry| is_left(entry)).cloned().collect()
        }
    }
}

impl FromIterator<ResourceServer> for ResourceServers {
    fn from_iter<I: IntoIterator<Item = ResourceServer>>(servers: I) -> Self {
        Self(servers.into_iter().map(|server| (server.identifier.to_normal_form(), Arc::new(server))).collect())
    }
}

/// Whether signed access tokens may tell the claims of this scope.
#[must_use]
pub const fn may_be_told(scope: OidcScope) -> bool {
    matches!(scope, OidcScope::Email | OidcScope::Groups | OidcScope::Roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_from_before_a_rule_takes_its_default() {
        let rules: ResourceRules = serde_json::from_str(r#"{"token_format": "jwt", "unheard_of": 1}"#).unwrap();
        assert_eq!(rules, ResourceRules { token_format: TokenFormat::Jwt, ..ResourceRules::default() });
    }

    #[test]
    fn signed_tokens_live_for_a_minute_to_an_hour() {
        let rules = |seconds| ResourceRules { access_token_lifetime: seconds, ..ResourceRules::default() };
        let usual = Duration::minutes(10);
        for (own, lives) in [(None, 600), (Some(1), 60), (Some(90), 90), (Some(u32::MAX), 3600)] {
            assert_eq!(rules(own).lifetime(usual), Duration::seconds(lives), "{own:?}");
        }
        assert_eq!(rules(None).lifetime(Duration::DAY), Duration::HOUR);
    }

    #[test]
    fn scopes_of_a_resource_are_its_own_and_permit_nothing_here() {
        let scopes = [("files:read", "Read your files"), ("files:write", "")];
        let scopes = scopes.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let rules = ResourceRules { scopes, ..ResourceRules::default() };
        assert_eq!(rules.usual_scopes().to_string(), "files:read files:write");
        let rules = ResourceRules { default_scopes: vec!["files:read".to_owned()], ..rules };
        let usual = rules.usual_scopes();
        assert_eq!((usual.to_string(), usual.to_storage()), ("files:read".to_owned(), "\\files:read".to_owned()));
        assert_eq!(Scopes::from_storage(&usual.to_storage()), usual);
        assert_eq!((usual.access().count(), usual.unknown().count()), (0, 0));
        assert!(rules.scope("openid").is_some_and(|scope| scope.is_oidc()));
        for none in ["user:read", "coder:all", "files", "\\files:read"] {
            assert_eq!(rules.scope(none), None, "{none}");
        }
        assert_ne!(ScopeEntry::stored("\\user:read"), ScopeEntry::stored("user:read"));
        for name in ["user:read", "all", "coder:all", "openid", "", "a b", "a\"b", "a\\b", "é", &"x".repeat(129)] {
            assert!(own_scope_defect(name).is_some(), "{name:?}");
        }
        assert_eq!(own_scope_defect("https://files.example/read"), None);
    }

    #[test]
    fn a_sign_in_that_was_worth_more_will_do() {
        let takes = |least: &str, acr: &str| {
            ResourceRules { min_acr: least.to_owned(), ..ResourceRules::default() }.takes_acr(acr)
        };
        for (least, acr) in
            [("", "pwd"), ("pwd", "pwd"), ("pwd", "urn:x"), ("mfa", "mfa"), ("mfa", "phr"), ("urn:x", "urn:x")]
        {
            assert!(takes(least, acr), "{least} {acr}");
        }
        for (least, acr) in [("mfa", "pwd"), ("phr", "mfa"), ("mfa", "urn:x"), ("urn:x", "phr"), ("mfa", "")] {
            assert!(!takes(least, acr), "{least} {acr}");
        }
    }

    #[test]
    fn only_some_claims_stand_in_access_tokens() {
        let claims = ["email", "profile", "roles", "x"].map(str::to_owned).to_vec();
        let rules = ResourceRules { claims, ..ResourceRules::default() };
        assert_eq!(rules.told().collect::<Vec<_>>(), [OidcScope::Email, OidcScope::Roles]);
    }

    #[test]
    fn who_was_asked_before_a_change_has_not_allowed_what_it_brought() {
        let texts = |read: &str| BTreeMap::from([("a".to_owned(), read.to_owned()), ("b".to_owned(), "B".to_owned())]);
        let first = ResourceRules {
            scopes: texts("A"),
            claims: vec!["email".to_owned()],
            token_format: TokenFormat::Jwt,
            ..ResourceRules::default()
        };
        let at = |minutes| Instant::UNIX_EPOCH + Duration::minutes(minutes);
        let server = |rules| ResourceServer {
            id: ResourceServerId::NIL,
            identifier: Resource::from_storage("https://files.example".to_owned()),
            rules,
            created_at: at(0),
            updated_at: at(0),
        };
        let scopes = |names: &[&str]| names.iter().map(|name| ScopeEntry::Own((*name).into())).collect::<Scopes>();
        let told = |server: &ResourceServer, minutes| -> Vec<&'static str> {
            server.told_to(&scopes(&["a"]), Some(at(minutes))).map(OidcScope::as_str).collect()
        };
        let unchanged = server(first.clone());
        assert!(unchanged.said_at(at(0), &scopes(&["a", "b"])) && !unchanged.said_at(at(-1), &scopes(&["a"])));
        assert_eq!((told(&unchanged, 0), told(&unchanged, -1)), (vec!["email"], vec![]));

        let second = ResourceRules {
            scopes: texts("Delete everything"),
            claims: vec!["email".to_owned(), "roles".to_owned()],
            ..first.clone()
        };
        let changed = server(second.clone().noting_changes(&first, at(5)));
        assert!(!changed.said_at(at(4), &scopes(&["a"])) && changed.said_at(at(5), &scopes(&["a"])));
        assert!(changed.said_at(at(0), &scopes(&["b"])), "of this the same is told");
        assert_eq!((told(&changed, 4), told(&changed, 5)), (vec!["email"], vec!["email", "roles"]));
        let asked: Scopes = [ScopeEntry::from(OidcScope::Roles)].into_iter().collect();
        assert_eq!(changed.told_to(&asked, Some(at(4))).count(), 2, "an app that has the scope was allowed it");
        assert_eq!(changed.told_to(&asked, None).count(), 2);

        // Nothing changes, so nothing is noted; what is told by signed tokens only is told anew when they are signed again.
        let rules = changed.rules;
        assert_eq!(rules.clone().noting_changes(&rules, at(9)), rules);
        let opaque = ResourceRules { token_format: TokenFormat::Opaque, ..rules.clone() };
        let opaque = opaque.noting_changes(&rules, at(9));
        let again = ResourceRules { token_format: TokenFormat::Jwt, ..opaque.clone() }.noting_changes(&opaque, at(10));
        assert_eq!((told(&server(again.clone()), 9), told(&server(again), 10)), (vec![], vec!["email", "roles"]));
        // A stronger sign-in than before is wanted of those who come later, a weaker one of nobody.
        let wanting = |acr: &str, before: &ResourceRules, minutes| {
            ResourceRules { min_acr: acr.to_owned(), ..before.clone() }.noting_changes(before, at(minutes))
        };
        let (plain, raised) = (wanting("pwd", &rules, 20), wanting("mfa", &rules, 20));
        let (lowered, gone) = (wanting("mfa", &wanting("phr", &rules, 20), 30), wanting("", &raised, 30));
        let took = |rules: &ResourceRules, minutes| server(rules.clone()).took_sign_in(at(minutes));
        assert!(took(&rules, 19) && took(&plain, 19) && took(&gone, 19));
        assert!(!took(&raised, 19) && took(&raised, 20) && !took(&lowered, 19) && took(&lowered, 20));
        // What was taken away and comes back is another thing.
        let without = ResourceRules { scopes: BTreeMap::new(), ..rules.clone() }.noting_changes(&rules, at(11));
        let back = ResourceRules { scopes: texts("A"), ..without.clone() }.noting_changes(&without, at(12));
        assert!(!server(back).said_at(at(11), &scopes(&["b"])));
    }

    #[test]
    fn scopes_are_left_as_long_as_the_resource_has_them() {
        let at = |text: &str| Resource::from_storage(text.to_owned());
        let server = |name: &str, scopes: &[&str]| ResourceServer {
            id: ResourceServerId::NIL,
            identifier: at(name),
            rules: ResourceRules {
                scopes: scopes.iter().map(|scope| ((*scope).to_owned(), String::new())).collect(),
                ..ResourceRules::default()
            },
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        };
        let servers: ResourceServers =
            [server("https://own.example", &["a"]), server("https://plain.example", &[])].into_iter().collect();
        let all: Scopes = [ScopeEntry::Own("a".into()), ScopeEntry::Own("b".into()), OidcScope::OpenId.into()]
            .into_iter()
            .chain(Scopes::from_storage("user:read").iter().cloned())
            .collect();
        let left = |resource: Option<&str>| servers.left(resource.map(at).as_ref(), all.clone()).to_string();
        assert_eq!(left(Some("https://own.example")), "a openid");
        assert_eq!(left(Some("https://unknown.example")), "a b openid user:read");
        for resource in [Some("https://plain.example"), None] {
            assert_eq!(left(resource), "openid user:read", "{resource:?}");
        }
    }
}
