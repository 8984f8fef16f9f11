//! The authorization server (`oauth2.md`), but for its page, which is [`crate::pages::consent`].

pub(crate) mod apps;
pub(crate) mod authorization_request;
pub(crate) mod block_list;
pub(crate) mod device;
pub(crate) mod documents;
mod grants;
pub(crate) mod logos;
pub(crate) mod pushed_requests;
pub(crate) mod registration;
pub(crate) mod registration_tokens;
pub(crate) mod resource_servers;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod tokens;

use crate::kit::routes::Routes;

pub(crate) fn routes(routes: &mut Routes) {
    documents::routes(routes);
    tokens::routes(routes);
    device::routes(routes);
    pushed_requests::routes(routes);
    apps::routes(routes);
    block_list::routes(routes);
    grants::routes(routes);
    logos::routes(routes);
    registration::routes(routes);
    registration_tokens::routes(routes);
    resource_servers::routes(routes);
    secrets::routes(routes);
    settings::routes(routes);
}
