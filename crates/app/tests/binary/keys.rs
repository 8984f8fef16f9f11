//! Keys of the server that are replaced while refresh tokens live on, and sealed at rest, as `docs/adr/0012` promises.

use crate::client::{Api, Client, Pair, Site, VERIFIER, builder, on_both};
use doorward_domain::Secret;
use doorward_domain::oauth2::{DerivationKey, OpaqueToken};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// Seal keys, as an operator makes them.
const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn command(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(crate::DOORWARD);
    command.args(arguments);
    match &site.database {
        Some(database) => command.env("DOORWARD__DATABASE__URL", database.url()),
        None => command.env("DOORWARD__DATA_DIR", site.data_dir()),
    };
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The keys that a command tells of, as purpose, id and state.
fn keys(output: &Output) -> Vec<[String; 3]> {
    assert!(output.status.success(), "{}", said(output));
    let keys: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    keys.iter().map(|key| ["purpose", "id", "state"].map(|name| key[name].as_str().unwrap().to_owned())).collect()
}

/// The letter of the key in a refresh token.
fn letter(pair: &Pair) -> char {
    let secret = pair.refresh.split('_').nth(2).unwrap();
    assert_eq!(secret.len(), OpaqueToken::SECRET_LEN);
    char::from(secret.as_bytes()[DerivationKey::RANDOM_LEN])
}

/// Waits until a server signs with this key.
fn wait_for(api: &Api, client: &Client, wanted: char) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while letter(&api.grant(client)) != wanted {
        assert!(Instant::now() < deadline, "the server does not hear of the key {wanted}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn refresh_tokens_live_on_across_a_rotation_at_two_servers() {
    let site = Site::on_postgres(|b| b);
    let other = builder().database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let apis = [site.api.clone(), site.api.at(other.url())];
    let clients = [site.api.register(&json!({})), site.api.register(&json!({"name": "other", "public": true}))];
    let refresh = |at: usize, client: &Client, token: &str| Pair::of(&apis[at % 2].refresh(client, token));
    let grants: Vec<(&Client, Pair)> =
        (0..12).map(|n| (&clients[n / 2 % 2], apis[n % 2].grant(&clients[n / 2 % 2]))).collect();
    assert!(grants.iter().all(|(_, pair)| letter(pair) == 'a'));
    // The answers of these are lost.
    let unanswered: Vec<Pair> =
        grants[..4].iter().enumerate().map(|(n, (client, pair))| refresh(n, client, &pair.refresh)).collect();

    // Others are exchanged all the while, again and again, also by servers that have not heard of the new key.
    let busy: Vec<(&Client, Pair)> = (0..4).map(|n| (&clients[n % 2], apis[n % 2].grant(&clients[n % 2]))).collect();
    let rotated = thread::scope(|scope| {
        let refreshing: Vec<_> = busy
            .iter()
            .map(|(client, first)| {
                scope.spawn(move || {
                    let mut pairs = vec![first.clone()];
                    for n in 0..60 {
                        let last = pairs.last().unwrap();
                        let (here, there) = (refresh(n, client, &last.refresh), refresh(n + 1, client, &last.refresh));
                        assert_eq!(here, there, "whoever asks again gets the same");
                        pairs.push(here);
                    }
                    pairs
                })
            })
            .collect();
        let rotate = ["keys", "rotate", "--purpose", "refresh_tokens", "--now", "--json"];
        let rotated = keys(&command(&site, &rotate));
        for (refreshing, (client, first)) in refreshing.into_iter().zip(&busy) {
            let pairs = refreshing.join().unwrap();
            let letters: String = pairs.iter().map(letter).collect();
            assert!(letters.chars().is_sorted(), "never back to an older key: {letters}");
            assert!(apis.iter().all(|api| api.is_live(&pairs.last().unwrap().access)));
            // Long ago, so that it is known to have been issued and has been forgotten.
            assert_eq!(apis[0].refresh(client, &first.refresh).status, 400);
        }
        rotated
    });
    let states = rotated.iter().map(|[_, id, state]| (id.as_str(), state.as_str())).collect::<Vec<_>>();
    assert_eq!(states, [("a", "verifies"), ("b", "signs")]);
    for api in &apis {
        wait_for(api, &clients[0], 'b');
    }

    for (n, ((client, first), next)) in grants[..4].iter().zip(&unanswered).enumerate() {
        // The lost answer of before the rotation is given again, at both servers.
        assert_eq!((&refresh(n, client, &first.refresh), &refresh(n + 1, client, &first.refresh)), (next, next));
        assert!(apis[n % 2].is_live(&next.access));
    }
    for (n, (client, first)) in grants[4..].iter().enumerate() {
        let next = refresh(n, client, &first.refresh);
        assert_eq!((letter(first), letter(&next)), ('a', 'b'));
        assert_eq!(refresh(n + 1, client, &first.refresh), next, "a lost answer of after the rotation");
        let latest = refresh(n + 1, client, &next.refresh);
        assert_eq!(refresh(n, client, &first.refresh), latest, "two generations and one rotation later");
        assert!(apis.iter().all(|api| api.is_live(&latest.access) && !api.is_live(&next.access)));
    }
    let record = apis[0].get("/api/v2/audit?q=resource_type:crypto_key&limit=5").json();
    let record = &record["audit_logs"][0];
    assert_eq!(record["resource_target"], json!("refresh_tokens/b"), "{record}");
    assert_eq!(record["additional_fields"]["actor"], json!({"kind": "operator"}), "{record}");
    assert_eq!(record["additional_fields"]["replaces"], json!("a"), "{record}");
}

/// How often the database was called: reading, in transactions, by single writing statements.
fn calls(api: &Api) -> [u64; 3] {
    ["reads", "writes", "single_writes"].map(|kind| {
        let value = api.metric(&format!("doorward_store_{kind}_total"));
        format!("{value}").parse().unwrap()
    })
}

/// What this costs, in calls of the database.
fn cost<T>(api: &Api, work: impl FnOnce() -> T) -> (T, [u64; 3]) {
    let before = calls(api);
    let done = work();
    let after = calls(api);
    (done, [0, 1, 2].map(|kind| after[kind] - before[kind]))
}

#[test]
fn an_exchange_costs_no_more_calls_of_the_database_after_a_rotation() {
    on_both(
        |b| b,
        |site| {
            let (api, client) = (&site.api, site.api.register(&json!({})));
            let once = || {
                let code = api.code(&client, "");
                let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
                let (pair, exchange) = cost(api, || Pair::of(&api.token(&client, &fields)));
                let (next, refresh) = cost(api, || Pair::of(&api.refresh(&client, &pair.refresh)));
                (letter(&next), [exchange, refresh])
            };
            // Of several, the least: the server does something of its own now and then.
            let least = || {
                let all = [once(), once(), once()];
                assert!(all.iter().all(|(letter, _)| *letter == all[0].0));
                (all[0].0, all.iter().map(|(_, costs)| *costs).min().unwrap())
            };
            let before = least();
            let old = api.grant(&client);
            let rotated = keys(&command(site, &["keys", "rotate", "--now", "--json"]));
            assert_eq!(rotated.len(), 6, "all purposes, old and new");
            wait_for(api, &client, 'b');
            let after = least();
            assert_eq!((before.0, after.0), ('a', 'b'));
            assert_eq!(before.1, after.1);
            let (next, refresh) = cost(api, || Pair::of(&api.refresh(&client, &old.refresh)));
            assert_eq!((letter(&old), letter(&next)), ('a', 'b'));
            assert_eq!(&refresh[1..], &before.1[1][1..], "from one key to the other, in one statement");
            assert_eq!(before.1[1], [0, 0, 1]);
        },
    );
}

#[test]
fn a_new_key_is_stored_before_it_signs_and_nothing_else_is_replaced_meanwhile() {
    on_both(
        |b| b,
        |site| {
            let listed = keys(&command(site, &["keys", "list", "--json"]));
            let purposes: Vec<_> = listed.iter().map(|[purpose, id, state]| [purpose.as_str(), id, state]).collect();
            assert_eq!(
                purposes,
                [["forms", "a", "signs"], ["refresh_tokens", "a", "signs"], ["workspace_apps", "a", "signs"]]
            );
            let rotated = command(site, &["keys", "rotate", "--purpose", "forms"]);
            let text = said(&rotated);
            assert!(rotated.status.success() && text.contains("The key b for forms signs from"), "{text}");
            let again = command(site, &["keys", "rotate", "--purpose", "forms", "--now"]);
            assert!(!again.status.success() && said(&again).contains("replaces the one before at"), "{}", said(&again));
            let states = keys(&command(site, &["keys", "list", "--json"]));
            let states: Vec<_> = states.iter().map(|[_, id, state]| [id.as_str(), state]).collect();
            assert_eq!(states, [["a", "signs"], ["b", "next"], ["a", "signs"], ["a", "signs"]]);
        },
    );
}

#[test]
fn a_refresh_token_of_before_keys_had_names_is_exchanged_for_one_with_a_name() {
    let site = Site::on_postgres(|b| b);
    let database = site.database.as_ref().unwrap();
    database
        .execute("UPDATE crypto_keys SET algorithm = 'hmac-sha256-unnamed' WHERE purpose = 'refresh_tokens'")
        .unwrap();
    let other = builder().database(&database.url()).start().unwrap();
    let (api, client) = (site.api.at(other.url()), site.api.register(&json!({})));
    let hex =
        database.execute("SELECT encode(secret, 'hex') FROM crypto_keys WHERE purpose = 'refresh_tokens'").unwrap();
    let bytes: Vec<u8> = hex
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    let unnamed = DerivationKey::new(bytes[1..].try_into().unwrap());
    let prefix = api.grant(&client).refresh.split('_').nth(1).unwrap().to_owned();
    let old = unnamed.first(prefix.clone(), &Secret::new("r".repeat(DerivationKey::RANDOM_LEN)));
    let digest = old.digest().as_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let become_old =
        format!("UPDATE oauth2_grants SET refresh_digest = '\\x{digest}' WHERE refresh_prefix = '{prefix}'");
    database.execute(&become_old).unwrap();

    let old = old.to_wire().into_exposed();
    let next = Pair::of(&api.refresh(&client, &old));
    assert_eq!(letter(&next), 'a');
    assert_eq!(Pair::of(&api.refresh(&client, &old)), next);
    let latest = Pair::of(&api.refresh(&client, &next.refresh));
    assert_eq!(Pair::of(&api.refresh(&client, &old)), latest);
}

#[test]
fn keys_are_sealed_at_the_next_start_and_open_with_their_seal_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let start = |keys: &str| builder().data_dir(folder.path()).setting("secrets.seal_keys", keys).start();
    let sealed_with = |keys: &str| {
        let output = doorward(folder.path(), keys, &["keys", "list", "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        let listed: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.iter().all(|key| key["sealed_with"] == listed[0]["sealed_with"]));
        listed[0]["sealed_with"].as_str().map(str::to_owned)
    };
    let server = start("").unwrap();
    let api = Api::set_up(server.url());
    let client = api.register(&json!({}));
    let first = api.grant(&client);
    assert!(server.stop().unwrap().success());
    assert_eq!(sealed_with(""), None);
    let doctor = said(&doorward(folder.path(), "", &["doctor"]));
    assert!(doctor.contains("are stored as they are"), "{doctor}");
    let doctor = said(&doorward(folder.path(), ONE, &["doctor"]));
    assert!(doctor.contains("3 keys of the server will be sealed"), "{doctor}");

    // Sealed at the next start; the same keys.
    let server = start(ONE).unwrap();
    let next = Pair::of(&api.at(server.url()).refresh(&client, &first.refresh));
    assert!(!server.log().contains(ONE));
    assert!(server.stop().unwrap().success());
    let one = sealed_with(ONE).unwrap();
    let doctor = said(&doorward(folder.path(), ONE, &["doctor"]));
    assert!(doctor.contains(&format!("are sealed with the seal key {one}")), "{doctor}");

    for wrong in ["", TWO] {
        let refused = format!("{:#}", start(wrong).unwrap_err());
        assert!(refused.contains(&format!("sealed with the seal key {one}, which is not given")), "{refused}");
        assert!(refused.contains("secrets.seal_keys") && !refused.contains(TWO), "{refused}");
        let doctor = doorward(folder.path(), wrong, &["doctor"]);
        assert!(!doctor.status.success() && said(&doctor).contains("cannot be opened"), "{}", said(&doctor));
    }

    // The seal key is replaced, by a file.
    let file = folder.path().join("seal-keys");
    std::fs::write(&file, format!("{TWO}\n{ONE}\n")).unwrap();
    let file = file.display().to_string();
    let server = builder().data_dir(folder.path()).setting("secrets.seal_keys_file", &file).start().unwrap();
    let latest = Pair::of(&api.at(server.url()).refresh(&client, &next.refresh));
    assert!(server.stop().unwrap().success());
    let two = sealed_with(TWO).unwrap();
    assert_ne!(one, two);
    let server = start(TWO).unwrap();
    // The grace has not ended: what was derived before keys were sealed is derived still.
    assert_eq!(Pair::of(&api.at(server.url()).refresh(&client, &first.refresh)), latest);
}

#[test]
fn a_seal_key_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (keys, is_valid) in [(format!("{ONE},{TWO}"), true), (format!("{ONE},hunter2"), false)] {
        let config = said(&doorward(folder.path(), &keys, &["config"]));
        assert_eq!(config.contains("seal_keys = [\"********\", \"********\"]"), is_valid, "{config}");
        assert_eq!(config.contains("seal key 2 is not 32 bytes in base64"), !is_valid, "{config}");
        for arguments in [&["config"][..], &["doctor"], &["migrate"], &["keys", "list"]] {
            let said = said(&doorward(folder.path(), &keys, arguments));
            assert!(!said.contains(ONE) && !said.contains(TWO) && !said.contains("hunter2"), "{arguments:?}: {said}");
        }
    }
}

fn doorward(data: &Path, seal_keys: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(crate::DOORWARD);
    command.args(arguments).env("DOORWARD__DATA_DIR", data).env("DOORWARD__SERVER__LISTEN", "127.0.0.1:0");
    command.env("DOORWARD__SECRETS__SEAL_KEYS", seal_keys).output().unwrap()
}

#[test]
fn a_key_from_elsewhere_signs_and_the_one_before_is_retired() {
    let site = Site::on_sqlite(|b| b);
    let client = site.api.register(&json!({}));
    let kid = || {
        let code = site.api.code(&client, "&scope=openid");
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
        let token = site.api.token(&client, &fields).json()["id_token"].as_str().unwrap().to_owned();
        let header = doorward_domain::jws::Compact::parse(&token).unwrap().header;
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let first = kid();
    let signs = command(&site, &["keys", "retire", "sign_rs256", "a"]);
    assert!(!signs.status.success() && said(&signs).contains("rotate --purpose sign_rs256 --now"), "{}", said(&signs));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem()).unwrap();
    let wrong = command(&site, &["keys", "import", "--purpose", "sign_rs256", file.to_str().unwrap()]);
    assert!(!wrong.status.success() && said(&wrong).contains("RSA"), "{}", said(&wrong));
    let import = ["keys", "import", "--purpose", "sign_eddsa", "--now", "--json", file.to_str().unwrap()];
    let imported = keys(&command(&site, &import));
    assert_eq!(
        imported.iter().map(|[_, id, state]| (&**id, &**state)).collect::<Vec<_>>(),
        [("a", "verifies"), ("b", "signs")]
    );
    let twice = command(&site, &import);
    assert!(!twice.status.success() && said(&twice).contains("already"), "{}", said(&twice));
    std::fs::write(&file, "no key").unwrap();
    assert!(!command(&site, &import).status.success());

    assert!(command(&site, &["keys", "rotate", "--purpose", "sign_rs256", "--now"]).status.success());
    let left = keys(&command(&site, &["keys", "retire", "sign_rs256", "a", "--json"]));
    assert_eq!(left, [["sign_rs256", "b", "signs"].map(str::to_owned)]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while kid() == first {
        assert!(Instant::now() < deadline, "the server does not hear of it");
        thread::sleep(Duration::from_millis(20));
    }
    let published = site.api.get("/oauth2/jwks").text;
    assert!(!published.contains(&first), "{published}");
}
