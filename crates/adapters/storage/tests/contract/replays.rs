use crate::lost_updates::futures;
use crate::support::*;
use doorward_domain::replays::{ReplayKind, SeenToken};
use std::sync::atomic::{AtomicUsize, Ordering};
use time::Duration;

pub(crate) fn seen(id: &str) -> SeenToken {
    SeenToken::new(ReplayKind::LogoutToken, "https://id.example", id, NOW + Duration::MINUTE)
}

contract! {
    async fn a_token_is_used_once_until_it_is_over(db) {
        let uses = db
            .write(|repos| {
                let mut use_it = |id| repos.replays().insert(&permit(), &seen(id));
                Ok([use_it("1")?, use_it("1")?, use_it("2")?])
            })
            .await;
        assert_eq!(uses, [true, false, true]);
        let purged = |now| move |repos: &mut dyn doorward_ports::Repositories| repos.maintenance().purge(&permit(), now, 100);
        assert_eq!(db.write(purged(NOW)).await.of("seen_tokens"), 0);
        assert_eq!(db.write(purged(NOW + Duration::MINUTE)).await.of("seen_tokens"), 2);
    }

    async fn of_many_uses_at_once_one_is_the_first(db) {
        let firsts = AtomicUsize::new(0);
        futures(8, async |_| {
            let first = db.write(|repos| repos.replays().insert(&permit(), &seen("1"))).await;
            firsts.fetch_add(usize::from(first), Ordering::Relaxed);
        })
        .await;
        assert_eq!(firsts.into_inner(), 1);
    }
}
