use crate::support::*;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{App, ClientUrl, DOCUMENT_BRAKE, DOCUMENTS_MAX, StoredDocument};
use time::Duration;

pub(crate) fn document(url: &str) -> StoredDocument {
    StoredDocument {
        url: ClientUrl::parse(url).unwrap(),
        body: "{}".to_owned(),
        etag: Some("\"1\"".to_owned()),
        fetched_at: NOW,
        fresh_until: NOW + Duration::HOUR,
        retry_at: None,
    }
}

contract! {
    async fn a_copy_of_a_document_is_kept_replaced_and_braked(db) {
        db.write(|repos| {
            let first = document("https://app.example/c");
            let id = first.url.app_id();
            assert_eq!(repos.client_documents().find(id)?, None);
            let failed = |at| StoredDocument::without_copy(first.url.clone(), at);
            repos.client_documents().note_failure(&permit(), &failed(NOW))?;
            assert_eq!(repos.client_documents().find(id)?, Some(failed(NOW)), "nobody asks again, for all that there is no copy");
            repos.client_documents().upsert(&permit(), &first)?;
            assert_eq!(repos.client_documents().find(id)?, Some(first.clone()));
            repos.client_documents().note_failure(&permit(), &failed(NOW + Duration::SECOND))?;
            let urls = repos.client_documents().list_urls(&[id, AppId::NIL])?;
            assert_eq!((urls, repos.client_documents().list_urls(&[])?), (vec![(id, first.url.clone())], vec![]));
            let braked = StoredDocument { retry_at: Some(NOW + Duration::SECOND), ..first.clone() };
            assert_eq!(repos.client_documents().find(id)?, Some(braked));
            let next = StoredDocument {
                body: "{\"a\":1}".to_owned(),
                etag: None,
                fetched_at: NOW + Duration::DAY,
                fresh_until: NOW + Duration::days(2),
                ..first
            };
            repos.client_documents().upsert(&permit(), &next)?;
            assert_eq!(repos.client_documents().find(id)?, Some(next));
            assert_eq!(repos.client_documents().find(document("https://app.example/C").url.app_id())?, None);
            Ok(())
        })
        .await;
    }

    async fn of_documents_that_could_not_be_fetched_little_is_kept_and_not_for_long(db) {
        db.write(|repos| {
            let failed = |path: &str, at| {
                StoredDocument::without_copy(document(&format!("https://app.example/{path}")).url, at)
            };
            let (first, second) = (failed("1", NOW + DOCUMENT_BRAKE), failed("2", NOW + DOCUMENT_BRAKE + Duration::SECOND));
            let copy = document("https://app.example/3");
            repos.client_documents().upsert(&permit(), &copy)?;
            for one in [&first, &second, &StoredDocument { retry_at: Some(NOW), ..copy.clone() }] {
                repos.client_documents().note_failure(&permit(), one)?;
            }
            assert_eq!(repos.client_documents().find(first.url.app_id())?, Some(first.clone()));
            repos.client_documents().note_failure(&permit(), &failed("4", NOW + DOCUMENT_BRAKE * 2))?;
            assert_eq!(repos.client_documents().find(first.url.app_id())?, None);
            assert_eq!(repos.client_documents().find(second.url.app_id())?, Some(second));
            let braked = StoredDocument { retry_at: Some(NOW), ..copy };
            assert_eq!(repos.client_documents().find(braked.url.app_id())?, Some(braked), "a copy stays");
            Ok(())
        })
        .await;
    }

    async fn the_newest_copies_stay_and_those_of_clients_that_are_used(db) {
        db.write(|repos| {
            let used = StoredDocument { fetched_at: NOW - Duration::DAY, ..document("https://app.example/used") };
            let app = App { id: used.url.app_id(), ..public_app("used") };
            repos.apps().insert(&permit(), &app)?;
            repos.client_documents().upsert(&permit(), &used)?;
            let nth = |n: usize| StoredDocument {
                fetched_at: NOW + Duration::seconds(i64::try_from(n).unwrap()),
                ..document(&format!("https://app.example/{n}"))
            };
            let failed = StoredDocument::without_copy(document("https://app.example/failed").url, NOW);
            repos.client_documents().note_failure(&permit(), &failed)?;
            for n in 0..DOCUMENTS_MAX {
                repos.client_documents().upsert(&permit(), &nth(n))?;
            }
            assert_eq!(repos.client_documents().find(failed.url.app_id())?, None, "those without a copy go first");
            assert_eq!(repos.client_documents().find(nth(0).url.app_id())?, Some(nth(0)));
            repos.client_documents().upsert(&permit(), &nth(DOCUMENTS_MAX))?;
            assert_eq!(repos.client_documents().find(nth(0).url.app_id())?, None);
            assert_eq!(repos.client_documents().find(nth(1).url.app_id())?, Some(nth(1)));
            assert_eq!(repos.client_documents().find(app.id)?, Some(used));
            Ok(())
        })
        .await;
    }
}
