//! What a handler says about itself for the OpenAPI document.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::Schema;

/// What `#[utoipa::path]` makes of a handler: a type that knows its method, path, description and schemas. The last two are
/// by traits that utoipa offers to integrations of web frameworks, such as this.
pub(crate) trait Documented:
    utoipa::Path + utoipa::__dev::SchemaReferences + for<'t> utoipa::__dev::Tags<'t>
{
}

impl<P: utoipa::Path + utoipa::__dev::SchemaReferences + for<'t> utoipa::__dev::Tags<'t>> Documented for P {}

/// Schemas by name.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// What a handler says about itself. The description is made when somebody asks for it.
pub(crate) struct Documentation {
    /// The path as OpenAPI spells it.
    pub(crate) path: &'static str,
    pub(crate) methods: fn() -> Vec<HttpMethod>,
    pub(crate) operation: fn() -> Operation,
    pub(crate) schemas: fn(&mut Schemas),
}

impl Documentation {
    /// That of a handler, whose path is kept as `path`.
    pub(crate) fn of<P: Documented>(path: &'static str) -> Self {
        Self { path, methods: P::methods, operation: operation::<P>, schemas: P::schemas }
    }
}

fn operation<P: Documented>() -> Operation {
    let mut operation = P::operation();
    operation.tags.get_or_insert_default().extend(P::tags().iter().map(ToString::to_string));
    operation
}
