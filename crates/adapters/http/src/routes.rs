//! Every route that is served: the rooms register theirs, in this order.
//!
//! The router tries routes in the order of the table. Those that a busy server serves all day are marked where they are
//! registered (`.busy()`) and stand before all others; else the order counts only where a path has a parameter where another
//! has a word, and a test tells if a route is hidden by one before it.

use crate::conventions::{self, Page};
use crate::kit::html::assets;
use crate::kit::mount::mount;
use crate::kit::routes::{Entry, Routes};
use crate::kit::site::Site;
use crate::{
    appearance, audit, authcheck, console, deployment, docs, entitlements, factors, files, groups, identity_providers,
    idp_sync, licenses, members, notifications, oauth2, openid, organizations, pages, passcodes, provisioner_jobs,
    provisioners, quiet_hours, quotas, replicas, roles, scim, sessions, status, template_versions, templates, users,
    workspace_proxies, workspaces,
};
use actix_web::web;
use std::sync::Arc;

/// Every route.
pub(crate) fn table() -> Vec<Entry> {
    let mut routes = Routes::default();
    for register in [
        oauth2::routes,
        openid::routes,
        authcheck::routes,
        pages::routes,
        console::routes,
        docs::routes,
        status::routes,
        sessions::routes,
        identity_providers::routes,
        roles::routes,
        users::routes,
        organizations::routes,
        members::routes,
        groups::routes,
        files::routes,
        templates::routes,
        template_versions::routes,
        workspaces::routes,
        provisioner_jobs::routes,
        idp_sync::routes,
        provisioners::routes,
        quiet_hours::routes,
        quotas::routes,
        scim::routes,
        notifications::routes,
        passcodes::routes,
        factors::routes,
        licenses::routes,
        entitlements::routes,
        appearance::routes,
        deployment::routes,
        replicas::routes,
        workspace_proxies::routes,
        audit::routes,
    ] {
        register(&mut routes);
    }
    routes.into_table()
}

/// Registers everything.
pub(crate) fn configure(site: &Arc<Site>, config: &mut web::ServiceConfig) {
    mount(site, &table(), &conventions::ALL, &Page, config);
    assets::configure(config);
}

