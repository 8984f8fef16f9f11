use crate::registrations::registered;
use crate::support::*;
use crate::user_links::federated;
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::oauth2::{App, DeviceDecision};
use doorward_domain::openid::{
    AppProfile, AppRules, ClaimName, Consent, Identity, LOGO_MAX, Logo, LogoKind, RequestedClaims, SignIn, fingerprint,
};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::User;
use doorward_ports::StoreError;
use doorward_ports::openid::{Known, OpenIdRepository};
use time::Duration;
use uuid::Uuid;

pub(crate) fn identity(sid: Uuid) -> Identity {
    // Seconds are all that apps are told.
    let auth_time = NOW.replace_nanosecond(0).unwrap();
    Identity {
        sign_in: SignIn { sid, auth_time, acr: "mfa".to_owned(), amr: vec!["pwd".to_owned(), "otp".to_owned()] },
        nonce: Some("n \u{e9} \"".to_owned()),
        claims: RequestedClaims {
            userinfo: [ClaimName::Name].into(),
            id_token: [ClaimName::Groups, ClaimName::Email].into(),
            ..RequestedClaims::default()
        },
    }
}

pub(crate) fn consent(app: &App, user: &User) -> Consent {
    Consent {
        user_id: user.id,
        app_id: app.id,
        resource: String::new(),
        scopes: scopes("openid user:read"),
        fingerprint: fingerprint(app),
        created_at: NOW,
    }
}

fn asking(openid: &mut dyn OpenIdRepository, app: AppId, user: UserId, key: &str) -> Result<(App, Known), StoreError> {
    Ok(openid.find_asking(app, Some((user, ApiKeyId::new(key.to_owned()).unwrap())))?.unwrap())
}

fn consents(openid: &mut dyn OpenIdRepository, app: AppId, user: UserId) -> Result<Vec<Consent>, StoreError> {
    Ok(asking(openid, app, user, "aaaaaaaaaa")?.1.consents)
}

