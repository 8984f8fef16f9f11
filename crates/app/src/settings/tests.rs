//! Where settings come from, and what is said of them.

use super::*;
use std::io::Write as _;

fn load(file: Option<&str>, vars: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let Some(text) = file else { return Settings::from_sources(None, vars) };
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Settings::from_sources(Some(file.path()), vars)
}

#[test]
fn the_defaults_are_complete_and_print_as_they_are() {
    let settings = load(None, &[]).unwrap();
    let reread = load(Some(&settings.to_toml().unwrap()), &[]).unwrap();
    assert_eq!(settings.values().unwrap(), reread.values().unwrap());
}

#[test]
fn every_key_is_listed_with_its_default_and_used_by_a_section() {
    let listed = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build().unwrap();
    let used = load(None, &[]).unwrap().values().unwrap().to_string();
    let used = Config::builder().add_source(File::from_str(&used, FileFormat::Toml)).build().unwrap();
    let names = |config: &Config| keys(&config.cache).into_keys().collect::<Vec<_>>();
    assert_eq!(names(&listed), names(&used));
}

#[test]
fn what_is_printed_is_what_is_in_force() {
    let file =
        "data_dir = \"C:\\\\data \\\"x\\\"\"\n[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nworkers = 3";
    let text = load(Some(file), &[("DOORWARD__AUDIT__RETENTION", "90d")]).unwrap().to_toml().unwrap();
    let printed: toml::Table = text.parse().unwrap();
    assert_eq!(printed["data_dir"].as_str(), Some("C:\\data \"x\""));
    assert_eq!(printed["server"]["trusted_proxies"], toml::Value::from(vec!["10.0.0.0/8", "::1"]));
    assert_eq!(printed["server"]["workers"].as_integer(), Some(3));
    assert_eq!(printed["audit"]["retention"].as_str(), Some("90d"));
    assert_eq!(printed["session"]["secure_cookies"].as_str(), Some("auto"));
    assert!(text.contains("# Whether use prolongs sessions.\nrefresh = true\n"), "{text}");
}

#[test]
fn owners_are_shown_every_setting_and_no_secret() {
    let vars = [
        ("DOORWARD__GITHUB__CLIENT_ID", "an-app"),
        ("DOORWARD__GITHUB__CLIENT_SECRET", "hunter2"),
        ("DOORWARD__GITHUB__ALLOW_EVERYONE", "true"),
        ("DOORWARD__DATABASE__URL", "postgres://door:hunter2@db/door"),
        ("DOORWARD__SERVER__WORKERS", "3"),
    ];
    let options = load(None, &vars).unwrap().options().unwrap();
    let listed = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build().unwrap();
    let mut names: Vec<_> = options.iter().map(|option| option.name.clone()).collect();
    names.sort_unstable();
    assert_eq!(names, keys(&listed.cache).into_keys().collect::<Vec<_>>());
    let text = serde_json::to_string(&options).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("\"********\""), "{text}");
    let find = |name: &str| options.iter().find(|option| option.name == name).unwrap();
    let workers = find("server.workers");
    assert_eq!(
        (workers.env.as_str(), &workers.value, &workers.default),
        ("DOORWARD__SERVER__WORKERS", &3.into(), &0.into())
    );
    assert_eq!(workers.description, "Threads that answer requests. 0: one per core.");
    assert_eq!(find("github.client_secret").value, "");
    // One comment may be about several keys.
    assert_eq!(find("session.token_lifetime_max").description, find("session.token_lifetime_default").description);
    assert!(options.iter().all(|option| !option.description.is_empty()), "{text}");
}

#[test]
fn of_the_receiver_of_notifications_nobody_is_shown_more_than_the_host() {
    let shown = |endpoint: &str| {
        let settings = load(None, &[("DOORWARD__WEBHOOK__ENDPOINT", endpoint)]).unwrap();
        let options = settings.options().unwrap();
        let value = options.iter().find(|option| option.name == "webhook.endpoint").unwrap().value.clone();
        assert!(settings.to_toml().unwrap().contains(value.as_str().unwrap()));
        value
    };
    assert_eq!(shown("https://hooks.example/services/T0/secret"), "https://hooks.example/********");
    assert_eq!(shown("https://hooks.example:8443/?token=secret"), "https://hooks.example:8443/********");
    assert_eq!(shown("https://hooks.example/"), "https://hooks.example/");
}

