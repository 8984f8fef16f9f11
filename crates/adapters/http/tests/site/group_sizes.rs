//! Groups with very many members, on both databases.
//!
//! `cargo test --release -p doorward-http --test site group_sizes -- --nocapture --test-threads 1` also says how long they
//! take.

use crate::house::{House, NOW, house, house_at};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names::DisplayName;
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{RoleNames, System};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::StoreError;
use doorward_ports::mocks::people;
use doorward_testkit::postgres;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Instant;
use uuid::Uuid;

const MEMBERS: u128 = 50_000;
/// Without optimization only whether it works is of interest.
const ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 9 };

/// Puts so many users into the default organization and into a group.
async fn crowd<S>(house: &House<S>, organization: OrganizationId) -> GroupId {
    let group = Group {
        id: GroupId(Uuid::from_u128(7)),
        organization_id: organization,
        name: "crowd".parse().unwrap(),
        display_name: DisplayName::default(),
        avatar_url: String::new(),
        quota_allowance: 0,
        source: GroupSource::User,
        created_at: NOW,
        updated_at: NOW,
    };
    let id = group.id;
    let filled: Result<(), StoreError> = house
        .store
        .write(move |repos| {
            let system = System::because("a test");
            repos.groups().insert(&system.permit(), &group)?;
            let ids: Vec<UserId> = (1..=MEMBERS).map(|n| UserId(Uuid::from_u128(n << 32))).collect();
            for id in &ids {
                let user = User {
                    name: "One of Many".parse().unwrap(),
                    status: UserStatus::Dormant,
                    login_type: LoginType::Oidc,
                    ..people::user(*id, &id.0.simple().to_string(), NOW)
                };
                repos.users().insert(&system.permit(), &user)?;
                let (user_id, roles) = (*id, RoleNames::default());
                let member =
                    Membership { organization_id: organization, user_id, roles, created_at: NOW, updated_at: NOW };
                repos.organizations().insert_member(&system.permit(), &member)?;
            }
            assert_eq!(repos.groups().insert_members(&system.permit(), &group, &ids)?, ids.len());
            Ok(())
        })
        .await;
    filled.unwrap();
    id
}

async fn everybody_is_shown<S>(house: House<S>, database: &str)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let owner = house.owner().await;
    let organization: OrganizationId =
        house.get("/users/me/organizations", &owner).await.json()[0]["id"].as_str().unwrap().parse().unwrap();
    let group = crowd(&house, organization).await;
    for (path, extra) in [(format!("/groups/{group}"), 0), (format!("/groups?group_ids={organization},{group}"), 1)] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            let answer = house.get(&path, &owner).await.expect(200);
            times.push(begin.elapsed());
            let all = answer.json();
            let list = all.as_array().map_or(std::slice::from_ref(&all), Vec::as_slice);
            for group in list {
                let members: HashSet<&str> =
                    group["members"].as_array().unwrap().iter().map(|member| member["id"].as_str().unwrap()).collect();
                assert!(members.len() >= usize::try_from(MEMBERS).unwrap());
                assert_eq!(group["total_member_count"], Value::from(members.len()), "each once");
            }
            assert_eq!(list.len(), 1 + extra);
        }
        times.sort_unstable();
        println!(
            "{database}: {} groups of {MEMBERS} members, p50 {:?}, worst {:?}",
            1 + extra,
            times[ROUNDS / 2],
            times[ROUNDS - 1]
        );
    }
}

#[actix_web::test]
async fn fifty_thousand_members_on_sqlite() {
    everybody_is_shown(house().await, "SQLite").await;
}

#[actix_web::test]
async fn fifty_thousand_members_on_postgres() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let url = database.url();
    everybody_is_shown(house_at(&url, Box::new(database)).await, "PostgreSQL").await;
}
