use super::*;
use crate::identity_providers::address::same_address;
use crate::identity_providers::claims::Claims;
use crate::identity_providers::merge::merge;
use crate::identity_providers::profile::read_profile;
use crate::identity_providers::provider::{Provider, ProviderKind};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

fn account(user: UserId) -> Account {
    Account {
        user,
        login_type: LoginType::Oidc,
        is_deleted: false,
        is_suspended: false,
        is_owner: false,
        is_email_proven: true,
        has_link: false,
    }
}

fn facts() -> AccountFacts {
    AccountFacts {
        login_type: LoginType::Oidc,
        linked: None,
        is_added: false,
        by_external_id: None,
        by_email: None,
        email_trust: EmailTrust::ForLinking,
        is_first_user: false,
    }
}

const POLICY: LinkPolicy = LinkPolicy { by_email: LinkByEmail::Verified, privileged: false, sign_ups: true };

fn by_email(account: Account) -> AccountFacts {
    AccountFacts { by_email: Some(account), ..facts() }
}

#[test]
fn a_link_decides_before_everything_else() {
    let all = AccountFacts {
        linked: Some(account(ANN)),
        by_external_id: Some(account(BOB)),
        by_email: Some(account(BOB)),
        ..facts()
    };
    assert_eq!(decide(&all, &POLICY), Decision::SignIn(ANN));
    // Neither the address, nor being an owner, nor a setting matters then.
    let owner = Account { is_owner: true, is_email_proven: false, has_link: true, ..account(ANN) };
    let linked = AccountFacts { linked: Some(owner), email_trust: EmailTrust::Unverified, ..facts() };
    let never = LinkPolicy { by_email: LinkByEmail::Never, sign_ups: false, ..POLICY };
    assert_eq!(decide(&linked, &never), Decision::SignIn(ANN));
}

#[test]
fn the_external_id_of_scim_comes_before_the_address() {
    let both = AccountFacts { by_external_id: Some(account(ANN)), by_email: Some(account(BOB)), ..facts() };
    let link = Decision::Link { user: ANN, by: LinkedBy::ExternalId };
    assert_eq!(decide(&both, &POLICY), link);
    // It needs no word about the address: Entra sends none.
    let unverified = AccountFacts { email_trust: EmailTrust::Unverified, ..both };
    assert_eq!(decide(&unverified, &LinkPolicy { by_email: LinkByEmail::Never, ..POLICY }), link);
}

#[test]
fn a_verified_address_links() {
    let decided = decide(&by_email(account(ANN)), &POLICY);
    assert_eq!(decided, Decision::Link { user: ANN, by: LinkedBy::Email });
}

/// What is decided about somebody of whom the provider says this, and whose address is that of Ann's account.
fn decide_for(claims: serde_json::Value, kind: ProviderKind) -> Decision {
    let provider = Provider { kind, ..Provider::default() };
    let serde_json::Value::Object(members) = claims else { panic!("no object") };
    let profile = read_profile(&merge(&Claims::from_members(members), None, &provider).unwrap(), &provider).unwrap();
    let found = same_address(profile.email.as_str(), "ann@b.example").then(|| account(ANN));
    decide(&AccountFacts { by_email: found, email_trust: profile.email_trust, ..facts() }, &POLICY)
}

const TAKEN: Decision = Decision::Refuse(Refusal::EmailNotVerified);
const LINKED: Decision = Decision::Link { user: ANN, by: LinkedBy::Email };

#[test]
fn trap_entra_sends_addresses_that_administrators_of_tenants_write() {
    assert_eq!(decide_for(json!({ "email": "ann@b.example" }), ProviderKind::Entra), TAKEN);
    let of_domain = json!({ "email": "ann@b.example", "xms_edov": true });
    assert_eq!(decide_for(of_domain, ProviderKind::Entra), LINKED);
}

#[test]
fn trap_google_verifies_addresses_of_foreign_domains() {
    let said = json!({ "email": "ann@b.example", "email_verified": true });
    assert_eq!(decide_for(said, ProviderKind::Google), TAKEN);
    let hosted = json!({ "email": "ann@b.example", "email_verified": true, "hd": "b.example" });
    assert_eq!(decide_for(hosted, ProviderKind::Google), LINKED);
}

#[test]
fn trap_user_names_are_never_identities() {
    let named = json!({ "preferred_username": "ann@b.example", "upn": "ann@b.example", "email_verified": true });
    assert_eq!(decide_for(named, ProviderKind::Generic), TAKEN);
}

#[test]
fn trap_addresses_are_compared_without_case_and_composition_and_with_everything_else() {
    let said = |email: &str| decide_for(json!({ "email": email, "email_verified": true }), ProviderKind::Generic);
    assert_eq!(said("Ann@B.EXAMPLE"), LINKED);
    for other in ["ann+x@b.example", "a.nn@b.example", "ann@b.example.evil.example", "\u{430}nn@b.example"] {
        assert_eq!(said(other), Decision::Create { is_first: false }, "{other}");
    }
    assert!(same_address("zoe\u{308}@b.example", "ZO\u{cb}@b.example"));
}