#[test]
fn owners_are_shown_where_each_setting_was_said() {
    let file = "[server]\nlisten = \"1.2.3.4:5\"\nworkers = 3\n[oauth2]\nresources = [\"https://a.example\"]\n\
                [[oidc.providers]]\nname = \"corp\"\nissuer = \"https://id.example\"\nclient_id = \"a\"\n";
    let vars = [
        ("DOORWARD__SERVER__WORKERS", "4"),
        ("DOORWARD__OIDC__PROVIDERS__0__CLIENT_SECRET", "hunter2"),
        ("CODER_EMAIL_HELLO", "door"),
    ];
    let options = load(Some(file), &vars).unwrap().options().unwrap();
    let source = |name: &str| options.iter().find(|option| option.name == name).unwrap().source;
    for (name, expected) in [
        ("server.listen", SettingSource::File),
        ("server.workers", SettingSource::Environment),
        ("oauth2.resources", SettingSource::File),
        ("oidc.providers", SettingSource::Environment),
        ("smtp.hello", SettingSource::Environment),
        ("server.body_limit", SettingSource::Default),
    ] {
        assert_eq!(source(name), expected, "{name}");
    }
    assert!(serde_json::to_string(&options).unwrap().contains("\"source\":\"environment\""));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nlisten = \"1.2.3.4:5\"\nworkers = 3\n[oauth2]\nresources = [\"https://a.example\"]";
    let settings = load(Some(file), &[("DOORWARD__SERVER__WORKERS", "4"), ("OTHER", "x")]).unwrap();
    assert_eq!((settings.listen.listen.as_str(), settings.server.workers), ("1.2.3.4:5", 4));
    let resources = |settings: &Settings| settings.oauth2.resources.as_ref().map(Vec::len);
    assert_eq!(resources(&settings), Some(1));
    let settings = load(None, &[("DOORWARD__OAUTH2__RESOURCES", "https://a.example, https://b.example")]).unwrap();
    assert_eq!(resources(&settings), Some(2));
}

#[test]
fn variables_of_coder_for_mail_mean_ours_and_ours_win() {
    let vars = [
        ("CODER_NOTIFICATIONS_METHOD", "webhook"),
        ("CODER_NOTIFICATIONS_INBOX_ENABLED", "false"),
        ("CODER_NOTIFICATIONS_WEBHOOK_ENDPOINT", "https://hook.example/in"),
        ("CODER_EMAIL_FROM", "Door <door@example.com>"),
        ("CODER_EMAIL_SMARTHOST", "mail.example.com:465"),
        ("CODER_EMAIL_FORCE_TLS", "true"),
        ("CODER_EMAIL_AUTH_USERNAME", "theirs"),
        ("CODER_SOMETHING_ELSE", "x"),
        ("DOORWARD__SMTP__USERNAME", "ours"),
    ];
    let settings = load(None, &vars).unwrap();
    let shown = settings.to_toml().unwrap();
    for line in [
        "method = \"webhook\"",
        "inbox_enabled = false",
        "endpoint = \"https://hook.example/********\"",
        "smarthost = \"mail.example.com:465\"",
        "security = \"implicit\"",
        "username = \"ours\"",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}");
    }
    let wrong = load(None, &[("CODER_NOTIFICATIONS_INBOX_ENABLED", "perhaps")]).unwrap_err().to_string();
    assert!(
        wrong.contains("notifications.inbox_enabled") && wrong.contains("CODER_NOTIFICATIONS_INBOX_ENABLED"),
        "{wrong}"
    );
}

