//! Every page in each state worth a look.

use askama::Template;

use crate::conventions::page::{ErrorPage, Told};
use crate::kit::html::layout::{Brand, Link, Person};
use crate::kit::html::moment::TimeElement;
use crate::pages::access::{Access, Scope};
use crate::pages::app_face::AppFace;
use crate::pages::applications::{AuthorizedApp, AuthorizedApps};
use crate::pages::cli_auth::CliAuth;
use crate::pages::consent::{AppLink, Consent, Registration};
use crate::pages::device::{DecideOnDevice, EnterCode, Outcome};
use crate::pages::home::Home;
use crate::pages::links::{Linkable, LinkedAccount, LinkedAccounts};
use crate::pages::setup::{Field, Setup};
use crate::pages::sign_in::{Provider, SignIn, SignedOut};
use doorward_domain::appearance::Banner;
use doorward_services::oauth2::Care;
use doorward_services::oauth2::authorize::Answer;

pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
pub(super) const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
pub(super) const ADA: Person<'_> = Person { username: "ada", email: "ada@example.com", name: "Ada Lovelace" };

/// An app without a picture.
pub(super) fn face(name: &str) -> AppFace {
    AppFace::sample(name, None)
}

pub(super) fn sign_in() -> SignIn<'static> {
    SignIn {
        csrf_token: "token",
        redirect: "/oauth2/authorize?client_id=1&state=a%20b",
        password_enabled: true,
        ..SignIn::default()
    }
}

pub(super) fn setup() -> Setup<'static> {
    Setup { csrf_token: "token", ..Setup::default() }
}

/// What Cancel does, kept for as long as the tests run.
pub(super) fn cancel(url: &str) -> &'static Answer {
    Box::leak(Box::new(Answer::Redirect(url.to_owned())))
}

/// The same for a client that wants a form.
pub(super) fn cancel_by_form(action: &str, state: &str) -> &'static Answer {
    let members = vec![("error", "access_denied".to_owned()), ("state", state.to_owned())];
    Box::leak(Box::new(Answer::Form { action: action.to_owned(), members }))
}

pub(super) fn consent() -> Consent<'static> {
    Consent {
        brand: Brand::default(),
        csrf_token: "token",
        sign_out_token: "other",
        notice: None,
        standing: None,
        user: ADA,
        app: face("Atlas"),
        links: Vec::new(),
        registered: Registration::Administrator,
        access: Access::Full,
        redirect_uri: "https://atlas.example.com/callback",
        resource: None,
        cancel: cancel("https://atlas.example.com/callback?error=access_denied&state=x"),
        cancels_here: false,
        return_to: "/oauth2/authorize?client_id=1&state=x",
    }
}

pub(super) fn scope(name: &'static str, topic: &'static str, description: &'static str) -> Scope<'static> {
    Scope { name, topic, description, care: Care::Usual }
}

/// Twenty-five of them, some of which ask for care.
pub(super) fn many_scopes() -> Access<'static> {
    let care = |n| match n {
        0 => Care::Sensitive { by_roles: true },
        1..4 => Care::Roles,
        4..20 => Care::Usual,
        _ => Care::Beyond,
    };
    let one = |n| Scope { care: care(n), ..scope("workspace:update", "Workspaces", "Change your workspaces") };
    Access::Scopes((0..25).map(one).collect())
}

pub(super) fn scopes() -> Access<'static> {
    Access::Scopes(vec![
        Scope {
            care: Care::Sensitive { by_roles: false },
            ..scope("workspace:ssh", "Workspaces", "Connect to your workspaces over SSH")
        },
        scope("workspace:read", "Workspaces", "See your workspaces"),
        scope("template:read", "Templates", "See the templates you can use"),
        scope("user:read_personal", "People and organizations", "See your profile, with your email address"),
    ])
}

