use super::*;
use crate::Principal;
use crate::maintenance::bootstrap;
use crate::users::testing::{NOW, context, settings};
use doorward_domain::Secret;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::jws::{PublicKeyMaterial, SignatureAlgorithm};
use doorward_domain::keys::{CryptoKey, FORMS_KEPT, KeyAlgorithm, KeyState, LEAD, MARGIN};
use doorward_domain::oauth2::DerivationKey;
use doorward_ports::SigningPair;
use doorward_ports::crypto::SigningError;
use doorward_ports::mocks::{FixedClock, MockRepositories, PlainSealer, SeededRandom};
use doorward_ports::{Commit, WorkMode};
use std::sync::Mutex;
use time::Duration;

/// The stored keys of a database: what each mock of one reads and writes.
#[derive(Clone)]
struct Stored(Arc<Mutex<Vec<CryptoKey>>>);

fn key(purpose: KeyPurpose, byte: u8) -> CryptoKey {
    let stored = Secret::new([&[0], [byte; 32].as_slice()].concat());
    let (id, algorithm) = (KeyId::FIRST, KeyAlgorithm::HmacSha256);
    CryptoKey { purpose, id, algorithm, stored, starts_at: NOW - Duration::DAY, ends_at: None }
}

impl Stored {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(vec![
            key(KeyPurpose::Forms, 1),
            key(KeyPurpose::RefreshTokens, 2),
            key(KeyPurpose::WorkspaceApps, 4),
        ])))
    }

    fn repos(&self) -> MockRepositories {
        let mut repos = MockRepositories::default();
        let keys = Arc::clone(&self.0);
        repos.keys.expect_list().returning(move || Ok(keys.lock().unwrap().clone()));
        let keys = Arc::clone(&self.0);
        repos.keys.expect_rotate().returning(move |_, rotation, key| {
            let mut keys = keys.lock().unwrap();
            for old in keys.iter_mut().filter(|old| (old.purpose, old.id) == (rotation.purpose, rotation.old)) {
                old.ends_at = Some(rotation.old_ends_at);
            }
            keys.push(key.clone());
            Ok(true)
        });
        repos
    }

    fn context(&self, repos: MockRepositories, log: &ChangeLog) -> Context {
        let ring = read(&self.0.lock().unwrap(), &PlainSealer).unwrap();
        let keys = Keys::stored(ring, log.now(), Arc::new(PlainSealer), log.clone());
        Context { keys, ..context(repos) }
    }
}

fn audited(repos: &mut MockRepositories, target: &'static str) {
    repos
        .audit
        .expect_insert()
        .once()
        .withf(move |_, record| {
            (record.resource_type, record.action) == (AuditResource::CryptoKey, AuditAction::Create)
                && record.resource_target == target
                && record.additional_fields["replaces"] == "a"
        })
        .returning(|_, _| Ok(()));
}

#[tokio::test]
async fn the_operator_replaces_a_key_and_the_old_one_verifies_as_long_as_what_it_made() {
    for (purpose, at_once, target, kept) in [
        (KeyPurpose::RefreshTokens, false, "refresh_tokens/b", settings().oauth2.refresh_token_lifetime.get() + MARGIN),
        (KeyPurpose::Forms, true, "forms/b", FORMS_KEPT),
    ] {
        let stored = Stored::new();
        let mut repos = stored.repos();
        audited(&mut repos, target);
        let ctx = stored.context(repos, &ChangeLog::default());
        let listed = rotate(&ctx, &Principal::operator(), &[purpose, purpose], at_once).await.unwrap();
        let starts_at = if at_once { NOW } else { NOW + LEAD };
        let states: Vec<_> = listed.iter().map(|listed| listed.state).collect();
        let expected = if at_once { [KeyState::Verifies, KeyState::Signs] } else { [KeyState::Signs, KeyState::Next] };
        assert_eq!(states, expected);
        assert_eq!((listed[0].key.ends_at, listed[1].key.starts_at), (Some(starts_at + kept), starts_at));
        assert_ne!(listed[0].key.stored.expose(), listed[1].key.stored.expose());
        // This server has read it already.
        let ring = ctx.keys.ring();
        let keys = if purpose == KeyPurpose::Forms { ring.forms() } else { ring.refresh_tokens() };
        let ids: String = keys.ids().map(KeyId::as_char).collect();
        assert_eq!(ids, "ab");
    }
}

