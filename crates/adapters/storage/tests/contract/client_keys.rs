use crate::support::*;
use doorward_domain::oauth2::{CLIENT_KEYS_KEPT, StoredKeySet};
use time::Duration;

/// A set of keys that was fetched now.
pub(crate) fn key_set(url: &str) -> StoredKeySet {
    StoredKeySet {
        url: url.to_owned(),
        body: br#"{"keys":[]}"#.to_vec(),
        fetched_at: NOW,
        fresh_until: NOW + Duration::HOUR,
        again_at: None,
    }
}

contract! {
    async fn the_set_of_keys_that_was_fetched_last_stays(db) {
        db.write(|repos| {
            let first = key_set("https://app.example/jwks");
            let other = key_set("https://other.example/jwks");
            repos.client_keys().upsert(&permit(), &first)?;
            repos.client_keys().upsert(&permit(), &other)?;
            assert_eq!(repos.client_keys().find(&first.url)?, Some(first.clone()));
            assert_eq!(repos.client_keys().find("https://app.example/JWKS")?, None);
            let later = StoredKeySet {
                body: vec![0, 255],
                fetched_at: NOW + Duration::MINUTE,
                fresh_until: NOW + Duration::DAY,
                again_at: Some(NOW + Duration::MINUTE),
                ..first.clone()
            };
            repos.client_keys().upsert(&permit(), &later)?;
            repos.client_keys().upsert(&permit(), &first)?;
            assert_eq!(repos.client_keys().find(&first.url)?, Some(later));
            let end = NOW + CLIENT_KEYS_KEPT;
            assert_eq!(repos.maintenance().purge(&permit(), end - Duration::SECOND, 9)?.of("client_key_sets"), 0);
            assert_eq!(repos.maintenance().purge(&permit(), end, 9)?.of("client_key_sets"), 1);
            assert_eq!(repos.client_keys().find(&other.url)?, None);
            Ok(())
        })
        .await;
    }
}
