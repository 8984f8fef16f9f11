//! Parameters in paths.

use crate::error::Failure;
use actix_web::HttpRequest;
use doorward_services::Error;
use doorward_services::users::UserRef;
use uuid::Uuid;

/// A segment of the path, by its name in the route.
pub(crate) fn segment<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.match_info().get(name).unwrap_or_default()
}

/// A segment that must be a UUID; the error quotes it.
pub(crate) fn id<T: From<Uuid>>(request: &HttpRequest, name: &'static str) -> Result<T, Failure> {
    let text = segment(request, name);
    text.parse::<Uuid>().map(T::from).map_err(|error| {
        let detail = format!("{text:?} is not a valid UUID: {error}");
        let field = doorward_services::FieldError::new(name, detail);
        Error::invalid_fields(format!("Invalid UUID {text:?}."), vec![field]).into()
    })
}

/// The user that the path names.
pub(crate) fn user(request: &HttpRequest) -> UserRef {
    UserRef::parse(segment(request, "user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_bad_uuid_is_quoted() {
        let request = TestRequest::get().param("app", "<x>").to_http_request();
        let Err(Failure::Api(Error::Invalid { message, fields, .. })) = id::<Uuid>(&request, "app") else { panic!() };
        assert_eq!(message, "Invalid UUID \"<x>\".");
        assert_eq!(fields[0].field, "app");
        let request = TestRequest::get().param("app", Uuid::from_u128(1).to_string()).to_http_request();
        assert_eq!(id::<Uuid>(&request, "app").unwrap(), Uuid::from_u128(1));
    }
}
