//! The REST API, OAuth 2.1 endpoints and pages of Doorward, by actix-web.

#[cfg_attr(not(test), expect(dead_code, reason = "used as the routes of the pages arrive"))]
mod pages;
