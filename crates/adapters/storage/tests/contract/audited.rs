//! Every use case that writes leaves its record in the same transaction, and no secret gets into one.
//!
//! Each step of this walk is first taken while the audit log refuses every record: then it must fail and leave nothing
//! behind. Then it is taken for real, and the records are counted.

use crate::support::{Fixture, NOW, contract};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _};
use doorward_domain::Secret;
use doorward_domain::ids::OrganizationId;
use doorward_domain::oauth2::App;
use doorward_ports::Sealer;
use doorward_ports::changes::ChangeLog;
use doorward_ports::mocks::{FixedClock, PlainHasher, PlainSealer, SeededRandom};
use doorward_services::oauth2::authorize::{Answer, AuthorizeRequest, approve, find_client, prepare};
use doorward_services::oauth2::revoke::{RevokeRequest, revoke};
use doorward_services::oauth2::token::{TokenRequest, TokenSet, exchange};
use doorward_services::oauth2::{ClientAuthentication, apps, grants, secrets};
use doorward_services::sessions::{
    CreateToken, Login, authenticate, create_key, create_token, delete_key, login, logout,
};
use doorward_services::users::{
    Appearance, ChangePassword, CreateFirstUser, CreateUser, UpdateProfile, UserRef, admin,
};
use doorward_services::{Context, Origin, Principal, Settings, SubjectCache, audit, maintenance, users};
use doorward_testkit::settings::Defaults;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use std::sync::Mutex;
use time::Duration;

pub(crate) const PASSWORD: &str = "SomeSecurePassword!";
const OTHER_PASSWORD: &str = "AnotherSecurePassword!";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://tool.example/cb";

pub(crate) struct Walk {
    pub(crate) db: Fixture,
    pub(crate) ctx: Context,
    clock: Arc<FixedClock>,
    /// What must never be in a record.
    secrets: Mutex<Vec<String>>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    t: String,
}

impl Walk {
    pub(crate) async fn begin(db: Fixture) -> Self {
        let clock = Arc::new(FixedClock::at(NOW));
        let random = Arc::new(SeededRandom::new(7));
        let sealer: Arc<dyn Sealer> = Arc::new(PlainSealer);
        let bootstrap =
            maintenance::bootstrap(&db.store, &*clock, &*random, &sealer, ChangeLog::default()).await.unwrap();
        let ctx = Context {
            store: db.store.clone().into(),
            clock: Arc::<FixedClock>::clone(&clock),
            random,
            passwords: Arc::new(PlainHasher),
            keys: bootstrap.keys,
            cache: SubjectCache::off(),
            licensing: doorward_services::Licensing::unlimited(),
            bus: doorward_ports::Bus::default(),
            upstreams: doorward_services::identity_providers::Upstreams::default(),
            server: Arc::default(),
            outlets: doorward_services::notifications::Outlets::default(),
            proxy_health: doorward_services::workspace_proxies::ProxyHealth::default(),
            looks: doorward_services::appearance::Looks::default(),
            policies: doorward_services::oauth2::Policies::none(),
            devices: doorward_services::oauth2::DeviceTally::default(),
            job_waiters: doorward_services::provisioner_jobs::JobWaiters::default(),
            settings: Arc::new(Settings::from_sections("https://door.example".parse().unwrap(), &Defaults)),
        };
        let secrets = [PASSWORD, OTHER_PASSWORD, "WrongPassword!", "plain:", VERIFIER].map(str::to_owned).to_vec();
        Self { db, ctx, clock, secrets: Mutex::new(secrets) }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.db.is_postgres()
    }

