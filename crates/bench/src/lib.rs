//! The same questions for the role engine and for three general policy engines, each in its own idiom.
//!
//! A test proves that all of them give the same answers; the benchmark then compares what an answer costs when policy,
//! subject and object are ready.

#![forbid(unsafe_code)]

pub mod casbin;
pub mod cedar;
pub mod rego;
pub mod scenario;

use doorward_domain::roles::{Action, PermissionSet, Pattern, Permission, ResourceType};

/// The pairs that a permission is about, wildcards written out.
fn pairs(permission: &Permission) -> Vec<(ResourceType, Action)> {
    let resources: Vec<ResourceType> = match permission.resource {
        Pattern::Is(resource) => vec![resource],
        Pattern::Any => ResourceType::ALL.to_vec(),
        Pattern::Other(_) => Vec::new(),
    };
    let actions = |resource: ResourceType| match permission.action {
        Pattern::Is(action) => vec![action],
        Pattern::Any => resource.actions().to_vec(),
        Pattern::Other(_) => Vec::new(),
    };
    resources
        .into_iter()
        .flat_map(|resource| actions(resource).into_iter().map(move |action| (resource, action)))
        .collect()
}

/// The pairs that a list allows (or denies).
fn listed(grants: &PermissionSet, negate: bool) -> Vec<(ResourceType, Action)> {
    grants.permissions().iter().filter(|permission| permission.negate == negate).flat_map(pairs).collect()
}