contract! {
    async fn what_is_known_when_an_app_asks_is_of_this_app_this_user_and_this_key(db) {
        let granted = Granted::in_store(&db).await;
        let (session, client, other) = (federated(&granted.key), registered(&granted.app, None), Uuid::from_u128(0xFFFF));
        let (app, user, key) = (granted.app, granted.user, granted.key.id);
        db.write(move |repos| {
            let unknown = repos.openid().find_asking(AppId(other), Some((user.id, key.clone())))?;
            assert_eq!(unknown, None);
            let plain = repos.openid().find_asking(app.id, Some((user.id, key.clone())))?;
            assert_eq!(plain, Some((app.clone(), Known::default())));

            let rules = AppRules { trusted: true, ..AppRules::default() };
            repos.openid().update_rules(&permit(), app.id, &rules)?;
            repos.openid().upsert_consent(&permit(), &consent(&app, &user))?;
            repos.registrations().insert(&permit(), &client)?;
            repos.federated_sessions().insert(&permit(), &session, None)?;
            let known = Known {
                rules: rules.clone(),
                is_its_own: true,
                sign_in: Some((session.auth_time, session.acr.clone())),
                consents: vec![consent(&app, &user)],
            };
            assert_eq!(asking(repos.openid(), app.id, user.id, key.as_str())?, (app.clone(), known.clone()));
            let of_another_key = Known { sign_in: None, ..known.clone() };
            assert_eq!(asking(repos.openid(), app.id, user.id, "bbbbbbbbbb")?, (app.clone(), of_another_key));
            let of_another = Known { consents: vec![], ..known.clone() };
            assert_eq!(asking(repos.openid(), app.id, UserId(other), key.as_str())?, (app.clone(), of_another));
            let of_nobody = Known { rules, is_its_own: true, ..Known::default() };
            assert_eq!(repos.openid().find_asking(app.id, None)?, Some((app, of_nobody)));
            Ok(())
        })
        .await;
    }

    async fn what_codes_and_grants_say_of_a_user_is_kept_and_goes_with_them(db) {
        let granted = Granted::in_store(&db).await;
        let (code, grant, app) = (code(&granted.app, &granted.user), granted.grant.clone(), granted.app.id);
        let (user, sid) = (granted.user.id, Uuid::from_u128(7));
        let found = db
            .write(move |repos| {
                repos.codes().insert(&permit(), &code)?;
                repos.openid().insert_of_code(&permit(), code.id, &identity(sid))?;
                repos.openid().insert_of_grant(&permit(), grant.id, &identity(sid).of_grant())?;
                let openid = repos.openid();
                assert_eq!(openid.find_of_code(code.id)?, Some(identity(sid)));
                assert_eq!(openid.find_of_grant(grant.id)?, Some(identity(sid).of_grant()));
                assert_eq!(openid.list_grants_of_session(sid)?, [(grant.id, app, user)]);
                assert_eq!(openid.list_grants_of_session(Uuid::from_u128(8))?, []);
                assert_eq!(openid.list_apps_of_user(user)?, [app]);
                repos.grants().delete(&permit(), grant.id)?;
                Ok((repos.openid().find_of_grant(grant.id)?, repos.openid().list_grants_of_session(sid)?))
            })
            .await;
        assert_eq!(found, (None, vec![]));
    }

    async fn what_an_approved_device_says_of_a_user_goes_with_it(db) {
        let granted = Granted::in_store(&db).await;
        let (device, user) = (crate::device_authorizations::asked(&granted.app), granted.user.id);
        let found = db
            .write(move |repos| {
                repos.device_authorizations().insert(&permit(), &device)?;
                repos.openid().insert_of_device(&permit(), device.id, &identity(Uuid::from_u128(7)))?;
                let kept = repos.openid().find_of_device(device.id)?;
                let approved = DeviceDecision::Approved(user);
                repos.device_authorizations().decide(&permit(), device.id, approved, NOW)?;
                repos.device_authorizations().consume(&permit(), device.id, user)?;
                Ok((kept, repos.openid().find_of_device(device.id)?))
            })
            .await;
        assert_eq!(found, (Some(identity(Uuid::from_u128(7))), None));
    }

    async fn a_session_keeps_its_first_name(db) {
        let granted = Granted::in_store(&db).await;
        let key = granted.grant.access_key_id;
        let granted_key = key.clone();
        let names = db
            .write(move |repos| {
                let openid = repos.openid();
                let before = openid.find_session(&key)?;
                openid.insert_session(&permit(), &key, Uuid::from_u128(1))?;
                openid.insert_session(&permit(), &key, Uuid::from_u128(2))?;
                Ok((before, openid.find_session(&key)?))
            })
            .await;
        assert_eq!(names, (None, Some(Uuid::from_u128(1))));
        let key = granted_key;
        let there = db
            .write(move |repos| {
                let mut there = vec![repos.openid().hold_session(Uuid::from_u128(1))?];
                there.push(repos.openid().hold_session(Uuid::from_u128(2))?);
                repos.api_keys().expire(&permit(), &key, NOW)?;
                there.push(repos.openid().hold_session(Uuid::from_u128(1))?);
                Ok(there)
            })
            .await;
        assert_eq!(there, [true, false, false], "what has ended is not there, also while its key is");
    }

    async fn the_last_consent_counts_until_it_is_taken_back(db) {
        let granted = Granted::in_store(&db).await;
        let first = consent(&granted.app, &granted.user);
        let second = Consent { scopes: scopes("openid gone:read"), created_at: NOW + Duration::HOUR, ..first.clone() };
        let elsewhere = Consent { resource: "https://files.example".to_owned(), ..first.clone() };
        let (user, app) = (granted.user.id, granted.app.id);
        let found = db
            .write(move |repos| {
                let openid = repos.openid();
                for consent in [&first, &elsewhere, &second] {
                    openid.upsert_consent(&permit(), consent)?;
                }
                assert_eq!(consents(openid, app, user)?, [second, elsewhere]);
                let gone = [openid.delete_consents(&permit(), user, app)?, openid.delete_consents(&permit(), user, app)?];
                assert_eq!(gone, [true, false]);
                consents(openid, app, user)
            })
            .await;
        assert_eq!(found, []);
    }

    async fn the_last_address_that_was_verified_is_kept_until_it_is_taken_back(db) {
        let granted = Granted::in_store(&db).await;
        let user = granted.user.id;
        let found = db
            .write(move |repos| {
                let openid = repos.openid();
                let mut found = vec![openid.find_verified_email(user)?];
                for email in [Some("One@Example.com"), Some("two@example.com"), None] {
                    openid.update_verified_email(&permit(), user, email)?;
                    found.push(openid.find_verified_email(user)?);
                }
                Ok(found)
            })
            .await;
        let text = |email: &str| Some(email.to_owned());
        assert_eq!(found, [None, text("one@example.com"), text("two@example.com"), None]);
    }

    async fn the_last_logo_is_kept_and_goes_with_its_app(db) {
        let granted = Granted::in_store(&db).await;
        let app = granted.app.id;
        let logo = |kind, byte| Logo { kind, bytes: vec![byte; LOGO_MAX] };
        let (first, second) = (logo(LogoKind::Png, 1), logo(LogoKind::Webp, 2));
        let found = db
            .write(move |repos| {
                let openid = repos.openid();
                let none = openid.find_logo(app)?;
                openid.replace_logo(&permit(), app, Some(&first))?;
                openid.replace_logo(&permit(), app, Some(&second))?;
                let found = openid.find_logo(app)?;
                assert_eq!((none, found), (None, Some(second.clone())));
                openid.replace_logo(&permit(), app, None)?;
                let gone = openid.find_logo(app)?;
                openid.replace_logo(&permit(), app, Some(&second))?;
                repos.apps().delete(&permit(), app)?;
                Ok((gone, repos.openid().find_logo(app)?))
            })
            .await;
        assert_eq!(found, (None, None));
    }

    async fn what_is_particular_about_an_app_is_kept(db) {
        let granted = Granted::in_store(&db).await;
        let rules = AppRules {
            default_max_age: Some(7),
            trusted: true,
            post_logout_redirect_uris: vec!["https://app.example/bye".to_owned()],
            backchannel_logout_uri: Some("https://app.example/logout".to_owned()),
            profile: AppProfile { display_name: "アプリ".to_owned(), ..AppProfile::default() },
            ..AppRules::default()
        };
        let (app, expected) = (granted.app.id, rules.clone());
        let found = db
            .write(move |repos| {
                let openid = repos.openid();
                assert_eq!(openid.find_rules(app)?, None);
                openid.update_rules(&permit(), app, &AppRules::default())?;
                openid.update_rules(&permit(), app, &rules)?;
                openid.find_rules(app)
            })
            .await;
        assert_eq!(found, Some(expected));
    }
}
