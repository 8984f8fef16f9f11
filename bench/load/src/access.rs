//! Makes a profile of requests to a server that `doorward dev seed` has filled. Every request is sent once and its
//! answer read through before it counts as a scenario; what the server does not have is said and left out.

use serde_json::{Map, Value, json};

use crate::http::Conn;
use crate::profile::Profile;

/// What a page asks for each organization of its user.
const QUESTIONS: [(&str, &str); 15] = [
    ("template", "create"),
    ("template", "read"),
    ("template", "update"),
    ("template", "delete"),
    ("workspace", "create"),
    ("workspace", "read"),
    ("workspace", "start"),
    ("group", "create"),
    ("group", "read"),
    ("organization", "read"),
    ("organization", "update"),
    ("organization_member", "read"),
    ("organization_member", "create"),
    ("assign_org_role", "read"),
    ("provisioner_daemon", "read"),
];

/// Questions in one request of the larger scenario: as many organizations as it takes.
const MANY: usize = 1_500;

const PAGE: usize = 25;

type Outcome<T> = Result<T, String>;

/// Looks whether an answer is what the scenario is about.
type Check<'a> = Box<dyn Fn(&Value) -> Outcome<String> + 'a>;

struct Scenario<'a> {
    name: &'static str,
    token: &'a str,
    method: &'static str,
    path: String,
    json: Option<Value>,
    /// Answers the text that every answer must contain.
    check: Check<'a>,
}

struct Site {
    base: Profile,
    conn: Conn,
}

impl Site {
    async fn send(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome<(u16, Value, usize)> {
        let headers = [("Coder-Session-Token", token), ("Accept", "application/json")];
        let text = body.map(Value::to_string);
        let request = self.base.request(method, path, &headers, text.as_deref().map(|text| ("application/json", text)));
        let reply = self.conn.send(&request).await.map_err(|e| format!("{method} {path}: {e}"))?;
        let value = serde_json::from_slice(self.conn.body()).unwrap_or(Value::Null);
        Ok((reply.status, value, self.conn.body().len()))
    }

    /// What must be there, for the rest hangs on it.
    async fn need(&mut self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        match self.send(token, method, path, body).await? {
            (200 | 201, value, _) => Ok(value),
            (status, value, _) => Err(format!("{method} {path}: {status} {value}")),
        }
    }
}

fn text(value: &Value, pointer: &str) -> Outcome<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_string).ok_or_else(|| format!("no {pointer} in {value}"))
}

fn number(value: &Value, pointer: &str) -> Outcome<u64> {
    value.pointer(pointer).and_then(Value::as_u64).ok_or_else(|| format!("no {pointer}"))
}

fn amount(value: &Value, pointer: &str) -> Outcome<usize> {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::len).ok_or_else(|| format!("no list at {pointer}"))
}

fn must(holds: bool, what: impl FnOnce() -> String) -> Outcome<()> {
    if holds { Ok(()) } else { Err(what()) }
}

/// A page of so many users or members, and how many there are.
fn page(list: &'static str, count: u64) -> Check<'static> {
    Box::new(move |answer| {
        let (length, told) = (amount(answer, list)?, number(answer, "/count")?);
        must(length == PAGE.min(count as usize), || format!("{length} entries at {list}"))?;
        must(told == count, || format!("count is {told}, there are {count}"))?;
        Ok(format!("\"count\":{count}"))
    })
}

fn checks(organizations: &[String], questions: usize) -> Value {
    let asked = (0..questions).map(|n| {
        let (kind, action) = QUESTIONS[n % QUESTIONS.len()];
        let organization = &organizations[n / QUESTIONS.len() % organizations.len()];
        (
            format!("check-{n}"),
            json!({"object": {"resource_type": kind, "organization_id": organization}, "action": action}),
        )
    });
    json!({ "checks": Map::from_iter(asked) })
}

/// So many answers of both kinds.
fn answers(questions: usize) -> Check<'static> {
    Box::new(move |answer| {
        let answer = answer.as_object().ok_or("no object")?;
        let allowed = answer.values().filter(|value| **value == Value::Bool(true)).count();
        must(answer.len() == questions && answer.values().all(Value::is_boolean), || {
            format!("{} answers", answer.len())
        })?;
        must(questions == 1 || (1..questions).contains(&allowed), || format!("{allowed} allowed of {questions}"))?;
        let last = format!("check-{}", questions - 1);
        Ok(format!("\"{last}\":{}", answer[&last]))
    })
}