#[tokio::test]
async fn two_rotations_at_once_are_one() {
    let stored = Stored::new();
    let mut repos = MockRepositories::default();
    let keys = Arc::clone(&stored.0);
    repos.keys.expect_list().returning(move || Ok(keys.lock().unwrap().clone()));
    repos.keys.expect_rotate().once().returning(|_, _, _| Ok(false));
    let ctx = stored.context(repos, &ChangeLog::default());
    let refused = rotate(&ctx, &Principal::operator(), &[KeyPurpose::Forms], true).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict { .. }), "{refused:?}");
}

#[tokio::test]
async fn all_keys_that_are_asked_for_are_replaced_or_none() {
    let stored = Stored::new();
    let mut repos = MockRepositories::default();
    let (keys, calls) = (Arc::clone(&stored.0), repos.calls.clone());
    repos.keys.expect_list().returning(move || Ok(keys.lock().unwrap().clone()));
    repos.keys.expect_rotate().times(2).returning(|_, rotation, _| Ok(rotation.purpose == KeyPurpose::ALL[0]));
    repos.audit.expect_insert().times(1).returning(|_, _| Ok(()));
    let ctx = stored.context(repos, &ChangeLog::default());
    let refused = rotate(&ctx, &Principal::operator(), KeyPurpose::ALL, true).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(calls.all(), [(WorkMode::Write, Commit::No)], "one transaction, and what it did is undone");
}

#[tokio::test]
async fn who_may_not_is_refused() {
    let ctx = context(MockRepositories::default());
    let nobody = Principal::anonymous(crate::Origin::unknown());
    assert!(matches!(list(&ctx, &nobody).await, Err(Error::Forbidden(_))));
    let refused = rotate(&ctx, &nobody, &[KeyPurpose::Forms], true).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn keys_are_read_again_when_one_was_replaced_elsewhere_and_not_before() {
    let (stored, log) = (Stored::new(), ChangeLog::default());
    let ctx = stored.context(stored.repos(), &log);
    assert!(!reload_if_changed(&ctx).await.unwrap());
    let new = CryptoKey { id: KeyId::FIRST.next(), starts_at: NOW, ..key(KeyPurpose::RefreshTokens, 3) };
    stored.0.lock().unwrap().push(new);
    assert!(!reload_if_changed(&ctx).await.unwrap(), "nobody has told");
    log.report(&[Change::CryptoKeys]);
    assert!(reload_if_changed(&ctx).await.unwrap());
    assert!(!reload_if_changed(&ctx).await.unwrap());
    assert_eq!(ctx.keys.ring().refresh_tokens().ids().count(), 2);
}

#[tokio::test]
async fn a_token_of_an_unknown_key_has_the_keys_read_once_more_and_others_do_not() {
    let (stored, log) = (Stored::new(), ChangeLog::default());
    let ctx = stored.context(stored.repos(), &log);
    let random = Secret::new("r".repeat(DerivationKey::RANDOM_LEN));
    let calls = || ctx.keys.ring().refresh_tokens().ids().count();
    let known = DerivationKey::named(KeyId::FIRST, &[2; 32]).first("p".to_owned(), &random);
    let id = KeyId::FIRST.next();
    stored.0.lock().unwrap().push(CryptoKey { id, starts_at: NOW, ..key(KeyPurpose::RefreshTokens, 3) });
    assert!(ring_for(&ctx, &known, NOW).await.unwrap().refresh_tokens().has_issued(&known, NOW));
    assert_eq!(calls(), 1, "not read");
    let unknown = DerivationKey::named(id, &[3; 32]).first("p".to_owned(), &random);
    assert!(ring_for(&ctx, &unknown, NOW).await.unwrap().refresh_tokens().has_issued(&unknown, NOW));
    assert_eq!(calls(), 2);
}

#[tokio::test]
async fn what_cannot_be_opened_leaves_the_keys_as_they_are() {
    let (stored, log) = (Stored::new(), ChangeLog::default());
    let ctx = stored.context(stored.repos(), &log);
    stored.0.lock().unwrap()[0].stored = Secret::new(vec![9; 33]);
    assert!(matches!(reload(&ctx).await, Err(Error::Internal(_))));
    assert_eq!(ctx.keys.ring().refresh_tokens().ids().count(), 1);
}

#[tokio::test]
async fn a_start_refuses_keys_that_it_cannot_use() {
    for (bad, expected) in [(vec![9; 33], "form that this version does not know"), (vec![0; 32], "31 bytes")] {
        let stored = Stored::new();
        stored.0.lock().unwrap()[1].stored = Secret::new(bad);
        let mut repos = stored.repos();
        repos.maintenance.expect_find_server_key().returning(|_| Ok(Some(vec![1; 16])));
        repos.organizations.expect_find_default().returning(|| Ok(Some(crate::users::testing::organization())));
        let (store, sealer) = (repos.into_store(), Arc::new(PlainSealer) as Arc<dyn Sealer>);
        let random = SeededRandom::new(1);
        let refused =
            bootstrap(&store, &FixedClock::at(NOW), &random, &sealer, ChangeLog::default()).await.unwrap_err();
        assert!(matches!(&refused, Error::Precondition(why) if why.contains(expected)), "{refused}");
    }
}

/// Makes documents that it opens as keys, without computing anything.
struct PaperMint;

#[async_trait::async_trait]
impl KeyMint for PaperMint {
    async fn generate(&self, _: SignatureAlgorithm) -> Result<Secret<Vec<u8>>, SigningError> {
        Ok(Secret::new(vec![7; 3]))
    }

    fn open(&self, _: SignatureAlgorithm, document: &Secret<Vec<u8>>) -> Result<SigningPair, SigningError> {
        let public = PublicKeyMaterial::Ed25519 { x: document.expose().clone() };
        Ok(SigningPair { signer: Arc::new(Blank), public })
    }
}

struct Blank;

impl doorward_ports::Signer for Blank {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(vec![1])
    }
}

