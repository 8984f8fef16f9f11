//! Provisioner daemons and their keys (`enterprise-platform.md` 5 and 6).

mod acquiring;
mod calls;
pub(crate) mod daemons;
mod keys;
mod serve;
mod told;
mod translate;
mod uploading;

pub(crate) use daemons::JsonTags;

use crate::conventions::Api;
use crate::kit::routes::Routes;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    keys::routes(&mut r);
    daemons::routes(&mut r);
    serve::routes(&mut r);
}
