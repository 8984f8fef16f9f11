//! Grants as others look at them.

use crate::support::*;
use doorward_domain::ids::{GrantId, UserId};
use doorward_domain::oauth2::Grant;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::sessions::ApiKey;
use doorward_ports::oauth2::{GrantFilter, GrantPage};
use time::Duration;
use uuid::Uuid;

fn visible(user: Uuid, role: &str) -> ListFilter {
    let subject = Subject::for_user(user).site_roles([role]).scope(Scope::all()).build();
    subject.list_filter(Action::Read, ResourceType::Oauth2AppCodeToken)
}

fn everything() -> ListFilter {
    visible(Uuid::nil(), "owner")
}

async fn list(db: &Fixture, filter: GrantFilter, visible: ListFilter, page: Page) -> GrantPage {
    db.read(move |repos| repos.grants().list(filter, &visible, page, NOW)).await.unwrap()
}

/// The grants of a page, and how many there are.
async fn ids(db: &Fixture, filter: GrantFilter, visible: ListFilter, page: Page) -> (Vec<GrantId>, u64) {
    let page = list(db, filter, visible, page).await;
    (page.grants.into_iter().map(|listed| listed.granted.grant.id).collect(), page.count)
}

contract! {
    async fn grants_of_a_user_and_of_an_app_newest_first(db) {
        let (one, other) = (Granted::in_store(&db).await, Granted::in_store(&db).await);
        let newer = |(fresh, key): (Grant, ApiKey), hours| {
            (Grant { created_at: NOW + Duration::hours(hours), ..fresh }, ApiKey { last_used: Some(NOW), ..key })
        };
        let second = newer(grant(&one.app, None, &one.user), 1);
        let others = newer(grant(&one.app, None, &other.user), 2);
        let over = grant(&one.app, None, &one.user);
        let over = (Grant { refresh_expires_at: NOW, ..over.0 }, over.1);
        let made = [second.clone(), others.clone(), over];
        db.write(move |repos| made.iter().try_for_each(|(grant, key)| repos.grants().insert(&permit(), grant, key)))
            .await;

        let of_app = GrantFilter { app: Some(one.app.id), user: None };
        let page = list(&db, of_app, everything(), Page::default()).await;
        assert_eq!(page.count, 3);
        let found: Vec<_> = page.grants.iter().map(|listed| &listed.granted.grant).collect();
        assert_eq!(found, [&others.0, &second.0, &one.grant]);
        let first = &page.grants[0];
        assert_eq!((&first.granted.app, first.granted.last_used), (&one.app, Some(NOW)));
        assert_eq!(first.username, other.user.username.to_string());
        assert_eq!(page.grants[2].granted.last_used, None);

        let of_user = |user: UserId| GrantFilter { user: Some(user), app: None };
        let expected = (vec![second.0.id, one.grant.id], 2);
        assert_eq!(ids(&db, of_user(one.user.id), everything(), Page::default()).await, expected);
        // Others see of an app what is theirs.
        let theirs = visible(one.user.id.0, "member");
        assert_eq!(ids(&db, of_app, theirs.clone(), Page::default()).await, expected);
        assert_eq!(ids(&db, of_user(other.user.id), theirs, Page::default()).await, (vec![], 0));
        let all = ids(&db, GrantFilter::default(), everything(), Page::default()).await;
        assert_eq!((all.0.len(), all.1), (4, 4));
    }

    async fn a_page_of_grants_goes_on_behind_the_one_before(db) {
        let granted = Granted::in_store(&db).await;
        let more: Vec<_> = (0..4).map(|_| grant(&granted.app, None, &granted.user)).collect();
        let mut expected: Vec<GrantId> = more.iter().map(|(grant, _)| grant.id).chain([granted.grant.id]).collect();
        db.write(move |repos| more.iter().try_for_each(|(grant, key)| repos.grants().insert(&permit(), grant, key)))
            .await;
        // All of one moment.
        expected.sort_by_key(|row| std::cmp::Reverse(row.0));
        let filter = GrantFilter { app: Some(granted.app.id), user: None };
        let page = |limit, offset, after_id| Page { limit: Some(limit), offset, after_id };
        assert_eq!(ids(&db, filter, everything(), page(2, 0, None)).await, (expected[..2].to_vec(), 5));
        let behind = page(2, 0, Some(expected[1].0));
        assert_eq!(ids(&db, filter, everything(), behind).await, (expected[2..4].to_vec(), 3));
        assert_eq!(ids(&db, filter, everything(), page(2, 4, None)).await, (expected[4..].to_vec(), 5));
        let behind_nobody = page(2, 0, Some(Uuid::nil()));
        assert!(db.read(move |repos| repos.grants().list(filter, &everything(), behind_nobody, NOW)).await.is_none());
    }
}
