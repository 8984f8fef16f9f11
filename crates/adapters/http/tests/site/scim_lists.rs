//! Lists of a directory's users, and what the server says about itself.

use crate::house::house_with;
use crate::scim::{KEY, directories, directory, patch};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use serde_json::{Value, json};
use time::Duration;

fn encoded(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

fn names(page: &Value) -> Vec<&str> {
    page["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap()).collect()
}

directories! {
    async fn filters_find_users_to_the_whole_depth_of_their_grammar(house) {
        house.owner().await;
        let boss = json!({
            "userName": "Boss@example.com", "externalId": "Ex1", "title": "Boss", "active": true,
            "emails": [{ "value": "boss@work.example", "type": "work", "primary": true }, { "value": "boss@home.example", "type": "home" }],
        });
        house.clock.advance(Duration::MILLISECOND);
        let id = house.scim(Method::POST, "/Users", boss).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let carl = house.scim_user("carl@example.com").await;
        let off = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
        house.scim(Method::PATCH, &format!("/Users/{carl}"), off).await.expect(200);
        let (boss, carl, ann) = ("Boss@example.com", "carl@example.com", "ann");
        for (filter, expected) in [
            ("userName eq \"boss@EXAMPLE.com\"".to_owned(), vec![boss]),
            ("urn:ietf:params:scim:schemas:core:2.0:User:USERNAME EQ \"ann\"".to_owned(), vec![ann]),
            ("externalId eq \"Ex1\"".to_owned(), vec![boss]),
            ("externalId eq \"ex1\"".to_owned(), vec![]),
            (format!("id eq \"{id}\""), vec![boss]),
            (format!("id eq \"{}\"", id.to_uppercase()), vec![]),
            ("emails eq \"boss@home.example\"".to_owned(), vec![boss]),
            ("emails[type eq \"work\" and value eq \"boss@home.example\"]".to_owned(), vec![]),
            ("emails[type eq \"work\" and value co \"@work\"]".to_owned(), vec![boss]),
            ("emails.value eq \"ann@example.com\"".to_owned(), vec![ann]),
            ("userName eq \"ann\" or externalId eq \"Ex1\"".to_owned(), vec![ann, boss]),
            ("active eq false".to_owned(), vec![carl]),
            ("not (active eq false) and title pr".to_owned(), vec![boss]),
            ("(userName sw \"a\" or userName sw \"c\") and active eq true".to_owned(), vec![ann]),
            ("meta.lastModified gt \"2020-01-01T00:00:00Z\" and userName co \"example\"".to_owned(), vec![boss, carl]),
            ("meta.lastModified lt \"2020-01-01T00:00:00Z\"".to_owned(), vec![]),
            ("shoeSize eq 5".to_owned(), vec![]),
        ] {
            let page = house.scim_get(&format!("/Users?filter={}", encoded(&filter))).await.expect(200).json();
            assert_eq!(names(&page), expected, "{filter}");
            assert_eq!(page["totalResults"], json!(expected.len()), "{filter}");
            let searched = house.scim(Method::POST, "/Users/.search", json!({ "filter": filter })).await.expect(200).json();
            assert_eq!(searched, page, "{filter}");
        }
        for bad in ["userName", "userName eq", "userName xx \"a\"", "(userName pr", "active gt true", "name eq \"x\""] {
            let refused = house.scim_get(&format!("/Users?filter={}", encoded(bad))).await.expect(400).json();
            assert_eq!(refused["scimType"], "invalidFilter", "{bad}");
        }
    }

    async fn no_filter_looks_for_nul(house) {
        house.owner().await;
        for (place, filter) in [
            ("/Users", r#"userName eq "a\u0000""#),
            ("/Users", r#"userName sw "\u0000""#),
            ("/Users", r#"externalId eq "a\u0000""#),
            ("/Users", r#"emails[value eq "a\u0000"]"#),
            ("/Groups", r#"displayName eq "a\u0000""#),
            ("/Groups", r#"members[display ne "a\u0000"]"#),
        ] {
            let refused = house.scim_get(&format!("{place}?filter={}", encoded(filter))).await.expect(400).json();
            assert_eq!(refused["scimType"], "invalidFilter", "{filter}");
            for place in [&format!("{place}/.search"), "/.search"] {
                let refused = house.scim(Method::POST, place, json!({ "filter": filter })).await.expect(400).json();
                assert_eq!(refused["scimType"], "invalidFilter", "{filter}");
            }
        }
    }

    async fn lists_are_paged_and_sorted(house) {
        house.owner().await;
        for name in ["d@x.example", "b@x.example", "c@x.example"] {
            house.scim_user(name).await;
        }
        let page = async |query: &str| house.scim_get(&format!("/Users?{query}")).await.expect(200).json();
        let all = page("").await;
        assert_eq!(names(&all), ["ann", "d@x.example", "b@x.example", "c@x.example"]);
        assert_eq!(all["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        let told = |page: &Value| [&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]].map(Value::as_u64);
        let second = page("startIndex=2&count=2").await;
        assert_eq!((names(&second), told(&second)), (vec!["d@x.example", "b@x.example"], [Some(4), Some(2), Some(2)]));
        let none = page("count=0").await;
        assert_eq!((names(&none), told(&none)), (vec![], [Some(4), Some(1), Some(0)]));
        assert_eq!(told(&page("count=-5&startIndex=-1").await), [Some(4), Some(1), Some(0)]);
        assert_eq!(told(&page("startIndex=99").await), [Some(4), Some(99), Some(0)]);
        assert_eq!(names(&page("sortBy=userName").await), ["ann", "b@x.example", "c@x.example", "d@x.example"]);
        let descending = page("sortBy=USERNAME&sortOrder=descending&startIndex=2&count=1").await;
        assert_eq!((names(&descending), told(&descending)), (vec!["c@x.example"], [Some(4), Some(2), Some(1)]));
        for bad in [
            "sortBy=shoeSize",
            "sortBy=name",
            "sortBy=userName&sortOrder=sideways",
            "count=many",
                "attributes=a&excludedAttributes=b",
            "filter=id%20pr&filter=id%20pr",
            "filter=%FF",
        ] {
            assert_eq!(
                house.scim_get(&format!("/Users?{bad}")).await.expect(400).json()["scimType"],
                "invalidValue",
                "{bad}"
            );
        }
    }
}

#[actix_web::test]
async fn only_the_attributes_that_are_asked_for_are_shown() {
    let house = directory().await;
    house.owner().await;
    let id = house.scim_user("bob@example.com").await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let few = house.scim_get(&format!("/Users/{id}?attributes=userName,meta.version")).await.expect(200).json();
    assert_eq!(keys(&few), ["id", "meta", "schemas", "userName"]);
    assert_eq!(keys(&few["meta"]), ["version"]);
    let page =
        house.scim_get("/Users?excludedAttributes=meta,active&filter=userName%20sw%20%22b%22").await.expect(200).json();
    assert_eq!(keys(&page["Resources"][0]), ["id", "schemas", "userName"]);
}

#[actix_web::test]
async fn a_list_that_no_index_can_find_is_refused_when_there_are_too_many() {
    let house = house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.scan_max = 2;
    })
    .await;
    house.owner().await;
    for name in ["b@x.example", "c@x.example"] {
        house.scim_user(name).await;
    }
    for query in ["filter=active%20eq%20true", "sortBy=userName"] {
        let refused = house.scim_get(&format!("/Users?{query}")).await.expect(400).json();
        assert_eq!(refused["scimType"], "tooMany", "{query}");
    }
    // What an index knows is found however many there are: a beginning of a name, and what has changed since.
    house.clock.advance(Duration::HOUR);
    house.scim_user("dora@x.example").await;
    let group = json!({ "displayName": "Devs" });
    house.scim(Method::POST, "/Groups", group).await.expect(201);
    for name in ["Ops", "Sales", "Support"] {
        house.scim(Method::POST, "/Groups", json!({ "displayName": name })).await.expect(201);
    }
    for (place, filter, expected) in [
        ("/Users", "userName sw \"D\"", 1),
        ("/Users", "meta.lastModified gt \"2026-03-01T12:30:00Z\" and active eq true", 1),
        ("/Groups", "displayName sw \"de\"", 1),
        ("/Groups", "displayName sw \"S\" and displayName ew \"t\"", 1),
        ("/Groups", "meta.lastModified ge \"2100-01-01T00:00:00Z\"", 0),
    ] {
        let found = house.scim_get(&format!("{place}?filter={}", encoded(filter))).await.expect(200).json();
        assert_eq!(found["totalResults"], expected, "{filter}");
    }
    let all = house.scim_get(&format!("/Groups?filter={}", encoded("displayName co \"s\""))).await.expect(400).json();
    assert_eq!(all["scimType"], "tooMany");
    let found = house.scim_get("/Users?sortBy=userName&filter=userName%20eq%20%22ann%22").await.expect(200).json();
    assert_eq!(found["totalResults"], 1);
    assert_eq!(house.scim_get("/Users").await.expect(200).json()["totalResults"], 4);
}

#[actix_web::test]
async fn the_server_says_what_it_can() {
    let house = directory().await;
    house.owner().await;
    let open = house.send(TestRequest::get().uri("/scim/v2/ServiceProviderConfig")).await.expect(200);
    assert_eq!(open.header("content-type"), "application/scim+json; charset=utf-8");
    let config = open.json();
    for feature in ["patch", "filter", "sort", "etag"] {
        assert_eq!(config[feature]["supported"], true, "{feature}");
    }
    assert_eq!((&config["filter"]["maxResults"], &config["changePassword"]["supported"]), (&json!(200), &json!(false)));
    house.send(TestRequest::get().uri("/scim/v2/Schemas")).await.expect(401);
    let schemas = house.scim_get("/Schemas").await.expect(200).json();
    for schema in schemas["Resources"].as_array().unwrap() {
        let one = house.scim_get(&format!("/Schemas/{}", schema["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(&one, schema);
    }
    let kinds = house.scim_get("/ResourceTypes").await.expect(200).json();
    for kind in kinds["Resources"].as_array().unwrap() {
        let one =
            house.scim_get(&format!("/ResourceTypes/{}", kind["name"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(&one, kind);
        // What is listed is there.
        house.scim_get(kind["endpoint"].as_str().unwrap()).await.expect(200);
    }
    for path in ["/Schemas?filter=id%20pr", "/ResourceTypes?filter=id%20pr"] {
        house.scim_get(path).await.expect(403);
    }
    for path in ["/Schemas/urn:nope", "/ResourceTypes/Device", "/Devices"] {
        house.scim_get(path).await.expect(404);
    }
    house.scim_get("/Me").await.expect(501);
}
