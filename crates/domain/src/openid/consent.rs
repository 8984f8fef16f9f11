//! What users have allowed before, and whether they must be asked again.

use super::app::AppRules;
use crate::ids::{AppId, UserId};
use crate::oauth2::{App, Authorization, ClientType, RedirectUri, Scopes};
use crate::{Digest, Instant};
use url::{Host, Url};

/// What a user has allowed an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The user.
    pub user_id: UserId,
    /// The app.
    pub app_id: AppId,
    /// The resource to which its tokens are bound; empty for this server.
    pub resource: String,
    /// What was allowed.
    pub scopes: Scopes,
    /// The app as it was then, see [`fingerprint`].
    pub fingerprint: Digest,
    /// When it was allowed.
    pub created_at: Instant,
}

/// What tells whether an app is still the one that was allowed: where answers go, how it proves itself, and its name.
#[must_use]
pub fn fingerprint(app: &App) -> Digest {
    let mut uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
    uris.sort_unstable();
    let parts = [app.name.as_str(), app.client_type.as_str(), app.redirect_match.as_str()];
    let parts: Vec<String> = parts.into_iter().chain(uris).map(|part| format!("{}:{part}", part.len())).collect();
    Digest::of(parts.concat())
}

/// A question whether a user must be asked.
#[derive(Clone, Copy, Debug)]
pub struct ConsentQuestion<'a> {
    /// The app.
    pub app: &'a App,
    /// What is particular about it.
    pub rules: &'a AppRules,
    /// Where the answer goes.
    pub redirect_uri: &'a RedirectUri,
    /// What is asked for.
    pub authorization: &'a Authorization,
    /// All scopes of which the page would tell, those of single claims too.
    pub told: &'a Scopes,
    /// Whether what was allowed is remembered at all.
    pub is_remembered: bool,
    /// Whether the operator has listed the very document that the app is known by, so that it is remembered although it proves nothing.
    pub is_listed: bool,
}

impl ConsentQuestion<'_> {
    /// The resource, as it is remembered.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.authorization.resource.as_ref().map_or("", |resource| resource.as_str())
    }

    /// Whether nobody need be asked. `known` is what was allowed before for the same resource.
    ///
    /// Apps whose answers go to a program on the device are always asked about: any program can take their place.
    #[must_use]
    pub fn is_answered(&self, known: Option<&Consent>) -> bool {
        if !is_of_a_site(self.redirect_uri) {
            return false;
        }
        if self.rules.trusted {
            return true;
        }
        // Who cannot prove who it is may be another one today.
        let is_known_for_sure = self.app.client_type == ClientType::Confidential || self.is_listed;
        if !self.is_remembered || !is_known_for_sure {
            return false;
        }
        let is_known = |known: &Consent| {
            known.fingerprint == fingerprint(self.app)
                && known.resource == self.resource()
                && self.told.iter().all(|scope| known.scopes.contains(scope) || known.scopes.covers(scope))
        };
        known.is_some_and(is_known)
    }
}

/// Whether answers go to a site on the network: by https, and not to the device of the user.
fn is_of_a_site(uri: &RedirectUri) -> bool {
    let Ok(url) = Url::parse(uri.as_str()) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    };
    url.scheme() == "https" && !is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth2::RedirectMatch;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-01-02 03:04:05 UTC);

    fn app(uri: &str) -> App {
        App {
            id: AppId::NIL,
            name: "editor".to_owned(),
            icon: String::new(),
            redirect_uris: vec![RedirectUri::from_storage(uri.to_owned())],
            redirect_match: RedirectMatch::Exact,
            client_type: ClientType::Confidential,
            require_pkce: false,
            device_flow: false,
            allowed_scopes: None,
            allowed_resources: None,
            resources: Vec::new(),
            service_account_id: None,
            created_at: NOW,
            updated_at: NOW,
            revision: 0,
        }
    }

    fn known(app: &App, scopes: &str) -> Consent {
        let (user_id, scopes) = (UserId::NIL, Scopes::from_storage(scopes));
        let fingerprint = fingerprint(app);
        Consent { user_id, app_id: app.id, resource: String::new(), scopes, fingerprint, created_at: NOW }
    }

    fn is_answered(app: &App, rules: &AppRules, asked: &str, remembered: bool, known: Option<&Consent>) -> bool {
        let scopes = Scopes::from_storage(asked);
        let authorization = Authorization { scopes: scopes.clone(), resource: None };
        let question = ConsentQuestion {
            app,
            rules,
            redirect_uri: &app.redirect_uris[0],
            authorization: &authorization,
            told: &scopes,
            is_remembered: remembered,
            is_listed: false,
        };
        question.is_answered(known)
    }

    #[test]
    fn nobody_is_asked_twice_for_the_same_or_less() {
        let app = app("https://app.example/cb");
        let (rules, before) = (AppRules::default(), known(&app, "openid email user:*"));
        for (asked, expected) in [
            ("openid", true),
            ("email openid", true),
            ("openid user:read", true),
            ("openid profile", false),
            ("coder:all", false),
        ] {
            assert_eq!(is_answered(&app, &rules, asked, true, Some(&before)), expected, "{asked}");
        }
        assert!(!is_answered(&app, &rules, "openid", true, None));
        assert!(!is_answered(&app, &rules, "openid", false, Some(&before)), "nothing is remembered");
        let elsewhere = Consent { resource: "https://files.example".to_owned(), ..before };
        assert!(!is_answered(&app, &rules, "openid", true, Some(&elsewhere)));
    }

    #[test]
    fn an_app_that_changed_or_cannot_prove_itself_is_asked_about_again() {
        let before = known(&app("https://app.example/cb"), "openid");
        let rules = AppRules::default();
        let moved = app("https://evil.example/cb");
        let renamed = App { name: "bank".to_owned(), ..app("https://app.example/cb") };
        let public = App { client_type: ClientType::Public, ..app("https://app.example/cb") };
        for changed in [moved, renamed, public.clone()] {
            assert!(!is_answered(&changed, &rules, "openid", true, Some(&before)), "{changed:?}");
        }
        assert!(!is_answered(&public, &rules, "openid", true, Some(&known(&public, "openid"))));
    }

    #[test]
    fn about_programs_on_the_device_everybody_is_asked_even_when_they_are_trusted() {
        let rules = AppRules { trusted: true, ..AppRules::default() };
        for uri in
            ["http://127.0.0.1/cb", "https://localhost/cb", "https://[::1]/cb", "cursor://cb", "https://127.0.0.1/cb"]
        {
            let app = app(uri);
            assert!(!is_answered(&app, &rules, "openid", true, Some(&known(&app, "openid"))), "{uri}");
        }
        assert!(
            is_answered(&app("https://app.example/cb"), &rules, "coder:all", false, None),
            "an administrator vouches"
        );
    }
}
