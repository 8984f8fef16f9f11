use crate::support::*;
use doorward_domain::ids::UserId;
use doorward_domain::sessions::{Throttle, ThrottlePolicy};
use time::Duration;

contract! {
    async fn failures_are_counted_as_the_rule_says_and_forgotten(db) {
        let policy = ThrottlePolicy::ACCOUNT;
        let keys = ["user:b".to_owned(), "ip:a".to_owned()];
        let mut expected = Throttle::default();
        for after in [Duration::ZERO, Duration::SECOND, Duration::MINUTE, policy.memory + Duration::MINUTE, policy.memory * 3] {
            let (now, found) = (NOW + after, keys.clone());
            expected = expected.after_failure(policy, now);
            let found = db
                .write(move |repos| {
                    let both = found.clone().map(|key| (key, policy));
                    repos.throttles().record_failure(&permit(), &both, now)?;
                    let [user, ip] = found;
                    repos.throttles().find(&[ip, "nobody".to_owned(), user])
                })
                .await;
            assert_eq!(found, [expected, Throttle::default(), expected]);
        }
        let found = db
            .write(move |repos| {
                repos.throttles().clear(&permit(), "user:b")?;
                repos.throttles().find(&keys)
            })
            .await;
        assert_eq!(found, [Throttle::default(), expected]);
    }

    async fn failures_of_the_future_are_brought_back_and_no_others(db) {
        let keys = ["a".to_owned(), "b".to_owned()];
        let found = db
            .write(move |repos| {
                let day = Duration::DAY;
                repos.throttles().record_failure(&permit(), &[("a".to_owned(), ThrottlePolicy::ACCOUNT)], NOW + day)?;
                repos.throttles().record_failure(&permit(), &[("b".to_owned(), ThrottlePolicy::ACCOUNT)], NOW - day)?;
                repos.throttles().bring_back(&permit(), &keys, NOW)?;
                repos.throttles().find(&keys)
            })
            .await;
        assert_eq!(found.iter().map(|throttle| throttle.last_failure).collect::<Vec<_>>(), [Some(NOW), Some(NOW - Duration::DAY)]);
    }

    async fn many_failures_at_once_are_all_counted(db) {
        let other = db.open_again();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                let mut keys = vec![("a".to_owned(), ThrottlePolicy::ACCOUNT), ("b".to_owned(), ThrottlePolicy::ADDRESS)];
                if n % 3 == 0 {
                    keys.reverse();
                }
                tokio::spawn(async move {
                    store.write(move |repos| repos.throttles().record_failure(&permit(), &keys, NOW)).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let found = db.read(|repos| repos.throttles().find(&["a".to_owned(), "b".to_owned()])).await;
        assert_eq!(found.map_failures(), [20, 20]);
    }

    async fn a_place_is_known_by_the_last_time_a_user_signed_in_there(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (a, b) = (ann.id, bob.id);
        let known = db
            .write(move |repos| {
                repos.users().insert(&permit(), &ann)?;
                repos.users().insert(&permit(), &bob)?;
                let places = repos.throttles();
                places.remember_place(&permit(), a, "192.0.2.1", NOW - Duration::DAY)?;
                let first = places.knows_place(a, "192.0.2.1", NOW)?;
                places.remember_place(&permit(), a, "192.0.2.1", NOW)?;
                places.remember_place(&permit(), b, "2001:db8::/64", NOW)?;
                Ok([
                    first,
                    places.knows_place(a, "192.0.2.1", NOW)?,
                    places.knows_place(a, "192.0.2.1", NOW + Duration::SECOND)?,
                    places.knows_place(a, "2001:db8::/64", NOW)?,
                    places.knows_place(b, "2001:db8::/64", NOW)?,
                    places.knows_place(UserId::NIL, "192.0.2.1", NOW)?,
                ])
            })
            .await;
        assert_eq!(known, [false, true, false, false, true, false]);
        assert_eq!(db.rows("signin_places"), 2);
    }
}

trait MapFailures {
    fn map_failures(&self) -> Vec<u32>;
}

impl MapFailures for Vec<Throttle> {
    fn map_failures(&self) -> Vec<u32> {
        self.iter().map(|throttle| throttle.failures).collect()
    }
}
