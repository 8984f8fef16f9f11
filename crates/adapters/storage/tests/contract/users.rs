use crate::support::*;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::{LoginType, PasswordHash, User, UserStatus};
use doorward_ports::{Conflict, Repositories, StoreError};
use time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

contract! {
    async fn a_user_is_found_by_id_name_and_address(db) {
        let ann = user("Ann");
        let stored = User { last_seen_at: Some(NOW), password_hash: None, ..ann.clone() };
        let expected = stored.clone();
        db.write(move |repos| repos.users().insert(&permit(), &stored)).await;
        let id = ann.id;
        let found = db
            .read(move |repos| {
                let users = repos.users();
                Ok([
                    users.find(id)?,
                    users.find_by_username("aNN")?,
                    users.find_by_email("ann@example.COM")?,
                    users.find(UserId::NIL)?,
                    users.find_by_username("ann@example.com")?,
                    users.find_by_email("ann")?,
                ])
            })
            .await;
        let expected = Some(expected);
        assert_eq!(found, [expected.clone(), expected.clone(), expected, None, None, None]);
    }

    async fn names_and_addresses_are_unique_without_regard_to_case(db) {
        let ann = user("Ann");
        let same_name = User { email: "other@example.com".parse().ok(), ..user("aNn") };
        let same_email = User { email: "ANN@example.com".parse().ok(), ..user("other") };
        let same_id = User { id: ann.id, ..user("bob") };
        db.write(move |repos| repos.users().insert(&permit(), &ann)).await;
        for (twin, conflict) in
            [(same_name, Conflict::Username), (same_email, Conflict::Email), (same_id, Conflict::Random)]
        {
            let error = db.refused(move |repos| repos.users().insert(&permit(), &twin)).await;
            assert!(matches!(error, StoreError::Conflict(found) if found == conflict), "{error:?}");
        }
        assert_eq!(db.rows("users"), 1);
    }

    async fn any_number_of_service_accounts_have_no_address_and_nobody_finds_them_by_it(db) {
        let accounts = ["robot-1", "robot-2"].map(|name| User { email: None, ..user(name) });
        let (ann, twin) = (user("ann"), User { username: "other".parse().unwrap(), ..user("ann") });
        db.write(move |repos| {
            accounts.iter().try_for_each(|account| repos.users().insert(&permit(), account))?;
            repos.users().insert(&permit(), &ann)
        })
        .await;
        assert_eq!(db.read(|repos| repos.users().find_by_email("")).await, None);
        assert!(db.read(|repos| repos.users().find_by_email("ANN@example.com")).await.is_some());
        let error = db.refused(move |repos| repos.users().insert(&permit(), &twin)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Email)), "{error:?}");
    }

    async fn a_deleted_user_frees_name_and_address_and_keeps_its_row(db) {
        let granted = Granted::in_store(&db).await;
        let (id, organization) = (granted.user.id, organization("acme"));
        let code = code(&granted.app, &granted.user);
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &organization)?;
            repos.organizations().insert_member(&permit(), &membership(organization.id, id))?;
            repos.throttles().remember_place(&permit(), id, "192.0.2.1", NOW)?;
            repos.codes().replace(&permit(), &code)
        })
        .await;
        let later = NOW + Duration::HOUR;
        assert!(db.write(move |repos| repos.users().delete(&permit(), id, later)).await);
        assert!(!db.write(move |repos| repos.users().delete(&permit(), id, later)).await, "twice");
        for table in
            ["api_keys", "oauth2_grants", "oauth2_codes", "organization_members", "group_members", "signin_places"]
        {
            assert_eq!(db.rows(table), 0, "{table}");
        }
        let twin = User { id: id_of_another(), ..granted.user.clone() };
        db.write(move |repos| repos.users().insert(&permit(), &twin)).await;
        let (deleted, by_name, exists) = db
            .read(move |repos| {
                let users = repos.users();
                Ok((users.find(id)?, users.find_by_username(granted.user.username.as_str())?, users.any_exists()?))
            })
            .await;
        let deleted = deleted.unwrap();
        assert!(deleted.deleted && deleted.updated_at == later);
        assert_ne!(by_name.unwrap().id, id);
        assert!(exists);
    }

    async fn deleted_users_count_as_users_and_parts_of_the_server_do_not(db) {
        let system = User { is_system: true, ..user("prebuilds") };
        db.write(move |repos| repos.users().insert(&permit(), &system)).await;
        assert!(!db.read(|repos| repos.users().any_exists()).await);
        let deleted = User { deleted: true, ..user("gone") };
        db.write(move |repos| repos.users().insert(&permit(), &deleted)).await;
        assert!(db.read(|repos| repos.users().any_exists()).await);
        let error = db.refused(|repos| repos.users().insert_first(&permit(), &user("late"))).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::FirstUser)), "{error:?}");
    }

    async fn of_many_first_users_one_is_made(db) {
        let other = db.open_again();
        let attempts = (0..8).map(|n| {
            let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
            tokio::spawn(async move {
                store.write(move |repos| repos.users().insert_first(&permit(), &user(&format!("u{n}")))).await
            })
        });
        let mut made = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => made += 1,
                Err(StoreError::Conflict(Conflict::FirstUser)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!((made, db.rows("users")), (1, 1));
    }

    async fn profile_and_appearance_change(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (id, other, expected) = (ann.id, bob.id, ann.clone());
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)
        })
        .await;
        let later = NOW + Duration::HOUR;
        let (changed, found) = db
            .write(move |repos| {
                let users = repos.users();
                let changed = [
                    users.update_profile(&permit(), id, &username("Anna"), &real_name("Anna Lee"), later)?,
                    users.update_appearance(&permit(), id, "light", "", later)?,
                    users.update_roles(&permit(), id, &role_names(&["owner", "auditor"]), later)?,
                    users.update_profile(&permit(), UserId::NIL, &username("x"), &real_name(""), later)?,
                    users.update_appearance(&permit(), UserId::NIL, "", "", later)?,
                    users.update_roles(&permit(), UserId::NIL, &role_names(&[]), later)?,
                ];
                Ok((changed, users.find_by_username("ANNA")?))
            })
            .await;
        assert_eq!(changed, [true, true, true, false, false, false]);
        let expected = User {
            username: username("Anna"),
            name: real_name("Anna Lee"),
            theme_preference: "light".to_owned(),
            terminal_font: String::new(),
            roles: role_names(&["owner", "auditor"]),
            updated_at: later,
            ..expected
        };
        assert_eq!(found, Some(expected));
        let error =
            db.refused(move |repos| {
                repos.users().update_profile(&permit(), other, &username("ANNA"), &real_name(""), later)
            })
            .await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Username)), "{error:?}");
    }

    async fn a_new_password_ends_all_sessions_and_grants(db) {
        let granted = Granted::in_store(&db).await;
        let (id, bystander) = (granted.user.id, Granted::in_store(&db).await);
        let keys = [session(&granted.user), token(&granted.user, "ci")];
        let code = code(&granted.app, &granted.user);
        db.write(move |repos| {
            repos.codes().replace(&permit(), &code)?;
            keys.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
        })
        .await;
        let hash = PasswordHash::new("$argon2id$new".to_owned());
        let (changed, unknown, found) = db
            .write(move |repos| {
                let users = repos.users();
                let changed = users.update_password(&permit(), id, &hash, NOW + Duration::HOUR)?;
                let unknown = users.update_password(&permit(), UserId::NIL, &hash, NOW)?;
                Ok((changed, unknown, users.find(id)?))
            })
            .await;
        assert!(changed && !unknown);
        assert_eq!(found.unwrap().password_hash, Some(PasswordHash::new("$argon2id$new".to_owned())));
        let survivors = db.read(move |repos| repos.grants().find(bystander.grant.id)).await;
        assert!(survivors.is_some());
        assert_eq!((db.rows("api_keys"), db.rows("oauth2_grants"), db.rows("oauth2_codes")), (1, 1, 0));
    }

    async fn who_signs_in_otherwise_gets_no_password(db) {
        let ann = user("ann");
        let (id, hash) = (ann.id, PasswordHash::new("$argon2id$new".to_owned()));
        let (changed, found) = db
            .write(move |repos| {
                let users = repos.users();
                users.insert(&permit(), &ann)?;
                users.update_login_type(&permit(), id, LoginType::Oidc, NOW)?;
                let changed = users.update_password(&permit(), id, &hash, NOW + Duration::HOUR)?;
                Ok((changed, users.find(id)?))
            })
            .await;
        let found = found.unwrap();
        assert_eq!((changed, found.password_hash, found.updated_at), (false, None, NOW));
    }

    async fn suspending_ends_everything_and_waking_ends_nothing(db) {
        let granted = Granted::in_store(&db).await;
        let (id, code) = (granted.user.id, code(&granted.app, &granted.user));
        db.write(move |repos| repos.codes().replace(&permit(), &code)).await;
        let status = |status| move |repos: &mut dyn Repositories| {
            repos.users().update_status(&permit(), id, status, NOW + Duration::HOUR)
        };
        assert!(db.write(status(UserStatus::Active)).await);
        assert_eq!((db.rows("api_keys"), db.rows("oauth2_grants"), db.rows("oauth2_codes")), (1, 1, 1));
        assert!(db.write(status(UserStatus::Suspended)).await);
        assert_eq!((db.rows("api_keys"), db.rows("oauth2_grants"), db.rows("oauth2_codes")), (0, 0, 0));
        let found = db.read(move |repos| repos.users().find(id)).await.unwrap();
        assert_eq!((found.status, found.updated_at), (UserStatus::Suspended, NOW + Duration::HOUR));
        // A client may have got a token at the very moment of the suspension; it must not wake with the user.
        let late = session(&granted.user);
        db.write(move |repos| repos.api_keys().insert(&permit(), &late)).await;
        assert!(db.write(status(UserStatus::Active)).await);
        assert_eq!(db.rows("api_keys"), 0);
        let unknown = db
            .write(|repos| repos.users().update_status(&permit(), UserId::NIL, UserStatus::Active, NOW))
            .await;
        assert!(!unknown);
    }

    async fn being_seen_wakes_the_dormant_only(db) {
        for (status, after) in [
            (UserStatus::Dormant, UserStatus::Active),
            (UserStatus::Active, UserStatus::Active),
            (UserStatus::Suspended, UserStatus::Suspended),
        ] {
            let someone = User { status, ..user(status.as_str()) };
            let id = someone.id;
            let found = db
                .write(move |repos| {
                    repos.users().insert(&permit(), &someone)?;
                    repos.users().touch(&permit(), id, NOW + Duration::SECOND)?;
                    repos.users().find(id)
                })
                .await
                .unwrap();
            let second = NOW + Duration::SECOND;
            assert_eq!((found.status, found.last_seen_at, found.updated_at), (after, Some(second), second));
        }
    }

    async fn a_key_made_while_all_keys_end_ends_too(db) {
        let ann = user("ann");
        let id = ann.id;
        let keys: [ApiKey; 3] = std::array::from_fn(|_| session(&ann));
        db.write(move |repos| repos.users().insert(&permit(), &ann)).await;
        for (key, end) in keys.into_iter().zip(ENDS) {
            // Whoever makes the key holds the user already when all keys are to be ended.
            let (held, mut holds) = mpsc::unbounded_channel();
            let (store, waiting) = (db.store.clone(), Waiting::of(&db));
            let making = tokio::spawn(async move {
                store
                    .write(move |repos| {
                        assert!(repos.users().find_for_update(id)?.is_some_and(|user| !user.deleted));
                        held.send(()).unwrap();
                        waiting.until_somebody_waits();
                        repos.api_keys().insert(&permit(), &key)
                    })
                    .await
            });
            holds.recv().await.unwrap();
            let ended: Result<bool, StoreError> = db.open_again().store.write(move |repos| end(repos, id)).await;
            making.await.unwrap().unwrap();
            assert!(ended.unwrap());
            assert_eq!(db.rows("api_keys"), 0);
        }
    }

    async fn whoever_makes_a_key_while_all_keys_end_learns_of_it(db) {
        let users = ["ann", "bob", "cy"].map(user);
        let before = users.clone();
        let in_hand = users.each_ref().map(session);
        let ids = in_hand.each_ref().map(|key| key.id.clone());
        db.write(move |repos| {
            users.iter().try_for_each(|user| repos.users().insert(&permit(), user))?;
            in_hand.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
        })
        .await;
        for ((end, before), key) in ENDS.into_iter().zip(before).zip(ids) {
            let id = before.id;
            let (ending, mut ends) = mpsc::unbounded_channel();
            let (store, waiting) = (db.store.clone(), Waiting::of(&db));
            let end = tokio::spawn(async move {
                store
                    .write(move |repos| {
                        let ended = end(repos, id)?;
                        ending.send(()).unwrap();
                        waiting.until_somebody_waits();
                        Ok::<_, StoreError>(ended)
                    })
                    .await
            });
            ends.recv().await.unwrap();
            let found: Result<_, StoreError> = db
                .open_again()
                .store
                .write(move |repos| Ok((repos.users().find_for_update(id)?, repos.api_keys().find(&key)?)))
                .await;
            assert!(end.await.unwrap().unwrap());
            let (after, key) = found.unwrap();
            let after = after.unwrap();
            assert!(after.deleted || !after.may_act() || after.password_hash != before.password_hash);
            assert_eq!(key, None);
        }
    }

    async fn holding_nobody_finds_nobody(db) {
        assert_eq!(db.write(|repos| repos.users().find_for_update(UserId::NIL)).await, None);
    }

    async fn explicit_groups_are_listed_sorted(db) {
        let (ann, acme) = (user("ann"), organization("acme"));
        let (id, organization) = (ann.id, acme.id);
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert_member(&permit(), &membership(organization, id))
        })
        .await;
        insert_groups(&db, organization, id);
        let groups = db.read(move |repos| repos.users().list_group_ids(id)).await;
        assert_eq!(groups.iter().map(|group| group.0.as_u128()).collect::<Vec<_>>(), [1, 2]);
        let several = db.read(move |repos| repos.users().list_group_ids_of(&[UserId::NIL, id])).await;
        assert_eq!(several, groups.into_iter().map(|group| (id, group)).collect::<Vec<_>>());
        assert!(db.read(|repos| repos.users().list_group_ids_of(&[])).await.is_empty());
    }

    async fn a_bad_row_is_named(db) {
        let ann = user("ann");
        let id = ann.id;
        db.write(move |repos| repos.users().insert(&permit(), &ann)).await;
        db.execute("UPDATE users SET status = 'asleep'");
        let error = db.store.read(move |repos| repos.users().find(id)).await.unwrap_err();
        let told = format!("{error} {:?}", std::error::Error::source(&error));
        for part in ["users", "status", &id.to_string()] {
            assert!(told.contains(part), "{told}");
        }
    }
}

