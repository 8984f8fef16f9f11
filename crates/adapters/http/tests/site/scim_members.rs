//! Members of a directory's groups, on both databases: who comes and goes by other hands, and groups with very many.

use crate::house::{House, NOW};
use crate::scim::{directories, directory_on_postgres, patch};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::groups::Group;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{RoleNames, System};
use doorward_domain::scim::parse_instant;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::StoreError;
use doorward_ports::mocks::people;
use doorward_testkit::postgres::Database;
use serde_json::{Value, json};
use uuid::Uuid;

/// Members of a large group.
const MANY: u128 = 10_000;
/// Large groups: together they have more members than are shown at once.
const LARGE: usize = 6;
/// A page of members, and some more: far fewer than there are.
const FEW: i64 = 4_000;

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Makes a group, and answers its path.
    async fn group_of(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "displayName": name, "members": members });
        let made = self.scim(Method::POST, "/Groups", body).await.expect(201);
        let path = format!("/Groups/{}", made.json()["id"].as_str().unwrap());
        let there = self.scim_get(&path).await.expect(200);
        assert_eq!(made.header("etag"), there.header("etag"), "what was told is what is there");
        path
    }

    async fn version(&self, path: &str) -> String {
        self.scim_get(&format!("{path}?attributes=displayName")).await.expect(200).header("etag").to_owned()
    }

    /// Makes very many users in the default organization, and large groups of all of them. Answers the paths of the groups and the
    /// id of a member.
    async fn crowd(&self, owner: &str) -> (Vec<String>, String) {
        let mut groups = Vec::new();
        for n in 0..LARGE {
            groups.push(self.group_of(&format!("Large {n}"), &[]).await);
        }
        let ids: Vec<String> = groups.iter().map(|path| path.replace("/Groups/", "")).collect();
        let organizations = self.get("/users/me/organizations", owner).await.json();
        let place: OrganizationId = organizations[0]["id"].as_str().unwrap().parse().unwrap();
        let filled: Result<(), StoreError> = self
            .store
            .write(move |repos| {
                let system = System::because("a test");
                let users: Vec<UserId> = (1..=MANY).map(|n| UserId(Uuid::from_u128(n << 32))).collect();
                for id in &users {
                    let user = User {
                        status: UserStatus::Dormant,
                        login_type: LoginType::Oidc,
                        ..people::user(*id, &id.0.simple().to_string(), NOW)
                    };
                    repos.users().insert(&system.permit(), &user)?;
                    let (organization_id, user_id, roles) = (place, *id, RoleNames::default());
                    let member = Membership { organization_id, user_id, roles, created_at: NOW, updated_at: NOW };
                    repos.organizations().insert_member(&system.permit(), &member)?;
                }
                for id in &ids {
                    let group: Group = repos.groups().find_for_update(id.parse().unwrap())?.unwrap();
                    repos.groups().insert_members(&system.permit(), &group, &users)?;
                }
                Ok(())
            })
            .await;
        filled.unwrap();
        (groups, Uuid::from_u128(1 << 32).to_string())
    }
}

fn ids(group: &Value) -> Vec<&str> {
    group["members"].as_array().unwrap().iter().map(|member| member["value"].as_str().unwrap()).collect()
}

