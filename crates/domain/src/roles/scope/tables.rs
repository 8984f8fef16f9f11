//! Scopes of the data files.

use super::super::permission::{Mask, Masks, Pattern, Permission, PermissionSet};
use super::super::{Action, ResourceType};

#[derive(Debug)]
pub(super) struct BuiltInScope {
    pub(super) name: &'static str,
    /// Its name in the catalogue; empty when it is not for tokens.
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// It is shown under the topic of this type.
    pub(super) topic: ResourceType,
    pub(super) for_tokens: bool,
    pub(super) site: PermissionSet,
}

#[derive(Debug)]
pub(super) struct CompositeScope {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// It is shown under the topic of this type.
    pub(super) topic: ResourceType,
    pub(super) site: PermissionSet,
}

mod generated {
    use super::{Action, BuiltInScope, CompositeScope, Mask, Masks, Pattern, Permission, PermissionSet, ResourceType};

    include!("../../../data/generated/scopes.rs");
}

/// What permits everything. The tables are sorted by name; a test of the names says when they are not.
pub(super) const ALL: &BuiltInScope = &generated::BUILT_IN[0];
/// What permits to connect to workspace apps.
pub(super) const APPLICATION_CONNECT: &BuiltInScope = &generated::BUILT_IN[1];

pub(super) fn built_in(name: &str) -> Option<&'static BuiltInScope> {
    generated::BUILT_IN.iter().find(|scope| scope.name == name)
}

pub(super) fn built_ins() -> &'static [BuiltInScope] {
    &generated::BUILT_IN
}

pub(super) fn composites() -> &'static [CompositeScope] {
    &generated::COMPOSITES
}

/// The titles of the topics.
pub(super) const fn topics() -> &'static [&'static str] {
    generated::TOPICS
}

/// The place of the topic of a type among them.
pub(super) const fn topic(resource: ResourceType) -> usize {
    generated::topic(resource)
}

pub(super) fn words(resource: ResourceType, action: Option<Action>) -> &'static str {
    generated::words(resource, action)
}
