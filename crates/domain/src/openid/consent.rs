//! What users have allowed before, and whether they must be asked again.

use super::app::AppRules;
use crate::ids::{AppId, UserId};
use crate::oauth2::{App, Authorization, KeySource, RedirectUri, ResourceServer, Scopes};
use crate::{Digest, Instant};

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

impl Consent {
    /// Whether people are told today of all that was allowed what they were told then, of a registered resource.
    #[must_use]
    pub fn is_current(&self, server: Option<&ResourceServer>) -> bool {
        server.is_none_or(|server| server.said_at(self.created_at, &self.scopes))
    }

    /// Whether it says the same as another one, which may have been given at another time.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        let Self { user_id, app_id, resource, scopes, fingerprint, created_at: _ } = self;
        (user_id, app_id, resource, scopes, fingerprint)
            == (&other.user_id, &other.app_id, &other.resource, &other.scopes, &other.fingerprint)
    }
}

/// What tells whether an app is still the one that was allowed: where answers go, how it proves itself, by which keys, and its name.
#[must_use]
pub fn fingerprint(app: &App) -> Digest {
    let mut uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
    uris.sort_unstable();
    let parts = [app.name.as_str(), app.client_type.as_str(), app.redirect_match.as_str()];
    let keys = app.rules.keys.as_ref().map(KeySource::identity);
    let parts: Vec<String> =
        parts.into_iter().chain(uris).chain(keys.as_deref()).map(|part| format!("{}:{part}", part.len())).collect();
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
    /// The registered resource for which they are.
    pub server: Option<&'a ResourceServer>,
    /// Whether what was allowed is remembered at all.
    pub is_remembered: bool,
    /// Whether an administrator has registered it, and answers for where its answers go.
    pub is_vouched_for: bool,
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
        if !self.redirect_uri.is_of_a_site() {
            return false;
        }
        if self.rules.trusted {
            return true;
        }
        // Who cannot prove who it is, and has nobody who does, may be another one today.
        if !self.is_remembered || !(self.is_vouched_for || self.app.client_type.is_confidential()) {
            return false;
        }
        let is_known = |known: &Consent| {
            known.fingerprint == fingerprint(self.app)
                && known.resource == self.resource()
                && self.told.iter().all(|scope| known.scopes.contains(scope) || known.scopes.covers(scope))
                && self.server.is_none_or(|server| server.said_at(known.created_at, self.told))
        };
        known.is_some_and(is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth2::{ClientRules, ClientType, RedirectMatch};
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
            refresh_tokens: true,
            rules: ClientRules::default(),
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
        is_answered_about(app, rules, asked, (remembered, false), known)
    }

    fn is_answered_about(
        app: &App,
        rules: &AppRules,
        asked: &str,
        (remembered, is_vouched_for): (bool, bool),
        known: Option<&Consent>,
    ) -> bool {
        let scopes = Scopes::from_storage(asked);
        let authorization = Authorization { scopes: scopes.clone(), resource: None };
        let question = ConsentQuestion {
            app,
            rules,
            redirect_uri: &app.redirect_uris[0],
            authorization: &authorization,
            told: &scopes,
            server: None,
            is_remembered: remembered,
            is_vouched_for,
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
        let before = known(&public, "openid");
        let ask =
            |remembered, vouched| is_answered_about(&public, &rules, "openid", (remembered, vouched), Some(&before));
        assert!(!ask(true, false));
        assert!(ask(true, true), "an administrator answers for where its answers go");
        assert!(!ask(false, true), "nothing is remembered");
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
