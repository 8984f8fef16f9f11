//! What people are shown of an app.

use crate::fixtures::app;
use doorward_domain::oauth2::ClientType;
use doorward_domain::openid::{AppProfile, LogoMark};
use doorward_services::oauth2::{AppPicture, ShownApp};

#[test]
fn the_name_and_the_logo_for_people_come_before_those_for_programs() {
    let mut app = app(ClientType::Public);
    app.name = "my-tool".to_owned();
    app.icon = String::new();
    let plain = ShownApp::of(&app, &AppProfile::default());
    assert_eq!((plain.name(), plain.picture()), ("my-tool", &AppPicture::None));
    app.icon = "/icon.png".to_owned();
    let plain = ShownApp::of(&app, &AppProfile::default());
    assert_eq!(plain.picture(), &AppPicture::Icon("/icon.png".to_owned()));
    let logo = LogoMark { fetched_from: "https://tool.example/logo".to_owned(), version: "1".to_owned() };
    let profile =
        AppProfile { display_name: "My great tool".to_owned(), logo: Some(logo.clone()), ..AppProfile::default() };
    let shown = ShownApp::of(&app, &profile);
    assert_eq!((shown.name(), shown.picture()), ("My great tool", &AppPicture::Logo(logo)));
    assert_eq!(shown.id(), app.id);
}
