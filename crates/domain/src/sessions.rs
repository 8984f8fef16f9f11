//! API keys: browser sessions, API tokens and OAuth2 access tokens are all one thing (`identity.md` 2).

mod device;
#[cfg(feature = "oauth2")]
mod key;
mod throttle;
mod token;

pub use device::{Acquaintance, DEVICES_MAX, Device};
#[cfg(feature = "oauth2")]
pub use key::{ApiKey, KeyRefresh, NewAccessToken, OAuth2Binding};
pub use throttle::{PLACE_MEMORY, Throttle, ThrottlePolicy};
pub use token::{ApiKeyId, ApiToken, TokenFormatError};
