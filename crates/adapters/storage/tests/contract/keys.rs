use crate::support::*;
use doorward_domain::Secret;
use doorward_domain::keys::{CryptoKey, KeyAlgorithm, KeyId, KeyPurpose, KeyRotation};
use time::Duration;

/// The first key of a purpose.
pub(crate) fn first_key(purpose: KeyPurpose) -> CryptoKey {
    CryptoKey {
        purpose,
        id: KeyId::FIRST,
        algorithm: KeyAlgorithm::HmacSha256,
        stored: Secret::new(vec![7; 33]),
        starts_at: NOW,
        ends_at: None,
    }
}

/// A rotation of that key, and the new one.
pub(crate) fn second_key(purpose: KeyPurpose) -> (KeyRotation, CryptoKey) {
    let rotation = KeyRotation {
        purpose,
        new: KeyId::FIRST.next(),
        starts_at: NOW + Duration::MINUTE,
        old: KeyId::FIRST,
        old_ends_at: NOW + Duration::DAY,
    };
    let (id, starts_at) = (rotation.new, rotation.starts_at);
    (rotation, CryptoKey { id, starts_at, stored: Secret::new(vec![8; 33]), ..first_key(purpose) })
}

/// What can be compared of keys.
fn shown(keys: &[CryptoKey]) -> Vec<String> {
    keys.iter().map(|key| format!("{key:?} {:?}", key.stored.expose())).collect()
}

contract! {
    async fn of_several_servers_that_make_the_first_key_one_does(db) {
        let other = db.open_again();
        let tasks: Vec<_> = (0..12_u8)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                let key = CryptoKey { stored: Secret::new(vec![n; 33]), ..first_key(KeyPurpose::Forms) };
                tokio::spawn(async move {
                    store
                        .write(move |repos| {
                            repos.keys().insert_first(&permit(), &key)?;
                            repos.keys().list()
                        })
                        .await
                })
            })
            .collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(shown(&task.await.unwrap().unwrap()));
        }
        assert_eq!(seen[0].len(), 1);
        seen.dedup();
        assert_eq!(seen.len(), 1, "all read the same");
    }

    async fn a_key_is_replaced_sealed_anew_and_removed_at_its_end(db) {
        let (tokens, forms) = (first_key(KeyPurpose::RefreshTokens), first_key(KeyPurpose::Forms));
        let unnamed = CryptoKey { algorithm: KeyAlgorithm::HmacSha256Unnamed, ..tokens };
        let (rotation, new) = second_key(KeyPurpose::RefreshTokens);
        let (stored, added) = ([unnamed.clone(), forms.clone()], new.clone());
        let rotated = db
            .write(move |repos| {
                stored.iter().try_for_each(|key| repos.keys().insert_first(&permit(), key))?;
                repos.keys().rotate(&permit(), &rotation, &added)
            })
            .await;
        let old = CryptoKey { ends_at: Some(rotation.old_ends_at), ..unnamed };
        let all = db.read(|repos| repos.keys().list()).await;
        assert!(rotated);
        assert_eq!(shown(&all), shown(&[forms.clone(), old.clone(), new.clone()]), "by purpose, then by start");

        // Another rotation to the same id changes nothing.
        let later = KeyRotation { old_ends_at: NOW, ..rotation };
        let other = CryptoKey { stored: Secret::new(vec![9; 33]), ..new.clone() };
        assert!(!db.write(move |repos| repos.keys().rotate(&permit(), &later, &other)).await);
        assert_eq!(shown(&db.read(|repos| repos.keys().list()).await), shown(&all));

        // A form takes the place of the one that was read, and of no other.
        let (one, two) = (new.clone(), new.clone());
        assert!(db.write(move |repos| repos.keys().reseal(&permit(), &one, &[1; 69])).await);
        assert!(!db.write(move |repos| repos.keys().reseal(&permit(), &two, &[2; 69])).await);
        let sealed = CryptoKey { stored: Secret::new(vec![1; 69]), ..new };

        let end = rotation.old_ends_at;
        assert_eq!(db.write(move |repos| repos.keys().purge(&permit(), end - Duration::MICROSECOND)).await, 0);
        assert_eq!(db.write(move |repos| repos.keys().purge(&permit(), end)).await, 1);
        assert_eq!(shown(&db.read(|repos| repos.keys().list()).await), shown(&[forms, sealed]));
    }
}
