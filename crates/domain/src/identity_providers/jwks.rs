//! The keys of a provider (RFC 7517), and which of them may have signed a token.

use super::issuer::{TENANT_PLACE, tenant_id, with_tenant};
use crate::jws::{Claims, ClaimsError, KEY_ID_MAX, PublicKeyMaterial, SignatureAlgorithm, TokenHeader};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The longest set, in bytes.
pub const KEY_SET_MAX: usize = 64 * 1024;
/// The most keys of a set that are used.
const KEYS_MAX: usize = 64;
/// The most keys that are tried for one token.
const TRIED_MAX: usize = 8;
/// How long RSA keys may be, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Members of keys that are not public (RFC 7518 6.2.2, 6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Why a set of keys is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetDefect {
    /// It cannot be read.
    #[error("the keys cannot be read: {0}")]
    Unreadable(#[from] ClaimsError),
    /// It is longer than 64 KiB.
    #[error("the keys have more than {KEY_SET_MAX} bytes")]
    TooLong,
    /// There is no list of keys.
    #[error("there is no list `keys`")]
    NoList,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// The key itself.
    pub material: PublicKeyMaterial,
    /// The only algorithm it is for, if it says so.
    algorithm: Option<SignatureAlgorithm>,
    /// The issuer it is for, in which the place of a tenant may be open (Entra).
    issuer: Option<String>,
}

/// The keys of a provider that may have signed something. Keys of other kinds, for encryption, with a shared secret, or that cannot
/// be read are left out; one bad key spoils no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    /// How many keys were left out because their private part was published: whoever read it can sign. To be logged.
    pub exposed: usize,
}

impl KeySet {
    /// Reads a set.
    ///
    /// ```
    /// use doorward_domain::identity_providers::KeySet;
    /// let set = KeySet::parse(br#"{"keys": [
    ///     {"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ///     {"kty": "oct", "kid": "2", "k": "c2VjcmV0"}
    /// ]}"#)?;
    /// assert_eq!(set.keys().len(), 1);
    /// # Ok::<(), doorward_domain::identity_providers::KeySetDefect>(())
    /// ```
    pub fn parse(json: &[u8]) -> Result<Self, KeySetDefect> {
        if json.len() > KEY_SET_MAX {
            return Err(KeySetDefect::TooLong);
        }
        let mut document = Claims::parse(json)?.into_members();
        let Some(Value::Array(entries)) = document.remove("keys") else { return Err(KeySetDefect::NoList) };
        let mut set = Self::default();
        for entry in entries {
            let Value::Object(members) = entry else { continue };
            let entry = Claims::from_members(members);
            let is_asymmetric = entry.text("kty") != Ok(Some("oct"));
            if is_asymmetric && PRIVATE.iter().any(|name| entry.members().contains_key(*name)) {
                set.exposed += 1;
            } else if set.keys.len() < KEYS_MAX
                && let Some(key) = read(&entry)
            {
                set.keys.push(key);
            }
        }
        Ok(set)
    }

    /// The same document without keys that are not public, and without anything beside the keys: what may be kept of it.
    ///
    /// ```
    /// use doorward_domain::identity_providers::KeySet;
    /// let kept = KeySet::public_part(br#"{"keys": [{"kty": "OKP", "x": "a"}, {"kty": "OKP", "d": "b"}, {"kty": "oct", "k": "c"}]}"#)?;
    /// assert_eq!(kept, r#"{"keys":[{"kty":"OKP","x":"a"}]}"#);
    /// # Ok::<(), doorward_domain::identity_providers::KeySetDefect>(())
    /// ```
    pub fn public_part(json: &[u8]) -> Result<String, KeySetDefect> {
        let mut document = Claims::parse(json)?.into_members();
        let Some(Value::Array(mut entries)) = document.remove("keys") else { return Err(KeySetDefect::NoList) };
        let is_public = |entry: &Value| {
            let members = entry.as_object();
            members.is_some_and(|members| !PRIVATE.iter().chain(&["k"]).any(|name| members.contains_key(*name)))
        };
        entries.retain(is_public);
        Ok(json!({ "keys": entries }).to_string())
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Those that may have signed a token with this header and these claims, in order, eight at most: by its id, where the header says
    /// one, and each of them where several have the same; else all that fit the algorithm. None for an id: the set may be old, and is
    /// fetched again, once.
    #[must_use]
    pub fn candidates(&self, header: &TokenHeader, claims: &Claims) -> Vec<&PublicKey> {
        let fits = |key: &&PublicKey| {
            (header.key_id.is_none() || header.key_id == key.id)
                && key.material.fits(header.algorithm)
                && key.algorithm.is_none_or(|only| only == header.algorithm)
                && key.is_of_issuer(claims)
        };
        self.keys.iter().filter(fits).take(TRIED_MAX).collect()
    }
}

impl PublicKey {
    /// Whether the key is for the issuer of these claims. Entra has keys of single tenants in the set of all.
    fn is_of_issuer(&self, claims: &Claims) -> bool {
        let Some(own) = &self.issuer else { return true };
        let tenant = claims.text("tid").ok().flatten().and_then(tenant_id);
        let own = tenant.map_or_else(|| own.clone(), |tenant| with_tenant(own, tenant));
        // With the place still open it is nobody's.
        !own.contains(TENANT_PLACE) && claims.text("iss") == Ok(Some(own.as_str()))
    }
}

/// A key that may verify signatures; `None` for all others.
fn read(entry: &Claims) -> Option<PublicKey> {
    let text = |name: &str| entry.text(name).ok();
    if !matches!(text("use")?, None | Some("sig")) {
        return None;
    }
    if entry.texts("key_ops").ok()?.is_some_and(|operations| !operations.contains(&"verify")) {
        return None;
    }
    let id = text("kid")?.map(str::to_owned);
    if id.as_ref().is_some_and(|id| id.len() > KEY_ID_MAX) {
        return None;
    }
    let algorithm = match text("alg")? {
        None => None,
        Some("Ed25519") => Some(SignatureAlgorithm::EdDsa),
        // Of an algorithm that is not known here.
        Some(name) => Some(name.parse().ok()?),
    };
    let material = material(entry)?;
    Some(PublicKey { id, material, algorithm, issuer: text("issuer")?.map(str::to_owned) })
}

fn material(entry: &Claims) -> Option<PublicKeyMaterial> {
    let text = |name: &str| entry.text(name).ok().flatten();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
    let sized = |name: &str, length: usize| bytes(name).filter(|bytes| bytes.len() == length);
    match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (n, e) = (without_zeros(bytes("n")?), without_zeros(bytes("e")?));
            let is_odd = e.last().is_some_and(|last| last % 2 == 1);
            // An exponent of 1 would make every text its own signature.
            let is_safe = is_odd && e.len() <= 8 && e != [1];
            (RSA_BITS.contains(&bits(&n)) && is_safe).then_some(PublicKeyMaterial::Rsa { n, e })
        }
        ("EC", Some("P-256")) => Some(PublicKeyMaterial::P256 { x: sized("x", 32)?, y: sized("y", 32)? }),
        ("EC", Some("P-384")) => Some(PublicKeyMaterial::P384 { x: sized("x", 48)?, y: sized("y", 48)? }),
        ("OKP", Some("Ed25519")) => Some(PublicKeyMaterial::Ed25519 { x: sized("x", 32)? }),
        _ => None,
    }
}

fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// The length of a number without zeros before it.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| 8 * number.len() - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests;