/// The profile of the server at `base`, from what the seed printed.
pub async fn profile(base: &str, name: &str, database_port: Option<u16>, seed: &Value) -> Outcome<Value> {
    let mut profile = json!({
        "name": name, "base": base, "database_port": database_port,
        "endpoints": { "metadata": "/.well-known/oauth-authorization-server", "token": "/oauth2/tokens",
            "introspection": "/oauth2/introspect" },
        "client": { "id": "", "auth": "basic" },
        "client_credentials": {}, "introspection": { "token_from": "client_credentials" },
    });
    let site: Profile = serde_json::from_value(profile.clone()).map_err(|e| e.to_string())?;
    let mut site = Site { conn: Conn::new(site.address()?), base: site };
    let [owner, member, plain] =
        ["owner", "member_of_many", "plain"].map(|who| text(seed, &format!("/tokens/{who}/token")));
    let (owner, member, plain) = (owner?, member?, plain?);
    let plain_name = text(seed, "/tokens/plain/username")?;

    // an app of its own for introspection, with a service account
    let app = json!({"name": format!("bench-{}", std::process::id()), "callback_url": "http://127.0.0.1:9999/cb", "service_account": true});
    let app = text(&site.need(&owner, "POST", "/api/v2/oauth2-provider/apps", Some(&app)).await?, "/id")?;
    let secret = site.need(&owner, "POST", &format!("/api/v2/oauth2-provider/apps/{app}/secrets"), None).await?;
    profile["client"] = json!({ "id": app, "secret": text(&secret, "/client_secret_full")?, "auth": "basic" });

    // the service account is a user too
    let all = number(&site.need(&owner, "GET", "/api/v2/users?limit=1", None).await?, "/count")?;
    let wanted = number(seed, "/users")?;
    must((wanted..wanted + 1_000).contains(&all), || format!("{all} users, where {wanted} were added"))?;
    let place = all * 9 / 10;
    let at = site.need(&owner, "GET", &format!("/api/v2/users?limit=1&offset={}", place - 1), None).await?;
    let at = text(&at, "/users/0/id")?;
    let me = site.need(&member, "GET", "/api/v2/users/me", None).await?;
    let organizations: Vec<String> =
        me["organization_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect();
    must(!organizations.is_empty(), || "the member of many organizations is in none".into())?;
    let default = text(seed, "/default_organization")?;
    let largest = text(seed, "/largest_group")?;
    let largest_members = number(seed, "/largest_group_members")?;
    let ordinary = organizations.iter().find(|id| **id != default).unwrap_or(&default);
    let (mine, many) = (organizations.len(), number(seed, "/organizations")? as usize);

    let list = |least: usize| -> Check<'static> {
        Box::new(move |answer| {
            let length = amount(answer, "")?;
            must(length >= least, || format!("{length} entries, at least {least} were expected"))?;
            Ok(format!("\"id\":\"{}\"", text(answer, &format!("/{}/id", length - 1))?))
        })
    };
    let get = |name, token, path: String, check| Scenario { name, token, method: "GET", path, json: None, check };
    let ask = |name, questions| Scenario {
        name,
        token: &member,
        method: "POST",
        path: "/api/v2/authcheck".into(),
        json: Some(checks(&organizations, questions)),
        check: answers(questions),
    };
    let members = |of: &str| format!("/api/v2/organizations/{of}/paginated-members?limit={PAGE}");
    let any_page = || -> Check<'static> {
        Box::new(|answer| {
            let (length, told) = (amount(answer, "/members")?, number(answer, "/count")?);
            must(length == PAGE.min(told as usize) && told > 0, || format!("{length} members of {told}"))?;
            Ok(format!("\"count\":{told}"))
        })
    };
    let scenarios = vec![
        ask("authcheck-1", 1),
        ask("authcheck-1500", MANY),
        get("me", &member, "/api/v2/users/me".into(), Box::new(|me| Ok(format!("\"id\":\"{}\"", text(me, "/id")?)))),
        get("users-first", &owner, format!("/api/v2/users?limit={PAGE}"), page("/users", all)),
        get("users-after", &owner, format!("/api/v2/users?limit={PAGE}&after_id={at}"), page("/users", all - place)),
        get(
            "users-active",
            &owner,
            format!("/api/v2/users?limit={PAGE}&q=status:active"),
            Box::new(move |answer| {
                let told = number(answer, "/count")?;
                must(amount(answer, "/users")? == PAGE.min(told as usize), || "no page".into())?;
                must(told > 0 && told < all, || format!("{told} active of {all}"))?;
                Ok(format!("\"count\":{told}"))
            }),
        ),
        get("users-search", &owner, format!("/api/v2/users?limit={PAGE}&q=user-0000"), {
            Box::new(|answer| {
                must(amount(answer, "/users")? > 0, || "nobody was found".into())?;
                Ok(format!("\"count\":{}", number(answer, "/count")?))
            })
        }),
        get("groups-has-member", &plain, format!("/api/v2/groups?has_member={plain_name}"), list(1)),
        get("organizations", &member, "/api/v2/organizations".into(), list(mine)),
        get("organizations-all", &owner, "/api/v2/organizations".into(), list(many)),
        get("members", &owner, members(ordinary), any_page()),
        get("members-default", &owner, members(&default), any_page()),
        get(
            "group-large",
            &owner,
            format!("/api/v2/groups/{largest}"),
            Box::new(move |group| {
                let (listed, told) = (amount(group, "/members")? as u64, number(group, "/total_member_count")?);
                must(listed == largest_members && told == listed, || format!("{listed} members of {told}"))?;
                Ok(format!("\"total_member_count\":{told}"))
            }),
        ),
    ];

    let mut raw = Map::new();
    for scenario in scenarios {
        let Scenario { name, token, method, path, json: body, check } = scenario;
        let (status, answer, length) = site.send(token, method, &path, body.as_ref()).await?;
        if status == 404 {
            eprintln!("left out: {name}, for {method} {path} is not found");
            continue;
        }
        must(status == 200, || format!("{name}: {status} {answer}"))?;
        let needle = check(&answer).map_err(|e| format!("{name}: {e}"))?;
        raw.insert(
            name.into(),
            json!({ "method": method, "path": path, "json": body, "headers": {"Coder-Session-Token": token},
                "expect_status": 200, "expect_body": needle, "expect_min_length": length - length / 20 }),
        );
    }
    profile["raw"] = Value::Object(raw);
    Ok(profile)
}
