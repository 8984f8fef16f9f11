//! This server as a provider of OpenID Connect.

mod documents;

use crate::kit::routes::Routes;

pub(crate) fn routes(routes: &mut Routes) {
    documents::routes(routes);
}