#[test]
fn unknown_and_ill_typed_keys_are_named_with_their_place() {
    for (file, vars, words) in [
        (Some("[server]\nlisen = \"x\""), &[][..], &["server.lisen", ".toml", "server.listen"][..]),
        (None, &[("DOORWARD__SERVER__LISEN", "x")], &["server.lisen", "DOORWARD__SERVER__LISEN"]),
        (None, &[("DOORWARD__SERVER__WORKERS", "many")], &["server.workers", "DOORWARD__SERVER__WORKERS", "number"]),
        (Some("[server]\nworkers = \"many\""), &[], &["server.workers", ".toml"]),
        (Some("[session]\nlifetime = \"soon\""), &[], &["session.lifetime", "soon", ".toml"]),
        (
            None,
            &[("DOORWARD__SESSION__LIFETIME", "soon")],
            &["session.lifetime", "soon", "DOORWARD__SESSION__LIFETIME"],
        ),
        (Some("[database]\nsqlite_synchronous = \"off\""), &[], &["sqlite_synchronous"]),
        (Some("not toml"), &[], &[".toml"]),
        (None, &[("DOORWARD__OAUTH2__REFRESH_TOKEN_LIFETIME", "1h")], &["oauth2.refresh_token_lifetime"]),
        (None, &[("DOORWARD__AUDIT__RETENTION", "23h")], &["audit.retention", "one day"]),
        (None, &[("DOORWARD__AUDIT__RETENTION", "0")], &["audit.retention"]),
        (None, &[("DOORWARD__AUDIT__RETENTION", "for ever")], &["audit.retention", "for ever"]),
        (None, &[("DOORWARD__OAUTH2__REFRESH_TOKEN_LIFETIME", "201years")], &["refresh_token_lifetime", "200 years"]),
        (None, &[("DOORWARD__SERVER__SHUTDOWN_TIMEOUT", "10000000000y")], &["shutdown_timeout"]),
        (
            None,
            &[("DOORWARD__SERVER__TRUSTED_PROXIES", "10.0.0.0/33")],
            &["server.trusted_proxies", "10.0.0.0/33", "TRUSTED_PROXIES"],
        ),
        (None, &[("DOORWARD__SERVER__ACCESS_URL", "ftp://x")], &["server.access_url", "ftp://x"]),
        (None, &[("DOORWARD__OAUTH2__RESOURCES", "https://a.example,x")], &["oauth2.resources", "`x`"]),
        (
            None,
            &[("DOORWARD__METRICS__ENABLED", "true"), ("DOORWARD__METRICS__LISTEN", "127.0.0.1:3000")],
            &["metrics.listen", "server.listen"],
        ),
        (None, &[("DOORWARD__LOG__FILTER", "(((")], &["log.filter"]),
        (None, &[("DOORWARD__FETCH__ALLOW_HOSTS", "https://id.example")], &["fetch.allow_hosts", "https://id.example"]),
        (None, &[("DOORWARD__FETCH__ALLOW_HOSTS", "*.example.com")], &["fetch.allow_hosts", "no wildcards"]),
        (None, &[("DOORWARD__FETCH__ALLOW_PORTS", "443,many")], &["fetch.allow_ports", "many"]),
        (None, &[("DOORWARD__FETCH__DENY_NETWORKS", "10.0.0.0/33")], &["fetch.deny_networks", "DENY_NETWORKS"]),
        (None, &[("DOORWARD__FETCH__PROXY", "http://u:p@proxy.example")], &["fetch.proxy", "without user"]),
        (
            None,
            &[("DOORWARD__FETCH__DEVELOPMENT", "true"), ("DOORWARD__SERVER__ACCESS_URL", "http://door.example")],
            &["fetch.development", "server.access_url"],
        ),
        (
            None,
            &[("DOORWARD__FETCH__DEVELOPMENT", "true"), ("DOORWARD__SERVER__LISTEN", "0.0.0.0:3000")],
            &["fetch.development", "server.listen"],
        ),
        (None, &[("DOORWARD__WEBHOOK__ENDPOINT", "http://localhost:1/x")], &["webhook.endpoint", "fetch.development"]),
        (None, &[("DOORWARD__WEBHOOK__ENDPOINT", "http://10.0.0.1/x")], &["webhook.endpoint", "https"]),
        (None, &[("DOORWARD__BOOTSTRAP__EMAIL", "a@example.com")], &["bootstrap.username"]),
    ] {
        let message = format!("{:#}", load(file, vars).unwrap_err());
        for word in words {
            assert!(message.contains(word), "{message:?} does not name {word:?}");
        }
    }
}