#[test]
fn trap_an_address_that_any_tenant_may_write_links_nothing() {
    for email_trust in [EmailTrust::Unverified, EmailTrust::Verified] {
        let facts = AccountFacts { email_trust, ..by_email(account(ANN)) };
        assert_eq!(decide(&facts, &POLICY), Decision::Refuse(Refusal::EmailNotVerified));
    }
}

#[test]
fn trap_an_account_that_a_stranger_opened_with_the_address_of_a_victim_gets_nobody() {
    let waiting = Account { is_email_proven: false, ..account(BOB) };
    assert_eq!(decide(&by_email(waiting), &POLICY), Decision::Refuse(Refusal::AccountNotProven));
}

#[test]
fn trap_an_address_that_was_given_to_somebody_else_links_nothing() {
    let linked_to_other = Account { has_link: true, ..account(ANN) };
    for by_email_policy in [LinkByEmail::Verified, LinkByEmail::Always] {
        let policy = LinkPolicy { by_email: by_email_policy, privileged: true, ..POLICY };
        assert_eq!(decide(&by_email(linked_to_other), &policy), Decision::Refuse(Refusal::LinkedToOther));
    }
}

#[test]
fn trap_an_owner_is_never_linked_by_an_address_unless_the_settings_say_so() {
    let owner = Account { is_owner: true, ..account(ANN) };
    for by_email_policy in [LinkByEmail::Verified, LinkByEmail::Always] {
        let policy = LinkPolicy { by_email: by_email_policy, ..POLICY };
        assert_eq!(decide(&by_email(owner), &policy), Decision::Refuse(Refusal::Privileged));
        let privileged = LinkPolicy { privileged: true, ..policy };
        assert_eq!(decide(&by_email(owner), &privileged), Decision::Link { user: ANN, by: LinkedBy::Email });
    }
}

#[test]
fn trap_how_an_account_signs_in_is_told_only_to_those_whose_address_it_is() {
    let password = Account { login_type: LoginType::Password, ..account(ANN) };
    let refusal = Refusal::LoginType { has: LoginType::Password, wants: LoginType::Oidc };
    assert_eq!(decide(&by_email(password), &POLICY), Decision::Refuse(refusal));
    assert_eq!(refusal.to_string(), "This account signs in with a password, not with OpenID Connect.");
    let stranger = AccountFacts { email_trust: EmailTrust::Unverified, ..by_email(password) };
    assert_eq!(decide(&stranger, &POLICY), Decision::Refuse(Refusal::EmailNotVerified));
}

#[test]
fn trap_what_visitors_are_told_does_not_say_which_condition_failed() {
    let refusals = [
        Refusal::LinkingOff,
        Refusal::EmailNotVerified,
        Refusal::AccountNotProven,
        Refusal::LinkedToOther,
        Refusal::Privileged,
    ];
    let told: std::collections::HashSet<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(told.iter().all(|told| told.contains("Sign in the way you did before")));
}

#[test]
fn trap_a_taken_address_never_gets_a_second_account() {
    let never = LinkPolicy { by_email: LinkByEmail::Never, ..POLICY };
    assert_eq!(decide(&by_email(account(ANN)), &never), Decision::Refuse(Refusal::LinkingOff));
}

#[test]
fn always_asks_nothing_about_addresses() {
    let always = LinkPolicy { by_email: LinkByEmail::Always, ..POLICY };
    let unproven = Account { is_email_proven: false, ..account(ANN) };
    let facts = AccountFacts { email_trust: EmailTrust::Unverified, ..by_email(unproven) };
    assert_eq!(decide(&facts, &always), Decision::Link { user: ANN, by: LinkedBy::Email });
}

#[test]
fn an_account_of_another_way_to_sign_in_is_not_entered_even_by_its_link() {
    for has in [LoginType::Password, LoginType::Github, LoginType::None] {
        let other = Some(Account { login_type: has, ..account(ANN) });
        let refused = Decision::Refuse(Refusal::LoginType { has, wants: LoginType::Oidc });
        assert_eq!(decide(&AccountFacts { linked: other, ..facts() }, &POLICY), refused);
        assert_eq!(decide(&AccountFacts { by_external_id: other, ..facts() }, &POLICY), refused);
    }
    let github = AccountFacts { login_type: LoginType::Github, linked: Some(account(ANN)), ..facts() };
    assert!(matches!(decide(&github, &POLICY), Decision::Refuse(Refusal::LoginType { .. })));
}

