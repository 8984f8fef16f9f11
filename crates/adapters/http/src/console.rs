//! The console: pages on which people see, explain and change who may do what.
//!
//! Every screen has an address and works by plain requests. What it shows and does is done by the use cases of the API, which ask
//! what the caller may; the menu only leaves out what would be refused.

mod access;
mod answer;
mod audit;
mod audit_row;
mod form;
mod group;
mod group_parts;
mod groups;
mod idp_sync;
mod idp_sync_form;
mod idp_sync_section;
mod matrix;
mod members;
mod organization;
mod organizations;
mod overview;
mod pager;
mod role_form;
mod role_review;
mod roles;
mod sessions;
mod shell;
mod site_roles;
mod tokens;
mod user;
mod users;

use crate::kit::routes::Routes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub(crate) fn routes(routes: &mut Routes) {
    access::routes(routes);
    users::routes(routes);
    user::routes(routes);
    site_roles::routes(routes);
    roles::routes(routes);
    role_form::routes(routes);
    groups::routes(routes);
    group::routes(routes);
    sessions::routes(routes);
    tokens::routes(routes);
    audit::routes(routes);
    organizations::routes(routes);
    organization::routes(routes);
    members::routes(routes);
    overview::routes(routes);
    idp_sync::routes(routes);
}

/// The path of a page with its parameters filled in, in their order.
fn path(pattern: &str, segments: &[&str]) -> String {
    const SEGMENT: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'+')
        .add(b'/')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'\\')
        .add(b'`')
        .add(b'{')
        .add(b'}');
    let mut segments = segments.iter();
    let filled = pattern.split('/').map(|part| {
        if part.starts_with('{') {
            segments.next().map(|text| utf8_percent_encode(text, SEGMENT).to_string()).unwrap_or_default()
        } else {
            part.to_owned()
        }
    });
    filled.collect::<Vec<_>>().join("/")
}

/// A path with a query; what is empty is left out.
fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_paths_as_one_segment() {
        assert_eq!(path("/a/{x}/b/{y}", &["c d", "e/f%"]), "/a/c%20d/b/e%2Ff%25");
        assert_eq!(path("/a", &[]), "/a");
        assert_eq!(with_query("/a", &[("q", "x y"), ("after", "")]), "/a?q=x+y");
        assert_eq!(with_query("/a", &[("q", "")]), "/a");
    }
}
