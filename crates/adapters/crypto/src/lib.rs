//! Hashing, sealing, randomness and the system clock behind the ports of Doorward.
//!
//! ```
//! use doorward_crypto::{Argon2Hasher, SystemClock, SystemRandom};
//! use doorward_ports::{Clock, Random};
//!
//! let passwords = Argon2Hasher::new(doorward_testkit::settings::defaults("passwords"));
//! assert_eq!(passwords.waiting(), 0);
//! let now = SystemClock.now();
//! let random: &dyn Random = &SystemRandom::default();
//! assert_eq!(random.id::<uuid::Uuid>(now).get_version_num(), 7);
//! ```
#![forbid(unsafe_code)]

mod clock;
mod mint;
mod passwords;
mod random;
mod seal;
mod signing;

pub use clock::SystemClock;
pub use mint::RingMint;
pub use passwords::{Argon2Hasher, PasswordSettings};
pub use random::SystemRandom;
pub use seal::{SealKeyError, SealKeys};
pub use signing::{SigningKey, SigningKeyError, pkcs8_of_pem};