#[test]
fn a_link_that_the_user_has_added_lets_in_beside_the_way_of_the_account() {
    for has in [LoginType::Password, LoginType::Github, LoginType::Oidc] {
        let linked = Some(Account { login_type: has, ..account(ANN) });
        assert_eq!(decide(&AccountFacts { linked, is_added: true, ..facts() }, &POLICY), Decision::SignIn(ANN));
    }
    for has in [LoginType::None, LoginType::Token, LoginType::Oauth2ProviderApp] {
        let linked = Some(Account { login_type: has, ..account(ANN) });
        let refused = Decision::Refuse(Refusal::LoginType { has, wants: LoginType::Oidc });
        assert_eq!(decide(&AccountFacts { linked, is_added: true, ..facts() }, &POLICY), refused);
    }
    let suspended = Some(Account { login_type: LoginType::Password, is_suspended: true, ..account(ANN) });
    let facts = AccountFacts { linked: suspended, is_added: true, ..facts() };
    assert_eq!(decide(&facts, &POLICY), Decision::Refuse(Refusal::Suspended));
}

#[test]
fn deleted_accounts_are_not_there() {
    let deleted = Some(Account { is_deleted: true, ..account(ANN) });
    let facts = AccountFacts { linked: deleted, by_external_id: deleted, by_email: deleted, ..facts() };
    assert_eq!(decide(&facts, &POLICY), Decision::Create { is_first: false });
}

#[test]
fn suspended_accounts_are_refused() {
    let suspended = Some(Account { is_suspended: true, ..account(ANN) });
    let refused = Decision::Refuse(Refusal::Suspended);
    assert_eq!(decide(&AccountFacts { linked: suspended, ..facts() }, &POLICY), refused);
    assert_eq!(decide(&AccountFacts { by_email: suspended, ..facts() }, &POLICY), refused);
    // A stranger does not learn it.
    let stranger = AccountFacts { by_email: suspended, email_trust: EmailTrust::Unverified, ..facts() };
    assert_eq!(decide(&stranger, &POLICY), Decision::Refuse(Refusal::EmailNotVerified));
}

#[test]
fn the_first_user_needs_no_sign_ups() {
    let closed = LinkPolicy { sign_ups: false, ..POLICY };
    assert_eq!(decide(&facts(), &closed), Decision::Refuse(Refusal::SignUpsOff));
    let first = AccountFacts { is_first_user: true, ..facts() };
    assert_eq!(decide(&first, &closed), Decision::Create { is_first: true });
}

fn accounts() -> impl Strategy<Value = Option<Account>> {
    let login_type = prop::sample::select(LoginType::ALL.to_vec());
    let user = prop::sample::select(vec![ANN, BOB]);
    let flags = any::<(bool, bool, bool, bool, bool)>();
    prop::option::of((user, login_type, flags).prop_map(|(user, login_type, flags)| {
        let (is_deleted, is_suspended, is_owner, is_email_proven, has_link) = flags;
        Account { user, login_type, is_deleted, is_suspended, is_owner, is_email_proven, has_link }
    }))
}

proptest! {
    #[test]
    fn nobody_enters_what_they_must_not(
        (linked, by_external_id, by_email) in (accounts(), accounts(), accounts()),
        email_trust in prop::sample::select(vec![EmailTrust::Unverified, EmailTrust::Verified, EmailTrust::ForLinking]),
        by_email_policy in prop::sample::select(LinkByEmail::ALL.to_vec()),
        (privileged, sign_ups, is_first_user) in any::<(bool, bool, bool)>(),
    ) {
        let login_type = LoginType::Oidc;
        let facts =
            AccountFacts { login_type, linked, is_added: false, by_external_id, by_email, email_trust, is_first_user };
        let policy = LinkPolicy { by_email: by_email_policy, privileged, sign_ups };
        let is_open = |account: &Account| {
            !account.is_deleted && !account.is_suspended && account.login_type == login_type
        };
        match decide(&facts, &policy) {
            Decision::SignIn(user) => {
                prop_assert!(linked.is_some_and(|account| account.user == user && is_open(&account)));
            }
            Decision::Link { user, by: LinkedBy::ExternalId } => {
                prop_assert!(by_external_id.is_some_and(|account| account.user == user && is_open(&account)));
            }
            Decision::Link { user, by: LinkedBy::Email } => {
                let account = by_email.unwrap();
                prop_assert!(account.user == user && is_open(&account) && !account.has_link);
                prop_assert!(!account.is_owner || privileged);
                let is_proven = account.is_email_proven && email_trust == EmailTrust::ForLinking;
                prop_assert!(by_email_policy == LinkByEmail::Always || by_email_policy == LinkByEmail::Verified && is_proven);
            }
            Decision::Create { is_first } => {
                let is_there = |account: Option<Account>| account.is_some_and(|account| !account.is_deleted);
                prop_assert!(!is_there(linked) && !is_there(by_external_id) && !is_there(by_email));
                prop_assert!(is_first == is_first_user && (is_first || sign_ups));
            }
            Decision::Refuse(refusal) => prop_assert!(!refusal.to_string().is_empty()),
        }
    }
}
