//! Which hosts are asked, and at which of their addresses.

use crate::world::{Internet, OK, OTHER, PUBLIC, class, get, read_head, text};
use doorward_ports::fetch::FailureClass::{Connection, ForbiddenAddress, Request as NoRequest};
use doorward_ports::fetch::Fetch as _;
use tokio::io::AsyncWriteExt as _;

#[tokio::test(start_paused = true)]
async fn a_url_is_https_and_has_neither_user_nor_fragment() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    let outbound = internet.outbound();
    for url in [
        "http://app.example.com/",
        "ftp://app.example.com/",
        "file:///etc/passwd",
        "data:,x",
        "https://",
        "https:///",
        "https:app.example.com/",
        "https:/app.example.com/",
        "https:///app.example.com/",
        "https:ann@app.example.com/",
        "https:////ann@app.example.com/",
        "https:app.example.com/?x=://y/",
        "//app.example.com/",
        "https://ann@app.example.com/",
        "https://ann:secret@app.example.com/",
        "https://@app.example.com/",
        "https://:@app.example.com/",
        "https://app.example.com/#x",
        "https://app.example.com/#",
        "https://app.example.com/a b",
        "https://app.example.com\\@evil.example/",
        " https://app.example.com/",
        "https://app.example.com/\n",
        "https://app.example.com/\t",
        "https://app.example.com:99999/",
        "http://localhost:3000/",
    ] {
        assert_eq!(class(&outbound, get(url)).await, NoRequest, "{url}");
    }
    assert!(internet.resolved().is_empty() && internet.connected().is_empty());
    assert_eq!(text(outbound.fetch(get("https://app.example.com/@x?y=@")).await), "{}");
}

