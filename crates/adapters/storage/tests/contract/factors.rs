use crate::support::*;
use doorward_domain::factors::{Failures, PendingTotp, Proof};
use doorward_domain::{Digest, Instant, Secret};
use time::Duration;

/// An app that is being set up; another number is another one.
pub(crate) fn pending(number: u8) -> PendingTotp {
    PendingTotp { sealed: Secret::new(vec![number; 21]), expires_at: NOW + Duration::minutes(10) }
}

const STEP: i64 = 58_000_000;

contract! {
    async fn an_app_is_taken_into_use_by_its_first_code_and_the_one_before_stays_until_then(db) {
        let ann = user("ann");
        let id = ann.id;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            assert!(repos.factors().find_totp(id)?.is_none());
            assert!(!repos.factors().confirm_totp(&permit(), id, &pending(1), STEP, NOW)?, "there is none");
            repos.factors().begin_totp(&permit(), id, &pending(1))
        })
        .await;
        let totp = db.read(move |repos| repos.factors().find_totp(id)).await.unwrap();
        assert!(!totp.is_active());
        let kept = totp.pending.unwrap();
        assert_eq!((kept.sealed.expose(), kept.expires_at), (pending(1).sealed.expose(), pending(1).expires_at));

        db.write(move |repos| {
            assert!(!repos.factors().confirm_totp(&permit(), id, &pending(2), STEP, NOW)?, "it is another one");
            assert!(repos.factors().confirm_totp(&permit(), id, &pending(1), STEP, NOW)?);
            assert!(!repos.factors().confirm_totp(&permit(), id, &pending(1), STEP, NOW)?, "it waits no more");
            repos.factors().begin_totp(&permit(), id, &pending(2))
        })
        .await;
        let totp = db.read(move |repos| repos.factors().find_totp(id)).await.unwrap();
        assert!(totp.is_active() && totp.pending.is_some());
        assert_eq!(totp.sealed.unwrap().expose(), pending(1).sealed.expose());
        assert_eq!((totp.confirmed_at, totp.last_step), (Some(NOW), STEP));
    }

    async fn a_step_is_used_once_and_none_before_it(db) {
        let ann = user("ann");
        let id = ann.id;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            assert!(!repos.factors().use_step(&permit(), id, STEP, None)?, "there is no app");
            repos.factors().begin_totp(&permit(), id, &pending(1))?;
            repos.factors().confirm_totp(&permit(), id, &pending(1), STEP, NOW)?;
            repos.factors().update_failures(&permit(), id, Failures::default().and_one(NOW), None)
        })
        .await;
        for (step, is_used) in [(STEP, false), (STEP - 1, false), (STEP + 1, true), (STEP + 1, false), (STEP + 2, true)] {
            let used = db.write(move |repos| repos.factors().use_step(&permit(), id, step, None)).await;
            assert_eq!(used, is_used, "{step}");
        }
        db.write(move |repos| repos.factors().use_step(&permit(), id, STEP + 2, Some(vec![9]))).await;
        let totp = db.read(move |repos| repos.factors().find_totp(id)).await.unwrap();
        assert_eq!((totp.failures, totp.sealed.unwrap().expose().len()), (Failures::default(), 21));
        db.write(move |repos| repos.factors().use_step(&permit(), id, STEP + 3, Some(vec![9]))).await;
        let totp = db.read(move |repos| repos.factors().find_totp(id)).await.unwrap();
        assert_eq!(totp.sealed.unwrap().expose(), &[9]);
    }

    async fn of_two_at_once_one_uses_a_step_and_one_a_recovery_code(db) {
        let ann = user("ann");
        let id = ann.id;
        let code = Digest::of("code");
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.factors().begin_totp(&permit(), id, &pending(1))?;
            repos.factors().confirm_totp(&permit(), id, &pending(1), STEP, NOW)?;
            repos.factors().replace_recovery_codes(&permit(), id, &[code])
        })
        .await;
        let step = || db.store.write(move |repos| repos.factors().use_step(&permit(), id, STEP + 1, None));
        let (one, other) = tokio::join!(step(), step());
        assert_ne!(one.unwrap(), other.unwrap());
        let recover = || db.store.write(move |repos| repos.factors().use_recovery_code(&permit(), id, &code));
        let (one, other) = tokio::join!(recover(), recover());
        assert_ne!(one.unwrap(), other.unwrap());
    }

    async fn wrong_codes_are_counted_until_an_app_is_taken_into_use(db) {
        let ann = user("ann");
        let id = ann.id;
        let failures = Failures { count: 100, since: Some(NOW) };
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.factors().begin_totp(&permit(), id, &pending(1))?;
            repos.factors().update_failures(&permit(), id, failures, Some(NOW))
        })
        .await;
        let totp = db.read(move |repos| repos.factors().find_totp(id)).await.unwrap();
        assert_eq!((totp.failures, totp.locked_at), (failures, Some(NOW)));
        db.write(move |repos| repos.factors().confirm_totp(&permit(), id, &pending(1), STEP, NOW)).await;
        let totp = db.read(move |repos| repos.factors().find_totp(id)).await.unwrap();
        assert_eq!((totp.failures, totp.locked_at), (Failures::default(), None));
    }

    async fn recovery_codes_are_of_one_user_and_a_new_set_takes_their_place(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let ids = [ann.id, bob.id];
        let [one, two, three] = ["1", "2", "3"].map(Digest::of);
        let counts = db
            .write(move |repos| {
                repos.users().insert(&permit(), &ann)?;
                repos.users().insert(&permit(), &bob)?;
                let factors = repos.factors();
                factors.replace_recovery_codes(&permit(), ids[0], &[one, two])?;
                factors.replace_recovery_codes(&permit(), ids[1], &[one])?;
                assert!(!factors.use_recovery_code(&permit(), ids[1], &two)?, "it is another user's");
                factors.replace_recovery_codes(&permit(), ids[0], &[two, three])?;
                assert!(!factors.use_recovery_code(&permit(), ids[0], &one)?, "it is of the set of before");
                assert!(factors.use_recovery_code(&permit(), ids[0], &three)?);
                Ok([factors.count_recovery_codes(ids[0])?, factors.count_recovery_codes(ids[1])?])
            })
            .await;
        assert_eq!(counts, [1, 1]);
    }

    async fn all_goes_at_once_and_with_the_user(db) {
        for by_user in [false, true] {
            let ann = user(if by_user { "ann" } else { "eve" });
            let id = ann.id;
            db.write(move |repos| {
                repos.users().insert(&permit(), &ann)?;
                repos.factors().begin_totp(&permit(), id, &pending(1))?;
                repos.factors().replace_recovery_codes(&permit(), id, &[Digest::of("1")])?;
                if by_user {
                    repos.users().delete(&permit(), id, NOW)?;
                } else {
                    assert!(repos.factors().delete(&permit(), id)?);
                    assert!(!repos.factors().delete(&permit(), id)?, "there is nothing left");
                }
                Ok(())
            })
            .await;
            let left = db
                .read(move |repos| Ok((repos.factors().find_totp(id)?.is_none(), repos.factors().count_recovery_codes(id)?)))
                .await;
            assert_eq!(left, (true, 0), "{by_user}");
        }
    }

    async fn what_a_session_is_worth_is_replaced_and_goes_with_its_key(db) {
        let ann = user("ann");
        let key = session(&ann);
        let (stored, id) = (key.clone(), key.id.clone());
        let first = Proof::by_recovery(key.id.clone(), NOW);
        let second = first.clone().with_code(NOW + Duration::HOUR);
        let (insert, replace) = (first.clone(), second.clone());
        let found = db
            .write(move |repos| {
                repos.users().insert(&permit(), &ann)?;
                repos.api_keys().insert(&permit(), &stored)?;
                let mut found = vec![repos.factors().find_proof(&id)?];
                for proof in [insert, replace] {
                    repos.factors().upsert_proof(&permit(), &proof)?;
                    found.push(repos.factors().find_proof(&id)?);
                }
                let never = Proof { factor_at: None, ..found[2].clone().unwrap() };
                repos.factors().upsert_proof(&permit(), &never)?;
                found.push(repos.factors().find_proof(&id)?);
                repos.api_keys().delete(&permit(), &id)?;
                found.push(repos.factors().find_proof(&id)?);
                Ok(found)
            })
            .await;
        let never = Proof { factor_at: None::<Instant>, ..second.clone() };
        assert_eq!(found, [None, Some(first), Some(second), Some(never), None]);
    }
}