    /// Time goes by.
    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn records(&self) -> i64 {
        self.db.rows("audit_logs")
    }

    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        if self.db.is_postgres() {
            return self.db.texts(sql);
        }
        let rows: Vec<Line> = diesel::sql_query(sql).load(&mut self.db.sqlite_connection()).unwrap();
        rows.into_iter().map(|row| row.t).collect()
    }

    /// All that is stored.
    pub(crate) fn everything(&self) -> Vec<String> {
        let tables = self.texts(if self.db.is_postgres() {
            "SELECT tablename::text AS t FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        } else {
            "SELECT name AS t FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        });
        let rows = |table: &String| self.rows_of(table);
        tables.iter().flat_map(rows).collect()
    }

    fn rows_of(&self, table: &str) -> Vec<String> {
        if self.db.is_postgres() {
            return self.texts(&format!("SELECT '{table} ' || r::text AS t FROM {table} r ORDER BY 1"));
        }
        let columns = self.texts(&format!("SELECT 'quote(' || name || ')' AS t FROM pragma_table_info('{table}')"));
        self.texts(&format!("SELECT '{table} ' || {} AS t FROM {table} ORDER BY 1", columns.join(" || ' ' || ")))
    }

    fn refuse_records(&self) {
        self.db.execute(if self.db.is_postgres() {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no record'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse()"
        } else {
            "CREATE TRIGGER refuse BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, 'no record'); END"
        });
    }

    fn accept_records(&self) {
        self.db.execute(if self.db.is_postgres() {
            "DROP TRIGGER refuse ON audit_logs; DROP FUNCTION refuse"
        } else {
            "DROP TRIGGER refuse"
        });
    }

    /// Takes a step that leaves so many records.
    pub(crate) async fn step<T, E: Debug>(&self, name: &str, records: i64, run: impl AsyncFn() -> Result<T, E>) -> T {
        self.clock.advance(Duration::SECOND);
        if records > 0 {
            let before = self.everything();
            self.refuse_records();
            assert!(run().await.is_err(), "{name} works without its record");
            self.accept_records();
            assert_eq!(self.everything(), before, "{name} left something without its record");
        }
        let before = self.records();
        let done = run().await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(self.records() - before, records, "{name}");
        done
    }

    fn keep(&self, secret: &Secret<String>) -> String {
        let text = secret.expose().clone();
        // Of keys, what stands before the first hyphen is public; of other secrets, all but the last part.
        let hidden = text.rsplit(['-', '_']).next().unwrap().to_owned();
        assert!(hidden.len() >= 10, "{text}");
        self.secrets.lock().unwrap().extend([text.clone(), hidden]);
        text
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str, records: i64) -> Principal {
        let run = async || {
            let command = Login { email: email.to_owned(), password: Secret::from(password) };
            login(&self.ctx, command, &origin()).await
        };
        let signed_in = self.step(&format!("login of {email}"), records, run).await;
        let token = self.keep(&signed_in.session.token);
        authenticate(&self.ctx, &token, &origin()).await.unwrap()
    }

    /// Somebody consents to the app; answers the code.
    async fn consent(&self, actor: &Principal, app: &App) -> String {
        let request = AuthorizeRequest {
            client_id: Some(app.id.to_string()),
            response_type: Some("code".to_owned()),
            code_challenge: Some(CHALLENGE.to_owned()),
            code_challenge_method: Some("S256".to_owned()),
            ..AuthorizeRequest::default()
        };
        let run = async || {
            let app = find_client(&self.ctx, &request).await.unwrap();
            let consent = prepare(&self.ctx, app, &request).await.unwrap();
            approve(&self.ctx, actor, consent).await
        };
        let Answer::Redirect(location) = self.step("consent", 0, run).await else {
            panic!("no redirect was asked for")
        };
        let location: url::Url = location.parse().unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        self.keep(&Secret::new(code.clone()));
        code
    }

    fn keep_tokens(&self, tokens: &TokenSet) -> Option<String> {
        self.keep(&tokens.access_token);
        tokens.refresh_token.as_ref().map(|refresh| self.keep(refresh))
    }
}

pub(crate) fn origin() -> Arc<Origin> {
    let request_id = Some(uuid::Uuid::from_u128(5));
    Arc::new(Origin { ip: "192.0.2.1".to_owned(), user_agent: "tests".to_owned(), request_id })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

pub(crate) fn new_user(name: &str) -> CreateUser {
    CreateUser {
        roles: Vec::new(),
        service_account: false,
        email: format!("{name}@example.com"),
        username: name.to_owned(),
        name: String::new(),
        password: Secret::from(PASSWORD),
        login_type: String::new(),
        status: String::new(),
        organization_ids: vec![OrganizationId::NIL],
    }
}

fn app(service_account: bool) -> apps::AppCommand {
    apps::AppCommand {
        name: "tool".to_owned(),
        callback_url: Some(CALLBACK.to_owned()),
        service_account: Some(service_account),
        ..apps::AppCommand::default()
    }
}

contract! {
    async fn who_allows_an_app_that_is_deleted_meanwhile_is_told_so(db) {
        let walk = Walk::begin(db).await;
        let ctx = &walk.ctx;
        let first = CreateFirstUser {
            email: "ann@example.com".to_owned(),
            username: "ann".to_owned(),
            name: String::new(),
            password: Secret::from(PASSWORD),
            proof: users::SetupProof::Local,
        };
        users::create_first(ctx, first, &origin()).await.unwrap();
        let ann = walk.sign_in("ann@example.com", PASSWORD, 1).await;
        let tool = apps::create(ctx, &ann, app(false)).await.unwrap();
        let request = AuthorizeRequest {
            client_id: Some(tool.id.to_string()),
            response_type: Some("code".to_owned()),
            code_challenge: Some(CHALLENGE.to_owned()),
            code_challenge_method: Some("S256".to_owned()),
            ..AuthorizeRequest::default()
        };
        let app = find_client(ctx, &request).await.unwrap();
        let consent = prepare(ctx, app, &request).await.unwrap();
        apps::delete(ctx, &ann, tool.id).await.unwrap();
        let refused = approve(ctx, &ann, consent).await;
        assert!(matches!(refused, Err(doorward_services::Error::NoSuch(_))), "{refused:?}");
    }

    async fn every_write_leaves_one_record_and_no_write_goes_without(db) {
        let walk = Walk::begin(db).await;
        let ctx = &walk.ctx;
        let first = || CreateFirstUser {
            email: "ann@example.com".to_owned(),
            username: "ann".to_owned(),
            name: String::new(),
            password: Secret::from(PASSWORD),
            proof: users::SetupProof::Local,
        };
        walk.step("first user", 1, async || users::create_first(ctx, first(), &origin()).await).await;
        let ann = walk.sign_in("ann@example.com", PASSWORD, 1).await;

        // Users.
        let bob = walk.step("user", 1, async || users::create(ctx, &ann, new_user("bob")).await).await;
        let bob = UserRef::Id(bob.user.id);
        let wrong = async || {
            let command = Login { email: "bob@example.com".to_owned(), password: Secret::from("WrongPassword!") };
            match login(ctx, command, &origin()).await {
                Err(doorward_services::Error::Unauthenticated { .. }) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        walk.step("wrong password", 1, wrong).await;
        // The waking of the user and the sign-in.
        let as_bob = walk.sign_in("bob@example.com", PASSWORD, 2).await;
        let carol = walk.step("another", 1, async || users::create(ctx, &ann, new_user("carol")).await).await;
        let carol = UserRef::Id(carol.user.id);
        let key = walk.step("key for carol", 1, async || create_key(ctx, &ann, &carol).await).await;
        let token = walk.keep(&key.token);
        walk.step("waking by use", 1, async || authenticate(ctx, &token, &origin()).await).await;
        let profile = || UpdateProfile { username: "rob".to_owned(), name: "Rob".to_owned() };
        walk.step("profile", 1, async || users::update_profile(ctx, &as_bob, &UserRef::Me, profile()).await).await;
        let look = || Appearance { theme_preference: "dark".to_owned(), terminal_font: "fira-code".to_owned() };
        walk.step("look", 1, async || users::update_appearance(ctx, &as_bob, &UserRef::Me, look()).await).await;
        let roles = || vec!["auditor".to_owned()];
        walk.step("roles", 1, async || users::update_roles(ctx, &ann, &bob, roles()).await).await;
        let password = || ChangePassword { password: Secret::from(OTHER_PASSWORD), old_password: None };
        walk.step("password", 1, async || users::change_password(ctx, &ann, &bob, password()).await).await;
        walk.step("suspension", 1, async || users::suspend(ctx, &ann, &bob).await).await;
        walk.step("suspension again, of no effect", 0, async || users::suspend(ctx, &ann, &bob).await).await;
        walk.step("activation", 1, async || users::activate(ctx, &ann, &bob).await).await;

        // Keys.
        let ask = || CreateToken { name: "ci".to_owned(), ..CreateToken::default() };
        let issued = walk.step("token", 1, async || create_token(ctx, &ann, &UserRef::Me, ask()).await).await;
        walk.keep(&issued.token);
        let id = issued.key.id.to_string();
        walk.step("end of a key", 1, async || delete_key(ctx, &ann, &UserRef::Me, &id).await).await;

        // Apps and grants; codes and tokens are not recorded when they are used as they should be.
        let tool = walk.step("app", 2, async || apps::create(ctx, &ann, app(true)).await).await;
        let renamed = || apps::AppCommand { name: "tool2".to_owned(), ..app(true) };
        walk.step("changed app", 1, async || apps::update(ctx, &ann, tool.id, renamed()).await).await;
        let (made, secret) = walk.step("secret", 1, async || secrets::create(ctx, &ann, tool.id).await).await;
        let secret = walk.keep(&secret);
        let client = || ClientAuthentication {
            client_id: Some(tool.id.to_string()),
            client_secret: Some(Secret::new(secret.clone())),
            ..ClientAuthentication::default()
        };
        let request = |grant_type: &str| TokenRequest {
            client: client(),
            grant_type: Some(grant_type.to_owned()),
            ..TokenRequest::default()
        };
        let code_request = |code: &str| TokenRequest {
            code: Some(Secret::new(code.to_owned())),
            code_verifier: Some(Secret::from(VERIFIER)),
            ..request("authorization_code")
        };
        let refresh_request = |token: &str| TokenRequest {
            refresh_token: Some(Secret::new(token.to_owned())),
            ..request("refresh_token")
        };
        let refused = async |request: TokenRequest| match exchange(ctx, request, origin()).await {
            Err(error) if error.code.as_str() == "invalid_grant" => Ok(()),
            other => Err(format!("{other:?}")),
        };
        let service = async || exchange(ctx, request("client_credentials"), origin()).await;
        walk.keep_tokens(&walk.step("client credentials", 0, service).await);
        let code = walk.consent(&ann, &tool).await;
        let redeem = async || exchange(ctx, code_request(&code), origin()).await;
        walk.keep_tokens(&walk.step("exchange", 0, redeem).await);
        walk.step("replay of a code", 1, async || refused(code_request(&code)).await).await;
        let code = walk.consent(&ann, &tool).await;
        let redeem = async || exchange(ctx, code_request(&code), origin()).await;
        let old = walk.keep_tokens(&walk.step("exchange", 0, redeem).await).unwrap();
        let refresh = async || exchange(ctx, refresh_request(&old), origin()).await;
        let tokens = walk.step("refresh", 0, refresh).await;
        walk.keep_tokens(&tokens);
        // Before that, the answer could have been lost.
        let used = async || authenticate(ctx, tokens.access_token.expose(), &origin()).await;
        walk.step("use of the access token", 0, used).await;
        walk.clock.advance(Duration::minutes(5));
        walk.step("reuse of a refresh token", 1, async || refused(refresh_request(&old)).await).await;
        for (name, records) in [("given back", 0), ("revoked", 1), ("withdrawn", 1)] {
            let code = walk.consent(&ann, &tool).await;
            let redeem = async || exchange(ctx, code_request(&code), origin()).await;
            let refresh = walk.keep_tokens(&walk.step("exchange", 0, redeem).await).unwrap();
            match name {
                "given back" => {
                    let request = || RevokeRequest {
                        client: client(),
                        token: Some(Secret::new(refresh.clone())),
                        repeated: None,
                    };
                    walk.step(name, records, async || revoke(ctx, request()).await).await;
                }
                "revoked" => {
                    let grant = grants::list_mine(ctx, &ann).await.unwrap()[0].grant.id;
                    walk.step(name, records, async || grants::revoke(ctx, &ann, grant).await).await;
                }
                _ => walk.step(name, records, async || grants::withdraw(ctx, &ann, &tool).await).await,
            }
        }
        walk.step("nothing to withdraw", 0, async || grants::withdraw(ctx, &ann, &tool).await).await;
        walk.step("end of a secret", 1, async || secrets::delete(ctx, &ann, tool.id, made.id).await).await;
        walk.step("without account", 2, async || apps::update(ctx, &ann, tool.id, app(false)).await).await;
        walk.step("end of an app", 1, async || apps::delete(ctx, &ann, tool.id).await).await;

        // The operator.
        let command = || admin::CreateUserAsOperator {
            email: "dan@example.com".to_owned(),
            username: "dan".to_owned(),
            name: String::new(),
            password: Secret::from(PASSWORD),
            roles: Vec::new(),
        };
        walk.step("user by operator", 1, async || admin::create_user(ctx, command()).await).await;
        let reset = async || admin::reset_password(ctx, "dan", Secret::from(OTHER_PASSWORD)).await;
        walk.step("password by operator", 1, reset).await;
        let tool = walk.step("app by operator", 1, async || apps::create(ctx, &Principal::operator(), app(false)).await).await;
        let made = walk.step("secret by operator", 1, async || secrets::create(ctx, &Principal::operator(), tool.id).await);
        walk.keep(&made.await.1);

        // The log itself, and the ends.
        let entry = async || audit::generate(ctx, &ann, audit::GenerateEntry::default()).await;
        walk.step("an entry on demand", 1, entry).await;
        walk.step("cleaning", 0, async || maintenance::purge(ctx, 100, None).await).await;
        walk.step("end of a user", 1, async || users::delete(ctx, &ann, &carol).await).await;
        walk.step("sign-out", 1, async || logout(ctx, &ann).await).await;

        let records = walk.rows_of("audit_logs");
        assert!(records.len() > 30, "{}", records.len());
        let secrets = walk.secrets.lock().unwrap();
        assert!(secrets.len() > 30, "{}", secrets.len());
        for secret in secrets.iter() {
            let digest = doorward_domain::Digest::of(secret);
            let digest = hex(digest.as_bytes());
            for record in &records {
                assert!(!record.contains(secret) && !record.to_lowercase().contains(&digest), "{secret} in {record}");
            }
        }
        assert_eq!(walk.db.number("SELECT count(*) FROM audit_logs WHERE ip <> '192.0.2.1' AND user_id IS NOT NULL"), 0);
    }
}
