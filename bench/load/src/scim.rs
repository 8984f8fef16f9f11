//! SCIM 2.0: makes a profile of requests to a server with users, provisions users and groups, and ends a user with many tokens.

use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

use crate::http::Conn;
use crate::profile::Profile;

type Outcome<T> = Result<T, String>;

/// So many users are asked for in turn.
const POOL: usize = 1_000;
/// Users, and groups, in one bulk request: with a hundred members each, a hundred groups have about half a megabyte.
const USERS_AT_ONCE: usize = 500;
const GROUPS_AT_ONCE: usize = 100;
/// So many of the tokens are used at the other server before, so that it remembers them.
const KNOWN: usize = 50;

/// Where SCIM is served, and with what it is asked.
pub struct Directory {
    pub base: String,
    /// The path before `/Users`.
    pub prefix: String,
    pub key: String,
}

impl Directory {
    fn site(&self, base: &str) -> Outcome<Profile> {
        let profile = json!({
            "name": "scim", "base": base, "endpoints": { "metadata": "/", "token": "/" },
            "client": { "id": "", "auth": "none" },
        });
        serde_json::from_value(profile).map_err(|e| e.to_string())
    }

    fn call(&self) -> Outcome<Call> {
        let site = self.site(&self.base)?;
        let conn = Conn::new(site.address()?);
        Ok(Call { site, conn, headers: vec![("Authorization".into(), format!("Bearer {}", self.key))] })
    }
}

/// A connection with what every request on it carries.
struct Call {
    site: Profile,
    conn: Conn,
    headers: Vec<(String, String)>,
}

impl Call {
    async fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Outcome<(u16, Value)> {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let text = body.map(Value::to_string);
        let body = text.as_deref().map(|text| ("application/scim+json", text));
        let request = self.site.request(method, path, &headers, body);
        let reply = self.conn.send(&request).await.map_err(|e| format!("{method} {path}: {e}"))?;
        Ok((reply.status, serde_json::from_slice(self.conn.body()).unwrap_or(Value::Null)))
    }

    /// What must be answered so.
    async fn need(&mut self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        match self.send(method, path, body).await? {
            (found, value) if found == status => Ok(value),
            (found, value) => {
                let text: String = value.to_string().chars().take(300).collect();
                Err(format!("{method} {path}: {found} {text}"))
            }
        }
    }
}

fn text(value: &Value, pointer: &str) -> Outcome<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_string).ok_or_else(|| format!("no {pointer} in {value}"))
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The profile of a server that has users: `scim-filter` finds one of a thousand by name, `scim-get` reads one by id, `scim-page`
/// reads a page of 100, `scim-create` makes one.
pub async fn profile(directory: &Directory, name: &str, database_port: Option<u16>) -> Outcome<Value> {
    let mut call = directory.call()?;
    let prefix = &directory.prefix;
    let first = call.need(200, "GET", &format!("{prefix}/Users?count=1"), None).await?;
    let total = first["totalResults"].as_u64().ok_or("no totalResults")? as usize;
    // from pages all over the list
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    let page = 100.min(total.max(1));
    let pages = POOL.min(total).div_ceil(page);
    for n in 0..pages {
        let start = 1 + n * (total - page) / pages.max(1);
        let answer = call.need(200, "GET", &format!("{prefix}/Users?startIndex={start}&count={page}"), None).await?;
        for user in answer["Resources"].as_array().ok_or("no Resources")? {
            names.push(escaped(&text(user, "/userName")?));
            ids.push(text(user, "/id")?);
        }
    }
    if names.is_empty() {
        return Err("the server has no users".into());
    }
    let (many, headers) = (names.len(), json!({ "Authorization": format!("Bearer {}", directory.key) }));
    let mut typed = headers.clone();
    typed["Content-Type"] = "application/scim+json".into();
    let filter = format!("{prefix}/Users?filter=userName%20eq%20%22${{each}}%22");
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "load-${n}@load.example", "active": true,
        "externalId": "load-${n}", "displayName": "Load ${n}", "name": { "givenName": "Load", "familyName": "${n}" },
        "emails": [{ "value": "load-${n}@load.example", "type": "work", "primary": true }],
    });
    eprintln!("{name}: {total} users, {many} of them asked for in turn");
    Ok(json!({
        "name": name, "base": directory.base, "database_port": database_port,
        "endpoints": { "metadata": format!("{prefix}/ServiceProviderConfig"), "token": "/" },
        "client": { "id": "", "auth": "none" },
        "raw": {
            "scim-filter": { "path": filter, "each": names, "headers": headers, "expect_body": "\"totalResults\":1," },
            "scim-get": { "path": format!("{prefix}/Users/${{each}}"), "each": ids, "headers": headers, "expect_body": "\"userName\":" },
            "scim-page": { "path": format!("{prefix}/Users?count=100"), "headers": headers, "expect_body": "\"Resources\":[{" },
            "scim-create": { "method": "POST", "path": format!("{prefix}/Users"), "headers": typed, "json": user,
                             "expect_status": 201, "expect_body": "\"userName\":\"load-" },
        },
    }))
}

