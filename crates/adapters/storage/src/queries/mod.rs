//! The queries, written once. Each database includes this file as its module `queries`, and says with `Conn` and the other
//! names taken from it here what the queries are compiled for.

use super::{Conn, advisory, filters, folds, hot, lists, moments, owner, room};

/// Makes a type that has a `QueryFragment` a condition for `filter`, on any tables. Its SQL depends on its value, so
/// diesel must not remember it by its type.
macro_rules! condition {
    ($name:ty) => {
        impl diesel::expression::Expression for $name {
            type SqlType = diesel::sql_types::Bool;
        }

        impl<Tables> diesel::expression::AppearsOnTable<Tables> for $name {}
        impl<Tables> diesel::expression::SelectableExpression<Tables> for $name {}

        impl<GroupBy> diesel::expression::ValidGrouping<GroupBy> for $name {
            type IsAggregate = diesel::expression::is_aggregate::Never;
        }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    };
}

mod apps;
mod audit;
mod audit_facets;
mod client_documents;
mod client_keys;
mod clock;
mod codes;
mod counted;
mod counts;
mod device_authorizations;
mod expiring;
mod factors;
mod federated_sessions;
mod files;
mod grant_lists;
mod grants;
mod group_members;
mod groups;
mod has_address;
mod idp_sync;
mod inbox;
mod initial_tokens;
pub(super) mod jobs;
mod keys;
mod licenses;
mod locks;
mod logouts;
mod maintenance;
mod member_counts;
mod members;
mod notifications;
pub(super) mod one_of;
mod openid;
mod organizations;
mod outbox;
mod passcodes;
mod planned_anew;
mod provisioner_job_views;
mod provisioner_jobs;
mod provisioners;
mod pushed_requests;
mod quiet_hours;
mod quotas;
mod registrations;
mod replays;
mod replicas;
mod resource_servers;
mod roles;
mod runtime_settings;
mod scim;
mod scim_groups;
mod scim_meant;
mod scim_tokens;
mod session_lists;
mod sessions;
mod template_versions;
mod templates;
mod throttles;
mod user_links;
mod user_lists;
mod users;
mod visible;
mod workspace_proxies;
mod workspace_views;
mod workspaces;
