//! Refresh token rotation that survives races and lost answers.
//!
//! The successor of a refresh token is *derived* from it with a keyed function, so that whoever asks twice, even at the
//! same moment on two replicas, gets the same successor, while the database holds digests only. Who has the database
//! and the key but not the presented token can derive nothing.
//!
//! All refresh tokens of a grant share their prefix. The last characters of the secret are a keyed tag, by which a
//! token of an earlier generation is told from an invented one without keeping any of them: presenting an earlier one
//! is theft, presenting an invented one is noise. The first character of the tag is the id of the key, so that keys can
//! be replaced; see [`crate::keys::DerivationKeys`] for several of them. Tokens of a [`DerivationKey::new`] have none.

use super::{ExchangedTokens, OpaqueToken};
use crate::keys::KeyId;
use crate::{Digest, Secret};
use ring::hmac;
use subtle::ConstantTimeEq;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The server's key for deriving secrets: the successors of refresh tokens, and [texts](Self::text) of other purposes. All
/// replicas share it.
#[derive(Clone)]
pub struct DerivationKey {
    hmac: hmac::Key,
    id: Option<KeyId>,
}

/// The pair of tokens that follows a presented refresh token.
#[derive(Clone, Debug)]
pub struct Successor {
    /// The next refresh token, with the prefix of its grant.
    pub refresh: OpaqueToken,
    /// Secret part of the next access token; its id is that of the grant's key.
    pub access_secret: Secret<String>,
}

/// Characters of a refresh token's secret that carry its randomness (178 bits).
const RANDOM_LEN: usize = DerivationKey::RANDOM_LEN;
/// Characters that follow: 59 bits, or the id of a key and 53 bits.
const TAG_LEN: usize = OpaqueToken::SECRET_LEN - RANDOM_LEN;

impl DerivationKey {
    /// Random characters from which the first refresh token of a grant is made.
    pub const RANDOM_LEN: usize = 30;
    /// Characters of a [text](Self::text): 238 bits.
    pub const TEXT_LEN: usize = 40;

