use crate::support::*;
use crate::user_links::user_link;
use doorward_domain::ids::UserId;
use doorward_domain::names::Email;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, AllowEntry, ListFilter, Object, ResourceType, RoleNames, Scope, Subject};
use doorward_domain::user_links::UserLink;
use doorward_domain::users::{LoginType, User, UserFilter, UserStatus};
use doorward_ports::users::UserPage;
use time::Duration;
use uuid::Uuid;

fn owner() -> Subject {
    Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build()
}

fn visible(subject: &Subject) -> ListFilter {
    subject.list_filter(Action::Read, ResourceType::User)
}

async fn list(db: &Fixture, filter: UserFilter, page: Page) -> UserPage {
    let visible = visible(&owner());
    db.read(move |repos| repos.users().list(&filter, &visible, page)).await
}

async fn names(db: &Fixture, filter: UserFilter) -> Vec<String> {
    let page = list(db, filter, Page::default()).await;
    assert_eq!(page.count, page.users.len() as u64);
    page.users.into_iter().map(|user| user.username.into_string()).collect()
}

async fn insert(db: &Fixture, users: Vec<User>) {
    db.write(move |repos| users.iter().try_for_each(|user| repos.users().insert(&permit(), user))).await;
}

contract! {
    async fn the_order_is_that_of_bytes_of_the_lower_cased_name(db) {
        insert(&db, ["b", "A-b", "Ab", "a", "B2", "a1"].map(user).to_vec()).await;
        assert_eq!(names(&db, UserFilter::default()).await, ["a", "A-b", "a1", "Ab", "b", "B2"]);
    }

    async fn pages(db) {
        let users = ["a", "b", "c", "d", "e"].map(user);
        let after = users[1].id.0;
        insert(&db, users.to_vec()).await;
        let page = |limit, offset, after_id| Page { limit, offset, after_id };
        for (page, expected, count) in [
            (page(None, 0, None), "abcde", 5),
            (page(Some(2), 0, None), "ab", 5),
            (page(Some(2), 4, None), "e", 5),
            (page(None, 3, None), "de", 5),
            (page(Some(2), 5, None), "", 0),
            (page(None, 0, Some(after)), "cde", 3),
            (page(Some(1), 1, Some(after)), "d", 3),
            (page(None, 0, Some(Uuid::nil())), "", 0),
        ] {
            let found = list(&db, UserFilter::default(), page).await;
            let names: String = found.users.iter().map(|user| user.username.as_str()).collect();
            assert_eq!((names.as_str(), found.count), (expected, count), "{page:?}");
        }
    }

    async fn deleted_users_and_parts_of_the_server_are_not_listed(db) {
        let gone = User { deleted: true, ..user("gone") };
        let system = User { is_system: true, ..user("system") };
        insert(&db, vec![gone, system, user("here")]).await;
        assert_eq!(names(&db, UserFilter::default()).await, ["here"]);
    }

    async fn filters(db) {
        let hour = Duration::HOUR;
        let ann = User { status: UserStatus::Dormant, roles: RoleNames::default(), created_at: NOW - hour, ..user("ann") };
        let bob = User {
            login_type: LoginType::Github,
            roles: role_names(&["owner"]),
            last_seen_at: Some(NOW),
            ..user("bob")
        };
        let cy = User {
            status: UserStatus::Suspended,
            email: Some(Email::from_storage("100%_\\@x.org".to_owned())),
            roles: role_names(&["user-admin", "auditor"]),
            last_seen_at: Some(NOW + hour),
            created_at: NOW + hour,
            ..user("cy")
        };
        let links = [
            UserLink { login_type: LoginType::Github, ..user_link(bob.id, "1") },
            // The same text is another account at another provider.
            UserLink { issuer: "https://other.example".to_owned(), ..user_link(ann.id, "1") },
        ];
        insert(&db, vec![ann, bob, cy]).await;
        db.write(move |repos| links.iter().try_for_each(|link| repos.user_links().insert(&permit(), link))).await;
        let none = UserFilter::default();
        let search = |text: &str| UserFilter { search: text.to_owned(), ..UserFilter::default() };
        let role = |names: &[&str]| UserFilter {
            roles: names.iter().map(|name| (*name).to_owned()).collect(),
            ..UserFilter::default()
        };
        for (filter, expected) in [
            (none.clone(), vec!["ann", "bob", "cy"]),
            (search("example.com"), vec!["ann", "bob"]),
            (search("b"), vec!["bob"]),
            (search("%"), vec!["cy"]),
            (search("_"), vec!["cy"]),
            (search("\\"), vec!["cy"]),
            (search("0%_\\@x"), vec!["cy"]),
            (search("a_n"), vec![]),
            (search("'"), vec![]),
            (role(&["owner"]), vec!["bob"]),
            (role(&["owner", "auditor"]), vec!["bob", "cy"]),
            (role(&["member"]), vec!["ann", "bob", "cy"]),
            (role(&["member", "owner"]), vec!["bob"]),
            (role(&["aud\"itor", "o'wner", "%"]), vec![]),
            (UserFilter { statuses: vec![UserStatus::Active], ..none.clone() }, vec!["bob"]),
            (UserFilter { statuses: UserStatus::ALL.to_vec(), ..none.clone() }, vec!["ann", "bob", "cy"]),
            (UserFilter { login_types: vec![LoginType::Github, LoginType::Oidc], ..none.clone() }, vec!["bob"]),
            // Who was never seen was not seen since.
            (UserFilter { last_seen_before: Some(NOW), ..none.clone() }, vec!["ann", "bob"]),
            (UserFilter { last_seen_before: Some(NOW - hour), ..none.clone() }, vec!["ann"]),
            (UserFilter { last_seen_after: Some(NOW + hour), ..none.clone() }, vec!["cy"]),
            (UserFilter { created_before: Some(NOW - hour), ..none.clone() }, vec!["ann"]),
            (UserFilter { created_after: Some(NOW), ..none.clone() }, vec!["bob", "cy"]),
            (UserFilter { github_user_id: Some(1), ..none.clone() }, vec!["bob"]),
            (UserFilter { github_user_id: Some(2), ..none.clone() }, vec![]),
            (UserFilter { search: "o".to_owned(), statuses: vec![UserStatus::Suspended], ..none.clone() }, vec!["cy"]),
        ] {
            assert_eq!(names(&db, filter.clone()).await, expected, "{filter:?}");
        }
    }

    async fn who_is_visible_is_what_the_engine_says(db) {
        let users: Vec<User> = (0..12).map(|n| user(&format!("u{n:02}"))).collect();
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        insert(&db, users).await;
        let (one, two) = (ids[3].0, ids[7].0);
        let limited = |entries: Vec<AllowEntry>| Scope::all().limited_to(entries);
        let of = |id: Uuid, roles: &[&str]| Subject::for_user(id).site_roles(roles);
        let acme = Uuid::from_u128(77);
        let subjects = [
            of(one, &["owner"]).scope(Scope::all()).build(),
            of(one, &[]).scope(Scope::all()).build(),
            of(one, &["auditor"]).scope(Scope::all()).build(),
            of(one, &["user-admin"]).scope(Scope::all()).build(),
            of(one, &["template-admin"]).scope(Scope::all()).build(),
            of(one, &[]).membership(acme, ["organization-admin"]).scope(Scope::all()).build(),
            of(one, &["owner"]).scope(limited(vec![AllowEntry::typed(ResourceType::User, two)])).build(),
            of(one, &[]).scope(limited(vec![AllowEntry::typed(ResourceType::User, two)])).build(),
            of(one, &[]).scope(limited(vec![AllowEntry::any_type(one)])).build(),
            of(one, &["owner"]).scope(limited(vec![AllowEntry::typed(ResourceType::Template, two)])).build(),
            of(one, &["owner"]).scope(limited(vec![AllowEntry::any_type("not-a-uuid")])).build(),
            of(one, &["owner"]).scope(Scope::application_connect()).build(),
            of(one, &["owner"]).build(),
            of(Uuid::nil(), &[]).scope(Scope::all()).build(),
        ];
        let mut counts = Vec::new();
        for (n, subject) in subjects.iter().enumerate() {
            let filter = visible(subject);
            let expected: Vec<UserId> = ids
                .iter()
                .copied()
                .filter(|id| filter.matches(&Object::new(ResourceType::User).id(id.0).owner(id.0)))
                .collect();
            let page = db
                .read(move |repos| repos.users().list(&UserFilter::default(), &filter, Page::default()))
                .await;
            let found: Vec<UserId> = page.users.iter().map(|user| user.id).collect();
            assert_eq!((&found, page.count), (&expected, expected.len() as u64), "subject {n}");
            counts.push(found.len());
        }
        assert!(counts.contains(&12) && counts.contains(&1) && counts.contains(&0), "{counts:?}");
    }
}
