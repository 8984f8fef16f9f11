//! What an application is granted, in words.

use doorward_services::oauth2::{Caution, ScopeText};

/// A scope, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The name on the wire: `workspace:read`.
    pub(crate) name: &'a str,
    /// What it is about: `Workspaces`.
    pub(crate) topic: &'a str,
    /// What it lets an application do, continuing `It will be able to`: `See your workspaces`.
    pub(crate) description: &'a str,
    /// Set when it asks for care: why, or nothing when its description says it.
    pub(crate) caution: Option<&'a str>,
}

impl<'a> From<&'a ScopeText> for Scope<'a> {
    fn from(text: &'a ScopeText) -> Self {
        let caution = text.caution.map(|caution| match caution {
            Caution::Roles => "Not only what is yours: your roles reach what belongs to others.",
            Caution::Sensitive => "",
        });
        Self { name: &text.name, topic: &text.topic, description: &text.description, caution }
    }
}

/// What is granted.
#[derive(Debug, Clone)]
pub(crate) enum Access<'a> {
    /// Everything the user can do.
    Full,
    /// These scopes and nothing else.
    Scopes(Vec<Scope<'a>>),
}

/// The scopes that ask for care, and the others. They come sorted like that.
pub(super) fn cautions_first<'s, 'a>(scopes: &'s [Scope<'a>]) -> (&'s [Scope<'a>], &'s [Scope<'a>]) {
    scopes.split_at(scopes.partition_point(|scope| scope.caution.is_some()))
}

/// Scopes that are about the same thing and stand together.
pub(super) fn by_topic<'s, 'a>(scopes: &'s [Scope<'a>]) -> impl Iterator<Item = (&'a str, &'s [Scope<'a>])> {
    scopes
        .chunk_by(|one, next| one.topic == next.topic)
        .map(|group| (group.first().map_or("", |scope| scope.topic), group))
}
