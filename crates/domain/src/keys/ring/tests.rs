use super::*;
use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

const BEGAN: Instant = datetime!(2026-03-04 05:06:07 UTC);
/// The first key began then, and each of the others so much after the one before.
const APART: Duration = Duration::HOUR;
/// When all of them have begun.
const LATER: Instant = datetime!(2026-03-05 05:06:07 UTC);

fn key(purpose: KeyPurpose, rank: u8, algorithm: KeyAlgorithm) -> (CryptoKey, Secret<[u8; 32]>) {
    let id = KeyId::of(b'a' + rank).unwrap();
    let starts_at = BEGAN + APART * i32::from(rank);
    let key = CryptoKey { purpose, id, algorithm, stored: Secret::new(Vec::new()), starts_at, ends_at: None };
    (key, Secret::new([rank + 1; 32]))
}

/// What a server knows that has heard of so many keys. The first is as old as names of keys, or older.
fn stored(known: u8, algorithm: KeyAlgorithm) -> Vec<(CryptoKey, Secret<[u8; 32]>)> {
    let refresh = (0..known)
        .map(|rank| key(KeyPurpose::RefreshTokens, rank, if rank == 0 { algorithm } else { KeyAlgorithm::HmacSha256 }));
    let others = [KeyPurpose::Forms, KeyPurpose::WorkspaceApps];
    refresh.chain(others.map(|purpose| key(purpose, 0, KeyAlgorithm::HmacSha256))).collect()
}

fn ring(known: u8, algorithm: KeyAlgorithm) -> KeyRing {
    KeyRing::new(&stored(known, algorithm)).unwrap()
}

/// Who exchanges the live token.
#[derive(Clone, Copy, Debug)]
enum Server {
    /// One that has heard of so many keys, at the time of so many hours.
    Knowing(u8, u8),
    /// One of before names, which knows the first key.
    Old,
}

fn servers(keys: u8) -> impl Strategy<Value = Vec<Server>> {
    let knowing = (1..=keys, 0..=keys).prop_map(|(known, hour)| Server::Knowing(known, hour));
    proptest::collection::vec(prop_oneof![4 => knowing, 1 => Just(Server::Old)], 1..=ExchangedTokens::MAX)
}

/// What follows `live`, by the rules of a server: it reads the keys anew when it is shown one that it does not know.
fn exchange(server: Server, live: &OpaqueToken, keys: u8) -> Option<Successor> {
    let unnamed = KeyAlgorithm::HmacSha256Unnamed;
    match server {
        Server::Old => {
            // Servers of before names are gone when the first key is replaced.
            let first = ring(1, unnamed);
            first.refresh_tokens().has_issued(live, LATER).then(|| DerivationKey::new(&[1; 32]).successor(live))
        }
        Server::Knowing(known, hour) => {
            let now = BEGAN + APART * i32::from(hour);
            let known = ring(known, unnamed);
            let known = if known.refresh_tokens().knows_key_of(live, now) { known } else { ring(keys, unnamed) };
            Some(known.refresh_tokens().successor(live, now))
        }
    }
}

