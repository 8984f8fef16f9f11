use super::*;
use crate::users::testing::*;
use crate::{Licensing, Principal};
use doorward_domain::runtime_settings::RuntimeSetting as _;
use doorward_ports::changes::ChangeLog;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Outage, StoreError};
use doorward_testkit::licenses::Signer;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

fn chosen() -> Appearance {
    let banner = Banner { enabled: true, message: "Soon".to_owned(), background_color: "#004852".parse().unwrap() };
    Appearance {
        application_name: "Acme".to_owned(),
        logo_url: "https://cdn.example/logo.png".to_owned(),
        announcement_banners: vec![banner],
    }
}

/// Mocks whose store has this.
fn with_stored(stored: &Appearance) -> MockRepositories {
    let document = stored.to_document().unwrap();
    let mut repos = MockRepositories::default();
    repos
        .runtime_settings
        .expect_find()
        .withf(|name, place| name == "appearance" && place.is_none())
        .returning(move |_, _| Ok(Some(document.clone())));
    repos
}

fn link(name: &str) -> SupportLink {
    SupportLink { name: name.to_owned(), target: "https://help.example".to_owned(), icon: "chat".to_owned() }
}

/// A context where no licence gives anything.
fn without_license(repos: MockRepositories) -> Context {
    let mut settings = settings();
    settings.licensing = serde_json::from_value(Signer::new(1).settings("enforced")).unwrap();
    settings.appearance.support_links = vec![link("Our help desk")];
    let licensing = Licensing::new(&settings.licensing, Uuid::nil(), ChangeLog::default()).unwrap();
    Context { licensing, ..context_with(repos, settings) }
}

fn asked(banners: &[(&str, &str)]) -> UpdateAppearance {
    let banner = |(message, color): &(&str, &str)| UpdateBanner {
        enabled: false,
        message: (*message).to_owned(),
        background_color: (*color).to_owned(),
    };
    UpdateAppearance { announcement_banners: banners.iter().map(banner).collect(), ..UpdateAppearance::default() }
}

#[tokio::test]
async fn what_was_chosen_is_shown_with_links_for_help() {
    let ctx = context(with_stored(&chosen()));
    let shown = find(&ctx, &actor().build()).await.unwrap();
    assert_eq!((&shown.chosen, shown.docs_url.as_str()), (&chosen(), "https://door.example/docs"));
    let [docs] = &shown.support_links[..] else { panic!("{shown:?}") };
    assert_eq!((docs.icon.as_str(), docs.target.as_str()), ("docs", "https://door.example/docs"));
    assert_eq!(*of_pages(&ctx).await, chosen());

    let mut other = settings();
    other.appearance.docs_url = "https://docs.example".to_owned();
    other.appearance.support_links = vec![link("Our help desk")];
    let shown = find(&context_with(with_stored(&chosen()), other), &actor().build()).await.unwrap();
    assert_eq!((shown.docs_url.as_str(), shown.support_links), ("https://docs.example", vec![link("Our help desk")]));
}

#[tokio::test]
async fn without_the_feature_nothing_was_chosen() {
    let ctx = without_license(with_stored(&chosen()));
    let shown = find(&ctx, &actor().build()).await.unwrap();
    assert_eq!(shown.chosen, Appearance::default());
    assert_eq!(shown.support_links[0].icon, "docs", "configured links are part of the feature");
    // The store is not even asked.
    assert_eq!(*of_pages(&without_license(MockRepositories::default())).await, Appearance::default());
}

#[tokio::test]
async fn a_page_does_without_what_cannot_be_read() {
    let mut repos = MockRepositories::default();
    repos.runtime_settings.expect_find().returning(|_, _| Err(StoreError::unavailable(Outage::Silent, "gone")));
    assert_eq!(*of_pages(&context(repos)).await, Appearance::default());
}

#[tokio::test]
async fn owners_choose_also_without_a_licence_and_leave_no_record() {
    for ctx_of in [context as fn(MockRepositories) -> Context, without_license] {
        let stored = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&stored);
        let mut repos = MockRepositories::default();
        repos.runtime_settings.expect_update().times(1).returning(move |change| {
            *seen.lock().unwrap() = Some((change.name(), change.organization(), change.document().to_owned()));
            Ok(())
        });
        let command = UpdateAppearance {
            application_name: "Acme".to_owned(),
            logo_url: "https://cdn.example/logo.png".to_owned(),
            announcement_banners: vec![UpdateBanner {
                enabled: true,
                message: "Soon".to_owned(),
                background_color: "#004852".to_owned(),
            }],
        };
        assert_eq!(update(&ctx_of(repos), &owner().build(), command).await.unwrap(), chosen());
        let stored = stored.lock().unwrap().take().unwrap();
        assert_eq!(stored, ("appearance", None, chosen().to_document().unwrap()));
    }
}

#[tokio::test]
async fn only_owners_choose_and_others_learn_no_defect() {
    let refused = |by: Principal| async move {
        let ctx = context(MockRepositories::default());
        update(&ctx, &by, asked(&[("", "red")])).await.unwrap_err()
    };
    for by in [actor().build(), actor().role("auditor").build(), owner().scopes(&["workspace:read"]).build()] {
        assert!(matches!(refused(by).await, Error::Forbidden(_)));
    }
}

#[tokio::test]
async fn a_bad_colour_is_told_in_the_words_that_clients_know() {
    for (color, message, detail) in [
        ("", "Invalid color format: \"\"", "7 bytes"),
        ("#12345", "Invalid color format: \"#12345\"", "7 bytes"),
        ("1234567", "Invalid color format: \"1234567\"", "# at the beginning"),
        ("#gggggg", "Invalid color format: \"#gggggg\"", "hexadecimal"),
    ] {
        let ctx = context(MockRepositories::default());
        let refused = update(&ctx, &owner().build(), asked(&[("fine", "#ffffff"), ("", color)])).await.unwrap_err();
        let Error::Invalid { message: told, detail: why, fields } = refused else { panic!("{refused:?}") };
        assert!(told == message && why.contains(detail) && fields.is_empty(), "{told} {why}");
    }
}

#[tokio::test]
async fn all_other_defects_are_told_at_once() {
    let ctx = context(MockRepositories::default());
    let mut command = asked(&[("a\u{202e}b", "#ffffff"); 17]);
    command.application_name = "\u{200b}".to_owned();
    command.logo_url = "javascript:alert(1)".to_owned();
    let refused = update(&ctx, &owner().build(), command).await.unwrap_err();
    let Error::Invalid { fields, .. } = refused else { panic!("{refused:?}") };
    let names: Vec<_> = fields.iter().map(|field| field.field.as_ref()).collect();
    assert_eq!(names, ["application_name", "logo_url", "announcement_banners"]);
    for (name, logo) in
        [("a".repeat(257), String::new()), (String::new(), format!("https://a.example/{}", "a".repeat(65_536)))]
    {
        let command = UpdateAppearance { application_name: name, logo_url: logo, ..UpdateAppearance::default() };
        assert!(matches!(update(&ctx, &owner().build(), command).await, Err(Error::Invalid { .. })));
    }
}
