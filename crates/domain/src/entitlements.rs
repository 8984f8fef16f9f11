//! What licences entitle a deployment to (`enterprise-platform.md` 2): the features, what each of several licences says of one, and what
//! comes of all of them at a moment. Tokens of licences are read by [`licenses`](crate::licenses); here are no keys and no JSON.
//!
//! [`Entitlements::of`] works all out, for a moment; [`next_change`] says until when that holds. A [`Gate`] remembers which features are
//! open, so that a request costs two reads of memory.

mod computation;
mod feature;
mod gate;
mod state;
mod terms;
mod warnings;

pub use computation::{Entitlements, Surroundings, next_change};
pub use feature::{Feature, FeatureSet, Features};
pub use gate::{Gate, Verdict};
pub use state::{Entitlement, FeatureState};
pub use terms::{HeldLicense, LicenseTerms, Phase};
