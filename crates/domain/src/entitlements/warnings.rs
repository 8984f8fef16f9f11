//! What owners are told.

use super::feature::Feature;
use super::state::{Entitlement, FeatureState};

/// Days before the end of the paid term at which there is a warning: fewer than these.
const NOTICE: i64 = 30;
/// The same of a licence for trying out.
const TRIAL_NOTICE: i64 = 7;

/// The licence ends soon. The words are those that Coder's clients look for.
pub(super) fn expiry(days_left: i64, trial: bool) -> Option<String> {
    let notice = if trial { TRIAL_NOTICE } else { NOTICE };
    let days = if days_left == 1 { "day" } else { "days" };
    (1..notice).contains(&days_left).then(|| format!("Your license expires in {days_left} {days}."))
}

/// More users are active than the licence covers, or it covers them by grace only.
pub(super) fn users(state: FeatureState) -> Option<String> {
    match (state.limit, state.actual) {
        (Some(limit), Some(actual)) if actual > limit => Some(format!(
            "Your deployment has {actual} active users, and your license covers {limit}. Nobody is kept out; please renew \
             your license."
        )),
        _ if state.entitlement == Entitlement::GracePeriod => Some(lapsed(Feature::UserLimit)),
        _ => None,
    }
}

/// A feature is in use that no licence gives, or one whose paid term is over.
pub(super) fn in_use(feature: Feature, entitlement: Entitlement) -> Option<String> {
    match entitlement {
        Entitlement::Entitled => None,
        Entitlement::GracePeriod => Some(lapsed(feature)),
        Entitlement::NotEntitled => {
            Some(format!("{} is in use, and your license does not include it.", feature.title()))
        }
    }
}

fn lapsed(feature: Feature) -> String {
    format!("{} is in use, and the license for it has expired. It ends with the grace period.", feature.title())
}

/// There is more than one of something.
pub(super) enum Several {
    /// It may not be.
    Error(String),
    /// It may be for a while yet.
    Warning(String),
}

/// There are so many servers, or providers, of which one needs no licence.
pub(super) fn several(
    feature: Feature,
    number: u64,
    what: &str,
    entitlement: Entitlement,
    licensed: bool,
) -> Option<Several> {
    if number < 2 {
        return None;
    }
    let title = feature.title();
    match (entitlement, licensed) {
        (Entitlement::Entitled, _) => None,
        (Entitlement::GracePeriod, _) => Some(Several::Warning(format!(
            "This deployment has {number} {what}, and the license for {title} has expired."
        ))),
        (Entitlement::NotEntitled, true) => Some(Several::Error(format!(
            "This deployment has {number} {what}, and its license does not include {title}."
        ))),
        (Entitlement::NotEntitled, false) => {
            Some(Several::Error(format!("This deployment has {number} {what}, and {title} needs a license.")))
        }
    }
}