#[tokio::test(start_paused = true)]
async fn an_address_is_no_name_however_it_is_spelled() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "0",
        "127.0.0.1.",
        "①②⑦.0.0.1",
        "%31%32%37.0.0.1",
        "10.0.0.5",
        "8.8.8.8",
        "134744072",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2606:4700::1111]",
    ] {
        assert_eq!(class(&outbound, get(&format!("https://{host}/"))).await, ForbiddenAddress, "{host}");
    }
    assert!(internet.resolved().is_empty() && internet.connected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn names_that_are_never_public_are_refused_before_they_are_resolved() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    for host in [
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "printer.local",
        "db.internal",
        "router.home.arpa",
        "x.onion",
        "localhost.",
        "a.localhost.",
        "printer.local.",
        "metadata.google.internal.",
        "home.arpa",
        "intranet",
        "intranet.",
        "app.example.com.",
        "lo\u{ad}calhost",
    ] {
        assert_eq!(class(&outbound, get(&format!("https://{host}/"))).await, ForbiddenAddress, "{host}");
    }
    assert!(internet.resolved().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_listed_ports_are_asked() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    internet.answering("app.example.com", PUBLIC, 8443, OK);
    internet.answering("app.example.com", PUBLIC, 9443, OK);
    let outbound = internet.outbound();
    for port in [22, 80, 8080, 9443, 65535] {
        let url = format!("https://app.example.com:{port}/");
        assert_eq!(class(&outbound, get(&url)).await, ForbiddenAddress, "{port}");
    }
    assert!(internet.connected().is_empty());
    assert!(outbound.fetch(get("https://app.example.com:443/")).await.is_ok());
    assert!(outbound.fetch(get("https://app.example.com:8443/")).await.is_ok());
    let outbound = internet.outbound_with(|settings| settings.allow_ports = vec![9443]);
    assert!(outbound.fetch(get("https://app.example.com:9443/")).await.is_ok());
    assert_eq!(class(&outbound, get("https://app.example.com/")).await, ForbiddenAddress);
}

#[tokio::test(start_paused = true)]
async fn one_forbidden_address_refuses_the_host() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let public = ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.5", "1.1.1.6", "1.1.1.7", "1.1.1.8"];
    let ninth = [&public[..], &["10.0.0.1"]].concat();
    for addresses in [
        &["10.0.0.1"][..],
        &[PUBLIC, "10.0.0.1"],
        &["169.254.169.254", PUBLIC],
        &[OTHER, "::1"],
        &["::ffff:192.168.1.1"],
        &["64:ff9b::a00:1"],
        &ninth[..],
    ] {
        internet.name("app.example.com", &[addresses]);
        assert_eq!(class(&outbound, get("https://app.example.com/")).await, ForbiddenAddress, "{addresses:?}");
    }
    assert!(internet.connected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn eight_addresses_are_tried_in_their_order() {
    let internet = Internet::default();
    let addresses = ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.5", "1.1.1.6", "1.1.1.7", "1.1.1.8", PUBLIC];
    internet.site("app.example.com", OK);
    internet.name("app.example.com", &[&addresses]);
    let outbound = internet.outbound();
    assert_eq!(class(&outbound, get("https://app.example.com/")).await, Connection);
    let tried: Vec<String> = addresses[..8].iter().map(|address| format!("{address}:443")).collect();
    assert_eq!(internet.connected(), tried);
    internet.name("app.example.com", &[&addresses[1..]]);
    assert!(outbound.fetch(get("https://app.example.com/")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_changes_its_mind_is_asked_once_and_leads_nowhere_else() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    internet.answering("app.example.com", "127.0.0.1", 443, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
    internet.name("app.example.com", &[&[PUBLIC], &["127.0.0.1"]]);
    let outbound = internet.outbound();
    assert_eq!(text(outbound.fetch(get("https://app.example.com/")).await), "{}");
    assert_eq!(internet.resolved().len(), 1);
    assert_eq!(class(&outbound, get("https://app.example.com/")).await, ForbiddenAddress);
    assert_eq!(internet.connected(), [format!("{PUBLIC}:443")]);
}

#[tokio::test(start_paused = true)]
async fn the_operator_may_forbid_more() {
    let internet = Internet::default();
    let deny = ["93.184.0.0/16", "2606:2800::/32", "64:ff9b:7::/96"].map(|network| network.parse().unwrap());
    let outbound = internet.outbound_with(|settings| settings.deny_networks = deny.to_vec());
    for address in [PUBLIC, OTHER, "::ffff:93.184.1.1", "64:ff9b::5db8:101"] {
        internet.name("app.example.com", &[&[address]]);
        assert_eq!(class(&outbound, get("https://app.example.com/")).await, ForbiddenAddress, "{address}");
    }
    internet.name("app.example.com", &[&["93.185.0.1"]]);
    assert_eq!(class(&outbound, get("https://app.example.com/")).await, Connection, "another network is asked");
}

#[tokio::test(start_paused = true)]
async fn a_listed_host_may_have_any_address_and_nobody_else() {
    let internet = Internet::default();
    internet.name("id.corp.internal", &[&["10.0.0.5"]]);
    internet.answering("id.corp.internal", "10.0.0.5", 443, OK);
    internet.answering("id.corp.internal", "10.0.0.5", 9443, OK);
    internet.answering("10.0.0.5", "10.0.0.5", 8443, OK);
    let list = |hosts: &[&str]| {
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        internet.outbound_with(|settings| settings.allow_hosts = hosts)
    };
    let outbound = list(&["id.corp.internal"]);
    assert!(outbound.fetch(get("https://id.corp.internal/")).await.is_ok());
    assert!(outbound.fetch(get("https://ID.corp.internal/")).await.is_ok());
    for url in
        ["https://id.corp.internal:9443/", "https://a.id.corp.internal/", "https://corp.internal/", "https://10.0.0.5/"]
    {
        assert_eq!(class(&outbound, get(url)).await, ForbiddenAddress, "{url}");
    }
    assert_eq!(class(&outbound, get("http://id.corp.internal/")).await, NoRequest, "still TLS");

    let outbound = list(&["id.corp.internal:9443", "10.0.0.5"]);
    assert!(outbound.fetch(get("https://id.corp.internal:9443/")).await.is_ok());
    assert_eq!(class(&outbound, get("https://id.corp.internal/")).await, ForbiddenAddress);
    assert!(outbound.fetch(get("https://10.0.0.5:8443/")).await.is_ok(), "an address, with a certificate for it");
    assert!(outbound.fetch(get("https://0xa000005:8443/")).await.is_ok(), "in any spelling");
}

#[tokio::test(start_paused = true)]
async fn what_the_operator_chose_may_be_inside_on_any_port() {
    let internet = Internet::default();
    internet.answering("id.corp.internal", "10.0.0.5", 9443, OK);
    internet.name("id.corp.internal", &[&["10.0.0.5"]]);
    let outbound = internet.outbound();
    let request = || get("https://id.corp.internal:9443/");
    assert_eq!(class(&outbound, request()).await, ForbiddenAddress);
    assert!(outbound.fetch(request().chosen_by_operator()).await.is_ok());
    let in_clear = get("http://id.corp.internal/").chosen_by_operator();
    assert_eq!(class(&outbound, in_clear).await, NoRequest, "still TLS");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_trusted_chose_is_judged_like_what_a_stranger_did() {
    let internet = Internet::default();
    for (name, address, port) in [
        ("keys.corp.internal", "10.0.0.5", 443),
        ("keys.example.com", "10.0.0.6", 443),
        ("app.example.com", PUBLIC, 443),
        ("app.example.com", PUBLIC, 9443),
    ] {
        internet.answering(name, address, port, OK);
        internet.name(name, &[&[address]]);
    }
    let outbound = internet.outbound();
    let asked = |url: &str| get(url).chosen_by_trusted();
    for url in [
        "https://keys.corp.internal/",
        "https://keys.example.com/",
        "https://10.0.0.5/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://app.example.com:9443/",
    ] {
        assert_eq!(class(&outbound, asked(url)).await, ForbiddenAddress, "{url}");
    }
    assert!(outbound.fetch(asked("https://app.example.com/")).await.is_ok());
    let listed = ["keys.corp.internal", "app.example.com:9443"];
    let outbound = internet.outbound_with(|settings| {
        settings.allow_hosts = listed.iter().map(|host| host.parse().unwrap()).collect();
    });
    for url in ["https://keys.corp.internal/", "https://app.example.com:9443/"] {
        assert!(outbound.fetch(asked(url)).await.is_ok(), "{url}");
    }
    // With the numbers of the operator, for sign-ins are as many as there are people.
    for n in 0..40 {
        assert!(outbound.fetch(asked(&format!("https://app.example.com/{n}"))).await.is_ok(), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn developers_ask_localhost_in_clear_and_nobody_else() {
    let internet = Internet::default();
    internet.name("localhost", &[&["::1", "127.0.0.1"]]);
    internet.name("app.example.com", &[&[PUBLIC]]);
    internet.serve("127.0.0.1", 4000, |mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
    });
    let outbound = internet.outbound_with(|settings| settings.development = true);
    assert_eq!(text(outbound.fetch(get("http://localhost:4000/")).await), "{}");
    for url in ["http://app.example.com/", "http://127.0.0.1:4000/", "http://a.localhost:4000/"] {
        assert_eq!(class(&outbound, get(url)).await, NoRequest, "{url}");
    }
    internet.name("localhost", &[&["10.0.0.5"]]);
    assert_eq!(class(&outbound, get("http://localhost:4000/")).await, ForbiddenAddress);
}
