//! Refresh rotation that survives races and lost answers, as `docs/adr/0004` promises.

use crate::client::{Api, Client, Pair, Site, builder, on_both};
use doorward_testkit::process::Builder;
use serde_json::json;
use std::collections::BTreeSet;
use std::thread;

const PARALLEL: usize = 24;

/// Many refreshes of one token at once, spread over the given servers.
fn refresh_at_once(apis: &[Api], client: &Client, token: &str) -> BTreeSet<Pair> {
    thread::scope(|scope| {
        let requests: Vec<_> = (0..PARALLEL)
            .map(|at| {
                let api = &apis[at % apis.len()];
                scope.spawn(move || Pair::of(&api.refresh(client, token)))
            })
            .collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    })
}

fn one_successor_and_one_live_pair(apis: &[Api], client: &Client) {
    let api = &apis[0];
    let first = api.grant(client);
    let pairs = refresh_at_once(apis, client, &first.refresh);
    assert_eq!(pairs.len(), 1, "all get the same successor: {pairs:?}");
    let next = pairs.first().unwrap();
    assert_ne!(next.refresh, first.refresh);
    assert!(!api.is_live(&first.access), "the old access token stops at once");
    assert!(api.is_live(&next.access));
    // The successor is the live pair: it can be exchanged, and again everybody gets the same.
    let later = refresh_at_once(apis, client, &next.refresh);
    assert_eq!(later.len(), 1);
    assert!(!api.is_live(&next.access));
    assert!(api.is_live(&later.first().unwrap().access));
}

#[test]
fn parallel_refreshes_give_one_successor_on_both_databases() {
    on_both(
        |b| b,
        |site| {
            let confidential = site.api.register(&json!({}));
            one_successor_and_one_live_pair(std::slice::from_ref(&site.api), &confidential);
            let public = site.api.register(&json!({"public": true}));
            one_successor_and_one_live_pair(std::slice::from_ref(&site.api), &public);
        },
    );
}

#[test]
fn parallel_refreshes_at_two_servers_on_one_postgresql_give_one_successor() {
    let site = Site::on_postgres(|b| b);
    let other = builder().database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let apis = [site.api.clone(), site.api.at(other.url())];
    let client = site.api.register(&json!({}));
    for _ in 0..3 {
        one_successor_and_one_live_pair(&apis, &client);
    }
}

#[test]
fn a_stolen_token_ends_the_grant_after_the_grace() {
    on_both(
        |b| b.setting("oauth2.refresh_reuse_grace", "0s"),
        |site| {
            let client = site.api.register(&json!({}));
            let (first, untouched) = (site.api.grant(&client), site.api.grant(&client));
            let next = Pair::of(&site.api.refresh(&client, &first.refresh));
            let latest = Pair::of(&site.api.refresh(&client, &next.refresh));
            assert!(site.api.is_live(&latest.access));
            let reuse = site.api.refresh(&client, &first.refresh);
            assert_eq!((reuse.status.as_u16(), reuse.json()["error"].as_str()), (400, Some("invalid_grant")));
            assert!(!site.api.is_live(&latest.access), "the whole grant is revoked");
            assert_eq!(site.api.refresh(&client, &latest.refresh).status, 400);
            assert!(site.api.is_live(&untouched.access), "another grant of the same user and app lives on");
        },
    );
}

#[test]
fn a_lost_answer_is_given_again_also_after_the_successor_was_used() {
    on_both(
        |b| b,
        |site| {
            let client = site.api.register(&json!({"public": true}));
            let first = site.api.grant(&client);
            let next = Pair::of(&site.api.refresh(&client, &first.refresh));
            assert_eq!(Pair::of(&site.api.refresh(&client, &first.refresh)), next);
            let latest = Pair::of(&site.api.refresh(&client, &next.refresh));
            // Two generations old, and still within the grace: what it gives works.
            assert_eq!(Pair::of(&site.api.refresh(&client, &first.refresh)), latest);
            assert!(site.api.is_live(&latest.access));
        },
    );
}

/// Looks at an access token as a resource server does.
fn introspect(api: &Api, client: &Client, token: &str) -> bool {
    let secret = client.secret.as_deref().unwrap();
    let answer =
        api.form("/oauth2/introspect", &[("token", token), ("client_id", &client.id), ("client_secret", secret)]);
    answer.json()["active"] == json!(true)
}