/// How users and groups are provisioned.
pub struct Provision {
    pub users: usize,
    pub groups: usize,
    pub members: usize,
    /// By bulk requests, one after the other; else by single ones on so many connections.
    pub bulk: bool,
    pub connections: usize,
    /// Tells names of several runs apart.
    pub tag: String,
}

/// Makes users, and groups of them, and says how long each took.
pub async fn provision(directory: &Directory, how: &Provision) -> Outcome<Value> {
    let user = |n: usize| {
        let name = format!("{}-{n}@load.example", how.tag);
        json!({ "userName": name, "externalId": format!("{}-{n}", how.tag), "displayName": format!("User {n}"), "active": true,
                "emails": [{ "value": name, "type": "work", "primary": true }] })
    };
    let began = Instant::now();
    let ids = make(directory, how, "/Users", (0..how.users).map(user).collect(), USERS_AT_ONCE).await?;
    let users = began.elapsed();
    let group = |n: usize| {
        // neighbours, so that everybody is in about as many
        let mine = (0..how.members.min(ids.len())).map(|k| json!({ "value": ids[(n * how.members + k) % ids.len()] }));
        json!({ "displayName": format!("{} group {n}", how.tag), "externalId": format!("{}-g{n}", how.tag),
                "members": mine.collect::<Vec<_>>() })
    };
    let began = Instant::now();
    let groups = make(directory, how, "/Groups", (0..how.groups).map(group).collect(), GROUPS_AT_ONCE).await?;
    let (groups_took, made) = (began.elapsed(), groups.len());
    // what was made is there
    let mut call = directory.call()?;
    if let Some(last) = groups.last() {
        let last = call.need(200, "GET", &format!("{}/Groups/{last}", directory.prefix), None).await?;
        let members = last["members"].as_array().map_or(0, Vec::len);
        if members != how.members.min(ids.len()) {
            return Err(format!("the last group has {members} members"));
        }
    }
    let way = if how.bulk { "bulk".to_string() } else { format!("{} connections", how.connections) };
    eprintln!(
        "{way}: {} users in {:.2} s ({:.0}/s), {made} groups of {} members in {:.2} s ({:.0}/s)",
        ids.len(),
        users.as_secs_f64(),
        ids.len() as f64 / users.as_secs_f64(),
        how.members,
        groups_took.as_secs_f64(),
        made as f64 / groups_took.as_secs_f64().max(1e-9),
    );
    Ok(
        json!({ "by": way, "users": ids.len(), "users_s": users.as_secs_f64(), "groups": made, "members_each": how.members,
               "groups_s": groups_took.as_secs_f64() }),
    )
}

