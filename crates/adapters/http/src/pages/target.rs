//! Where somebody goes after signing in: a path and query of ours.

use crate::conventions::page::paths;
use crate::kit::html::headers::FormAction;

/// The query of the authorization request that this path and query of ours is, if it is one.
pub(super) fn authorization_query(target: &str) -> Option<&str> {
    target.strip_prefix(paths::AUTHORIZE)?.strip_prefix('?')
}

pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Where the form leads whose answer goes to this path and query of ours. When that is an authorization request, it may be
/// refused at once by a redirect to its client (an unknown scope, say), and the client must be reached.
pub(super) fn form_action(target: &str) -> FormAction {
    let Some(query) = authorization_query(target) else { return FormAction::own() };
    // Without one it is the registered callback, which the sign-in page does not know.
    parameter(query, "redirect_uri")
        .map_or_else(FormAction::toward_any, |redirect_uri| FormAction::toward(&redirect_uri))
}

/// A place of our own to go to. Browsers ignore control characters and take `\` for `/`, so those are refused.
pub(super) fn own_target(text: &str) -> &str {
    let is_own = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains('\\')
        && text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if is_own { text } else { paths::HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_our_own_are_targets() {
        for own in ["/", "/oauth2/authorize?client_id=1&x=%2F", "/a//b"] {
            assert_eq!(own_target(own), own);
        }
        for other in
            ["", "a", "//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "/a b", "/ä"]
        {
            assert_eq!(own_target(other), "/", "{other}");
        }
    }

    #[test]
    fn a_sign_in_may_lead_on_to_the_client() {
        for (redirect, expected) in [
            ("", FormAction::own()),
            ("/", FormAction::own()),
            ("/settings?redirect_uri=http://evil.example", FormAction::own()),
            ("/oauth2/authorize?client_id=1&redirect_uri=cursor%3A%2F%2Fcb&scope=x", FormAction::toward("cursor://cb")),
            ("/oauth2/authorize?client_id=1", FormAction::toward_any()),
        ] {
            assert_eq!(form_action(redirect), expected, "{redirect}");
        }
    }
}
