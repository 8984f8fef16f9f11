//! A workspace proxy is asked how it does by every server, and one that says that it is inside is not.

use crate::client::{Api, Site, builder};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// A busy machine may take so long for what is to happen at once.
const SOON: Duration = Duration::from_secs(20);

/// Something that answers every request with this report; its port.
fn proxy_that_says(report: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let Some(first) = head.first() else { continue };
            let status = if first.contains(" /healthz-report ") { "200 OK" } else { "404 Not Found" };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", report.len());
            drop(stream.write_all(format!("{head}Connection: close\r\n\r\n{report}").as_bytes()));
        }
    });
    port
}

/// Says where the proxy with this token is.
fn register(api: &Api, token: &str, access_url: &str) {
    let body = json!({
        "access_url": access_url, "derp_enabled": true, "replica_id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "version": "v2.24.4",
    });
    let url = format!("{}/api/v2/workspaceproxies/me/register", api.url);
    let answer = ureq::post(url).header("Coder-External-Proxy-Token", token).send_json(body).unwrap();
    assert_eq!(answer.status(), 201);
}

/// Waits until a server thinks so of the only proxy; answers all that it thinks of it.
fn wait_for(api: &Api, status: &str) -> Value {
    let began = Instant::now();
    loop {
        let proxy = api.get("/api/v2/workspaceproxies").json()["regions"][1].clone();
        if proxy["status"]["status"] == status {
            return proxy;
        }
        assert!(began.elapsed() < SOON, "the proxy does not become {status}: {proxy}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_server_asks_a_proxy_how_it_does_and_none_asks_one_that_is_inside() {
    let trying_out = |b: doorward_testkit::process::Builder| b.setting("fetch.development", "true");
    let site = Site::on_postgres(trying_out);
    let other = trying_out(builder()).database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let there = site.api.at(other.url());
    let made = site.api.post("/api/v2/workspaceproxies", &json!({ "name": "sydney" }));
    assert_eq!(made.status, 201, "{}", made.text);
    let token = made.json()["proxy_token"].as_str().unwrap().to_owned();
    for api in [&site.api, &there] {
        wait_for(api, "unregistered");
    }

    // It registers with one server, and both ask it, without waiting for their turn.
    let port = proxy_that_says(r#"{"errors":null,"warnings":["it is of an older version"]}"#);
    register(&there, &token, &format!("http://localhost:{port}"));
    for api in [&site.api, &there] {
        let proxy = wait_for(api, "ok");
        assert_eq!(
            (&proxy["healthy"], &proxy["status"]["report"]["warnings"][0]),
            (&json!(true), &json!("it is of an older version"))
        );
    }
    let sick = proxy_that_says(r#"{"errors":["it does not reach the primary"]}"#);
    register(&site.api, &token, &format!("http://localhost:{sick}"));
    assert_eq!(wait_for(&there, "unhealthy")["status"]["report"]["errors"][0], "it does not reach the primary");

    for inside in ["https://10.0.0.5", "https://169.254.169.254", "https://127.0.0.1:8443"] {
        register(&site.api, &token, inside);
        let proxy = wait_for(&there, "unreachable");
        assert!(proxy["status"]["report"]["errors"][0].as_str().unwrap().contains("fetch.allow_hosts"), "{proxy}");
        // So that the next one is seen.
        register(&site.api, &token, &format!("http://localhost:{port}"));
        wait_for(&there, "ok");
    }
    let keys = ureq::get(format!("{}/api/v2/workspaceproxies/me/crypto-keys?feature=workspace_apps_token", there.url))
        .header("Coder-External-Proxy-Token", &token)
        .call()
        .unwrap()
        .into_body()
        .read_to_string()
        .unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    assert_eq!(keys["crypto_keys"].as_array().unwrap().len(), 1, "{keys}");
}
