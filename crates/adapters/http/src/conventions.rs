//! One file per convention: how a family of addresses authenticates, refuses, fails, and which headers, limit and errors
//! it has. A new family is a new file and a line in [`ALL`].
//!
//! A convention imports the kit and no room.

pub(crate) mod api;
pub(crate) mod callback;
pub(crate) mod consent;
pub(crate) mod console;
pub(crate) mod document;
pub(crate) mod download;
pub(crate) mod oauth2;
pub(crate) mod page;
pub(crate) mod proxy;
pub(crate) mod scim;

pub(crate) use api::Api;
pub(crate) use callback::Callback;
pub(crate) use consent::Consent;
pub(crate) use console::Console;
pub(crate) use document::Document;
pub(crate) use download::Download;
pub(crate) use oauth2::OAuth2;
pub(crate) use page::Page;
pub(crate) use proxy::Proxy;
pub(crate) use scim::Scim;

use crate::kit::convention::Convention;

/// All of them. Where no route is, the one answers whose territory it is; [`Page`] has the rest.
pub(crate) const ALL: [&dyn Convention; 12] = [
    &Api,
    &Callback,
    &OAuth2,
    &Consent,
    &Console,
    &Document::WellKnown,
    &Document::Named,
    &Scim,
    &Proxy,
    &Download::Programs,
    &Download::Script,
    &Page,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_conventions_have_the_same_territory() {
        let mine: Vec<&str> = ALL.iter().filter_map(|convention| convention.territory()).collect();
        assert_eq!(mine.iter().collect::<BTreeSet<_>>().len(), mine.len());
        for convention in ALL {
            if let (Some(mount), Some(territory)) = (convention.mounted_at(), convention.territory()) {
                assert!(mount.starts_with(territory), "{convention:?} is mounted outside of its territory");
            }
        }
    }
}
