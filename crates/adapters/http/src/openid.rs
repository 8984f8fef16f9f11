//! This server as a provider of OpenID Connect.

mod documents;
mod userinfo;
mod verified_emails;

use crate::kit::routes::Routes;

pub(crate) fn routes(routes: &mut Routes) {
    documents::routes(routes);
    userinfo::routes(routes);
    verified_emails::routes(routes);
}
