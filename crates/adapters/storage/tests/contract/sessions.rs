use crate::support::*;
use crate::users::insert_groups;
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::oauth2::Resource;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{AllowEntry, DefaultRoles, ScopeName, WORKSPACE_ACCESS};
use doorward_domain::sessions::{ApiKey, ApiKeyId, KeyRefresh, OAuth2Binding};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::{Conflict, StoreError};
use time::Duration;

contract! {
    async fn a_key_is_found_with_all_about_its_owner(db) {
        let ann = user("ann");
        let (key, bare) = (session(&ann), token(&ann, "ci"));
        let key = ApiKey { allow_list: AllowEntry::parse_list(&["workspace:*"]).unwrap(), ..key };
        let organizations = [organization("acme")];
        let member = membership(organizations[0].id, ann.id);
        let (expected, member_of) = ((key.clone(), ann.clone()), member.organization_id);
        let (id, bare_id, unknown, ann_id) = (key.id.clone(), bare.id.clone(), key_id(), ann.id);
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.api_keys().insert(&permit(), &key)?;
            repos.api_keys().insert(&permit(), &bare)
        })
        .await;
        let lone = db.read(move |repos| repos.api_keys().find_owner(&bare_id)).await.unwrap();
        assert!(lone.memberships.is_empty() && lone.default_roles.is_empty() && lone.groups.is_empty());
        let auditors = DefaultRoles::new(&["organization-auditor", WORKSPACE_ACCESS, "organization-admin"]).unwrap();
        let second = Organization { default_roles: auditors, ..organization("beta") };
        let granted = second.default_roles.granted(second.id.0);
        let second_member = membership(second.id, ann_id);
        let both = [member.clone(), second_member.clone()];
        db.write(move |repos| {
            for organization in organizations.iter().chain([&second]) {
                repos.organizations().insert(&permit(), organization)?;
            }
            repos.organizations().insert_member(&permit(), &second_member)?;
            repos.organizations().insert_member(&permit(), &member)
        })
        .await;
        insert_groups(&db, member_of, ann_id);
        // More often than a database plans a statement anew.
        for _ in 0..8 {
            let id = id.clone();
            let owner = db.read(move |repos| repos.api_keys().find_owner(&id)).await.unwrap();
            assert_eq!((&owner.key, &owner.user), (&expected.0, &expected.1));
            assert_eq!(owner.memberships, both);
            assert_eq!(owner.default_roles, granted);
            assert_eq!(owner.groups.iter().map(|group| group.0.as_u128()).collect::<Vec<_>>(), [1, 2]);
        }
        assert_eq!(db.read(move |repos| repos.api_keys().find_owner(&unknown)).await, None);
    }

    async fn digests_of_living_keys_are_found_however_many_are_asked_for(db) {
        let ann = user("ann");
        let (living, dead) = (session(&ann), ApiKey { expires_at: NOW, ..session(&ann) });
        let expected = vec![(living.id.clone(), living.secret_digest)];
        let mut ids = vec![dead.id.clone()];
        ids.extend((0..1000).map(|n| ApiKeyId::new(format!("{n:010}")).unwrap()));
        ids.push(living.id.clone());
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.api_keys().insert(&permit(), &living)?;
            repos.api_keys().insert(&permit(), &dead)
        })
        .await;
        assert_eq!(db.read(move |repos| repos.api_keys().find_digests(&ids, NOW)).await, expected);
    }

    async fn keys_of_the_suspended_are_found_and_those_of_the_deleted_are_not(db) {
        let suspended = User { status: UserStatus::Suspended, ..user("s") };
        let deleted = User { deleted: true, ..user("d") };
        let keys = [session(&suspended), session(&deleted)];
        let ids = keys.each_ref().map(|key| key.id.clone());
        db.write(move |repos| {
            repos.users().insert(&permit(), &suspended)?;
            repos.users().insert(&permit(), &deleted)?;
            keys.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
        })
        .await;
        let [of_suspended, of_deleted] = ids;
        let (found, hidden) = db
            .read(move |repos| {
                Ok((repos.api_keys().find_owner(&of_suspended)?, repos.api_keys().find_owner(&of_deleted)?))
            })
            .await;
        assert_eq!(found.unwrap().user.status, UserStatus::Suspended);
        assert_eq!(hidden, None);
    }

    async fn a_key_that_is_ended_stays_ended(db) {
        let ann = user("ann");
        let key = ApiKey { expires_at: NOW + Duration::DAY, ..token(&ann, "ci") };
        let (id, read) = (key.id.clone(), key.clone());
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.api_keys().insert(&permit(), &key)
        })
        .await;
        let find = async |id: &ApiKeyId| {
            let id = id.clone();
            db.read(move |repos| repos.api_keys().find(&id)).await.unwrap()
        };
        let now = NOW + Duration::HOUR;
        for at in [now, now + Duration::HOUR] {
            let id = id.clone();
            assert!(db.write(move |repos| repos.api_keys().expire(&permit(), &id, at)).await);
        }
        let ended = find(&id).await;
        assert_eq!((ended.expires_at, ended.updated_at), (now, now), "once");
        // A request that came before does not bring it back.
        let refresh = KeyRefresh { last_used: Some(now), expires_at: now + Duration::DAY };
        db.write(move |repos| repos.api_keys().refresh(&permit(), &read, refresh, "192.0.2.1", now)).await;
        assert_eq!(find(&id).await, ended);
        let unknown = key_id();
        assert!(!db.write(move |repos| repos.api_keys().expire(&permit(), &unknown, now)).await);
        // It is dead for the cleaning too.
        db.write(move |repos| repos.maintenance().purge(&permit(), now, 10)).await;
        assert_eq!(db.rows("api_keys"), 0);
    }

    async fn the_end_that_was_asked_for_is_kept(db) {
        let ann = user("ann");
        let key = ApiKey { slides_until: Some(NOW + Duration::HOUR), ..token(&ann, "ci") };
        let (id, expected) = (key.id.clone(), key.clone());
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.api_keys().insert(&permit(), &key)
        })
        .await;
        let by_id = id.clone();
        assert_eq!(db.read(move |repos| repos.api_keys().find(&by_id)).await, Some(expected.clone()));
        assert_eq!(db.read(move |repos| repos.api_keys().find_owner(&id)).await.unwrap().key, expected);
    }

    async fn every_field_of_a_key_is_kept(db) {
        let granted = Granted::in_store(&db).await;
        let limits = ["workspace:*".to_owned(), format!("*:{}", granted.user.id), format!("user:{}", granted.user.id)];
        let plain = ApiKey {
            last_used: Some(NOW),
            scopes: scopes(""),
            allow_list: AllowEntry::parse_list(&limits).unwrap(),
            ip: String::new(),
            ..token(&granted.user, "a b")
        };
        let bound = ApiKey {
            oauth2: Some(OAuth2Binding {
                jkt: Some(jkt('A')),
                app_id: granted.app.id,
                grant_id: None,
                secret_id: Some(granted.secret.id),
                audience: Some(Resource::from_storage("https://mcp.example/".to_owned())),
                slides_until: NOW,
                unused: false,
            }),
            ..session(&granted.user)
        };
        let loose = ApiKey {
            oauth2: Some(OAuth2Binding {
            jkt: None,
                app_id: AppId::NIL,
                grant_id: None,
                secret_id: None,
                audience: None,
                slides_until: NOW,
                unused: false,
            }),
            ..session(&granted.user)
        };
        let keys = [plain, bound, loose, granted.key.clone()];
        let expected: Vec<Option<ApiKey>> = keys.iter().cloned().map(Some).collect();
        let found = db
            .write(move |repos| {
                let new = keys.iter().take(3);
                new.clone().try_for_each(|key| repos.api_keys().insert(&permit(), key))?;
                keys.iter().map(|key| repos.api_keys().find(&key.id)).collect::<Result<Vec<_>, _>>()
            })
            .await;
        assert_eq!(found, expected);
    }

    async fn ids_and_names_of_tokens_are_unique(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let key = token(&ann, "ci");
        let (same_id, same_name) = (ApiKey { id: key.id.clone(), ..session(&ann) }, token(&ann, "ci"));
        let fine = [token(&bob, "ci"), token(&ann, "CI"), session(&ann), session(&ann)];
        let a = ann.id;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            repos.api_keys().insert(&permit(), &key)?;
            fine.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
        })
        .await;
        for (twin, conflict) in [(same_id, Conflict::Random), (same_name, Conflict::TokenName)] {
            let error = db.refused(move |repos| repos.api_keys().insert(&permit(), &twin)).await;
            assert!(matches!(error, StoreError::Conflict(found) if found == conflict), "{error:?}");
        }
        let (found, missing) = db
            .read(move |repos| {
                Ok((repos.api_keys().find_token(a, "ci")?, repos.api_keys().find_token(UserId::NIL, "ci")?))
            })
            .await;
        assert_eq!(found.unwrap().token_name, "ci");
        assert_eq!(missing, None);
    }

    async fn tokens_are_listed_oldest_first(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let of = |user: &User, name: &str, minutes| ApiKey { created_at: NOW + Duration::minutes(minutes), ..token(user, name) };
        let keys = [of(&ann, "second", 2), of(&bob, "third", 3), of(&ann, "first", 1), session(&ann)];
        let a = ann.id;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            keys.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
        })
        .await;
        let (all, own) = db
            .read(move |repos| {
                let keys = repos.api_keys();
                Ok((keys.list(LoginType::Token, None)?, keys.list(LoginType::Token, Some(a))?))
            })
            .await;
        let names = |keys: Vec<(ApiKey, String)>| -> Vec<String> {
            keys.into_iter().map(|(key, user)| format!("{} of {user}", key.token_name)).collect()
        };
        assert_eq!(names(all), ["first of ann", "second of ann", "third of bob"]);
        assert_eq!(names(own), ["first of ann", "second of ann"]);
    }

    async fn use_prolongs_a_key(db) {
        let granted = Granted::in_store(&db).await;
        let key = session(&granted.user);
        let (unknown, of_grant) = (session(&granted.user), granted.key.clone());
        let (found, bound) = db
            .write(move |repos| {
                let keys = repos.api_keys();
                keys.insert(&permit(), &key)?;
                let refresh = KeyRefresh { last_used: Some(NOW), expires_at: NOW + 2 * Duration::DAY };
                keys.refresh(&permit(), &key, refresh, "198.51.100.7", NOW + Duration::SECOND)?;
                keys.refresh(&permit(), &of_grant, refresh, "198.51.100.7", NOW + Duration::SECOND)?;
                keys.refresh(&permit(), &unknown, refresh, "", NOW)?;
                // It lives longer already, as another server says.
                let shorter = KeyRefresh { last_used: Some(NOW), expires_at: NOW + Duration::DAY };
                keys.refresh(&permit(), &key, shorter, "", NOW)?;
                Ok((keys.find(&key.id)?.unwrap(), keys.find(&of_grant.id)?.unwrap()))
            })
            .await;
        for key in [found, bound] {
            assert_eq!(key.last_used, Some(NOW));
            assert_eq!(key.expires_at, NOW + 2 * Duration::DAY);
            assert_eq!((key.ip.as_str(), key.updated_at), ("198.51.100.7", NOW + Duration::SECOND));
        }
        // The cleaning goes by the new expiry, and leaves the key of a grant to the grant.
        let purged = db
            .write(|repos| repos.maintenance().purge(&permit(), NOW + 2 * Duration::DAY - Duration::MICROSECOND, 100))
            .await;
        assert_eq!(purged.total(), 0);
        let purged = db.write(|repos| repos.maintenance().purge(&permit(), NOW + 2 * Duration::DAY, 100)).await;
        assert_eq!((purged.of("api_keys"), purged.total()), (1, 1));
    }

    async fn use_of_a_token_that_was_exchanged_meanwhile_changes_nothing(db) {
        let granted = Granted::in_store(&db).await;
        let (as_read, rotation) = (granted.key.clone(), rotation(granted.client(), &granted.grant, 0));
        let (exchanged, found) = db
            .write(move |repos| {
                assert!(repos.grants().rotate(&permit(), &rotation)?.is_some());
                let exchanged = repos.api_keys().find(&as_read.id)?;
                let refresh = KeyRefresh { last_used: Some(NOW), expires_at: NOW + 900 * Duration::DAY };
                repos.api_keys().refresh(&permit(), &as_read, refresh, "198.51.100.7", NOW)?;
                Ok((exchanged, repos.api_keys().find(&as_read.id)?))
            })
            .await;
        assert!(found.is_some());
        assert_eq!(found, exchanged);
    }

    async fn deleting_a_key_deletes_its_grant(db) {
        let granted = Granted::in_store(&db).await;
        let (key, grant, plain) = (granted.key.id.clone(), granted.grant.id, session(&granted.user));
        let (deleted, found) = db
            .write(move |repos| {
                repos.api_keys().insert(&permit(), &plain)?;
                let deleted = [
                    repos.api_keys().delete(&permit(), &key)?,
                    repos.api_keys().delete(&permit(), &key)?,
                    repos.api_keys().delete(&permit(), &plain.id)?,
                    repos.api_keys().delete(&permit(), &key_id())?,
                ];
                Ok((deleted, repos.grants().find(grant)?))
            })
            .await;
        assert_eq!(deleted, [true, false, true, false]);
        assert_eq!(found, None);
        assert_eq!(db.rows("api_keys"), 0);
    }

    async fn keys_of_a_scope_are_deleted_and_access_tokens_stay(db) {
        let granted = Granted::in_store(&db).await;
        let of = |names: &str| ApiKey { scopes: scopes(names), ..session(&granted.user) };
        let keys = [of("application_connect"), of("application_connect all"), of("all")];
        let (user, access) = (granted.user.id, granted.key.id.clone());
        let deleted = db
            .write(move |repos| {
                keys.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))?;
                repos.grants().narrow_access(&permit(), &access, &scopes("application_connect"))?;
                repos.api_keys().delete_of_scope(&permit(), user, ScopeName::APPLICATION_CONNECT)
            })
            .await;
        assert_eq!((deleted, db.rows("api_keys"), db.rows("oauth2_grants")), (1, 3, 1));
    }

    async fn scopes_are_stored_by_the_names_that_clients_know(db) {
        let granted = Granted::in_store(&db).await;
        let plain = ApiKey { scopes: scopes("all user:read gone:read"), ..session(&granted.user) };
        let (access, expected) = (granted.key.id.clone(), plain.clone());
        let found = db
            .write(move |repos| {
                repos.api_keys().insert(&permit(), &plain)?;
                repos.grants().narrow_access(&permit(), &access, &scopes("all gone:read"))?;
                repos.api_keys().find(&plain.id)
            })
            .await;
        assert_eq!(found, Some(expected));
        let stored = |text: &str| db.rows(&format!("api_keys WHERE scopes = '{text}'"));
        assert_eq!(stored("all user:read gone:read"), 1);
        assert_eq!(stored("coder:all gone:read"), 1, "as the authorization server calls it");
    }
}
