//! The authorization server (`oauth2.md`), but for its page, which is [`crate::pages::consent`].

pub(crate) mod apps;
pub(crate) mod block_list;
pub(crate) mod device;
pub(crate) mod documents;
pub(crate) mod logos;
pub(crate) mod registration;
pub(crate) mod resources;
pub(crate) mod settings;
pub(crate) mod tokens;

use crate::kit::routes::Routes;

pub(crate) fn routes(routes: &mut Routes) {
    documents::routes(routes);
    tokens::routes(routes);
    device::routes(routes);
    apps::routes(routes);
    block_list::routes(routes);
    logos::routes(routes);
    registration::routes(routes);
    resources::routes(routes);
    settings::routes(routes);
}
