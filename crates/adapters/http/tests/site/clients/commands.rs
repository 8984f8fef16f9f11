//! The commands of Coder's command line that are about what this server has, one test each: the calls in their order, and what the
//! command reads of the answers or decides by. What no command reads is not looked at.

mod accounts;
mod builds;
mod groups;
mod organizations;
mod platform;
mod roles;
mod sessions;
mod sources;
mod templates;
mod tokens;

use crate::house::House;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::Value;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const NONE: Value = Value::Null;

/// The commands of somebody who is signed in.
struct Command<'h, S> {
    house: &'h House<S>,
    session: String,
}

impl<'h, S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> Command<'h, S> {
    fn new(house: &'h House<S>, session: &str) -> Self {
        Self { house, session: session.to_owned() }
    }

    /// A call below `/api/v2` whose answer must have exactly this status, as the SDK wants it; its body, or null.
    async fn call(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let answer = self.house.sdk(method, &format!("/api/v2{path}"), &self.session, body).await.expect(status);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    async fn get(&self, path: &str) -> Value {
        self.call(GET, path, NONE, 200).await
    }

    /// The organization that almost every command chooses first: the one that is named by id or name, or the only one.
    async fn organization(&self, named: &str) -> Value {
        let mine = self.get("/users/me/organizations").await;
        let mine = mine.as_array().unwrap();
        match named {
            "" => {
                assert_eq!(mine.len(), 1, "of several one must be named");
                mine[0].clone()
            }
            named => mine.iter().find(|one| one["id"] == named || one["name"] == named).unwrap().clone(),
        }
    }

    /// The path of that organization.
    async fn place(&self) -> String {
        format!("/organizations/{}", text(&self.organization("").await, "id"))
    }
}

/// A member that is text and not empty.
#[track_caller]
fn text<'v>(object: &'v Value, member: &str) -> &'v str {
    object[member].as_str().filter(|text| !text.is_empty()).unwrap_or_else(|| panic!("`{member}` of {object}"))
}

/// All of these members must be there, whatever they are.
#[track_caller]
fn has(object: &Value, members: &[&str]) {
    for member in members {
        assert!(object.get(member).is_some(), "`{member}` of {object}");
    }
}

/// The members of the items of a bare list.
#[track_caller]
fn all<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}