/// What ends all keys of a user.
type End = fn(&mut dyn Repositories, UserId) -> Result<bool, StoreError>;

const ENDS: [End; 4] = [
    |repos, id| repos.users().update_password(&permit(), id, &PasswordHash::new("$argon2id$new".to_owned()), NOW),
    |repos, id| repos.users().update_login_type(&permit(), id, LoginType::Oidc, NOW),
    |repos, id| repos.users().update_status(&permit(), id, UserStatus::Suspended, NOW),
    |repos, id| repos.users().delete(&permit(), id, NOW),
];

/// Looks whether a transaction waits for another one.
#[derive(Clone)]
struct Waiting(Option<String>);

impl Waiting {
    fn of(db: &Fixture) -> Self {
        Self(db.is_postgres().then(|| db.url.clone()))
    }

    /// On SQLite nobody waits within a transaction: the next one begins when this one has ended.
    fn until_somebody_waits(&self) {
        if let Some(url) = &self.0 {
            while number_in(url, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 {
                std::thread::yield_now();
            }
        }
    }
}

fn id_of_another() -> UserId {
    id()
}

/// Two groups of an organization, with this member.
pub(crate) fn insert_groups(db: &Fixture, organization: OrganizationId, member: UserId) {
    let id = |id: Uuid| if db.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) };
    let (organization, member) = (id(organization.0), id(member.0));
    for n in [2, 1] {
        let group = id(Uuid::from_u128(n));
        db.execute(&format!(
            "INSERT INTO groups SELECT {group}, id, 'g{n}', 'g{n}', '', '', 0, 'user', created_at, created_at \
             FROM organizations WHERE id = {organization}; INSERT INTO group_members VALUES ({group}, {member}, {organization})"
        ));
    }
}
