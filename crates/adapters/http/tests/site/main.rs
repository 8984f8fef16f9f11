//! The whole site over an SQLite file: requests in, answers out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, in its helpers too"
)]

mod accounts;
mod all_defects;
mod app_objects;
mod appearance;
mod audit;
mod audit_export;
mod authcheck;
mod authcheck_of_others;
mod bad_input;
mod best_practice;
mod broken_bodies;
mod browser;
mod client_documents;
mod client_keys;
mod clients;
mod console;
mod console_audit;
mod console_idp_sync;
mod console_organizations;
mod console_sessions;
mod credentials;
mod default_roles;
mod devices;
mod dpop;
mod emails;
mod entitlements;
mod factors;
mod files;
mod follow;
mod forgery;
mod form_post;
mod grants;
mod group_nestings;
mod group_sizes;
mod groups;
mod house;
mod identity_providers;
mod idp_sync;
mod idp_sync_runs;
mod in_person;
mod licenses;
mod limits;
mod notices;
mod notifications;
mod oauth2;
mod oauth2_apps;
mod oauth2_metadata;
mod oauth2_scopes;
mod openid;
mod organizations;
mod overview;
mod pages;
mod passcodes;
mod provider;
mod provisioner_jobs;
mod provisioners;
mod proxied_apps;
mod public_keys;
mod pushed_requests;
mod quiet_hours;
mod registration;
mod registration_tokens;
mod replicas;
mod request_objects;
mod resource_changes;
mod scim;
mod scim_groups;
mod scim_lists;
mod scim_members;
mod scim_providers;
mod scim_schemas;
mod scim_tokens;
mod scopes;
mod sessions;
mod signed_tokens;
mod step_up;
mod template_versions;
mod templates;
mod workspace_proxies;
mod workspaces;
