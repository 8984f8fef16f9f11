//! This server as a provider of OpenID Connect: what apps are told of people, and the tokens that say it.

mod app;
mod claims;
mod consent;
mod defect;
mod identity;
mod logout;
mod profile;
mod request;
mod token;

pub use app::{AppRules, LogoutUriError, check_logout_uri};
pub use claims::{ClaimName, GROUPS_IN_TOKEN_MAX, RequestedClaims};
pub use consent::{Consent, ConsentQuestion, fingerprint};
pub use defect::RequestDefect;
pub use identity::{Identity, SignIn};
pub use logout::{LOGOUT_STATE_MAX, LOGOUT_TOKEN, LogoutNotice, LogoutToken, after_logout};
pub use profile::{
    AppProfile, DISPLAY_NAME_MAX, LOGO_MAX, Logo, LogoError, LogoKind, LogoMark, display_name_defect, link_defect,
};
pub use request::{AuthenticationRequest, Prompt};
pub use token::{IdToken, Unsigned};