proptest! {
    /// Whatever servers exchange the tokens of a grant, whatever keys they have heard of and however their clocks go: who
    /// presents any of the exchanged ones again, at a server that knows all keys, gets the pair that lives.
    #[test]
    fn the_live_pair_is_found_from_every_ancestor_across_rotations(
        random in "[0-9A-Za-z]{30}",
        is_old in any::<bool>(),
        servers in (1..=4_u8).prop_flat_map(servers),
    ) {
        let keys = 4;
        let all = ring(keys, KeyAlgorithm::HmacSha256Unnamed);
        let all = all.refresh_tokens();
        let random = Secret::new(random);
        let first = if is_old { DerivationKey::new(&[1; 32]) } else { DerivationKey::named(KeyId::FIRST, &[1; 32]) };
        let mut chain = vec![first.first("0123456789".into(), &random)];
        let mut live = None;
        for server in servers {
            if let Some(next) = exchange(server, chain.last().unwrap(), keys) {
                chain.push(next.refresh.clone());
                live = Some(next);
            }
        }
        if let Some(live) = live {
            for ancestor in &chain[..chain.len() - 1] {
                prop_assert!(all.has_issued(ancestor, LATER) && all.knows_key_of(ancestor, LATER));
                let found = all.live_after(ancestor, &live.refresh.digest(), LATER);
                let found = found.map(|pair| (pair.refresh.to_wire().into_exposed(), pair.access_secret.into_exposed()));
                prop_assert_eq!(
                    found,
                    Some((live.refresh.to_wire().into_exposed(), live.access_secret.clone().into_exposed()))
                );
            }
            prop_assert!(all.live_after(&live.refresh, &live.refresh.digest(), LATER).is_none());
        }
    }

    /// Of two servers that exchange the same token at once, one wins; the other finds the pair of the first.
    #[test]
    fn of_two_servers_at_once_both_answer_with_the_pair_that_won(
        random in "[0-9A-Za-z]{30}", one in 1..=3_u8, other in 1..=3_u8, hours in (0..=3_u8, 0..=3_u8),
    ) {
        let first = ring(1, KeyAlgorithm::HmacSha256).refresh_tokens().first("p".into(), &Secret::new(random), BEGAN);
        let at = |known, hour| exchange(Server::Knowing(known, hour), &first, 3).unwrap();
        let (won, lost) = (at(one, hours.0), at(other, hours.1));
        let found = ring(3, KeyAlgorithm::HmacSha256).refresh_tokens().live_after(&first, &won.refresh.digest(), LATER);
        let found = found.unwrap().access_secret.into_exposed();
        prop_assert_eq!(&found, won.access_secret.expose());
        let same_key = DerivationKey::named_by(&won.refresh) == DerivationKey::named_by(&lost.refresh);
        prop_assert_eq!(same_key, won.refresh.digest() == lost.refresh.digest());
    }

    #[test]
    fn what_nobody_issued_is_not_ours(invented in "[0-9A-Za-z]{40}", keys in 1..=4_u8) {
        let ring = ring(keys, KeyAlgorithm::HmacSha256Unnamed);
        let invented = OpaqueToken::new("0123456789".into(), Secret::new(invented));
        prop_assert!(!ring.refresh_tokens().has_issued(&invented, LATER));
        let named = DerivationKey::named_by(&invented);
        let known = named.is_none_or(|id| ring.refresh_tokens().ids().any(|known| known == id));
        prop_assert_eq!(ring.refresh_tokens().knows_key_of(&invented, LATER), known);
    }
}

#[test]
fn a_key_signs_from_its_start_and_the_one_before_verifies_until_its_end() {
    let mut keys = stored(2, KeyAlgorithm::HmacSha256);
    let ends_at = BEGAN + APART + Duration::DAY;
    keys[0].0.ends_at = Some(ends_at);
    let ring = KeyRing::new(&keys).unwrap();
    let refresh = ring.refresh_tokens();
    let random = Secret::new("r".repeat(30));
    let first_at = |now| refresh.first("p".to_owned(), &random, now);
    let name = |token: &OpaqueToken| DerivationKey::named_by(token).unwrap().as_char();
    let early = first_at(BEGAN + APART - Duration::MICROSECOND);
    assert_eq!((name(&early), name(&first_at(BEGAN + APART))), ('a', 'b'));
    assert_eq!(name(&first_at(BEGAN - Duration::DAY)), 'a', "a clock that is behind");

    assert_eq!(name(&refresh.successor(&early, BEGAN + APART).refresh), 'b');
    let next = refresh.successor(&early, BEGAN).refresh;
    assert!(refresh.live_after(&early, &next.digest(), ends_at - Duration::MICROSECOND).is_some());
    assert!(refresh.live_after(&early, &next.digest(), ends_at).is_none());
    assert!(refresh.has_issued(&early, ends_at - Duration::MICROSECOND) && !refresh.has_issued(&early, ends_at));
    // It is known that the key has ended, so that the keys are not read again for it.
    assert!(refresh.knows_key_of(&early, ends_at));
    // Never older than what is presented.
    let late = first_at(BEGAN + APART);
    assert_eq!(name(&refresh.successor(&late, BEGAN).refresh), 'b');
}