fn published_key(purpose: KeyPurpose, byte: u8, started_ago: Duration) -> CryptoKey {
    let stored = Secret::new(vec![0, byte, byte, byte]);
    CryptoKey { stored, starts_at: NOW - started_ago, algorithm: purpose.algorithm(), ..key(purpose, byte) }
}

#[tokio::test]
async fn keys_that_sign_for_others_are_replaced_when_their_time_has_come() {
    let stored = Stored::new();
    let old = [
        published_key(KeyPurpose::SignRs256, 8, Duration::days(89)),
        published_key(KeyPurpose::SignEs256, 9, Duration::days(88)),
    ];
    stored.0.lock().unwrap().extend(old);
    let mut repos = stored.repos();
    audited(&mut repos, "sign_rs256/b");
    let ctx = stored.context(repos, &ChangeLog::default());
    ctx.keys.mint_by(Arc::new(PaperMint));
    assert_eq!(publish::rotate_due(&ctx).await.unwrap(), 1);
    assert_eq!(publish::rotate_due(&ctx).await.unwrap(), 0, "it waits for its time");
    let all = stored.0.lock().unwrap().clone();
    let rsa: Vec<_> = all.iter().filter(|key| key.purpose == KeyPurpose::SignRs256).collect();
    let starts_at = NOW + Duration::DAY;
    assert_eq!((rsa.len(), rsa[1].starts_at, rsa[0].ends_at), (2, starts_at, Some(starts_at + Duration::days(7))));
    let ring = ctx.keys.signing().unwrap();
    let signs = |at| ring.signing(SignatureAlgorithm::Rs256, at).unwrap().public.clone();
    assert_eq!(signs(starts_at - Duration::MICROSECOND), PublicKeyMaterial::Ed25519 { x: vec![8; 3] });
    assert_eq!(signs(starts_at), PublicKeyMaterial::Ed25519 { x: vec![7; 3] });
    assert_eq!(ring.published(starts_at).len(), 3);
}

