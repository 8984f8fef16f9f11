//! This server as a provider of OpenID Connect.

mod documents;
mod userinfo;

use crate::kit::routes::Routes;

pub(crate) fn routes(routes: &mut Routes) {
    documents::routes(routes);
    userinfo::routes(routes);
}