#[test]
fn texts_are_made_with_the_key_that_signs_and_checked_with_all_that_verify() {
    let mut keys = stored(1, KeyAlgorithm::HmacSha256);
    let old = keys.iter().position(|(key, _)| key.purpose == KeyPurpose::Forms).unwrap();
    let new = key(KeyPurpose::Forms, 1, KeyAlgorithm::HmacSha256);
    let ends_at = BEGAN + APART + Duration::DAY;
    keys[old].0.ends_at = Some(ends_at);
    keys.push(new);
    let ring = KeyRing::new(&keys).unwrap();
    let forms = ring.forms();
    let (old, new) = (forms.text("x", &[b"y"], BEGAN), forms.text("x", &[b"y"], BEGAN + APART));
    assert_ne!(old.expose(), new.expose());
    for now in [BEGAN, BEGAN + APART, ends_at - Duration::MICROSECOND] {
        assert!(forms.is_text("x", &[b"y"], old.expose(), now) && forms.is_text("x", &[b"y"], new.expose(), now));
    }
    assert!(!forms.is_text("x", &[b"y"], old.expose(), ends_at) && forms.is_text("x", &[b"y"], new.expose(), ends_at));
    assert!(!forms.is_text("z", &[b"y"], new.expose(), BEGAN + APART));
}

#[test]
fn a_server_that_has_not_heard_of_a_key_knows_that() {
    let (stale, fresh) = (ring(1, KeyAlgorithm::HmacSha256), ring(2, KeyAlgorithm::HmacSha256));
    let token = fresh.refresh_tokens().first("p".to_owned(), &Secret::new("r".repeat(30)), LATER);
    assert!(!stale.refresh_tokens().knows_key_of(&token, LATER) && fresh.refresh_tokens().knows_key_of(&token, LATER));
}

#[test]
fn the_search_for_a_pair_that_is_not_there_ends() {
    let ring = ring(26, KeyAlgorithm::HmacSha256Unnamed);
    let token = DerivationKey::new(&[1; 32]).first("p".to_owned(), &Secret::new("r".repeat(30)));
    assert!(ring.refresh_tokens().live_after(&token, &Digest::of("another"), LATER).is_none());
}

#[test]
fn every_purpose_needs_a_key() {
    for purpose in [KeyPurpose::RefreshTokens, KeyPurpose::Forms, KeyPurpose::WorkspaceApps] {
        let mut keys = stored(1, KeyAlgorithm::HmacSha256);
        keys.retain(|(key, _)| key.purpose != purpose);
        assert_eq!(KeyRing::new(&keys).unwrap_err(), NoKeyError(purpose));
    }
    let single = KeyRing::single(&[7; 32]);
    let random = Secret::new("r".repeat(30));
    let first = single.refresh_tokens().first("p".to_owned(), &random, BEGAN);
    assert!(DerivationKey::named(KeyId::FIRST, &[7; 32]).has_issued(&first));
}

#[test]
fn shared_keys_differ_by_purpose_and_by_key_and_follow_each_other() {
    let ended = CryptoKey { ends_at: Some(LATER), ..key(KeyPurpose::WorkspaceApps, 0, KeyAlgorithm::HmacSha256).0 };
    let mut keys = stored(1, KeyAlgorithm::HmacSha256);
    keys.retain(|(key, _)| key.purpose != KeyPurpose::WorkspaceApps);
    keys.extend([(ended, Secret::new([1; 32])), key(KeyPurpose::WorkspaceApps, 1, KeyAlgorithm::HmacSha256)]);
    let ring = KeyRing::new(&keys).unwrap();
    let shared = |purpose, len, now| ring.workspace_apps().shared(purpose, len, now);
    let tokens = shared("tokens", 64, BEGAN);
    assert_eq!(tokens.iter().map(|key| key.secret.expose().len()).collect::<Vec<_>>(), [64, 64]);
    assert_eq!(tokens[1].sequence - tokens[0].sequence, 3600, "the seconds between them");
    assert_eq!((tokens[0].ends_at, tokens[1].starts_at), (Some(LATER), BEGAN + APART));
    let others = shared("keys", 64, BEGAN);
    for (key, other) in tokens.iter().zip(&others) {
        assert_ne!(key.secret.expose(), other.secret.expose());
        assert_ne!(key.secret.expose()[..32], key.secret.expose()[32..]);
    }
    assert_ne!(tokens[0].secret.expose(), tokens[1].secret.expose());
    assert_eq!(shared("tokens", 32, BEGAN)[0].secret.expose()[..], tokens[0].secret.expose()[..32]);
    assert_eq!(shared("tokens", 64, LATER).len(), 1, "what has ended is not shared");
}