    /// Takes 32 random bytes. Its refresh tokens do not name it, so that there can be only one such key.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self { hmac: hmac::Key::new(hmac::HMAC_SHA256, bytes), id: None }
    }

    /// Takes 32 random bytes. Its refresh tokens name it by this id.
    #[must_use]
    pub fn named(id: KeyId, bytes: &[u8; 32]) -> Self {
        Self { id: Some(id), ..Self::new(bytes) }
    }

    /// The id of the key that `presented` names, if it names one. Anybody can write it there; and the tag of
    /// a token that names none may begin with such a letter.
    #[must_use]
    pub fn named_by(presented: &OpaqueToken) -> Option<KeyId> {
        let (_, tag) = presented.secret().expose().split_at_checked(RANDOM_LEN)?;
        tag.bytes().next().and_then(KeyId::of)
    }

    /// Makes the first refresh token of a grant of random alphanumeric text; of `random`, the first
    /// [`Self::RANDOM_LEN`] characters count.
    #[must_use]
    pub fn first(&self, prefix: String, random: &Secret<String>) -> OpaqueToken {
        let random = random.expose();
        self.seal(prefix, random.split_at_checked(Self::RANDOM_LEN).map_or(random, |(used, _)| used))
    }

    /// The pair that follows `presented`; the same whenever and wherever it is asked.
    ///
    /// ```
    /// use doorward_domain::Secret;
    /// use doorward_domain::oauth2::DerivationKey;
    ///
    /// let key = DerivationKey::new(&[7; 32]);
    /// let first = key.first("0123456789".to_owned(), &Secret::new("r".repeat(DerivationKey::RANDOM_LEN)));
    /// let (here, there) = (key.successor(&first), key.clone().successor(&first));
    /// assert_eq!(here.refresh.digest(), there.refresh.digest());
    /// assert!(here.refresh.digest() != first.digest() && key.has_issued(&here.refresh));
    /// assert!(!DerivationKey::new(&[8; 32]).has_issued(&here.refresh), "another server's key");
    /// ```
    #[must_use]
    pub fn successor(&self, presented: &OpaqueToken) -> Successor {
        let access = self.derive(b"access", presented, crate::sessions::ApiToken::SECRET_LEN);
        Successor { refresh: self.next_refresh(presented), access_secret: Secret::new(access) }
    }

    /// The refresh token of the pair that follows `presented`.
    pub(crate) fn next_refresh(&self, presented: &OpaqueToken) -> OpaqueToken {
        let refresh = self.derive(b"refresh", presented, RANDOM_LEN);
        self.seal(presented.prefix().to_owned(), &refresh)
    }

    /// The pair whose refresh token has the digest `live`, if it comes after `presented` within so many exchanges as are
    /// remembered: whoever lost several answers gets the pair that works.
    #[must_use]
    pub fn live_after(&self, presented: &OpaqueToken, live: &Digest) -> Option<Successor> {
        let mut next = self.successor(presented);
        for _ in 1..ExchangedTokens::MAX {
            if next.refresh.digest() == *live {
                return Some(next);
            }
            next = self.successor(&next.refresh);
        }
        (next.refresh.digest() == *live).then_some(next)
    }

    /// Whether this server issued `presented` at some time: its tag is right.
    #[must_use]
    pub fn has_issued(&self, presented: &OpaqueToken) -> bool {
        presented
            .secret()
            .expose()
            .split_at_checked(RANDOM_LEN)
            .is_some_and(|(random, tag)| self.tag(presented.prefix(), random).as_bytes().ct_eq(tag.as_bytes()).into())
    }

    /// Letters and digits that only this server can make, the same whenever and wherever they are made of the same parts:
    /// the token of a form, say. Texts of different purposes have nothing to do with each other, nor with refresh tokens.
    ///
    /// ```
    /// use doorward_domain::oauth2::DerivationKey;
    ///
    /// let key = DerivationKey::new(&[7; 32]);
    /// let text = key.text("set-up", &[b"a", b"b"]);
    /// assert_eq!(text.expose().len(), DerivationKey::TEXT_LEN);
    /// assert!(key.is_text("set-up", &[b"a", b"b"], text.expose()));
    /// assert!(!key.is_text("sign-in", &[b"a", b"b"], text.expose()), "of another purpose");
    /// assert!(!key.is_text("set-up", &[b"ab", b""], text.expose()), "of other parts");
    /// ```
    #[must_use]
    pub fn text(&self, purpose: &str, parts: &[&[u8]]) -> Secret<String> {
        // INVARIANT: no successor is made of parts that begin like these.
        let parts = [&[b"text".as_slice(), purpose.as_bytes()], parts].concat();
        Secret::new(self.alphanumeric(&parts, Self::TEXT_LEN))
    }

    /// Whether `presented` is the [text](Self::text) of this purpose and these parts; in constant time.
    #[must_use]
    pub fn is_text(&self, purpose: &str, parts: &[&[u8]], presented: &str) -> bool {
        self.text(purpose, parts).expose().as_bytes().ct_eq(presented.as_bytes()).into()
    }

    /// So many bytes that only this server can make: a key for another program. Those of different purposes have nothing to do with each
    /// other, nor with texts and refresh tokens.
    #[must_use]
    pub fn bytes(&self, purpose: &str, len: usize) -> Secret<Vec<u8>> {
        // INVARIANT: no text and no successor is made of parts that begin like these.
        let mut bytes: Vec<u8> = self.blocks(&[b"bytes", purpose.as_bytes()]).flatten().take(len).collect();
        bytes.shrink_to_fit();
        Secret::new(bytes)
    }

    fn seal(&self, prefix: String, random: &str) -> OpaqueToken {
        let tag = self.tag(&prefix, random);
        OpaqueToken::new(prefix, Secret::new(format!("{random}{tag}")))
    }

    /// What follows the random characters: the id of the key, if tokens name it, and keyed characters.
    fn tag(&self, prefix: &str, random: &str) -> String {
        let (prefix, random) = (prefix.as_bytes(), random.as_bytes());
        match self.id {
            None => self.alphanumeric(&[b"tag", prefix, random], TAG_LEN),
            Some(id) => {
                let mut tag = id.to_string();
                tag.push_str(&self.alphanumeric(&[b"tag with id", tag.as_bytes(), prefix, random], TAG_LEN - 1));
                tag
            }
        }
    }

    fn derive(&self, purpose: &[u8], from: &OpaqueToken, len: usize) -> String {
        self.alphanumeric(&[purpose, from.prefix().as_bytes(), from.secret().expose().as_bytes()], len)
    }

    /// A stream of HMAC blocks, mapped to letters and digits without bias.
    fn alphanumeric(&self, parts: &[&[u8]], len: usize) -> String {
        let mut text = String::with_capacity(len);
        text.extend(self.blocks(parts).flatten().filter_map(alphanumeric_of).take(len));
        text
    }

    /// HMAC blocks over the length-prefixed parts and a counter.
    fn blocks(&self, parts: &[&[u8]]) -> impl Iterator<Item = [u8; 32]> {
        let mut message = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        let mut begun = hmac::Context::with_key(&self.hmac);
        begun.update(&message);
        (0_u32..).map(move |counter| {
            let mut context = begun.clone();
            context.update(&counter.to_be_bytes());
            let mut block = [0; 32];
            block.copy_from_slice(context.sign().as_ref());
            block
        })
    }
}

