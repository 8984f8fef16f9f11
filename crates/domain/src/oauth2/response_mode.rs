//! How answers of the authorization endpoint reach the client.

use super::RedirectUri;
use super::uri::is_loopback;
use crate::text_enum::text_enum;
use url::Url;

text_enum! {
    /// How answers of the authorization endpoint reach the client.
    ResponseMode {
        /// In the query of the redirect URI (RFC 6749 4.1.2).
        Query = "query",
        /// In a form that the browser posts to it (OAuth 2.0 Form Post Response Mode).
        FormPost = "form_post",
    }
}

impl ResponseMode {
    /// The mode that a request asks for; `None` when there is no such mode, or not for this redirect URI: apps on the device take
    /// no forms.
    ///
    /// ```
    /// use doorward_domain::oauth2::{RedirectUri, ResponseMode};
    /// let web = RedirectUri::register("https://app.example/cb", false)?;
    /// assert_eq!(ResponseMode::choose(None, &web), Some(ResponseMode::Query));
    /// assert_eq!(ResponseMode::choose(Some("form_post"), &web), Some(ResponseMode::FormPost));
    /// assert_eq!(ResponseMode::choose(Some("fragment"), &web), None);
    /// let device = RedirectUri::register("cursor://app/cb", false)?;
    /// assert_eq!(ResponseMode::choose(Some("form_post"), &device), None);
    /// # Ok::<(), doorward_domain::oauth2::RedirectUriError>(())
    /// ```
    #[must_use]
    pub fn choose(asked: Option<&str>, redirect_uri: &RedirectUri) -> Option<Self> {
        let mode = asked.map_or(Ok(Self::Query), str::parse).ok()?;
        (mode == Self::Query || takes_forms(redirect_uri)).then_some(mode)
    }
}

/// Whether a browser can post there without showing what it posts to the network.
fn takes_forms(redirect_uri: &RedirectUri) -> bool {
    Url::parse(redirect_uri.as_str())
        .is_ok_and(|url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_go_to_https_and_to_this_machine_only() {
        for (text, takes) in [
            ("https://app.example/cb", true),
            ("http://127.0.0.1:7/cb", true),
            ("http://localhost/cb", true),
            ("http://[::1]/cb", true),
            ("http://app.example/cb", false),
            ("cursor://app/cb", false),
            ("urn:ietf:wg:oauth:2.0:oob", false),
        ] {
            let uri = RedirectUri::from_storage(text.to_owned());
            assert_eq!(ResponseMode::choose(Some("form_post"), &uri).is_some(), takes, "{text}");
            assert_eq!(ResponseMode::choose(Some("query"), &uri), Some(ResponseMode::Query), "{text}");
            for other in ["", "fragment", "FORM_POST", "query.jwt", "web_message"] {
                assert_eq!(ResponseMode::choose(Some(other), &uri), None, "{text} {other}");
            }
        }
    }
}