#[test]
fn a_lost_answer_is_given_again_after_the_grace_until_somebody_has_used_it() {
    on_both(
        |b| b.setting("oauth2.refresh_reuse_grace", "0s"),
        |site| {
            let api = &site.api;
            let uses: [fn(&Api, &Client, &Pair) -> bool; 4] = [
                |api, _, pair| api.is_live(&pair.access),
                |api, client, pair| introspect(api, client, &pair.access),
                |api, client, pair| introspect(api, client, &pair.refresh),
                |api, client, pair| api.refresh(client, &pair.refresh).status == 200,
            ];
            for used in uses {
                let client = api.register(&json!({}));
                let first = api.grant(&client);
                // Remembered as used before it was exchanged: what counts is the new one.
                assert!(api.is_live(&first.access) && introspect(api, &client, &first.access));
                let next = Pair::of(&api.refresh(&client, &first.refresh));
                for _ in 0..3 {
                    assert_eq!(Pair::of(&api.refresh(&client, &first.refresh)), next);
                }
                assert!(used(api, &client, &next));
                let reuse = api.refresh(&client, &first.refresh);
                assert_eq!((reuse.status.as_u16(), reuse.json()["error"].as_str()), (400, Some("invalid_grant")));
                assert!(!api.is_live(&next.access), "it was theft");
            }
        },
    );
}

#[test]
fn the_use_of_a_pair_at_one_server_is_theft_evidence_at_the_other_and_survives_its_end() {
    let builder_of = |b: Builder| b.setting("oauth2.refresh_reuse_grace", "0s");
    let site = Site::on_postgres(builder_of);
    let other = builder_of(builder()).database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let (api, there) = (&site.api, site.api.at(other.url()));
    let client = api.register(&json!({}));
    let first = api.grant(&client);
    let next = Pair::of(&api.refresh(&client, &first.refresh));
    // From what is remembered there, too: the second look asks no database.
    assert!(there.is_live(&next.access) && there.is_live(&next.access));
    // What is not written yet is written when a server stops.
    assert!(other.stop().unwrap().success());
    assert_eq!(api.refresh(&client, &first.refresh).status, 400);
    assert!(!api.is_live(&next.access));
}

#[test]
fn a_pair_that_is_given_again_works_though_its_time_was_over() {
    on_both(
        |b| b.setting("oauth2.refresh_reuse_grace", "0s").setting("oauth2.access_token_lifetime", "1s"),
        |site| {
            let client = site.api.register(&json!({}));
            let first = site.api.grant(&client);
            let next = Pair::of(&site.api.refresh(&client, &first.refresh));
            thread::sleep(std::time::Duration::from_millis(1_100));
            assert!(!site.api.is_live(&next.access));
            let again = Pair::of(&site.api.refresh(&client, &first.refresh));
            assert_eq!(again, next);
            assert!(site.api.is_live(&again.access));
        },
    );
}

