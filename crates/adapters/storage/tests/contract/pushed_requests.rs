use crate::lost_updates::futures;
use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::PushedRequest;
use std::sync::atomic::{AtomicUsize, Ordering};
use time::Duration;

/// A request that a client has pushed, by the text of its `request_uri`.
pub(crate) fn pushed(uri: &str) -> PushedRequest {
    PushedRequest {
        digest: Digest::of(uri),
        app_id: AppId::NIL,
        parameters: "client_id=a&state=%C3%A4".to_owned(),
        expires_at: NOW + Duration::MINUTE,
        browser: None,
    }
}

contract! {
    async fn a_pushed_request_is_kept_opened_once_and_used_once(db) {
        let (one, soon) = (pushed("one"), NOW + Duration::minutes(10));
        let opened = PushedRequest { browser: Some(Digest::of("browser")), expires_at: soon, ..one.clone() };
        let found = db
            .write(move |repos| {
                let requests = repos.pushed_requests();
                requests.insert(&permit(), &one)?;
                requests.insert(&permit(), &PushedRequest { browser: Some(Digest::of("x")), ..pushed("two") })?;
                let kept = (requests.find(&one.digest)?, requests.find(&Digest::of("three"))?);
                assert_eq!(kept, (Some(one.clone()), None));
                let mut open = |uri: &str, browser: &str, now| {
                    requests.open(&permit(), &Digest::of(uri), &Digest::of(browser), now, soon)
                };
                let opened = [
                    open("one", "browser", one.expires_at)?,
                    open("one", "browser", NOW)?,
                    open("one", "browser", NOW)?,
                    open("one", "other", NOW)?,
                    open("three", "browser", NOW)?,
                ];
                assert_eq!(opened, [false, true, false, false, false]);
                requests.find(&one.digest)
            })
            .await;
        assert_eq!(found, Some(opened));
        let used = db
            .write(move |repos| {
                let requests = repos.pushed_requests();
                assert_eq!((requests.count_live(NOW)?, requests.count_live(NOW + Duration::minutes(5))?), (2, 1));
                let mut consume = |now| requests.consume(&permit(), &Digest::of("one"), now);
                Ok([consume(soon)?, consume(NOW)?, consume(NOW)?])
            })
            .await;
        assert_eq!(used, [false, true, false]);
        let purged = db.write(|repos| repos.maintenance().purge(&permit(), NOW + Duration::MINUTE, 100)).await;
        assert_eq!(purged.of("oauth2_pushed_requests"), 1);
    }

    async fn of_many_browsers_one_opens_a_request_and_of_many_uses_one_counts(db) {
        db.write(|repos| repos.pushed_requests().insert(&permit(), &pushed("one"))).await;
        let (opened, used) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (digest, soon) = (Digest::of("one"), NOW + Duration::HOUR);
        futures(8, async |n| {
            let browser = Digest::of(format!("browser {n}"));
            let first = db.write(move |repos| repos.pushed_requests().open(&permit(), &digest, &browser, NOW, soon)).await;
            opened.fetch_add(usize::from(first), Ordering::Relaxed);
            let first = db.write(move |repos| repos.pushed_requests().consume(&permit(), &digest, NOW)).await;
            used.fetch_add(usize::from(first), Ordering::Relaxed);
        })
        .await;
        assert_eq!((opened.into_inner(), used.into_inner()), (1, 1));
    }
}
