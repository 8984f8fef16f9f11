//! Many who make and build workspaces at the same moment wait for each other, and nobody is sent away.

use crate::client::{Api, on_both};
use serde_json::{Value, json};
use std::thread;

const MAKERS: usize = 8;
const EACH: usize = 12;

/// A template that every member may use.
fn template(api: &Api) -> Value {
    let made =
        api.post("/api/v2/organizations/default/templates", &json!({"name": "dev", "template_version_id": null}));
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].clone()
}

#[test]
fn eight_makers_of_workspaces_of_one_user_all_get_theirs_and_no_more_than_the_quota_allows() {
    on_both(
        |b| b,
        |site| {
            let api = &site.api;
            let organization = api.get("/api/v2/organizations/default").json()["id"].as_str().unwrap().to_owned();
            let budget = api.patch(&format!("/api/v2/groups/{organization}"), &json!({"quota_allowance": 10}));
            assert_eq!(budget.status, 200, "{}", budget.text);
            let template = template(api);
            let made: Vec<(usize, String)> = thread::scope(|scope| {
                let makers: Vec<_> = (0..MAKERS)
                    .map(|maker| {
                        let template = &template;
                        scope.spawn(move || {
                            let make = |n: usize| {
                                let body = json!({
                                    "template_id": template, "name": format!("w{maker}-{n}"), "daily_cost": 1,
                                });
                                let answer = api.post("/api/v2/users/me/workspaces", &body);
                                assert_eq!(answer.status, 201, "{}", answer.text);
                                let workspace = answer.json();
                                let id = workspace["id"].as_str().unwrap();
                                let again = json!({"transition": "stop", "daily_cost": 0});
                                // Every other one is stopped at once, by which it costs nothing any more.
                                if n.is_multiple_of(2) {
                                    let stopped = api.post(&format!("/api/v2/workspaces/{id}/builds"), &again);
                                    assert_eq!(stopped.status, 201, "{}", stopped.text);
                                }
                                (n, workspace["latest_build"]["status"].as_str().unwrap().to_owned())
                            };
                            (0..EACH).map(make).collect::<Vec<_>>()
                        })
                    })
                    .collect();
                makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
            });
            assert_eq!(made.len(), MAKERS * EACH);
            let running = made.iter().filter(|(n, status)| !n.is_multiple_of(2) && status != "failed").count();
            assert!((1..=10).contains(&running), "{running} of {made:?}");
            let quota = api.get(&format!("/api/v2/organizations/{organization}/members/me/workspace-quota")).json();
            assert_eq!(quota, json!({"credits_consumed": running, "budget": 10}));
        },
    );
}