impl std::fmt::Debug for DerivationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivationKey(..)")
    }
}

/// Maps a random byte to a letter or digit; `None` for the few that would favour some of them.
fn alphanumeric_of(byte: u8) -> Option<char> {
    if byte >= 248 {
        return None;
    }
    ALPHABET.get(usize::from(byte % 62)).map(|letter| char::from(*letter))
}

/// Turns random bytes into alphanumeric text of the wanted length; `None` when there are too few bytes.
///
/// About one byte in 32 is thrown away, so that no character is more likely than another.
///
/// ```
/// use doorward_domain::oauth2::alphanumeric_from;
/// assert_eq!(alphanumeric_from(&[0, 1, 255, 61], 3).as_deref(), Some("01z"));
/// assert_eq!(alphanumeric_from(&[0, 1, 255], 3), None);
/// ```
#[must_use]
pub fn alphanumeric_from(random: &[u8], len: usize) -> Option<String> {
    let text: String = random.iter().filter_map(|byte| alphanumeric_of(*byte)).take(len).collect();
    (text.len() == len).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> DerivationKey {
        DerivationKey::new(&[byte; 32])
    }

    proptest! {
        #[test]
        fn the_successor_is_always_the_same_and_never_the_token_itself(random in "[0-9A-Za-z]{30}") {
            let first = key(1).first("0123456789".into(), &Secret::new(random));
            let (one, two) = (key(1).successor(&first), key(1).successor(&first));
            prop_assert_eq!(one.refresh.secret().expose(), two.refresh.secret().expose());
            prop_assert_eq!(one.access_secret.expose(), two.access_secret.expose());
            prop_assert_ne!(one.refresh.secret().expose(), first.secret().expose());
            prop_assert_eq!(one.refresh.prefix(), first.prefix());
            prop_assert_eq!(one.refresh.secret().expose().len(), OpaqueToken::SECRET_LEN);
            let other = key(2).successor(&first);
            prop_assert_ne!(other.refresh.secret().expose(), one.refresh.secret().expose());
        }

        #[test]
        fn only_issued_tokens_carry_the_tag(random in "[0-9A-Za-z]{30}", invented in "[0-9A-Za-z]{40}") {
            let first = key(1).first("0123456789".into(), &Secret::new(random));
            let later = key(1).successor(&key(1).successor(&first).refresh).refresh;
            prop_assert!(key(1).has_issued(&first) && key(1).has_issued(&later));
            prop_assert!(!key(2).has_issued(&first));
            prop_assert!(!key(1).has_issued(&OpaqueToken::new("0123456789".into(), Secret::new(invented))));
            prop_assert!(!key(1).has_issued(&OpaqueToken::new("9876543210".into(), first.secret().clone())));
        }
    }

    #[test]
    fn the_live_pair_is_found_from_every_remembered_ancestor() {
        let first = key(1).first("0123456789".into(), &Secret::new("r".repeat(30)));
        let mut chain = vec![first];
        for _ in 0..=ExchangedTokens::MAX {
            let next = key(1).successor(chain.last().unwrap()).refresh;
            chain.push(next);
        }
        let (live, before) = chain.split_last().unwrap();
        for (at, ancestor) in before.iter().rev().enumerate() {
            let found = key(1).live_after(ancestor, &live.digest());
            assert_eq!(found.is_some(), at < ExchangedTokens::MAX, "{at}");
            let parent = before.last().unwrap();
            if let Some(found) = found {
                assert_eq!(found.access_secret.expose(), key(1).successor(parent).access_secret.expose());
            }
        }
        assert!(key(1).live_after(live, &live.digest()).is_none());
    }

    #[test]
    fn a_named_key_knows_its_tokens_by_name_and_no_others() {
        let (a, b) = (KeyId::FIRST, KeyId::FIRST.next());
        let named = DerivationKey::named(a, &[1; 32]);
        let first = named.first("0123456789".into(), &Secret::new("r".repeat(30)));
        let next = named.successor(&first).refresh;
        for token in [&first, &next] {
            assert_eq!(token.secret().expose().len(), OpaqueToken::SECRET_LEN);
            assert_eq!(DerivationKey::named_by(token), Some(a));
            assert!(named.has_issued(token) && !key(1).has_issued(token));
            assert!(!DerivationKey::named(b, &[1; 32]).has_issued(token), "the name is part of what is keyed");
            let renamed = token.secret().expose().clone();
            let renamed = format!("{}b{}", &renamed[..30], &renamed[31..]);
            let renamed = OpaqueToken::new(token.prefix().to_owned(), Secret::new(renamed));
            assert!(![a, b].iter().any(|id| DerivationKey::named(*id, &[1; 32]).has_issued(&renamed)));
        }
        assert!(!named.has_issued(&key(1).successor(&first).refresh), "a token without a name");
        let access = |key: &DerivationKey| key.successor(&first).access_secret.into_exposed();
        assert_eq!(access(&named), access(&key(1)));
    }

    #[test]
    fn the_first_token_has_the_length_of_all_others() {
        let first = key(1).first("0123456789".into(), &Secret::new("x".repeat(64)));
        assert_eq!(first.secret().expose().len(), OpaqueToken::SECRET_LEN);
        assert!(key(1).has_issued(&first));
    }

    #[test]
    fn a_text_is_of_one_key_one_purpose_and_its_parts() {
        let text = key(1).text("one", &[b"a", b"b"]);
        assert!(key(1).is_text("one", &[b"a", b"b"], text.expose()));
        assert!(!key(2).is_text("one", &[b"a", b"b"], text.expose()));
        for (purpose, parts) in
            [("two", &[b"a".as_slice(), b"b"][..]), ("one", &[b"b", b"a"]), ("one", &[b"ab"]), ("one", &[])]
        {
            assert!(!key(1).is_text(purpose, parts, text.expose()), "{purpose} {parts:?}");
        }
        for presented in ["", "x", &text.expose()[1..], &format!("{}x", text.expose())] {
            assert!(!key(1).is_text("one", &[b"a", b"b"], presented));
        }
    }

    #[test]
    fn short_and_odd_secrets_are_not_ours() {
        for secret in ["", "x", "é".repeat(20).as_str()] {
            assert!(!key(1).has_issued(&OpaqueToken::new("p".into(), Secret::from(secret))));
        }
    }
}
