use super::*;
use crate::entitlements::FeatureSet;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

const NOW: Instant = datetime!(2026-03-01 12:00 UTC);

fn around(active_users: u64) -> Surroundings {
    let configured = [Feature::AuditLog, Feature::TemplateRbac, Feature::Scim].into_iter().collect();
    Surroundings { active_users, servers: 1, external_auth_providers: 0, configured }
}

fn terms(feature_set: FeatureSet, features: &[(&str, i64)]) -> LicenseTerms {
    LicenseTerms {
        id: None,
        issued_at: None,
        starts_at: None,
        paid_until: NOW + Duration::days(100),
        ends_at: NOW + Duration::days(130),
        deployment_ids: Vec::new(),
        trial: false,
        require_telemetry: false,
        feature_set,
        features: features.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    }
}

fn in_grace(terms: LicenseTerms) -> LicenseTerms {
    LicenseTerms { paid_until: NOW - Duration::DAY, ends_at: NOW + Duration::days(9), ..terms }
}

fn held(number: u128, terms: LicenseTerms) -> HeldLicense {
    HeldLicense { uuid: Uuid::from_u128(number), terms: Ok(terms) }
}

fn of(terms: &[LicenseTerms], around: &Surroundings) -> Entitlements {
    let licenses: Vec<_> = (1..).zip(terms).map(|(number, terms)| held(number, terms.clone())).collect();
    Entitlements::of(&licenses, around, NOW, NOW)
}

fn names(features: Features) -> Vec<&'static str> {
    Feature::ALL.iter().filter(|feature| features.contains(**feature)).map(|feature| feature.as_str()).collect()
}

#[test]
fn without_limits_all_is_entitled_and_nothing_is_said() {
    let all = Entitlements::unlimited(&around(7), NOW);
    assert!(Feature::ALL.iter().all(|feature| {
        let state = all.state(*feature);
        state.enabled && state.entitlement == Entitlement::Entitled && state.limit.is_none()
    }));
    assert_eq!((all.open(), all.has_license), (Features::ALL, false));
    assert!(all.warnings.is_empty() && all.errors.is_empty());
    assert_eq!(all.state(Feature::UserLimit).actual, Some(7));
}

#[test]
fn without_a_licence_nothing_is_enabled_and_nothing_is_warned_of() {
    let none = of(&[], &around(3));
    assert!(Feature::ALL.iter().all(|feature| !none.state(*feature).enabled));
    assert!(none.warnings.is_empty() && none.errors.is_empty() && !none.has_license);
    assert_eq!(none.state(Feature::UserLimit).actual, Some(3));
    assert_eq!(none.features().count(), 19 + FREE.len() + ABSENT.len());
    // What the settings switch off says so by itself.
    assert!(none.open().contains(Feature::BrowserOnly) && !none.open().contains(Feature::Scim));
    assert_eq!(none.refusal(Feature::Scim), "SCIM is a Premium feature. Contact sales!");
}

#[test]
fn a_set_gives_its_features_and_the_settings_say_which_are_enabled() {
    let premium = of(&[terms(FeatureSet::Premium, &[("user_limit", 10)])], &around(3));
    assert!(premium.has_license && premium.warnings.is_empty(), "{:?}", premium.warnings);
    assert_eq!(premium.open(), Features::ALL);
    let seats = premium.state(Feature::UserLimit);
    assert_eq!((seats.limit, seats.actual, seats.enabled), (Some(10), Some(3), true));
    let (browser, custom) = (premium.state(Feature::BrowserOnly), premium.state(Feature::CustomRoles));
    assert!(browser.entitlement == Entitlement::Entitled && !browser.enabled && custom.enabled);

    let enterprise = of(&[terms(FeatureSet::Enterprise, &[])], &around(3));
    let closed: Features =
        Feature::ALL.iter().copied().filter(|feature| !enterprise.open().contains(*feature)).collect();
    assert_eq!(names(closed), ["custom_roles", "multiple_organizations"]);
    assert_eq!(enterprise.state(Feature::UserLimit).entitlement, Entitlement::NotEntitled);
}

#[test]
fn listed_features_are_added_and_replace_and_nothing_comes_of_zero() {
    let listed = [("custom_roles", 1), ("audit_log", 0), ("scim", -5), ("teleportation", 3)];
    let some = of(&[terms(FeatureSet::None, &listed)], &around(1));
    assert!(some.state(Feature::CustomRoles).enabled);
    assert_eq!(some.state(Feature::AuditLog).entitlement, Entitlement::NotEntitled);
    assert_eq!(some.state(Feature::Scim).entitlement, Entitlement::NotEntitled);
    assert!(some.features().any(|(name, state)| name == "teleportation" && state.enabled));
    // Outright, also by a worse one.
    let later = in_grace(terms(FeatureSet::None, &[("audit_log", 1)]));
    let both = of(&[terms(FeatureSet::Premium, &[]), later], &around(1));
    assert_eq!(both.state(Feature::AuditLog).entitlement, Entitlement::GracePeriod);
    assert_eq!(both.state(Feature::Scim).entitlement, Entitlement::Entitled);
}

#[test]
fn of_several_licences_the_better_one_counts_in_any_order() {
    let few = terms(FeatureSet::None, &[("user_limit", 2)]);
    let enough = in_grace(terms(FeatureSet::None, &[("user_limit", 100)]));
    for both in [[few.clone(), enough.clone()], [enough, few]] {
        let all = of(&both, &around(50));
        let seats = all.state(Feature::UserLimit);
        assert_eq!((seats.limit, seats.entitlement), (Some(100), Entitlement::GracePeriod));
        assert!(all.warnings.iter().any(|text| text.contains("User Limit")), "{:?}", all.warnings);
    }
}

