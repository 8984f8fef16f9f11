//! The server-rendered pages: set-up, sign-in, consent, account, errors.
//!
//! A handler fills one of the structs of [`views`] and hands it to [`headers::render`]. Every page works without
//! JavaScript and asks nothing of another host, except the icon of an application.

pub(crate) mod assets;
pub(crate) mod headers;
pub(crate) mod links;
pub(crate) mod moment;
pub(crate) mod views;

#[cfg(test)]
mod tests;

/// Where the pages stand: the templates link to these, so the routes are registered under the same constants.
pub(crate) mod paths {
    /// The account page of the signed-in user.
    pub(crate) const HOME: &str = "/";
    /// Creation of the first owner.
    pub(crate) const SETUP: &str = "/setup";
    /// Sign-in. Query: `message`, `redirect`.
    pub(crate) const LOGIN: &str = "/login";
    /// Sign-out, by POST. Field `redirect`, when sent: the path and query to come back to after the next sign-in.
    pub(crate) const LOGOUT: &str = "/logout";
    /// The applications the signed-in user has allowed. POST with `client_id` revokes one of them.
    pub(crate) const AUTHORIZED_APPS: &str = "/account/applications";
    /// Makes a key for a command line.
    pub(crate) const CLI_AUTH: &str = "/cli-auth";
    /// The viewer of the API documentation.
    pub(crate) const API_DOCS: &str = "/docs";
}