pub(super) fn app(name: &'static str) -> AuthorizedApp<'static> {
    let moment = |machine: &str, words: &str| TimeElement { machine: machine.to_owned(), words: words.to_owned() };
    AuthorizedApp {
        client_id: "8d3f0c5e-4b0a-4b6e-9d36-2f7a1c0e9b11",
        app: face(name),
        authorized: moment("2026-05-02T08:00:00Z", "on 2 May 2026"),
        last_used: Some(moment("2026-05-12T08:00:00Z", "3 hours ago")),
        access: scopes(),
        grants: 2,
        devices: 0,
    }
}

pub(super) fn apps(apps: Vec<AuthorizedApp<'static>>) -> AuthorizedApps<'static> {
    AuthorizedApps {
        brand: Brand::default(),
        csrf_token: "token",
        sign_out_token: "other",
        user: ADA,
        notice: None,
        caution: None,
        apps,
    }
}

pub(super) fn linked(provider: &'static str) -> LinkedAccount<'static> {
    let moment = |machine: &str, words: &str| TimeElement { machine: machine.to_owned(), words: words.to_owned() };
    LinkedAccount {
        id: "8d3f0c5e-4b0a-8b6e-9d36-2f7a1c0e9b11".to_owned(),
        provider,
        subject: "00u1a2b3c4d5",
        is_main: false,
        is_usable: true,
        linked: moment("2026-05-02T08:00:00Z", "on 2 May 2026"),
        last_used: moment("2026-05-12T08:00:00Z", "3 hours ago"),
    }
}

pub(super) fn links(links: Vec<LinkedAccount<'static>>) -> LinkedAccounts<'static> {
    LinkedAccounts {
        brand: Brand::default(),
        link_token: "token",
        remove_token: "token",
        sign_out_token: "other",
        user: ADA,
        notice: None,
        caution: None,
        asks_password: true,
        password_error: None,
        proofs: Vec::new(),
        links,
        providers: vec![Linkable { name: "corp", shown_name: "The Corp", icon: Some(PIXEL) }],
    }
}

pub(super) fn banner(message: &str, color: &str) -> Banner {
    Banner { enabled: true, message: message.to_owned(), background_color: color.parse().unwrap() }
}

pub(super) fn error(status: u16, title: &'static str, explanation: &'static str) -> ErrorPage<'static> {
    let told = Told { back: None, ..Told::new(title, explanation) };
    ErrorPage { brand: Brand::default(), status, told, request_id: None }
}

pub(super) fn html(page: &impl Template) -> String {
    page.render().unwrap()
}

/// Each page in each state worth a look, by name.
pub(super) fn gallery() -> Vec<(&'static str, String)> {
    let bad = |value, error| Field { value, error: Some(error) };
    let provider = |label| Provider { label, href: "/api/v2/users/oidc/callback?redirect=%2F", icon: None };
    let hostile_person = Person { username: HOSTILE, email: HOSTILE, name: HOSTILE };
    let hostile_banners = [banner(HOSTILE, "#004852")];
    let banners =
        [banner("Maintenance on Sunday.\nSave your work before.", "#ffe08a"), banner("Welcome to Acme.", "#004852")];
    let acme = Brand { name: "Acme Portal", logo_url: Some(PIXEL), base: "", banners: &banners, ..Brand::default() };
    let hostile_scope = Scope { care: Care::Beyond, ..scope(HOSTILE, HOSTILE, HOSTILE) };
    let cli = || CliAuth {
        brand: Brand::default(),
        csrf_token: "token",
        sign_out_token: "other",
        user: ADA,
        notice: None,
        key: None,
    };
    let enter = || EnterCode {
        brand: Brand::default(),
        csrf_token: "token",
        sign_out_token: "other",
        user: ADA,
        notice: None,
        code: None,
        typed: "",
        is_stale: false,
        outcome: None,
        return_to: "/oauth2/device/verify",
    };
    let decide = || DecideOnDevice {
        brand: Brand::default(),
        csrf_token: "token",
        sign_out_token: "other",
        notice: None,
        user: ADA,
        app: face("Atlas"),
        user_code: "WDJB-MJHT",
        access: scopes(),
        standing: None,
        resource: None,
        ip: "192.0.2.7",
        user_agent: "television/1",
        asked_at: TimeElement { machine: "2026-05-12T08:00:00Z".to_owned(), words: "just now".to_owned() },
        return_to: "/oauth2/device/verify?user_code=WDJB-MJHT",
    };
    vec![
        ("device", html(&enter())),
        ("device-acme", html(&EnterCode { brand: acme, ..enter() })),
        ("device-link", html(&EnterCode { code: Some("WDJB-MJHT"), ..enter() })),
        ("device-again", html(&EnterCode { notice: Some("No device waits with this code."), typed: "WDJ", ..enter() })),
        ("device-stale", html(&EnterCode { is_stale: true, notice: Some("You signed in too long ago."), ..enter() })),
        ("device-done", html(&EnterCode { outcome: Some(Outcome::Connected("Atlas")), ..enter() })),
        ("device-denied", html(&EnterCode { outcome: Some(Outcome::Denied(HOSTILE)), ..enter() })),
        (
            "device-hostile",
            html(&EnterCode {
                user: hostile_person,
                notice: Some(HOSTILE),
                typed: HOSTILE,
                return_to: HOSTILE,
                ..enter()
            }),
        ),
        ("consent-device", html(&decide())),
        (
            "consent-device-hostile",
            html(&DecideOnDevice {
                user: hostile_person,
                app: AppFace::sample(HOSTILE, Some(HOSTILE)),
                user_code: HOSTILE,
                standing: Some(HOSTILE),
                resource: Some(HOSTILE),
                ip: HOSTILE,
                user_agent: HOSTILE,
                access: Access::Scopes(vec![hostile_scope]),
                ..decide()
            }),
        ),
        ("setup", html(&setup())),
        (
            "setup-errors",
            html(&Setup {
                email: bad("ada@", "This is not an email address."),
                username: bad("ada_l", "Only letters, digits and single hyphens."),
                name: Field { value: "Ada Lovelace", error: None },
                password_error: Some("This password is too easy to guess."),
                ..setup()
            }),
        ),
        ("sign-in", html(&sign_in())),
        ("sign-in-acme", html(&SignIn { brand: acme, ..sign_in() })),
        ("consent-acme", html(&Consent { brand: acme, ..consent() })),
        ("setup-acme", html(&Setup { brand: acme, ..setup() })),
        ("cli-auth-acme", html(&CliAuth { brand: acme, ..cli() })),
        ("apps-acme", html(&AuthorizedApps { brand: acme, ..apps(vec![app("Atlas")]) })),
        (
            "sign-in-error",
            html(&SignIn {
                email: "ada@example.com",
                message: Some("Sign in to continue to Atlas."),
                error: Some("Incorrect email or password."),
                ..sign_in()
            }),
        ),
        (
            "sign-in-providers",
            html(&SignIn {
                providers: vec![
                    Provider { icon: Some(PIXEL), ..provider("Continue with Example ID") },
                    provider("Continue with GitHub"),
                ],
                message: Some("You have been signed out because your session expired."),
                ..sign_in()
            }),
        ),
        (
            "sign-in-providers-only",
            html(&SignIn { providers: vec![provider("Continue with GitHub")], password_enabled: false, ..sign_in() }),
        ),
        ("sign-in-app", html(&SignIn { app: Some(face("Atlas")), message: Some("not shown"), ..sign_in() })),
        ("sign-in-hostile", html(&SignIn { app: Some(face(HOSTILE)), ..sign_in() })),
        ("setup-link", html(&Setup { link_token: Some("0123456789"), ..setup() })),
        ("consent-owner", html(&Consent { standing: Some("Owner of this server"), ..consent() })),
        (
            "consent-many",
            html(&Consent {
                access: many_scopes(),
                standing: Some("Owner of this server"),
                notice: Some("Nothing was allowed: look again before you decide."),
                ..consent()
            }),
        ),
        ("consent-nothing", html(&Consent { access: Access::Scopes(Vec::new()), ..consent() })),
        ("sign-in-impossible", html(&SignIn { password_enabled: false, ..sign_in() })),
        ("consent-full", html(&consent())),
        (
            "consent-scopes",
            html(&Consent {
                app: AppFace::sample("Atlas", Some(PIXEL)),
                access: scopes(),
                resource: Some("https://doorward.example.com/api/experimental/mcp/http"),
                ..consent()
            }),
        ),
        (
            "consent-document",
            html(&Consent {
                app: face("Quill for Desktop"),
                registered: Registration::Document {
                    host: "quill.example.net",
                    is_verified: false,
                    is_elsewhere: false,
                    only_loopback: true,
                },
                access: scopes(),
                redirect_uri: "http://127.0.0.1:8123/callback",
                ..consent()
            }),
        ),
        (
            "consent-known",
            html(&Consent {
                app: face("Quill"),
                links: vec![
                    AppLink { text: "Home page", href: "https://quill.example.net/" },
                    AppLink { text: "Privacy policy", href: "https://quill.example.net/privacy" },
                ],
                registered: Registration::Document {
                    host: "quill.example.net",
                    is_verified: true,
                    is_elsewhere: true,
                    only_loopback: false,
                },
                access: scopes(),
                redirect_uri: "https://elsewhere.example/callback",
                ..consent()
            }),
        ),
        (
            "consent-native",
            html(&Consent {
                app: AppFace::sample(
                    "An application with a name that is much longer than anybody would expect",
                    Some("https://icons.invalid/missing.png"),
                ),
                registered: Registration::Itself { only_loopback: false },
                redirect_uri: "com.example.longest.name.anyone.has.registered:/callback",
                user: Person {
                    username: "maximiliane-von-der-gartenstrass",
                    email: "maximiliane.von.der.gartenstrasse@department.example.com",
                    name: "",
                },
                ..consent()
            }),
        ),
        (
            "consent-hostile",
            html(&Consent {
                brand: Brand {
                    name: HOSTILE,
                    logo_url: Some("javascript:alert(1)"),
                    base: HOSTILE,
                    banners: &hostile_banners,
                    ..Brand::default()
                },
                csrf_token: HOSTILE,
                sign_out_token: HOSTILE,
                notice: Some(HOSTILE),
                standing: Some(HOSTILE),
                user: hostile_person,
                app: AppFace::sample(HOSTILE, Some(HOSTILE)),
                links: vec![AppLink { text: "Home page", href: HOSTILE }],
                registered: Registration::Document {
                    host: HOSTILE,
                    is_verified: true,
                    is_elsewhere: true,
                    only_loopback: true,
                },
                access: Access::Scopes(vec![hostile_scope]),
                redirect_uri: HOSTILE,
                resource: Some(HOSTILE),
                cancel: cancel("javascript:alert(1)"),
                cancels_here: false,
                return_to: HOSTILE,
            }),
        ),
        (
            "apps",
            html(&AuthorizedApps {
                notice: Some("Access of Lantern is revoked."),
                ..apps(vec![
                    AuthorizedApp { app: AppFace::sample("Atlas", Some(PIXEL)), devices: 1, ..app("Atlas") },
                    AuthorizedApp { access: Access::Full, grants: 1, last_used: None, ..app("Command line") },
                    app("Quill for Desktop"),
                ])
            }),
        ),
        ("apps-empty", html(&apps(Vec::new()))),
        (
            "links",
            html(&LinkedAccounts {
                notice: Some("The account is not linked any more."),
                ..links(vec![
                    LinkedAccount { is_main: true, ..linked("The Corp") },
                    LinkedAccount { is_usable: false, ..linked("Old ID") },
                ])
            }),
        ),
        (
            "links-without-password",
            html(&LinkedAccounts {
                asks_password: false,
                proofs: vec![("The Corp", "/api/v2/users/oidc/corp/callback?reauthenticate=true".to_owned())],
                ..links(vec![linked("The Corp")])
            }),
        ),
        (
            "links-wrong-password",
            html(&LinkedAccounts { password_error: Some("The password is wrong."), ..links(vec![linked("The Corp")]) }),
        ),
        ("links-empty", html(&LinkedAccounts { providers: Vec::new(), ..links(Vec::new()) })),
        (
            "links-hostile",
            html(&LinkedAccounts {
                user: hostile_person,
                link_token: HOSTILE,
                remove_token: HOSTILE,
                sign_out_token: HOSTILE,
                caution: Some(HOSTILE),
                asks_password: false,
                proofs: vec![(HOSTILE, format!("/{HOSTILE}"))],
                providers: vec![Linkable { name: HOSTILE, shown_name: HOSTILE, icon: Some(HOSTILE) }],
                ..links(vec![LinkedAccount { id: HOSTILE.to_owned(), subject: HOSTILE, ..linked(HOSTILE) }])
            }),
        ),
        (
            "apps-hostile",
            html(&AuthorizedApps {
                user: hostile_person,
                csrf_token: HOSTILE,
                sign_out_token: HOSTILE,
                notice: Some(HOSTILE),
                caution: Some(HOSTILE),
                ..apps(vec![AuthorizedApp {
                    client_id: HOSTILE,
                    app: AppFace::sample(HOSTILE, Some(HOSTILE)),
                    access: Access::Scopes(vec![hostile_scope]),
                    ..app(HOSTILE)
                }])
            }),
        ),
        (
            "error-redirect-uri",
            html(&ErrorPage {
                request_id: Some("0197a3b0-6f1e-7c44-9a55-0d4f5b8c2e10"),
                ..error(
                    400,
                    "This link cannot be trusted",
                    "The application asked us to send you to an address that is not registered for it, so we stopped here. \
                     Go back to the application and try again, or tell its makers.",
                )
            }),
        ),
        (
            "error-not-found",
            html(&ErrorPage {
                told: Told::new("There is nothing here", "The address may be mistyped, or the page has moved."),
                ..error(404, "", "")
            }),
        ),
        (
            "error-hostile",
            html(&ErrorPage {
                request_id: Some(HOSTILE),
                told: Told {
                    detail: HOSTILE,
                    back: Some(Link { href: HOSTILE, text: HOSTILE }),
                    ..Told::new(HOSTILE, HOSTILE)
                },
                ..error(400, "", "")
            }),
        ),
        (
            "home",
            html(&Home {
                brand: Brand::default(),
                sign_out_token: "other",
                api_token: "api",
                user: ADA,
                roles: vec!["Owner", "Auditor"],
            }),
        ),
        ("cli-auth", html(&cli())),
        ("cli-auth-stale", html(&CliAuth { notice: Some("This page was out of date."), ..cli() })),
        ("cli-auth-key", html(&CliAuth { key: Some("0123456789-abcdefghijABCDEFGHIJ01"), ..cli() })),
        (
            "cli-auth-hostile",
            html(&CliAuth { user: hostile_person, notice: Some(HOSTILE), key: Some(HOSTILE), ..cli() }),
        ),
        ("signed-out", html(&SignedOut::default())),
    ]
}
