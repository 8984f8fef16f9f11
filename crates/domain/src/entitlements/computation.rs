//! What comes of all licences at a moment.

use super::feature::{Feature, Features};
use super::state::{Entitlement, FeatureState};
use super::terms::{HeldLicense, LicenseTerms, Phase};
use super::warnings::{self, Several};
use crate::Instant;
use std::collections::BTreeMap;

/// Names of newer clients for what this server has and nobody pays for.
const FREE: [&str; 1] = ["service_accounts"];
/// Names of newer clients for what this server does not have.
const ABSENT: [&str; 8] = [
    "connection_log",
    "task_batch_actions",
    "managed_agent_limit",
    "workspace_external_agent",
    "aibridge",
    "boundary",
    "ai_governance_user_limit",
    "agent_runtime_hours",
];
/// What is told of a licence that wants to be told of this deployment.
const TELEMETRY: &str = "License requires telemetry but telemetry is disabled";

/// What licences are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Users who are active; those that are part of the server are not counted.
    pub active_users: u64,
    /// Servers that have run for a while.
    pub servers: u64,
    /// Providers of tokens for workspaces.
    pub external_auth_providers: u64,
    /// What the settings switch on.
    pub configured: Features,
}

/// What a deployment is entitled to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlements {
    features: BTreeMap<Feature, FeatureState>,
    others: BTreeMap<String, FeatureState>,
    /// What the settings switch on.
    configured: Features,
    /// What owners should know.
    pub warnings: Vec<String>,
    /// What is wrong.
    pub errors: Vec<String>,
    /// Whether any licence is in force.
    pub has_license: bool,
    /// Whether the last one of those is for trying out.
    pub trial: bool,
    /// Whether one of those wants telemetry.
    pub require_telemetry: bool,
    /// When licences and users were last looked at.
    pub refreshed_at: Instant,
}

impl Entitlements {
    /// Everything is entitled and enabled, without any licence.
    #[must_use]
    pub fn unlimited(around: &Surroundings, refreshed_at: Instant) -> Self {
        let free = FeatureState { entitlement: Entitlement::Entitled, enabled: true, limit: None, actual: None };
        let mut all = Self::nothing(around, refreshed_at);
        for state in all.features.values_mut() {
            *state = FeatureState { actual: state.actual, ..free };
        }
        all
    }

    /// What these licences, in the order in which they were added, give at this moment.
    #[must_use]
    pub fn of(licenses: &[HeldLicense], around: &Surroundings, now: Instant, refreshed_at: Instant) -> Self {
        let mut all = Self::nothing(around, refreshed_at);
        for license in licenses {
            match &license.terms {
                Err(defect) => all.errors.push(format!("The license {} is not valid: {defect}.", license.uuid)),
                Ok(terms) => match terms.phase(now) {
                    Phase::Early | Phase::Over => {}
                    Phase::Unborn => all.errors.push(format!(
                        "The license {} is not valid: it was signed in the future, so a clock is wrong.",
                        license.uuid
                    )),
                    Phase::Paid => all.apply(terms, Entitlement::Entitled, now),
                    Phase::Grace => all.apply(terms, Entitlement::GracePeriod, now),
                },
            }
        }
        all.judge(around);
        all
    }

    /// The same; but if a licence wants telemetry, which there is none of, what was before stays, and that is told.
    #[must_use]
    pub fn or_before(self, before: &Self) -> Self {
        if self.require_telemetry { Self { errors: vec![TELEMETRY.to_owned()], ..before.clone() } } else { self }
    }

    /// What there is to begin with.
    fn nothing(around: &Surroundings, refreshed_at: Instant) -> Self {
        let state = |feature: Feature| FeatureState {
            enabled: around.configured.contains(feature),
            actual: (feature == Feature::UserLimit).then(|| i64::try_from(around.active_users).unwrap_or(i64::MAX)),
            ..FeatureState::default()
        };
        let free = FeatureState { entitlement: Entitlement::Entitled, enabled: true, limit: None, actual: None };
        let others = FREE.map(|name| (name.to_owned(), free)).into_iter();
        Self {
            features: Feature::ALL.iter().map(|feature| (*feature, state(*feature))).collect(),
            others: others.chain(ABSENT.map(|name| (name.to_owned(), FeatureState::default()))).collect(),
            configured: around.configured,
            warnings: Vec::new(),
            errors: Vec::new(),
            has_license: false,
            trial: false,
            require_telemetry: false,
            refreshed_at,
        }
    }

    /// What is known of a feature.
    #[must_use]
    pub fn state(&self, feature: Feature) -> FeatureState {
        self.features.get(&feature).copied().unwrap_or_default()
    }

