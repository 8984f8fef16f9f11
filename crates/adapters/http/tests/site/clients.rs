//! What Coder's clients do, call by call. Each test is named after a command or a client and
//! sends what its Go code sends: the session header always, also when it is empty; no `Accept`; `null` for lists that are
//! nil; zero UUIDs for what is absent.

mod answers;
mod commands;
mod deployment;
mod groups;
mod keys;
mod users;

use crate::house::{Answer, House};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::Value;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
/// What Go sends for an id that is not set.
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// A request as the Go SDK sends it. The path is that of the whole URL.
    async fn sdk(&self, method: Method, path: &str, session: &str, body: Value) -> Answer {
        let request = TestRequest::with_uri(path).method(method).peer_addr("127.0.0.1:1".parse().unwrap());
        let request = request.insert_header(("Doorward-Setup-Token", self.setup_token()));
        let mut request = request.insert_header(("Coder-Session-Token", session));
        if !body.is_null() {
            request = request.insert_header(("Content-Type", "application/json")).set_payload(format!("{body}\n"));
        }
        self.send(request).await
    }
}
