//! A small client for the tests: cookies off, redirects not followed, every status an answer.

use doorward_testkit::postgres::{self, Database};
use doorward_testkit::process::{Builder, Server, metrics_of};
use serde_json::{Value, json};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

pub(crate) const PASSWORD: &str = "SomeSecurePassword!";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";
// RFC 7636 appendix B
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A server with its database; dropping it removes both.
pub(crate) struct Site {
    server: Server,
    pub(crate) database: Option<Database>,
    pub(crate) api: Api,
}

/// Runs a test on the embedded database and on PostgreSQL.
pub(crate) fn on_both(change: impl Fn(Builder) -> Builder, test: impl Fn(&Site)) {
    test(&Site::on_sqlite(&change));
    test(&Site::on_postgres(&change));
}

/// Rate limits are off: the tests are faster than any person.
pub(crate) fn builder() -> Builder {
    Server::builder(crate::DOORWARD)
        .setting("rate_limit.api", "0")
        .setting("rate_limit.login", "0")
        .setting("rate_limit.files", "0")
        .setting("metrics.enabled", "true")
        .setting("metrics.listen", "127.0.0.1:0")
}

impl Site {
    pub(crate) fn on_sqlite(change: impl Fn(Builder) -> Builder) -> Self {
        let server = change(builder()).start().unwrap();
        Self { api: Api::set_up(server.url()), server, database: None }
    }

    /// Where the embedded database lies.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        self.server.data_dir()
    }

    pub(crate) fn on_postgres(change: impl Fn(Builder) -> Builder) -> Self {
        let database = postgres::cluster().unwrap().fresh_database().unwrap();
        let server = change(builder()).database(&database.url()).start().unwrap();
        Self { api: Api::set_up(server.url()), server, database: Some(database) }
    }
}

/// Talks to one server, as its owner.
#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    pub(crate) url: String,
    pub(crate) session: String,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    fn of(response: Response<Body>) -> Self {
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        Self { status, location, text: response.into_body().read_to_string().unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }
}

impl Api {
    /// Makes the first user and signs it in.
    pub(crate) fn set_up(url: &str) -> Self {
        let api = Self::new(url, "");
        let first = json!({"email": "owner@example.com", "username": "owner", "password": PASSWORD});
        assert_eq!(api.post("/api/v2/users/first", &first).status, 201);
        let session = api.sign_in("owner@example.com");
        Self { session, ..api }
    }

    pub(crate) fn new(url: &str, session: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).save_redirect_history(false);
        Self { agent: config.build().new_agent(), url: url.to_owned(), session: session.to_owned() }
    }

    /// The same server with another token.
    pub(crate) fn with(&self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self.clone() }
    }

    /// The same person at another replica.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    pub(crate) fn sign_in(&self, email: &str) -> String {
        let answer = self.post("/api/v2/users/login", &json!({"email": email, "password": PASSWORD}));
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["session_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        Answer::of(request.call().unwrap())
    }

    /// The metrics of the server.
    pub(crate) fn metrics(&self) -> String {
        let url = metrics_of(&self.url).unwrap();
        Answer::of(self.agent.get(format!("{url}/metrics")).call().unwrap()).text
    }

    /// The value of a metric, by its name with its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no metric {name} in:\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Uses an access token the way MCP clients do.
    pub(crate) fn get_with_bearer(&self, path: &str, token: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {token}"));
        Answer::of(request.call().unwrap())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        Answer::of(request.send_json(body).unwrap())
    }

    /// Uploads a tar, and answers its id.
    pub(crate) fn upload(&self, content: &[u8]) -> String {
        let request = self.agent.post(format!("{}/api/v2/files", self.url));
        let request = request.header("Coder-Session-Token", &self.session).header("Content-Type", "application/x-tar");
        let answer = Answer::of(request.send(content).unwrap());
        assert!(answer.status.is_success(), "{} {}", answer.status, answer.text);
        answer.json()["hash"].as_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.put(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        Answer::of(request.send_json(body).unwrap())
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.patch(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        Answer::of(request.send_json(body).unwrap())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        let request = self.agent.delete(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        Answer::of(request.call().unwrap())
    }

    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::of(self.agent.post(format!("{}{path}", self.url)).send_form(fields.iter().copied()).unwrap())
    }

    /// Sends a form as whoever is signed in.
    pub(crate) fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        Answer::of(request.send_form(fields.iter().copied()).unwrap())
    }

    /// Registers an app; a confidential one gets a secret too.
    pub(crate) fn register(&self, more: &Value) -> Client {
        let mut body = json!({"name": "test-app", "callback_url": REDIRECT});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let app = self.post("/api/v2/oauth2-provider/apps", &body);
        assert_eq!(app.status, 201, "{}", app.text);
        let id = app.json()["id"].as_str().unwrap().to_owned();
        let secret = (body["public"] != json!(true)).then(|| {
            let secret = self.post(&format!("/api/v2/oauth2-provider/apps/{id}/secrets"), &json!({}));
            assert_eq!(secret.status, 201, "{}", secret.text);
            secret.json()["client_secret_full"].as_str().unwrap().to_owned()
        });
        Client { id, secret }
    }

    /// Presses Allow, as a script does, and answers the code.
    pub(crate) fn code(&self, client: &Client, more: &str) -> String {
        let path = format!(
            "/oauth2/authorize?response_type=code&client_id={}&code_challenge={CHALLENGE}&state=s{more}",
            client.id
        );
        let request = self.agent.post(format!("{}{path}", self.url)).header("Coder-Session-Token", &self.session);
        let answer = Answer::of(request.send_empty().unwrap());
        assert_eq!(answer.status, 302, "{}", answer.text);
        query(&answer.location.unwrap(), "code").unwrap()
    }

    pub(crate) fn token(&self, client: &Client, fields: &[(&str, &str)]) -> Answer {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &client.id));
        fields.extend(client.secret.as_deref().map(|secret| ("client_secret", secret)));
        self.form("/oauth2/tokens", &fields)
    }

    /// The whole flow: a new grant with its pair of tokens.
    pub(crate) fn grant(&self, client: &Client) -> Pair {
        let code = self.code(client, "");
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
        Pair::of(&self.token(client, &fields))
    }

    pub(crate) fn refresh(&self, client: &Client, token: &str) -> Answer {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// Whether an access token works.
    pub(crate) fn is_live(&self, access: &str) -> bool {
        self.get_with_bearer("/api/v2/users/me", access).status == 200
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Pair {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// A member of the query of a URL.
pub(crate) fn query(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