/// Makes resources, and answers their ids in order.
async fn make(
    directory: &Directory,
    how: &Provision,
    path: &str,
    all: Vec<Value>,
    at_once: usize,
) -> Outcome<Vec<String>> {
    if how.bulk {
        return in_bulk(directory, path, &all, at_once).await;
    }
    let ids = Rc::new(RefCell::new(vec![String::new(); all.len()]));
    let left: Rc<RefCell<VecDeque<_>>> = Rc::new(RefCell::new(all.into_iter().enumerate().collect()));
    let local = LocalSet::new();
    let mut workers = Vec::new();
    for _ in 0..how.connections.max(1) {
        let (ids, left, mut call) = (ids.clone(), left.clone(), directory.call()?);
        let path = format!("{}{path}", directory.prefix);
        workers.push(local.spawn_local(async move {
            loop {
                let Some((n, body)) = left.borrow_mut().pop_front() else { return Ok::<_, String>(()) };
                let made = call.need(201, "POST", &path, Some(&body)).await?;
                ids.borrow_mut()[n] = text(&made, "/id")?;
            }
        }));
    }
    local
        .run_until(async {
            for worker in workers {
                worker.await.map_err(|e| e.to_string())??;
            }
            Ok::<_, String>(())
        })
        .await?;
    Ok(ids.take())
}

async fn in_bulk(directory: &Directory, path: &str, all: &[Value], at_once: usize) -> Outcome<Vec<String>> {
    let (mut call, mut ids) = (directory.call()?, Vec::new());
    for chunk in all.chunks(at_once) {
        let operation = |(n, data): (usize, &Value)| json!({ "method": "POST", "path": path, "bulkId": n.to_string(), "data": data });
        let operations: Vec<Value> = chunk.iter().enumerate().map(operation).collect();
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
        let done = call.need(200, "POST", &format!("{}/Bulk", directory.prefix), Some(&body)).await?;
        for result in done["Operations"].as_array().ok_or("no Operations")? {
            if result["status"] != "201" {
                return Err(format!("not made: {result}"));
            }
            let location = text(result, "/location")?;
            ids.push(location.rsplit('/').next().unwrap_or_default().to_string());
        }
    }
    Ok(ids)
}

/// Makes a user with so many tokens, switches the user off at one server, and says how long that took and after how long another
/// server on the same database refuses the tokens.
pub async fn deprovision(directory: &Directory, other: &str, owner: &str, tokens: usize) -> Outcome<Value> {
    let mut call = directory.call()?;
    let name = format!("ending-{}@load.example", std::process::id());
    let user = json!({ "userName": name, "active": true });
    let user = call.need(201, "POST", &format!("{}/Users", directory.prefix), Some(&user)).await?;
    let id = text(&user, "/id")?;
    let mut api = directory.call()?;
    api.headers = vec![("Coder-Session-Token".into(), owner.into())];
    // dormant at first: such a one gets no token
    api.need(200, "PUT", &format!("/api/v2/users/{id}/status/activate"), None).await?;
    let mut keys = Vec::new();
    for n in 0..tokens {
        let body = json!({ "token_name": format!("t{n}") });
        let made = api.need(201, "POST", &format!("/api/v2/users/{id}/keys/tokens"), Some(&body)).await?;
        keys.push(text(&made, "/key")?);
    }
    let site = directory.site(other)?;
    let mut elsewhere = Call { conn: Conn::new(site.address()?), site, headers: Vec::new() };
    for key in keys.iter().take(KNOWN) {
        elsewhere.headers = vec![("Coder-Session-Token".into(), key.clone())];
        elsewhere.need(200, "GET", "/api/v2/users/me", None).await?;
    }
    let off = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                      "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    let began = Instant::now();
    call.need(200, "PATCH", &format!("{}/Users/{id}", directory.prefix), Some(&off)).await?;
    let (took, ended) = (began.elapsed(), Instant::now());
    while elsewhere.send("GET", "/api/v2/users/me", None).await?.0 != 401 {
        if ended.elapsed() > Duration::from_secs(10) {
            return Err("the other server lets a token in for ten seconds".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = ended.elapsed();
    for key in &keys {
        elsewhere.headers = vec![("Coder-Session-Token".into(), key.clone())];
        elsewhere.need(401, "GET", "/api/v2/users/me", None).await?;
    }
    eprintln!(
        "a user with {tokens} tokens: switched off in {:.1} ms; the other server refused after {:.1} ms more",
        took.as_secs_f64() * 1e3,
        refused.as_secs_f64() * 1e3,
    );
    Ok(
        json!({ "tokens": tokens, "patch_ms": took.as_secs_f64() * 1e3, "refused_elsewhere_after_ms": refused.as_secs_f64() * 1e3 }),
    )
}
