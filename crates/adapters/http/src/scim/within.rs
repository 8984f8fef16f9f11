//! Every endpoint is there twice: for the directory of the deployment, and for those of organizations.

use crate::conventions::Scim;
use crate::kit::call::Call;
use crate::kit::documentation::Documented;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Room;
use doorward_domain::entitlements::Feature;
use doorward_services::Principal;
use std::marker::PhantomData;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The endpoint of `P` below `/scim/v2/organizations/{organization}`.
pub(super) struct Within<P>(PhantomData<P>);

impl<P> Within<P> {
    pub(super) const fn new(_: &P) -> Self {
        Self(PhantomData)
    }
}

impl<P: utoipa::Path> utoipa::Path for Within<P> {
    fn methods() -> Vec<HttpMethod> {
        P::methods()
    }

    fn path() -> String {
        P::path().replacen("/scim/v2", "/scim/v2/organizations/{organization}", 1)
    }

    fn operation() -> Operation {
        let mut operation = P::operation();
        operation.operation_id = operation.operation_id.map(|name| format!("{name}_of_organization"));
        operation.summary =
            operation.summary.map(|text| format!("{} For the directory of an organization.", text.trim_end()));
        let organization = ParameterBuilder::new()
            .name("organization")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("Id or name of the organization"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation.parameters.get_or_insert_default().insert(0, RefOr::T(organization.build()));
        operation
    }
}

impl<P: utoipa::__dev::SchemaReferences> utoipa::__dev::SchemaReferences for Within<P> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        P::schemas(schemas);
    }
}

impl<'t, P: utoipa::__dev::Tags<'t>> utoipa::__dev::Tags<'t> for Within<P> {
    fn tags() -> Vec<&'t str> {
        P::tags()
    }
}

/// Registers an endpoint of a directory in both places.
pub(super) fn both<P, F>(r: &mut Room<'_, Scim>, documented: P, handler: F, body_limit: usize)
where
    P: Documented,
    F: AsyncFn(Call, Principal) -> HandlerResult + Clone + 'static,
{
    let within = Within::new(&documented);
    r.user(documented, handler.clone()).for_any_site().body_limit(body_limit).needs_first(Feature::Scim);
    r.user(within, handler).for_any_site().body_limit(body_limit).needs_first(Feature::Scim);
}
