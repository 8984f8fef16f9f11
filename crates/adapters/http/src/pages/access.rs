//! What an application is granted, in words.

use doorward_services::oauth2::{Care, ScopeText};

/// A scope, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The name on the wire: `workspace:read`.
    pub(crate) name: &'a str,
    /// What it is about: `Workspaces`.
    pub(crate) topic: &'a str,
    /// What it lets an application do, continuing `It will be able to`: `See your workspaces`.
    pub(crate) description: &'a str,
    pub(crate) care: Care,
}

impl<'a> From<&'a ScopeText> for Scope<'a> {
    fn from(text: &'a ScopeText) -> Self {
        Self { name: &text.name, topic: &text.topic, description: &text.description, care: text.care }
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

/// Scopes by the care that they ask for. They come sorted like that.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByCare<'s, 'a> {
    pub(super) sensitive: &'s [Scope<'a>],
    /// Those that reach what belongs to others.
    pub(super) roles: &'s [Scope<'a>],
    pub(super) usual: &'s [Scope<'a>],
    /// Those with which nothing can be done now.
    pub(super) beyond: &'s [Scope<'a>],
}

impl ByCare<'_, '_> {
    /// Whether nothing can be done with any of them.
    pub(super) fn is_idle(&self) -> bool {
        self.sensitive.is_empty() && self.roles.is_empty() && self.usual.is_empty()
    }
}

pub(super) fn by_care<'s, 'a>(scopes: &'s [Scope<'a>]) -> ByCare<'s, 'a> {
    let until = |care: Care| scopes.partition_point(|scope| scope.care < care);
    let (rest, beyond) = scopes.split_at(until(Care::Beyond));
    let (rest, usual) = rest.split_at(until(Care::Usual));
    let (sensitive, roles) = rest.split_at(until(Care::Roles));
    ByCare { sensitive, roles, usual, beyond }
}

/// Scopes that are about the same thing and stand together.
pub(super) fn by_topic<'s, 'a>(scopes: &'s [Scope<'a>]) -> impl Iterator<Item = (&'a str, &'s [Scope<'a>])> {
    scopes
        .chunk_by(|one, next| one.topic == next.topic)
        .map(|group| (group.first().map_or("", |scope| scope.topic), group))
}
