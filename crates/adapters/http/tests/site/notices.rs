//! What people are told about workspaces and templates.

use crate::house::House;
use crate::notifications::{deliver, mailing};
use crate::templates::id;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_ports::mocks::KeepingMailer;
use doorward_services::provisioner_jobs::{CompletedBuild, Left, complete_build, fail};
use serde_json::{Value, json};
use time::Duration;

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// Who was told what since the last look, without what concerns accounts.
async fn told<S>(house: &House<S>, mailer: &KeepingMailer) -> Vec<(String, String)> {
    deliver(house).await;
    let mails = mailer.take();
    assert!(mails.iter().all(|mail| !mail.text.contains("{{") && !mail.text.contains("****")), "{mails:?}");
    let told = mails.into_iter().map(|mail| (mail.to.replace("@example.com", ""), mail.subject));
    let mut told: Vec<_> = told.filter(|(_, subject)| !subject.contains("account")).collect();
    told.sort();
    told
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(to, subject)| ((*to).to_owned(), (*subject).to_owned())).collect()
}

/// Has a member look after the templates of the organization.
async fn steward<S>(house: &House<S>, owner: &str, name: &str) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let token = house.member(owner, name).await;
    let path = format!("/organizations/default/members/{name}/roles");
    house.api(PUT, &path, owner, json!({ "roles": ["organization-template-admin"] })).await.expect(200);
    token
}

#[actix_web::test]
async fn a_workspace_that_somebody_else_deletes_is_told_of_and_a_template_too() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    steward(&house, &owner, "tess").await;
    let dev = house.template(&owner, "dev").await;
    let (desk, shelf) = (house.workspace(&bob, &dev, "desk").await, house.workspace(&bob, &dev, "shelf").await);
    assert_eq!(told(&house, &mailer).await, pairs(&[]), "that one was made is told to those who want to know");

    let path = format!("/templates/{}", id(&dev));
    for message in ["Use prod.", "Use prod!"] {
        house.api(PATCH, &path, &owner, json!({ "deprecation_message": message })).await.expect(200);
    }
    assert_eq!(told(&house, &mailer).await, pairs(&[("bob", "Template 'dev' is not to be used any more")]), "once");

    house.clock.advance(Duration::SECOND);
    house.build(&owner, &desk, "delete", 0).await;
    house.build(&bob, &shelf, "delete", 0).await;
    assert_eq!(told(&house, &mailer).await, pairs(&[("bob", "Workspace 'desk' has been deleted")]));
    let inbox = house.get("/notifications/inbox", &bob).await.expect(200).json();
    let content = inbox["notifications"][0]["content"].as_str().unwrap();
    assert!(content.contains("deleted by ann"), "{content}");

    house.api(DELETE, &path, &owner, Value::Null).await.expect(200);
    assert_eq!(told(&house, &mailer).await, pairs(&[("tess", "Template 'dev' has been deleted")]));
}

#[actix_web::test]
async fn builds_of_jobs_are_told_of_when_they_fail_or_bring_another_version() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let tess = steward(&house, &owner, "tess").await;
    let wants = json!({ "template_disabled_map": {
        "281fdf73-c6d6-4cbb-8ff5-888baf8a2fff": false, "d089fe7b-d5c5-4c0c-aaf5-689859f7d392": false,
    } });
    house.api(PUT, "/users/me/notifications/preferences", &bob, wants).await.expect(200);
    let daemon = house.daemon("rack").await;
    let first = house.imported(&owner, None, &daemon).await;
    let dev = house.template_of(&owner, "dev", &first).await;
    house.clock.advance(Duration::SECOND);
    let second = house.imported(&owner, Some(&dev), &daemon).await;
    told(&house, &mailer).await;

    let zone = json!([{ "name": "zone", "value": "eu" }]);
    let body = json!({ "template_id": dev["id"], "name": "desk", "rich_parameter_values": zone });
    let desk = house.api(POST, "/users/me/workspaces", &bob, body).await.expect(201).json();
    assert_eq!(told(&house, &mailer).await, pairs(&[("bob", "Workspace 'desk' has been created")]));
    let job = house.claim(&daemon).await.job.id;
    fail(&house.context, &daemon, job, "no disk".to_owned(), String::new(), Left::default()).await.unwrap();
    let failed = "A build of workspace 'desk' failed";
    assert_eq!(told(&house, &mailer).await, pairs(&[("ann", failed), ("bob", failed), ("tess", failed)]));
    let inbox = house.get("/notifications/inbox", &tess).await.expect(200).json();
    let content = inbox["notifications"][0]["content"].as_str().unwrap();
    for part in ["Build 1", "desk", "bob", "dev", first["name"].as_str().unwrap()] {
        assert!(content.contains(part), "{part}: {content}");
    }

    let start = |version: &Value| json!({ "transition": "start", "template_version_id": version["id"] });
    let builds = format!("/workspaces/{}/builds", id(&desk));
    for (version, expected) in
        [(&first, vec![]), (&second, pairs(&[("bob", "Workspace 'desk' has been updated by hand")])), (&second, vec![])]
    {
        house.clock.advance(Duration::SECOND);
        house.api(POST, &builds, &owner, start(version)).await.expect(201);
        assert_eq!(told(&house, &mailer).await, expected);
        let job = house.claim(&daemon).await.job.id;
        complete_build(&house.context, &daemon, job, CompletedBuild::default()).await.unwrap();
        assert_eq!(told(&house, &mailer).await, pairs(&[]), "what goes well is not told");
    }
}
