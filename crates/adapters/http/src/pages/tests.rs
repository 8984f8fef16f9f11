//! Every page in its states: what must hold for all of them, and a gallery for the eye.

mod care;
mod gallery;
mod sheet;

use super::access::Access;
use super::app_face::AppFace;
use super::consent::{Consent, Registration};
use super::form_post::FormPost;
use super::setup::{Field, Setup};
use super::sign_in::SignIn;
use crate::kit::html::headers::SUBMIT;
use crate::kit::html::layout::Brand;
use gallery::{HOSTILE, PIXEL, cancel, cancel_by_form, consent, face, gallery, html, scopes, setup, sign_in};

#[test]
fn no_page_carries_script_or_inline_style() {
    for (name, html) in gallery() {
        let lower = html.to_ascii_lowercase();
        for forbidden in ["<script", "style=", "<style", "javascript:", "onclick", "<img src=x", "<base", "<iframe"] {
            assert!(!lower.contains(forbidden), "{name} contains {forbidden}");
        }
        // An event handler is an attribute: it would stand inside a tag. Text has its `<` escaped.
        for tag in lower.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            let unquoted: String = tag.split('"').step_by(2).collect();
            assert!(!unquoted.contains(" on"), "{name} has a handler in <{tag}>");
        }
    }
}

#[test]
fn every_page_is_a_whole_document() {
    for (name, html) in gallery() {
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        for part in [
            "name=\"viewport\"",
            "<title>",
            "<header",
            "<main id=\"main\">",
            "/assets/doorward.css?v=",
            "/assets/favicon.svg?v=",
        ] {
            // The consent card carries the brand itself.
            assert!(html.contains(part) || (part == "<header" && name.starts_with("consent")), "{name} lacks {part}");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        let mut ids: Vec<_> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let labels: Vec<_> = html.split(" for=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let references = ["aria-describedby=\"", "aria-labelledby=\""].map(|attribute| html.split(attribute).skip(1));
        let referred =
            references.into_iter().flatten().filter_map(|rest| rest.split('"').next()).flat_map(str::split_whitespace);
        for id in labels.into_iter().chain(referred) {
            assert!(ids.contains(&id), "{name} refers to the missing id {id}");
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name} has an id twice");
    }
}

#[test]
fn every_post_form_carries_the_csrf_token() {
    for (name, html) in gallery() {
        for form in html.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next()) {
            assert!(form.contains("<input type=\"hidden\" name=\"csrf_token\" value=\""), "{name}");
        }
    }
}

/// The forms that go to others: they say nothing that only this server may know.
#[test]
fn what_is_posted_to_a_client_is_text_and_nothing_else() {
    let callback = "https://atlas.example.com/callback?a=1&b=2";
    let members = [("code", "c".to_owned()), ("state", HOSTILE.to_owned()), ("iss", "https://door.example".to_owned())];
    let posting = html(&FormPost { brand: Brand::default(), action: callback, members: &members });
    let canceling = html(&Consent { cancel: cancel_by_form(callback, HOSTILE), ..consent() });
    for page in [&posting, &canceling] {
        let (_, form) = page.split_once("action=\"https://atlas.example.com/callback?a=1&#38;b=2\"").unwrap();
        let (form, _) = form.split_once("</form>").unwrap();
        let state = "name=\"state\" value=\"&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;&#60;img";
        assert!(form.contains(state) && !form.contains("csrf_token"), "{form}");
    }
    assert_eq!(posting.matches("<script").count(), 1);
    assert!(posting.contains(&format!("<script>{SUBMIT}</script>")));
    assert!(posting.contains("<button class=\"button button-primary button-wide\" type=\"submit\">Continue</button>"));
    assert!(!canceling.contains("<script") && canceling.contains("type=\"submit\" form=\"cancel-form\">Cancel"));
    assert!(!canceling.contains("cancel-link"));
}

#[test]
fn hostile_names_are_text() {
    let page = html(&Consent { app: face(HOSTILE), ..consent() });
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;"));
    assert!(!page.contains("<script"));
}

#[test]
fn consent_has_what_clients_look_for() {
    for access in [Access::Full, scopes()] {
        let page = html(&Consent { access, ..consent() });
        for part in [
            "<form method=\"POST\" id=\"allow-form\">",
            "<input type=\"hidden\" name=\"csrf_token\" value=\"token\">",
            "id=\"cancel-link\" href=\"https://atlas.example.com/callback?error=access_denied&#38;state=x\"",
            "id=\"scope-list\"",
            "id=\"scope-disclaimer\"",
            ">Allow</button>",
            "atlas.example.com</bdi>",
            "ada@example.com",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }
}

#[test]
fn consent_lists_the_scopes_or_says_full_access() {
    let page = html(&Consent { access: scopes(), ..consent() });
    assert!(page.contains("<code>workspace:read</code>") && page.contains("See your workspaces"));
    assert!(!page.contains("full access"));
    assert!(html(&consent()).contains("full access"));
}

#[test]
fn consent_warns_of_a_loopback_document() {
    let document = |only_loopback| {
        let host = "quill.example.net";
        let registered = Registration::Document { host, is_verified: false, is_elsewhere: false, only_loopback };
        html(&Consent { registered, ..consent() })
    };
    assert!(document(true).contains("notice-caution"));
    assert!(!document(false).contains("notice-caution"));
    assert!(document(false).contains("quill.example.net"));
}

#[test]
fn an_unsafe_icon_or_cancel_address_is_left_out() {
    let page = html(&Consent {
        app: AppFace::sample("Atlas", Some("data:image/svg+xml,<svg/>")),
        cancel: cancel("javascript:alert(1)"),
        ..consent()
    });
    assert!(!page.contains("svg+xml,"));
    assert!(page.contains("id=\"cancel-link\" href=\"/\""));
    assert!(
        html(&Consent { app: AppFace::sample("Atlas", Some(PIXEL)), ..consent() })
            .contains("<img src=\"data:image/png;base64,")
    );
}

#[test]
fn a_form_shows_its_errors_and_what_was_typed() {
    let page =
        html(&Setup { email: Field { value: "a\"b", error: Some("wrong") }, password_error: Some("weak"), ..setup() });
    assert!(page.contains("value=\"a&#34;b\""));
    assert!(page.contains("aria-invalid=\"true\" aria-describedby=\"email-error "));
    assert!(page.contains("aria-describedby=\"password-error "));
    assert!(!page.contains("password-hint"), "the error says what the hint says");
    assert!(page.contains("role=\"alert\""));
    assert!(!html(&setup()).contains("role=\"alert\""));
}

#[test]
fn sign_in_without_passwords_has_no_form() {
    let page = html(&SignIn { password_enabled: false, ..sign_in() });
    assert!(!page.contains("<form"));
    assert!(page.contains("turned off"));
}

#[test]
fn sign_in_keeps_the_way_back() {
    assert!(html(&sign_in()).contains("name=\"redirect\" value=\"/oauth2/authorize?client_id=1&#38;state=a%20b\""));
}