    /// All features by name, those that are not known here too.
    pub fn features(&self) -> impl Iterator<Item = (&str, FeatureState)> {
        let known = self.features.iter().map(|(feature, state)| (feature.as_str(), *state));
        known.chain(self.others.iter().map(|(name, state)| (name.as_str(), *state)))
    }

    /// The features that may be used: those that are enabled. What the settings switch off is not refused for want of a licence: it says
    /// by itself that it is switched off.
    #[must_use]
    pub fn open(&self) -> Features {
        let is_open = |feature: &Feature| {
            let is_on = feature.is_always_enabled() || self.configured.contains(*feature);
            self.state(*feature).enabled || !is_on
        };
        Feature::ALL.iter().copied().filter(is_open).collect()
    }

    /// Why a feature may not be used.
    #[must_use]
    pub fn refusal(&self, feature: Feature) -> String {
        let title = feature.title();
        match self.state(feature).entitlement {
            Entitlement::NotEntitled => format!("{title} is a Premium feature. Contact sales!"),
            Entitlement::GracePeriod | Entitlement::Entitled => format!("{title} is licensed, and not enabled."),
        }
    }

    fn apply(&mut self, terms: &LicenseTerms, entitlement: Entitlement, now: Instant) {
        self.has_license = true;
        self.require_telemetry |= terms.require_telemetry;
        self.trial = terms.trial;
        self.warnings.extend(warnings::expiry(terms.days_left(now), self.trial));
        let configured = self.configured;
        let given = |feature: Feature| FeatureState {
            entitlement,
            enabled: feature.is_always_enabled() || configured.contains(feature),
            limit: None,
            actual: None,
        };
        for (feature, state) in &mut self.features {
            if terms.feature_set.contains(*feature) {
                *state = state.or_better(given(*feature));
            }
        }
        for (name, value) in terms.features.iter().filter(|(_, value)| **value > 0) {
            match name.parse::<Feature>() {
                Ok(Feature::UserLimit) => {
                    let state = self.features.entry(Feature::UserLimit).or_default();
                    let actual = state.actual;
                    *state = state.or_better(FeatureState { entitlement, enabled: true, limit: Some(*value), actual });
                }
                // What a licence names is as it says, also if another one gives more.
                Ok(feature) => {
                    self.features.insert(feature, given(feature));
                }
                Err(_unknown) => {
                    let state = FeatureState { entitlement, enabled: true, limit: None, actual: None };
                    self.others.insert(name.clone(), state);
                }
            }
        }
    }

    /// What is to be said of all of it, and what is in force at the end.
    fn judge(&mut self, around: &Surroundings) {
        for (feature, number, what) in [
            (Feature::HighAvailability, around.servers, "servers"),
            (Feature::MultipleExternalAuth, around.external_auth_providers, "providers of external authentication"),
        ] {
            match warnings::several(feature, number, what, self.state(feature).entitlement, self.has_license) {
                Some(Several::Error(text)) => self.errors.push(text),
                Some(Several::Warning(text)) => self.warnings.push(text),
                None => {}
            }
        }
        if self.has_license {
            self.warnings.extend(warnings::users(self.state(Feature::UserLimit)));
            let told: Vec<String> =
                self.features.iter().filter_map(|(feature, state)| told_of(*feature, *state)).collect();
            self.warnings.extend(told);
        }
        for state in self.features.values_mut() {
            state.enabled &= state.entitlement > Entitlement::NotEntitled;
        }
        // What is sealed stays sealed, licence or not.
        let sealing = self.features.entry(Feature::ExternalTokenEncryption).or_default();
        sealing.enabled = self.configured.contains(Feature::ExternalTokenEncryption);
        let entitlement = sealing.entitlement;
        if sealing.enabled {
            self.warnings.extend(warnings::in_use(Feature::ExternalTokenEncryption, entitlement));
        }
    }
}

/// What is told of a feature that is switched on, of which nothing is told elsewhere.
fn told_of(feature: Feature, state: FeatureState) -> Option<String> {
    let is_told_elsewhere = matches!(
        feature,
        Feature::UserLimit
            | Feature::HighAvailability
            | Feature::MultipleExternalAuth
            | Feature::ExternalTokenEncryption
    );
    if is_told_elsewhere || !state.enabled { None } else { warnings::in_use(feature, state.entitlement) }
}

/// The next moment at which these licences say something else; `None` when there is none.
#[must_use]
pub fn next_change(licenses: &[HeldLicense], now: Instant) -> Option<Instant> {
    licenses.iter().filter_map(|license| license.terms.as_ref().ok()?.next_change(now)).min()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