#[test]
fn the_last_licence_says_whether_it_is_a_trial() {
    let trial = |trial| LicenseTerms { trial, ..terms(FeatureSet::Premium, &[]) };
    assert!(of(&[trial(false), trial(true)], &around(1)).trial);
    assert!(!of(&[trial(true), trial(false)], &around(1)).trial);
}

#[test]
fn the_end_is_announced_a_month_before_and_a_week_before_that_of_a_trial() {
    for (days, trial, text) in [
        (29, false, Some("Your license expires in 29 days.")),
        (30, false, None),
        (1, false, Some("Your license expires in 1 day.")),
        (7, true, None),
        (6, true, Some("Your license expires in 6 days.")),
    ] {
        let ending = LicenseTerms { paid_until: NOW + Duration::days(days), trial, ..terms(FeatureSet::Premium, &[]) };
        let all = of(&[ending], &around(1));
        assert_eq!(all.warnings.first().map(String::as_str), text);
    }
}

#[test]
fn what_is_used_without_a_licence_for_it_is_warned_of() {
    let all = of(&[terms(FeatureSet::None, &[("audit_log", 1)])], &around(1));
    assert_eq!(
        all.warnings,
        [
            "SCIM is in use, and your license does not include it.",
            "Template RBAC is in use, and your license does not include it."
        ]
    );
    assert!(!all.state(Feature::Scim).enabled);
    let grace = of(&[in_grace(terms(FeatureSet::Premium, &[]))], &around(1));
    let lapsed: Vec<_> = grace.warnings.iter().filter(|text| text.contains("has expired")).collect();
    assert!(lapsed.len() > 3 && grace.open() == Features::ALL, "{:?}", grace.warnings);
    let crowded = of(&[terms(FeatureSet::Premium, &[("user_limit", 5)])], &around(6));
    assert!(crowded.warnings[0].contains("6 active users") && crowded.warnings[0].contains('5'));
}

#[test]
fn several_servers_need_a_licence() {
    let two = Surroundings { servers: 2, ..around(1) };
    assert!(of(&[], &two).errors[0].contains("needs a license"));
    assert!(of(&[terms(FeatureSet::None, &[("scim", 1)])], &two).errors[0].contains("does not include"));
    assert!(of(&[terms(FeatureSet::Premium, &[])], &two).errors.is_empty());
    let grace = of(&[in_grace(terms(FeatureSet::Premium, &[]))], &two);
    assert!(grace.errors.is_empty() && grace.warnings.iter().any(|text| text.contains("2 servers")));
    let providers = Surroundings { external_auth_providers: 2, ..around(1) };
    assert!(of(&[], &providers).errors[0].contains("Multiple External Auth"));
}

#[test]
fn sealing_goes_on_without_a_licence_and_is_warned_of() {
    let sealing = Surroundings { configured: Features::NONE.with(Feature::ExternalTokenEncryption), ..around(1) };
    for (licenses, warnings) in [
        (vec![], 1),
        (vec![terms(FeatureSet::Premium, &[])], 0),
        (vec![terms(FeatureSet::None, &[("appearance", 1)])], 1),
    ] {
        let all = of(&licenses, &sealing);
        assert!(all.state(Feature::ExternalTokenEncryption).enabled);
        let told = all.warnings.iter().filter(|text| text.contains("External Token Encryption")).count();
        assert_eq!(told, warnings, "{:?}", all.warnings);
    }
}

#[test]
fn what_is_not_valid_is_told_by_its_id_and_gives_nothing() {
    let bad = HeldLicense { uuid: Uuid::from_u128(0xBAD), terms: Err("its key is not trusted".to_owned()) };
    let early = LicenseTerms { starts_at: Some(NOW + Duration::DAY), ..terms(FeatureSet::Premium, &[]) };
    let future = LicenseTerms { issued_at: Some(NOW + Duration::DAY), ..terms(FeatureSet::Premium, &[]) };
    let over = LicenseTerms { ends_at: NOW, ..terms(FeatureSet::Premium, &[]) };
    let all = Entitlements::of(&[bad, held(1, early), held(2, future), held(3, over)], &around(1), NOW, NOW);
    assert!(!all.has_license);
    assert_eq!(all.errors.len(), 2, "{:?}", all.errors);
    assert!(all.errors[0].contains(&Uuid::from_u128(0xBAD).to_string()));
}

#[test]
fn a_licence_that_wants_telemetry_changes_nothing_but_that_it_is_told() {
    let wanting = LicenseTerms { require_telemetry: true, ..terms(FeatureSet::Premium, &[]) };
    let before = of(&[], &around(1));
    let after = Entitlements::of(&[held(1, wanting)], &around(2), NOW, NOW + Duration::HOUR).or_before(&before);
    assert_eq!(after.errors, [TELEMETRY]);
    assert_eq!(Entitlements { errors: Vec::new(), ..after }, before);
}

#[test]
fn until_the_next_change_all_stays_as_it_is() {
    let early = LicenseTerms { starts_at: Some(NOW + Duration::HOUR), ..terms(FeatureSet::None, &[("scim", 1)]) };
    let licenses = [held(1, terms(FeatureSet::Enterprise, &[])), held(2, early)];
    let mut now = NOW;
    let mut states = Vec::new();
    while let Some(next) = next_change(&licenses, now) {
        let at = |at: Instant| Entitlements::of(&licenses, &around(1), at, NOW);
        assert_eq!(at(now), at(next - Duration::MICROSECOND));
        states.push(at(now));
        now = next;
    }
    states.dedup();
    assert!(states.len() > 30, "{}", states.len());
}
