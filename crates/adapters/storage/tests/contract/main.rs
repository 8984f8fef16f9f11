//! Every repository method on both databases, and the promises of the store itself.
//!
//! PostgreSQL comes from `doorward-testkit`; SQLite is a file per test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

mod app_updates;
mod apps;
mod audit;
mod audit_lists;
mod audit_plans;
mod audited;
mod audited_access;
mod changes;
mod codes;
mod counts;
mod files;
mod grants;
mod group_lists;
mod groups;
mod idp_sync;
mod jobs;
mod keys;
mod last_ones;
mod license_plans;
mod licenses;
mod lost_connections;
mod lost_updates;
mod maintenance;
mod member_counts;
mod members;
mod migrations;
mod organization_plans;
mod organizations;
mod outbox;
mod plans;
mod provisioner_job_plans;
mod provisioner_job_use_cases;
mod provisioner_jobs;
mod provisioner_plans;
mod provisioners;
mod quiet_hours;
mod quotas;
mod replays;
mod replicas;
mod roles;
mod rotation;
mod runtime_settings;
mod scim;
mod scim_groups;
mod scim_plans;
mod scim_tokens;
mod sessions;
mod speed;
mod store;
mod template_lists;
mod template_versions;
mod templates;
mod throttles;
mod user_links;
mod user_lists;
mod users;
mod workspace_plans;
mod workspace_proxies;
mod workspaces;
mod worlds;
mod writes;
