//! What asks for care on the consent page, and where links lead; and the gallery as files.

use super::gallery::{
    ADA, apps, banner, cancel, consent, error, gallery, html, linked, links, many_scopes, scope, scopes, setup, sign_in,
};
use crate::conventions::page::{ErrorPage, Told};
use crate::kit::html::layout::Brand;
use crate::pages::access::{Access, Scope};
use crate::pages::applications::AuthorizedApps;
use crate::pages::consent::Consent;
use crate::pages::home::Home;
use crate::pages::links::{Linkable, LinkedAccounts};
use crate::pages::setup::Setup;
use crate::pages::sign_in::{SignIn, SignedOut};
use doorward_domain::appearance::Banner;
use doorward_services::oauth2::Care;

#[test]
fn what_asks_for_care_comes_first_and_is_never_a_tick() {
    let page = html(&Consent { access: scopes(), ..consent() });
    let (care, rest) = page.split_once("topic-1").unwrap();
    assert!(care.contains("grants cautions") && care.contains("<code>workspace:ssh</code>"));
    assert!(!rest.contains("workspace:ssh") && rest.contains("<code>workspace:read</code>"));
    assert!(!rest.contains("cautions"), "what does not ask for care carries no mark");
    assert!(html(&consent()).contains("<ul class=\"grants cautions\">"), "full access asks for care");
    let owner = html(&Consent { standing: Some("Owner of this server"), ..consent() });
    assert!(owner.contains("You are <strong>Owner of this server</strong>"));
    let (above, below) = page.split_once("id=\"scope-list\"").unwrap();
    assert!(
        above.contains("Returns you to") && !below.contains("Returns you to"),
        "where it leads comes before the list"
    );
    assert!(!html(&consent()).contains("id=\"standing\""));
}

#[test]
fn banners_are_text_on_their_own_colour_and_only_those_that_say_something() {
    let off = Banner { enabled: false, ..banner("hidden", "#000000") };
    let banners = [banner("**Soon** <b>&", "#AbCdEf"), banner("dark", "#102030"), off, banner(" \n", "#ffffff")];
    let page = html(&SignIn { brand: Brand { banners: &banners, ..Brand::default() }, ..sign_in() });
    assert_eq!(page.matches("class=\"banner ").count(), 2, "{page}");
    assert!(page.contains("<p>**Soon** &#60;b&#62;&#38;</p>") && page.contains("fill=\"#AbCdEf\""));
    assert!(page.contains("banner on-light") && page.contains("banner on-dark") && !page.contains("hidden</p>"));
    assert!(!page.contains("style="), "no page has a style of its own");
}

#[test]
fn links_lead_below_the_path_of_the_access_url() {
    let brand = Brand { base: "/door", ..Brand::default() };
    for page in [
        html(&Home { brand, sign_out_token: "", api_token: "", user: ADA, roles: Vec::new() }),
        html(&Consent { brand, cancel: cancel("javascript:x"), ..consent() }),
        html(&SignIn { brand, ..sign_in() }),
        html(&Setup { brand, ..setup() }),
        html(&SignedOut { brand, there: None }),
        html(&SignedOut { brand, there: Some(("The Corp", "https://id.example/end?client_id=doorward")) }),
        html(&AuthorizedApps { brand, ..apps(Vec::new()) }),
        html(&LinkedAccounts {
            brand,
            asks_password: false,
            proofs: vec![("The Corp", "/api/v2/users/oidc/corp/callback".to_owned())],
            ..links(vec![linked("The Corp")])
        }),
        html(&ErrorPage { brand, told: Told::new("a", "b"), ..error(404, "", "") }),
    ] {
        for attribute in ["href=\"/", "src=\"/", "action=\"/"] {
            let mut places = page.split(attribute).skip(1);
            assert!(places.all(|place| place.starts_with("door/")), "{page}");
        }
    }
}

#[test]
fn whoever_is_still_signed_in_elsewhere_is_led_there_first() {
    let primary = |page: &str| page.split("button-primary").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let there = html(&SignedOut { there: Some(("The Corp", "https://id.example/end")), ..SignedOut::default() });
    assert!(primary(&there).ends_with("Sign out at The Corp"), "{there}");
    assert_eq!(there.matches("button-primary").count(), 1);
    assert!(primary(&html(&SignedOut::default())).ends_with("Sign in again"));
}

#[test]
fn enter_in_the_password_chooses_no_provider_where_there_are_several() {
    let one = links(vec![linked("The Corp")]);
    let another = Linkable { name: "other", shown_name: "Another", icon: None };
    let several = LinkedAccounts { providers: [one.providers.clone(), vec![another]].concat(), ..one.clone() };
    // The first button of a form is the one that Enter presses.
    let page = html(&several);
    let form = page.split("<form").find(|form| form.contains("name=\"password\"")).unwrap();
    let button = form.split("<button").nth(1).unwrap();
    assert!(button.starts_with(" type=\"submit\" disabled hidden>"), "{button}");
    let page = html(&one);
    let form = page.split("<form").find(|form| form.contains("name=\"password\"")).unwrap();
    assert!(!form.contains("disabled"), "with one it goes there");
}

#[test]
fn what_cannot_be_done_now_is_folded_and_each_sentence_stands_once() {
    let page = html(&Consent { access: many_scopes(), standing: Some("Owner of this server"), ..consent() });
    assert_eq!(page.matches("Your roles reach what belongs to others").count(), 2, "in the notice and over the list");
    let (shown, folded) = page.split_once("<details").unwrap();
    assert_eq!((shown.matches("<li>").count(), folded.matches("<li>").count()), (20, 5));
    assert!(folded.contains("Only if you get more rights one day (5)"));
    let idle = Access::Scopes(vec![Scope { care: Care::Beyond, ..scope("user:delete", "People", "Delete users") }]);
    assert!(html(&Consent { access: idle, ..consent() }).contains("more than you may do yourself"));
}

#[test]
#[ignore = "writes every page to the folder GALLERY, to be looked at in a browser"]
fn write_the_gallery() {
    let folder = std::path::PathBuf::from(std::env::var_os("GALLERY").expect("GALLERY names a folder"));
    let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    for file in ["doorward.css", "logo.svg", "favicon.svg"] {
        std::fs::copy(assets.join(file), folder.join("assets").join(file)).unwrap();
    }
    for (name, html) in gallery() {
        std::fs::write(folder.join(name).with_extension("html"), html).unwrap();
    }
}