#[test]
fn lists_within_entries_are_written_with_commas_in_the_environment() {
    let provider = serde_json::to_value(doorward_domain::identity_providers::Provider::default()).unwrap();
    let lists = provider.as_object().unwrap().iter().filter(|(_, value)| value.is_array()).map(|(key, _)| key);
    let lists: Vec<String> = lists.map(|key| format!("DOORWARD__OIDC__PROVIDERS__0__{}", key.to_uppercase())).collect();
    assert!(lists.len() > 4, "{lists:?}");
    for list in &lists {
        let value = if list.ends_with("ALGS") { "RS256, ES256" } else { "openid, email" };
        let refused = load(None, &[(list, value)]).unwrap_err().to_string();
        assert!(!refused.contains("sequence") && refused.contains("`oidc.providers.0`"), "{list}: {refused}");
    }
    let (one, other) = ("7d7a4f7e-5c1c-4b0a-9c55-1f2ea7f1c0de", "8d7a4f7e-5c1c-4b0a-9c55-1f2ea7f1c0de");
    let settings = load(
        None,
        &[
            ("DOORWARD__IDP_SYNC__ORGANIZATION_MAPPING__0__GIVEN", "dev"),
            ("DOORWARD__IDP_SYNC__ORGANIZATION_MAPPING__0__GETS", &format!("{one},{other}")),
            ("DOORWARD__IDP_SYNC__SITE_ROLE_MAPPING__0__GIVEN", "boss"),
            ("DOORWARD__IDP_SYNC__SITE_ROLE_MAPPING__0__GETS", ""),
            ("DOORWARD__IDP_SYNC__SITE_ROLE_MAPPING__1__GIVEN", "ops"),
            ("DOORWARD__IDP_SYNC__SITE_ROLE_MAPPING__1__GETS", "auditor, user-admin"),
        ],
    )
    .unwrap();
    let sync = settings.idp_sync;
    let organizations: Vec<String> = sync.organization_mapping[0].gets.iter().map(ToString::to_string).collect();
    assert_eq!(organizations, [one, other]);
    assert_eq!(sync.site_role_mapping[0].gets, [""; 0]);
    assert_eq!(sync.site_role_mapping[1].gets, ["auditor", "user-admin"]);
}

/// The keys of all lists.
fn lists(table: &toml::Table, at: &str, found: &mut Vec<String>) {
    for (key, value) in table {
        let key = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        if value.is_array() {
            found.push(key);
        } else if let Some(table) = value.as_table() {
            lists(table, &key, found);
        }
    }
}