#[tokio::test]
async fn what_another_server_has_made_is_read_and_not_made_again() {
    let (stored, log) = (Stored::new(), ChangeLog::default());
    // Nothing may be inserted: the mock refuses it.
    let ctx = stored.context(stored.repos(), &log);
    ctx.keys.mint_by(Arc::new(PaperMint));
    let purposes = KeyPurpose::ALL.iter().copied().filter(|purpose| purpose.is_published());
    let made: Vec<_> = purposes.map(|purpose| published_key(purpose, 8, Duration::ZERO)).collect();
    stored.0.lock().unwrap().extend(made);
    assert_eq!(signing_ring(&ctx).await.unwrap().published(NOW).len(), 3);
}

#[tokio::test]
async fn the_first_keys_are_made_once() {
    let stored = Stored::new();
    let mut repos = stored.repos();
    let keys = Arc::clone(&stored.0);
    repos.keys.expect_insert_first().times(3).returning(move |_, key| {
        keys.lock().unwrap().push(key.clone());
        Ok(())
    });
    let ctx = stored.context(repos, &ChangeLog::default());
    ctx.keys.mint_by(Arc::new(PaperMint));
    for _ in 0..2 {
        let ring = signing_ring(&ctx).await.unwrap();
        assert!(ring.signing(SignatureAlgorithm::EdDsa, NOW).is_some());
        assert!(ring.signing(SignatureAlgorithm::Ps256, NOW).is_none());
    }
}

/// The keys with an RSA pair, replaced once.
async fn replaced(purpose: KeyPurpose) -> (Stored, Context) {
    let stored = Stored::new();
    let mut repos = stored.repos();
    let keys = Arc::clone(&stored.0);
    repos.keys.expect_delete().returning(move |_, purpose, id| {
        let mut keys = keys.lock().unwrap();
        let before = keys.len();
        keys.retain(|key| (key.purpose, key.id) != (purpose, id));
        Ok(keys.len() < before)
    });
    let keys = Arc::clone(&stored.0);
    repos.keys.expect_insert_first().returning(move |_, key| {
        keys.lock().unwrap().push(key.clone());
        Ok(())
    });
    repos.audit.expect_insert().returning(|_, _| Ok(()));
    let ctx = stored.context(repos, &ChangeLog::default());
    ctx.keys.mint_by(Arc::new(PaperMint));
    if purpose.is_published() {
        signing_ring(&ctx).await.unwrap();
    }
    rotate(&ctx, &Principal::operator(), &[purpose], true).await.unwrap();
    (stored, ctx)
}

#[tokio::test]
async fn a_key_that_was_replaced_is_retired_and_no_other() {
    let (stored, ctx) = replaced(KeyPurpose::Forms).await;
    let by = Principal::operator();
    let second = KeyId::FIRST.next();
    let signs = retire(&ctx, &by, KeyPurpose::Forms, second).await;
    assert!(matches!(signs, Err(Error::Conflict { .. })), "{signs:?}");
    let nobody = retire(&ctx, &by, KeyPurpose::Forms, second.next()).await;
    assert!(matches!(nobody, Err(Error::NotFound)), "{nobody:?}");
    let left = retire(&ctx, &by, KeyPurpose::Forms, KeyId::FIRST).await.unwrap();
    assert_eq!(left.iter().map(|listed| listed.key.id).collect::<Vec<_>>(), [second]);
    assert!(stored.0.lock().unwrap().iter().all(|key| (key.purpose, key.id) != (KeyPurpose::Forms, KeyId::FIRST)));
    let ann = crate::users::testing::actor().build();
    assert!(matches!(retire(&ctx, &ann, KeyPurpose::Forms, KeyId::FIRST).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn keys_that_are_not_published_are_not_imported() {
    let (_, ctx) = replaced(KeyPurpose::Forms).await;
    let document = Secret::new(b"a key".to_vec());
    let refused = import(&ctx, &Principal::operator(), KeyPurpose::Forms, document.clone(), true).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    let ann = crate::users::testing::actor().build();
    assert!(matches!(import(&ctx, &ann, KeyPurpose::SignEs256, document, true).await, Err(Error::Forbidden(_))));
}