/// The OpenAPI 3.1 document of everything that is served.
#[must_use]
pub fn openapi_json() -> String {
    docs::openapi_json(&table())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conventions::page::paths;
    use crate::kit::convention::Audience;
    use crate::kit::extract::path;
    use crate::kit::gate::{Endpoint, Moment, Needed};
    use crate::kit::mount::other_spelling;
    use actix_web::http::{Method, StatusCode};
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpRequest, HttpResponse};
    use doorward_domain::entitlements::Feature;
    use doorward_domain::names::{Named, is_name};
    use std::collections::BTreeSet;

    #[test]
    fn what_a_busy_server_serves_all_day_is_looked_for_first() {
        let table = table();
        let first: Vec<_> = table.iter().take_while(|entry| entry.is_busy).map(|entry| entry.endpoint.path).collect();
        assert_eq!(
            first,
            [
                "/.well-known/oauth-authorization-server",
                "/oauth2/tokens",
                "/oauth2/introspect",
                "/api/v2/authcheck",
                paths::AUTHORIZE,
                paths::AUTHORIZE,
            ]
        );
        assert!(table.iter().skip(first.len()).all(|entry| !entry.is_busy));
    }

    #[test]
    fn the_endpoints_that_metadata_names_are_served() {
        use doorward_domain::oauth2::endpoints::{
            AUTHORIZE, CLIENTS, DEVICE, DEVICE_VERIFICATION, END_SESSION, INTROSPECT, JWKS, PAR, REGISTER, REVOKE,
            TOKENS, USERINFO,
        };
        let table = table();
        let served: BTreeSet<_> = table.iter().map(|entry| entry.endpoint.path).collect();
        let client = format!("{CLIENTS}/{{client_id}}");
        let named = [
            AUTHORIZE,
            DEVICE,
            DEVICE_VERIFICATION,
            END_SESSION,
            INTROSPECT,
            JWKS,
            PAR,
            REGISTER,
            REVOKE,
            TOKENS,
            USERINFO,
            &client,
        ];
        let missing: Vec<_> = named.into_iter().filter(|path| !served.contains(path)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_route_is_there_once_and_none_is_hidden_by_one_before_it() {
        let table = table();
        let routes: BTreeSet<_> =
            table.iter().map(|entry| (entry.endpoint.path, entry.endpoint.method.as_str())).collect();
        assert_eq!(routes.len(), table.len(), "a route is registered twice");
        assert!(table.len() > 120, "{}", table.len());
        let takes = |pattern: &str, path: &str| {
            let (pattern, path) = (pattern.split('/'), path.split('/'));
            pattern.clone().count() == path.clone().count()
                && pattern.zip(path).all(|(known, segment)| known == segment || known.starts_with('{'))
        };
        for (at, entry) in table.iter().enumerate() {
            let path = entry.endpoint.path;
            for before in table[..at].iter().map(|entry| entry.endpoint.path).filter(|before| *before != path) {
                assert!(!takes(before, path), "{before} hides {path}");
            }
        }
    }

    #[test]
    fn routes_stand_where_their_convention_does() {
        for entry in table() {
            let (path, convention) = (entry.endpoint.path, entry.endpoint.convention);
            let place = convention.mounted_at().or(convention.territory()).unwrap_or_default();
            assert!(path.strip_prefix(place).is_some_and(|below| below.starts_with('/')), "{path} {convention:?}");
        }
        for path in [
            paths::HOME,
            paths::SETUP,
            paths::LOGIN,
            paths::LOGOUT,
            paths::AUTHORIZED_APPS,
            paths::LINKS,
            paths::REMOVE_LINK,
            paths::CLI_AUTH,
            paths::API_DOCS,
            paths::ACCESS,
            paths::USERS,
            paths::SITE_ROLES,
            paths::OVERVIEW,
            paths::IDP_SYNC,
            paths::SESSIONS,
            paths::TOKENS,
            paths::AUDIT,
            paths::ORGANIZATIONS,
            paths::NEW_ORGANIZATION,
            paths::AUTHORIZE,
        ] {
            assert!(table().iter().any(|entry| entry.endpoint.path == path), "{path} leads nowhere");
        }
    }

    #[test]
    fn what_needs_a_licence_is_in_the_table_of_features() {
        // `enterprise-platform.md` 2.4; quotas, the audit log and appearance are not refused for want of one.
        let table = table();
        let needed = |path: &str| {
            let (first, signed_in) = (Moment::First, Moment::SignedIn);
            let change = |method: &Method| *method != Method::GET;
            Some(match path.strip_prefix("/api/v2").unwrap_or(path) {
                "/organizations/new" => (Feature::MultipleOrganizations, signed_in, None),
                "/organizations/{organization}/settings" => (Feature::MultipleOrganizations, signed_in, Some(change)),
                // A page about members, which need nothing.
                "/organizations/{organization}" if path == paths::MEMBERS => return None,
                below if below.starts_with("/scim/v2") => (Feature::Scim, first, None),
                below if below.starts_with("/workspaceproxies") => (Feature::WorkspaceProxy, first, None),
                "/organizations/{organization}/provisionerdaemons/serve" => {
                    (Feature::ExternalProvisionerDaemons, first, None)
                }
                below if below.starts_with("/organizations/{organization}/provisionerkeys") => {
                    (Feature::ExternalProvisionerDaemons, signed_in, None)
                }
                "/prebuilds/settings" => (Feature::WorkspacePrebuilds, signed_in, None),
                below if below.ends_with("/quiet-hours") => (Feature::AdvancedTemplateScheduling, first, None),
                below if below.starts_with("/groups") => (Feature::TemplateRbac, first, None),
                below if below.starts_with("/templates/{template}/acl") => (Feature::TemplateRbac, first, None),
                "/organizations/{organization}/paginated-groups" => (Feature::TemplateRbac, signed_in, None),
                below if below.starts_with("/organizations/{organization}/groups") => {
                    (Feature::TemplateRbac, signed_in, None)
                }
                below if below.starts_with("/organizations/{organization}/members/roles") => {
                    (Feature::CustomRoles, signed_in, Some(change))
                }
                "/organizations/{organization}/roles/create" | "/organizations/{organization}/roles/{roleName}" => {
                    (Feature::CustomRoles, signed_in, Some(change))
                }
                "/organizations" | "/organizations/{organization}" => {
                    (Feature::MultipleOrganizations, signed_in, Some(change))
                }
                _ => return None,
            })
        };
        let mut seen = BTreeSet::new();
        for entry in &table {
            let Endpoint { path, method, needs, .. } = &entry.endpoint;
            let expected = needed(path).filter(|(_, _, only)| only.is_none_or(|only| only(method)));
            let Some((feature, at, _)) = expected else {
                let own = needs.is_some_and(|needed| needed.at == Moment::SignedIn);
                assert!(needs.is_none() || own && path.contains("/scim/tokens"), "{method} {path}");
                continue;
            };
            assert_eq!(*needs, Some(Needed { feature, at }), "{method} {path}");
            assert!(at == Moment::First || entry.audience == Audience::SignedIn, "{path} asks nobody");
            seen.insert(feature);
        }
        assert!(seen.len() >= 5, "{seen:?}");
    }

    /// What the parameter of a path names; `None` when it is an id, or no name that people give.
    fn named(parameter: &str) -> Option<Named> {
        Some(match parameter {
            "{user}" | "{username}" => Named::User,
            "{organization}" | "{name}" => Named::Organization,
            "{groupName}" => Named::Group,
            "{templatename}" => Named::Template,
            "{roleName}" => Named::Role,
            "{workspacename}" => Named::Workspace,
            "{keyname}" => Named::Token,
            "{workspaceproxy}" => Named::Proxy,
            _ => return None,
        })
    }

    #[test]
    fn no_name_can_be_a_word_that_stands_at_its_place_in_a_path() {
        let paths: Vec<Vec<&str>> = table().iter().map(|entry| entry.endpoint.path.split('/').collect()).collect();
        // A word that no name can be leads nowhere else.
        let can_be = |parameter: &str, word: &str| named(parameter).is_none_or(|named| !named.is_reserved(word));
        let same = |(a, b): (&&str, &&str)| match (a.starts_with('{'), b.starts_with('{')) {
            (true, true) => true,
            (true, false) => can_be(a, b),
            (false, true) => can_be(b, a),
            (false, false) => a == b,
        };
        let mut found = 0;
        for path in &paths {
            for (at, parameter) in path.iter().enumerate() {
                let Some(named) = named(parameter) else { continue };
                for other in paths.iter().filter(|other| other.len() > at) {
                    let word = other[at];
                    if !word.starts_with('{') && path[..at].iter().zip(&other[..at]).all(same) {
                        let by_name = matches!(named, Named::Role | Named::Organization);
                        let is_taken = named.is_reserved(word) || (by_name && !is_name(word));
                        assert!(is_taken, "{} hides the {named:?} {word:?}", other.join("/"));
                        found += 1;
                    }
                }
            }
        }
        assert!(found > 20, "{found}");
    }

    /// The names of the parameters of a path.
    fn parameters(path: &str) -> Vec<&str> {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next());
        names.collect()
    }

    #[actix_web::test]
    async fn every_parameter_of_every_route_is_decoded_and_both_spellings_lead_to_it() {
        const VALUE: &str = "a+b 50%25/c\u{e9}%2f";
        const ENCODED: &str = "a%2Bb%2050%2525%2Fc%C3%A9%252f";
        let mut seen = 0;
        for path in table().iter().map(|entry| entry.endpoint.path) {
            for spelling in [Some(path.to_owned()), other_spelling(path)].into_iter().flatten() {
                let echo = move |request: HttpRequest| async move {
                    let texts = parameters(path).into_iter().map(|name| path::segment(&request, name).into_owned());
                    HttpResponse::Ok().body(texts.collect::<Vec<_>>().join("\n"))
                };
                let app = init_service(App::new().service(web::resource(spelling.as_str()).to(echo))).await;
                let names = parameters(path);
                let uri = names
                    .iter()
                    .fold(spelling.replace(":.*", ""), |uri, name| uri.replace(&format!("{{{name}}}"), ENCODED));
                let answer = call_service(&app, TestRequest::with_uri(&uri).to_request()).await;
                assert_eq!(answer.status(), StatusCode::OK, "{uri}");
                let texts = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
                assert_eq!(texts.lines().collect::<Vec<_>>(), vec![VALUE; names.len()], "{uri}");
                seen += names.len();
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn what_is_served_is_documented() {
        let document: serde_json::Value = serde_json::from_str(&openapi_json()).unwrap();
        let documented: usize =
            document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
        assert_eq!(documented, table().len());
    }

    #[test]
    fn every_operation_has_a_name_and_says_what_it_answers() {
        let document: serde_json::Value = serde_json::from_str(&openapi_json()).unwrap();
        let mut names = BTreeSet::new();
        for operation in
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
        {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is there twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
            for response in operation["responses"].as_object().unwrap().values() {
                assert!(
                    response.get("$ref").is_some() || !response["description"].as_str().unwrap().is_empty(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = openapi_json();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let references = text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next());
        for pointer in references {
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
