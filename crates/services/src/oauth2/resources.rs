//! The resources that tokens are bound to (RFC 8707).

use crate::{OAuthError, Settings};
use doorward_domain::oauth2::{App, OAuthErrorCode, Resource};

/// The one `resource` of a request. Several are refused unless they are the same, for a token is bound to one.
pub(crate) fn parse_resource(given: &[String]) -> Result<Option<Resource>, OAuthError> {
    let target = |text: String| OAuthError::new(OAuthErrorCode::InvalidTarget, text);
    let mut bound: Option<Resource> = None;
    for text in given.iter().filter(|text| !text.is_empty()) {
        let resource = Resource::parse(text).map_err(|error| target(error.to_string()))?;
        match &bound {
            Some(first) if !first.is_same_as(&resource) => {
                return Err(target("a token is bound to one resource, and several were given".to_owned()));
            }
            Some(_) => {}
            None => bound = Some(resource),
        }
    }
    Ok(bound)
}

/// The resource to which tokens of the app are bound when `asked` is asked for, see [`App::bind`].
pub(crate) fn bind(settings: &Settings, app: &App, asked: Option<&Resource>) -> Result<Option<Resource>, OAuthError> {
    app.bind(asked, settings.oauth2.resources.as_deref(), &settings.resource())
        .map_err(|error| OAuthError::new(OAuthErrorCode::InvalidTarget, error.to_string()))
}