fn encoded(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

directories! {
    async fn the_version_of_a_group_changes_with_whoever_leaves_it(house) {
        let owner = house.owner().await;
        let mut people = Vec::new();
        for name in ["bob", "carl", "dora"] {
            people.push(house.scim_user(&format!("{name}@example.com")).await);
        }
        let [bob, carl, dora] = people.as_slice() else { panic!() };
        let path = house.group_of("Devs", &[bob, carl, dora]).await;
        let organizations = house.get("/users/me/organizations", &owner).await.json();
        let organization = organizations[0]["id"].as_str().unwrap();
        let leave = format!("/organizations/{organization}/members/{carl}");
        let mut left = 3;
        let mut modified = NOW;
        for step in 0..3 {
            let before = house.version(&path).await;
            match step {
                0 => drop(house.scim(Method::DELETE, &format!("/Users/{bob}"), Value::Null).await.expect(204)),
                1 => drop(house.api(Method::DELETE, &leave, &owner, Value::Null).await.expect(204)),
                _ => {
                    let group = path.replace("/Groups/", "/groups/");
                    house.api(Method::PATCH, &group, &owner, json!({ "remove_users": [dora] })).await.expect(200);
                }
            }
            left -= 1;
            let known = [("If-None-Match", before.as_str())];
            let now = house.scim_if(Method::GET, &path, Value::Null, &known).await.expect(200);
            assert_eq!(ids(&now.json()).len(), left, "{step}");
            let then = parse_instant(now.json()["meta"]["lastModified"].as_str().unwrap()).unwrap();
            assert!(then > modified, "{step}: {then} after {modified}");
            modified = then;
            assert_eq!(now.header("etag"), now.json()["meta"]["version"].as_str().unwrap());
            let stale = [("If-Match", before.as_str())];
            house.scim_if(Method::DELETE, &path, Value::Null, &stale).await.expect(412);
        }
        // And with whoever comes, once.
        let before = house.version(&path).await;
        let eve = house.scim_user("eve@example.com").await;
        let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": eve }] }]));
        let added = house.scim(Method::PATCH, &path, add.clone()).await.expect(200);
        assert_ne!(added.header("etag"), before);
        assert_eq!(added.header("etag"), house.scim_get(&path).await.expect(200).header("etag"));
        assert_eq!(house.scim(Method::PATCH, &path, add).await.expect(200).header("etag"), added.header("etag"));
    }

    async fn who_reads_a_user_again_learns_of_other_groups(house) {
        house.owner().await;
        let bob = house.scim_user("bob@example.com").await;
        let path = format!("/Users/{bob}");
        let first = house.scim_get(&path).await.expect(200).header("etag").to_owned();
        let group = house.group_of("Devs", &[&bob]).await;
        let known = async |tag: &str, path: &str, status: u16| {
            house.scim_if(Method::GET, path, Value::Null, &[("If-None-Match", tag)]).await.expect(status)
        };
        let now = known(&first, &path, 200).await;
        let second = now.header("etag").to_owned();
        assert_eq!((now.json()["groups"][0]["display"].as_str(), now.json()["meta"]["version"].as_str()), (Some("Devs"), Some(second.as_str())));
        known(&second, &path, 304).await;
        // The groups are not what a change is about.
        known(&first, &format!("{path}?excludedAttributes=groups"), 304).await;
        let listed = house.scim_get("/Users?filter=userName%20eq%20%22bob%40example.com%22").await.expect(200).json();
        assert_eq!(listed["Resources"][0]["meta"]["version"], json!(second));
        house.scim(Method::DELETE, &group, Value::Null).await.expect(204);
        known(&second, &path, 200).await;
        let title = patch(json!([{ "op": "replace", "path": "title", "value": "Boss" }]));
        house.scim_if(Method::PATCH, &path, title.clone(), &[("If-Match", &second)]).await.expect(200);
        house.scim_if(Method::PATCH, &path, title, &[("If-Match", &second)]).await.expect(412);
    }

    async fn an_id_has_one_spelling(house) {
        house.owner().await;
        let bob = house.scim_user("bob@example.com").await;
        let path = house.group_of("Devs", &[&bob]).await;
        let put = |id: &str| json!({ "displayName": "Devs", "members": [{ "value": id }] });
        for other in [bob.to_uppercase(), bob.replace('-', ""), format!("urn:uuid:{bob}")] {
            let refused = house.scim(Method::PUT, &path, put(&other)).await.expect(400).json();
            assert_eq!(refused["scimType"], "invalidValue", "{other}");
            let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": other }] }]));
            house.scim(Method::PATCH, &path, add).await.expect(400);
            let remove = patch(json!([{ "op": "remove", "path": format!("members[value eq \"{other}\"]") }]));
            house.scim(Method::PATCH, &path, remove).await.expect(200);
            assert_eq!(ids(&house.scim_get(&path).await.expect(200).json()), [bob.as_str()], "{other}");
        }
        house.scim(Method::PUT, &path, put(&bob)).await.expect(200);
    }

    async fn large_groups_are_listed_in_pages_that_can_be_shown(house) {
        let owner = house.owner().await;
        let (groups, member) = house.crowd(&owner).await;
        let page = async |query: &str| house.scim_get(&format!("/Groups?{query}")).await.expect(200).json();
        // As many as can be shown; whoever goes on where the page ends comes to all.
        let first = page("sortBy=displayName").await;
        assert_eq!((&first["totalResults"], &first["itemsPerPage"]), (&json!(LARGE), &json!(LARGE - 1)));
        assert_eq!(ids(&first["Resources"][0]).len(), usize::try_from(MANY).unwrap());
        let rest = page(&format!("sortBy=displayName&startIndex={LARGE}")).await;
        assert_eq!((&rest["itemsPerPage"], &rest["Resources"][0]["displayName"]), (&json!(1), &json!("Large 5")));
        assert_eq!(page("").await["itemsPerPage"], json!(LARGE - 1));
        let search = house.scim(Method::POST, "/.search", json!({ "filter": "displayName sw \"large\"" })).await;
        let search = search.expect(200).json();
        assert_eq!((&search["totalResults"], &search["itemsPerPage"]), (&json!(LARGE), &json!(LARGE - 1)));

        // In how many groups somebody is has nothing to do with how many others are.
        let filter = encoded(&format!("members[value eq \"{member}\"]"));
        let found = page(&format!("filter={filter}&excludedAttributes=members")).await;
        assert_eq!((&found["totalResults"], &found["itemsPerPage"]), (&json!(LARGE), &json!(LARGE)));
        let one = groups[0].replace("/Groups/", "");
        let filter = encoded(&format!("id eq \"{one}\" and not (members eq \"{member}\")"));
        assert_eq!(page(&format!("filter={filter}")).await["totalResults"], 0);
        let filter = encoded(&format!("displayName sw \"large\" and not (members eq \"{}\")", Uuid::nil()));
        assert_eq!(page(&format!("filter={filter}&attributes=id")).await["totalResults"], json!(LARGE));
    }
}

/// How many rows of memberships were read, and how many were written, since the database was made.
fn traffic(database: &Database) -> (i64, i64) {
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(ended).unwrap();
    let alive = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    while database.execute(alive).unwrap().trim() != "0" {
        std::thread::yield_now();
    }
    let sql = "SELECT coalesce(sum(seq_tup_read), 0) + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes \
         WHERE relname = 'group_members'), coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) \
         FROM pg_stat_user_tables WHERE relname = 'group_members'";
    let row = database.execute(sql).unwrap();
    let numbers: Vec<i64> = row.split_whitespace().map(|number| number.parse().unwrap()).collect();
    (numbers[0], numbers[1])
}

#[actix_web::test]
async fn one_member_comes_and_goes_and_the_other_ten_thousand_are_not_read() {
    let (house, database) = directory_on_postgres().await;
    let owner = house.owner().await;
    let (groups, member) = house.crowd(&owner).await;
    let path = groups[0].as_str();
    let newcomer = house.scim_user("new@example.com").await;
    // As a database that has run for a while knows its tables.
    database.execute("ANALYZE").unwrap();
    let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": newcomer }] }]));
    let remove = patch(json!([{ "op": "remove", "path": format!("members[value eq \"{member}\"]") }]));
    for step in [add, remove] {
        let (read, written) = traffic(&database);
        // A server process closes its socket a moment after it is no longer listed.
        while house.scim_get("/Users?count=0").await.status != 200 {
            std::thread::yield_now();
        }
        let before = house.version(path).await;
        let done = house.scim(Method::PATCH, path, step.clone()).await.expect(204);
        assert_eq!(done.body, "");
        assert_ne!(done.header("etag"), before);
        assert_eq!(done.header("etag"), house.version(path).await);
        let (read, written) = {
            let (now, more) = traffic(&database);
            (now - read, more - written)
        };
        assert!(read < FEW, "{step}: {read} rows were read");
        assert_eq!(written, 1, "{step}");
    }
    // Who asks for attributes is shown them.
    let same = patch(json!([{ "op": "add", "path": "displayName", "value": "Large 0" }]));
    let named = house.scim(Method::PATCH, &format!("{path}?attributes=displayName"), same.clone()).await.expect(200);
    assert_eq!((&named.json()["displayName"], named.json().get("members")), (&json!("Large 0"), None));
    let all = house.scim(Method::PATCH, &format!("{path}?attributes=members"), same).await.expect(200).json();
    let all = ids(&all);
    assert!(all.contains(&newcomer.as_str()) && !all.contains(&member.as_str()));
    assert_eq!(all.len(), usize::try_from(MANY).unwrap());
}