#[test]
fn every_list_may_be_json_in_the_environment() {
    let variable = |key: &str| format!("DOORWARD__{}", key.to_uppercase().replace('.', "__"));
    let defaults: toml::Table = DEFAULTS.parse().unwrap();
    let mut all = Vec::new();
    lists(&defaults, "", &mut all);
    assert!(all.len() > 10, "{all:?}");
    // None is one entry called `[]`.
    for key in &all {
        if let Err(error) = load(None, &[(&variable(key), "[]")]) {
            assert!(!error.to_string().contains("[]"), "{key}: {error}");
        }
    }
    let printed = |vars: &[(&str, &str)]| load(None, vars).unwrap().to_toml().unwrap().parse::<toml::Table>().unwrap();
    let vars = [
        ("DOORWARD__OAUTH2__CIMD__DENY_HOSTS", r#"["evil.example", "*.bad.example"]"#),
        ("DOORWARD__FETCH__ALLOW_PORTS", "[443, 9443]"),
        ("DOORWARD__FETCH__ALLOW_HOSTS", "[fd00::5]:8443,id.corp.internal"),
        ("DOORWARD__FETCH__DENY_NETWORKS", " [ \"64:ff9b:7::/96\" ] "),
        ("DOORWARD__IDP_SYNC__SITE_ROLE_MAPPING", r#"[{"given": "ops", "gets": ["auditor", "user-admin"]}]"#),
        ("DOORWARD__IDP_SYNC__ORGANIZATION_MAPPING__0__GIVEN", "dev"),
        ("DOORWARD__IDP_SYNC__ORGANIZATION_MAPPING__0__GETS", r#"["7d7a4f7e-5c1c-4b0a-9c55-1f2ea7f1c0de"]"#),
    ];
    let shown = printed(&vars);
    assert_eq!(shown["oauth2"]["cimd"]["deny_hosts"], toml::Value::from(vec!["evil.example", "*.bad.example"]));
    assert_eq!(shown["fetch"]["allow_ports"], toml::Value::from(vec![443, 9443]));
    assert_eq!(shown["fetch"]["allow_hosts"], toml::Value::from(vec!["[fd00::5]:8443", "id.corp.internal"]));
    assert_eq!(shown["fetch"]["deny_networks"], toml::Value::from(vec!["64:ff9b:7::/96"]));
    let sync = load(None, &vars).unwrap().idp_sync;
    assert_eq!(sync.site_role_mapping[0].gets, ["auditor", "user-admin"]);
    assert_eq!(sync.organization_mapping[0].gets.len(), 1);
    let broken = load(None, &[("DOORWARD__OAUTH2__CIMD__DENY_HOSTS", r#"["a.example", ]"#)]).unwrap_err().to_string();
    assert!(broken.contains("oauth2.cimd.deny_hosts") && broken.contains("DENY_HOSTS"), "{broken}");
}

#[test]
fn lists_of_the_section_fetch_come_from_the_environment() {
    let vars = [
        ("DOORWARD__FETCH__ALLOW_PORTS", "443, 9443"),
        ("DOORWARD__FETCH__ALLOW_HOSTS", "id.corp.internal,[fd00::5]:8443"),
        ("DOORWARD__FETCH__DENY_NETWORKS__0", "64:ff9b:7::/96"),
        ("DOORWARD__FETCH__PROXY", "http://proxy.example:3128"),
    ];
    let printed: toml::Table = load(None, &vars).unwrap().to_toml().unwrap().parse().unwrap();
    assert_eq!(printed["fetch"]["allow_ports"], toml::Value::from(vec![443, 9443]));
    assert_eq!(printed["fetch"]["allow_hosts"], toml::Value::from(vec!["id.corp.internal", "[fd00::5]:8443"]));
    assert_eq!(printed["fetch"]["deny_networks"], toml::Value::from(vec!["64:ff9b:7::/96"]));
    assert_eq!(printed["fetch"]["proxy"].as_str(), Some("http://proxy.example:3128"));
}

#[test]
fn development_is_for_a_loopback_access_url() {
    for url in ["", "http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]:8443"] {
        let vars = [("DOORWARD__FETCH__DEVELOPMENT", "true"), ("DOORWARD__SERVER__ACCESS_URL", url)];
        assert!(load(None, &vars).unwrap().fetch.development, "{url}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let several = |file, vars: &[(&str, &str)], words: &[&str]| {
        let message = format!("{:#}", load(file, vars).unwrap_err());
        assert!(message.starts_with(&format!("{} settings are not valid", words.len())), "{message}");
        for word in words {
            assert!(message.contains(word), "{message:?} does not name {word:?}");
        }
    };
    let wrong = [
        ("DOORWARD__SESSION__LIFETIME", "0s"),
        ("DOORWARD__SESSION__TOKEN_LIFETIME_MAX", "0s"),
        ("DOORWARD__CLEANUP__INTERVAL", "soon"),
        ("DOORWARD__SERVER__BODY_LIMIT", "5"),
    ];
    several(None, &wrong, &["session.lifetime", "session.token_lifetime_max", "cleanup.interval", "server.body_limit"]);
    several(Some("[server]\nlisen = \"x\"\n[servers]\nlisten = \"x\""), &[], &["server.lisen", "servers.listen"]);
    let unknown = [("DOORWARD__SERVER__LISEN", "x"), ("DOORWARD__SERVER__WORKERS", "many")];
    several(None, &unknown, &["server.lisen", "server.workers"]);
}

#[test]
fn the_audit_log_is_kept_for_ever_or_as_long_as_is_said() {
    assert_eq!(load(None, &[]).unwrap().audit.retention, None);
    let settings = load(None, &[("DOORWARD__AUDIT__RETENTION", "90d")]).unwrap();
    assert_eq!(settings.audit.retention.map(|kept| kept.get().whole_days()), Some(90));
}

#[test]
fn passwords_of_urls_are_hidden() {
    let settings = load(None, &[("DOORWARD__DATABASE__URL", "postgres://ann:hunter2@db/x")]).unwrap();
    let printed = settings.to_toml().unwrap();
    assert!(printed.contains("url = \"postgres://ann:********@db/x\""), "{printed}");
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn seal_keys_are_hidden() {
    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let file = format!("[secrets]\nseal_keys = [\"{ONE}\", \"{ONE}\"]");
    let settings = load(Some(&file), &[]).unwrap();
    let printed = settings.to_toml().unwrap();
    assert!(printed.contains("seal_keys = [\"********\", \"********\"]"), "{printed}");
    assert!(!printed.contains(ONE) && !format!("{settings:?}").contains(ONE));

    // Neither where it is no list, nor where it is no key.
    let vars = [("DOORWARD__SECRETS__SEAL_KEYS__0", "hunter2")];
    for (file, vars, words) in [
        (Some("[secrets]\nseal_keys = \"hunter2\""), &[][..], "`secrets.seal_keys` in "),
        (None, &vars[..], "seal key 1 is not 32 bytes"),
    ] {
        let message = format!("{:#}", load(file, vars).unwrap_err());
        assert!(message.contains(words) && !message.contains("hunter2"), "{message}");
    }
}

/// A section with a list of tables, as settings for identity providers are.
mod lists {
    use super::super::*;
    use doorward_domain::Secret;
    use doorward_domain::settings::{Defects, Span};
    use serde::{Deserialize, Serialize};
    use std::io::Write as _;

    const DEFAULTS: &str = "[sign_in]\nproviders = []\nhosts = [\"a\"]";

    #[derive(Debug, Deserialize, Serialize)]
    struct SignIn {
        providers: Vec<Provider>,
        hosts: Vec<String>,
    }

    /// An entry has no defaults in the file, so those stand here, and unknown keys are refused here.
    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Provider {
        issuer: String,
        client_secret: Secret<String>,
        #[serde(default)]
        groups: Vec<String>,
        #[serde(default)]
        sign_up: bool,
        #[serde(default)]
        order: u16,
        #[serde(default)]
        leeway: Option<Span>,
    }

    impl Section for SignIn {
        const NAME: &'static str = "sign_in";

        fn check(&self, defects: &mut Defects) {
            for (n, provider) in self.providers.iter().enumerate() {
                let is_https = provider.issuer.starts_with("https://");
                defects.unless(is_https, &format!("providers[{n}].issuer"), "must be an https URL");
            }
        }
    }

    fn read(file: Option<&str>, vars: &[(&str, &str)]) -> Result<SignIn, String> {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut kept = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        kept.write_all(file.unwrap_or_default().as_bytes()).unwrap();
        let merged = merge(DEFAULTS, Some(kept.path()), vars).map_err(|error| format!("{error:#}"))?;
        let mut defects = Vec::new();
        let section = read_section(&merged, &mut defects);
        section.filter(|_| defects.is_empty()).ok_or_else(|| defects.join("; "))
    }

    const FILE: &str = "[[sign_in.providers]]\nissuer = \"https://a\"\nclient_secret = \"one\"\norder = 3\n\
                        [[sign_in.providers]]\nissuer = \"https://b\"\nclient_secret = \"two\"\ngroups = [\"x\", \"y\"]\n";

    #[test]
    fn entries_come_from_the_file() {
        let section = read(Some(FILE), &[]).unwrap();
        let [a, b] = section.providers.as_slice() else { panic!("{section:?}") };
        assert_eq!((a.issuer.as_str(), a.client_secret.expose().as_str(), a.order), ("https://a", "one", 3));
        assert_eq!((b.groups.len(), b.sign_up, b.leeway), (2, false, None));
    }

    #[test]
    fn entries_come_from_the_environment_by_their_number_and_in_its_order() {
        let mut vars: Vec<(String, String)> = (0..12)
            .flat_map(|n| {
                let name = |key: &str| format!("DOORWARD__SIGN_IN__PROVIDERS__{n}__{key}");
                [(name("ISSUER"), format!("https://{n}")), (name("CLIENT_SECRET"), "s".to_owned())]
            })
            .collect();
        for (key, value) in
            [("SIGN_UP", "true"), ("ORDER", "7"), ("LEEWAY", "5m"), ("GROUPS__0", "x"), ("GROUPS__1", "y")]
        {
            vars.push((format!("DOORWARD__SIGN_IN__PROVIDERS__1__{key}"), value.to_owned()));
        }
        vars.reverse();
        let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let section = read(None, &vars).unwrap();
        let issuers: Vec<_> = section.providers.iter().map(|provider| provider.issuer.clone()).collect();
        assert_eq!(issuers, (0..12).map(|n| format!("https://{n}")).collect::<Vec<_>>());
        let second = &section.providers[1];
        assert_eq!((second.sign_up, second.order, second.leeway), (true, 7, Some(Span::seconds(300))));
        assert_eq!(second.groups, ["x", "y"]);
    }

    #[test]
    fn the_environment_changes_an_entry_of_the_file_and_adds_behind_it() {
        let vars = [
            ("DOORWARD__SIGN_IN__PROVIDERS__1__CLIENT_SECRET", "new"),
            ("DOORWARD__SIGN_IN__PROVIDERS__2__ISSUER", "https://c"),
            ("DOORWARD__SIGN_IN__PROVIDERS__2__CLIENT_SECRET", "three"),
            ("DOORWARD__SIGN_IN__HOSTS", "b, c"),
            ("DOORWARD__SIGN_IN__HOSTS__1", "d"),
        ];
        let section = read(Some(FILE), &vars).unwrap();
        let secrets: Vec<_> =
            section.providers.iter().map(|provider| provider.client_secret.expose().clone()).collect();
        assert_eq!(secrets, ["one", "new", "three"]);
        assert_eq!(section.providers[1].issuer, "https://b");
        assert_eq!(section.hosts, ["b", "d"]);
    }

    #[test]
    fn what_is_wrong_with_an_entry_is_named_with_its_place() {
        let first = ("DOORWARD__SIGN_IN__PROVIDERS__0__ISSUER", "https://a");
        let secret = ("DOORWARD__SIGN_IN__PROVIDERS__0__CLIENT_SECRET", "hunter2");
        for (file, vars, words) in [
            (
                Some("[[sign_in.providers]]\nisuer = \"x\""),
                &[][..],
                &["sign_in.providers[0]", "isuer", "issuer", ".toml"][..],
            ),
            (
                None,
                &[first, secret, ("DOORWARD__SIGN_IN__PROVIDERS__0__EXTRA", "1")],
                &["sign_in.providers[0]", "extra"],
            ),
            (
                None,
                &[first, secret, ("DOORWARD__SIGN_IN__PROVIDERS__0__ORDER", "first")],
                &["sign_in.providers[0].order", "PROVIDERS__0__ORDER", "first"],
            ),
            (None, &[first], &["sign_in.providers[0].client_secret", "missing"]),
            (None, &[("DOORWARD__SIGN_IN__PROVIDERS__1__ISSUER", "x")], &["PROVIDERS__1__ISSUER", "entry 1", "only 0"]),
            (
                None,
                &[("DOORWARD__SIGN_IN__PROVIDER__0__ISSUER", "x")],
                &["unknown setting `sign_in.provider[0].issuer`"],
            ),
            (
                None,
                &[("DOORWARD__SIGN_IN__HOSTS__0__NAME", "x")],
                &["HOSTS__0__NAME", "`sign_in.hosts[0]`", "no table"],
            ),
            (
                Some("[[sign_in.providers]]\nissuer = \"http://x\"\nclient_secret = \"s\""),
                &[],
                &["providers[0].issuer", "https"],
            ),
        ] {
            let message = read(file, vars).unwrap_err();
            for word in words {
                assert!(message.contains(word), "{message:?} does not name {word:?}");
            }
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn secrets_of_entries_are_hidden() {
        let mut values = toml::Table::new();
        write_section(&read(Some(FILE), &[]).unwrap(), &mut values).unwrap();
        let text = values["sign_in"]["providers"].to_string();
        assert!(text.contains("client_secret = \"********\"") && !text.contains("one"), "{text}");
        assert!(!text.contains('\n'), "a list is printed in one line: {text}");
    }
}
