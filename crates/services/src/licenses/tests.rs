use super::*;
use crate::users::testing::*;
use crate::{Licensing, entitlements};
use doorward_domain::Instant;
use doorward_domain::entitlements::{Feature, FeatureSet};
use doorward_domain::licenses::LicenseDraft;
use doorward_ports::changes::ChangeLog;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use doorward_testkit::licenses::{Signer, draft};
use time::Duration;

const DEPLOYMENT: Uuid = Uuid::from_u128(0xD0);

/// A context in which licences count, and those of this signer are believed.
fn enforced(repos: MockRepositories, signer: &Signer) -> Context {
    let mut settings = settings();
    settings.licensing = serde_json::from_value(signer.settings("enforced")).unwrap();
    let licensing = Licensing::new(&settings.licensing, DEPLOYMENT, ChangeLog::default()).unwrap();
    Context { licensing, ..context_with(repos, settings) }
}

fn stored(id: i32, token: LicenseToken) -> License {
    License { id: LicenseId(id), uuid: Uuid::from_u128(7), uploaded_at: NOW, ends_at: NOW + Duration::DAY, token }
}

fn premium(signer: &Signer, now: Instant) -> LicenseToken {
    signer.sign(&LicenseDraft { feature_set: FeatureSet::Premium, ..draft(now) })
}

#[tokio::test]
async fn a_licence_is_stored_with_its_record_and_counts_at_once() {
    let signer = Signer::new(1);
    let token = premium(&signer, NOW);
    let mut repos = MockRepositories::default();
    let sent = token.expose().to_owned();
    repos
        .licenses
        .expect_insert()
        .times(1)
        .withf(move |_, new| new.token.expose() == sent && new.uploaded_at == NOW && new.ends_at > NOW)
        .returning(|_, _| Ok(LicenseId(3)));
    let kept = token.clone();
    repos.licenses.expect_list_live().returning(move |_| Ok(vec![stored(3, kept.clone())]));
    repos.licenses.expect_count_active_users().returning(|| Ok(5));
    repos.replicas.expect_list_live().returning(|_| Ok(Vec::new()));
    // The log needs a licence too, and begins with this one.
    repos
        .audit
        .expect_insert()
        .times(1)
        .withf(|_, record| (record.action.as_str(), record.resource_target.as_str()) == ("create", "3"))
        .returning(|_, _| Ok(()));
    let ctx = enforced(repos, &signer);
    assert!(!ctx.licensing.allows(Feature::CustomRoles, NOW) && !ctx.licensing.allows(Feature::AuditLog, NOW));
    let license = add(&ctx, &owner().build(), &format!(" {}\n", token.expose())).await.unwrap();
    assert_eq!(license.id, LicenseId(3));
    assert!(ctx.licensing.allows(Feature::CustomRoles, NOW));
}

#[tokio::test]
async fn with_a_log_what_is_added_and_removed_is_recorded() {
    let signer = Signer::new(1);
    let mut repos = MockRepositories::default();
    repos.licenses.expect_insert().returning(|_, _| Ok(LicenseId(1)));
    repos.licenses.expect_count_active_users().returning(|| Ok(1));
    repos.replicas.expect_list_live().returning(|_| Ok(Vec::new()));
    let mut records = [("create", 201, "1"), ("delete", 200, "1")].into_iter();
    repos.audit.expect_insert().times(2).returning(move |_, record| {
        let told = (record.action.as_str(), record.status_code, record.resource_target.as_str());
        assert_eq!(Some(told), records.next());
        assert_eq!(record.diff["exp"]["secret"], serde_json::json!(false));
        assert!(!record.diff.to_string().contains("eyJ"), "nothing of the token");
        Ok(())
    });
    let token = premium(&signer, NOW);
    let kept = stored(1, token.clone());
    repos.licenses.expect_find().returning(move |id| Ok((id == LicenseId(1)).then(|| kept.clone())));
    repos.licenses.expect_delete().returning(|_, id| Ok(id == LicenseId(1)));
    let mut settings = settings();
    settings.licensing = serde_json::from_value(signer.settings("unlimited")).unwrap();
    let licensing = Licensing::new(&settings.licensing, DEPLOYMENT, ChangeLog::default()).unwrap();
    let ctx = Context { licensing, ..context_with(repos, settings) };
    add(&ctx, &owner().build(), token.expose()).await.unwrap();
    delete(&ctx, &owner().build(), LicenseId(1)).await.unwrap();
    assert!(matches!(delete(&ctx, &owner().build(), LicenseId(2)).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn what_is_not_taken_writes_nothing_and_says_why() {
    let (signer, stranger) = (Signer::new(1), Signer::new(2));
    let ctx = enforced(MockRepositories::default(), &signer);
    let of = |change: fn(LicenseDraft) -> LicenseDraft| signer.sign(&change(draft(NOW))).expose().to_owned();
    let generic = ("Invalid license", "license has multiple issues; contact support");
    for (text, (message, detail)) in [
        (stranger.sign(&draft(NOW)).expose().to_owned(), generic),
        ("no token".to_owned(), generic),
        ("a\0b".to_owned(), generic),
        ("x".repeat(200_000), generic),
        (of(|draft| LicenseDraft { ends_at: draft.issued_at, ..draft }), generic),
        (of(|draft| LicenseDraft { issued_at: draft.issued_at + Duration::DAY, ..draft }), generic),
        (
            of(|draft| LicenseDraft { deployment_ids: vec!["elsewhere".to_owned()], ..draft }),
            ("License cannot be used on this deployment!", "elsewhere"),
        ),
    ] {
        let error = add(&ctx, &owner().build(), &text).await.unwrap_err();
        let Error::Invalid { message: told, detail: more, .. } = error else { panic!("{error}") };
        assert!(told == message && more.contains(detail), "{told} {more}");
    }
    assert!(
        matches!(add(&ctx, &owner().build(), " ").await, Err(Error::Invalid { fields, .. }) if fields[0].field == "license")
    );
}

#[tokio::test]
async fn only_owners_add_remove_and_see_licences() {
    let signer = Signer::new(1);
    let mut repos = MockRepositories::default();
    let token = premium(&signer, NOW);
    repos.licenses.expect_list().returning(move || Ok(vec![stored(1, token.clone())]));
    let ctx = enforced(repos, &signer);
    let me = actor().build();
    assert!(matches!(add(&ctx, &me, "whatever").await, Err(Error::Forbidden(_))), "before it is looked at");
    assert!(matches!(delete(&ctx, &me, LicenseId(1)).await, Err(Error::Forbidden(_))));
    assert!(matches!(entitlements::refresh(&ctx, &me).await, Err(Error::Forbidden(_))));
    assert!(may_add(&me).is_err() && may_add(&owner().build()).is_ok());
    assert!(list(&ctx, &me).await.unwrap().is_empty());
    assert_eq!(list(&ctx, &owner().build()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_licence_is_a_conflict() {
    let signer = Signer::new(1);
    let mut repos = MockRepositories::default();
    repos.licenses.expect_insert().returning(|_, _| Err(StoreError::Conflict(Conflict::License)));
    let ctx = enforced(repos, &signer);
    let refused = add(&ctx, &owner().build(), premium(&signer, NOW).expose()).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })));
}