#[test]
fn what_is_taken_from_an_app_is_gone_at_redemption_and_refresh() {
    on_both(
        |b| b,
        |site| {
            let api = &site.api;
            let scopes = |names: &[&str]| json!({"scopes": names});
            let client = api.register(&scopes(&["workspace:read", "template:read"]));
            let path = format!("/api/v2/oauth2-provider/apps/{}", client.id);
            let change = |more: serde_json::Value| {
                let mut body = json!({"name": "narrowed", "icon": ""});
                body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                let answer = api.put(&path, &body);
                assert_eq!(answer.status, 200, "{}", answer.text);
            };
            let pair = api.grant(&client);
            let code = api.code(&client, "");
            let fields =
                [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::client::VERIFIER)];
            change(scopes(&["template:read"]));
            let refused = api.token(&client, &fields);
            assert_eq!((refused.status.as_u16(), refused.json()["error"].as_str()), (400, Some("invalid_grant")));
            assert!(refused.text.contains("workspace:read"), "{}", refused.text);
            // Also of the access token that is there already.
            let reads = |kind: &str, token: &str| {
                let check =
                    json!({"checks": {"k": {"action": "read", "object": {"resource_type": kind, "owner_id": "me"}}}});
                api.with(token).post("/api/v2/authcheck", &check).json()["k"] == json!(true)
            };
            assert!(reads("template", &pair.access) && !reads("workspace", &pair.access));
            let narrowed = api.refresh(&client, &pair.refresh);
            assert_eq!(narrowed.json()["scope"], json!("template:read"), "{}", narrowed.text);
            // What was taken does not come back by itself.
            change(scopes(&["workspace:read", "template:read"]));
            let next = api.refresh(&client, &Pair::of(&narrowed).refresh);
            assert_eq!(next.json()["scope"], json!("template:read"), "{}", next.text);
            change(json!({"scopes": ["user:read"]}));
            let nothing = api.refresh(&client, &Pair::of(&next).refresh);
            assert_eq!((nothing.status.as_u16(), nothing.json()["error"].as_str()), (400, Some("invalid_grant")));
            change(json!({"scopes": ["template:read"], "allowed_resources": ["https://elsewhere.example"]}));
            let elsewhere = api.refresh(&client, &Pair::of(&next).refresh);
            assert_eq!((elsewhere.status.as_u16(), elsewhere.json()["error"].as_str()), (400, Some("invalid_grant")));
            // Nothing is lost by that: when the app may again, the grant works on.
            change(json!({"allowed_resources": []}));
            assert_eq!(api.refresh(&client, &Pair::of(&next).refresh).status, 200);
        },
    );
}

#[test]
fn revoking_while_refreshing_leaves_nothing_alive() {
    on_both(
        |b| b,
        |site| {
            let client = site.api.register(&json!({}));
            for _ in 0..8 {
                let first = site.api.grant(&client);
                let alive = thread::scope(|scope| {
                    let refreshes: Vec<_> = (0..8)
                        .map(|_| {
                            let (api, client, first) = (&site.api, &client, &first);
                            scope.spawn(move || {
                                let mut seen = vec![first.clone()];
                                // Follows the chain until it is cut.
                                while let Some(last) = seen.last() {
                                    let answer = api.refresh(client, &last.refresh);
                                    if answer.status != 200 {
                                        break;
                                    }
                                    let next = Pair::of(&answer);
                                    if seen.contains(&next) || seen.len() > 40 {
                                        break;
                                    }
                                    seen.push(next);
                                }
                                seen
                            })
                        })
                        .collect();
                    let mut fields = vec![("token", first.refresh.as_str()), ("client_id", &client.id)];
                    fields.extend(client.secret.as_deref().map(|secret| ("client_secret", secret)));
                    assert_eq!(site.api.form("/oauth2/revoke", &fields).status, 200);
                    refreshes.into_iter().flat_map(|refresh| refresh.join().unwrap()).collect::<BTreeSet<_>>()
                });
                for pair in alive {
                    assert!(!site.api.is_live(&pair.access));
                    assert_eq!(site.api.refresh(&client, &pair.refresh).status, 400);
                }
            }
        },
    );
}

#[test]
fn a_replayed_code_ends_what_came_of_it_and_of_two_at_once_at_most_one_wins() {
    on_both(
        |b| b,
        |site| {
            let client = site.api.register(&json!({}));
            let code = site.api.code(&client, "");
            let fields =
                [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::client::VERIFIER)];
            let pair = Pair::of(&site.api.token(&client, &fields));
            assert!(site.api.is_live(&pair.access));
            let replay = site.api.token(&client, &fields);
            assert_eq!((replay.status.as_u16(), replay.json()["error"].as_str()), (400, Some("invalid_grant")));
            assert!(!site.api.is_live(&pair.access));

            let code = site.api.code(&client, "");
            let fields =
                [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::client::VERIFIER)];
            let answers: Vec<_> = thread::scope(|scope| {
                let requests: Vec<_> = (0..8).map(|_| scope.spawn(|| site.api.token(&client, &fields))).collect();
                requests.into_iter().map(|request| request.join().unwrap()).collect()
            });
            assert!(answers.iter().filter(|answer| answer.status == 200).count() <= 1);
            for answer in answers.iter().filter(|answer| answer.status == 200) {
                assert!(!site.api.is_live(&Pair::of(answer).access), "the others were replays and ended it");
            }
        },
    );
}
