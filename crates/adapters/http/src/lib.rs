//! The REST API, OAuth 2.1 endpoints and pages of Doorward, by actix-web.
