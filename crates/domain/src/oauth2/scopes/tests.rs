use super::*;
use crate::roles::scope::catalogue;
use crate::roles::{Action, ResourceType};

fn scopes(text: &str) -> Scopes {
    text.parse().unwrap()
}

fn entry(name: &str) -> ScopeEntry {
    ScopeEntry::stored(name)
}

#[test]
fn each_is_kept_once_in_its_place_by_its_name_in_the_catalogue() {
    for (given, kept) in [
        ("", ""),
        ("   ", ""),
        ("user:read", "user:read"),
        ("  openid user:read   openid user:read email ", "openid user:read email"),
        ("application_connect all coder:all coder:application_connect", "coder:application_connect coder:all"),
    ] {
        assert_eq!(scopes(given).to_string(), kept, "{given:?}");
        assert_eq!(Scopes::from_storage(given), scopes(given), "{given:?}");
    }
}

#[test]
fn every_name_comes_back_from_its_text() {
    let all: Scopes = catalogue().into_iter().map(ScopeEntry::from).chain(oidc()).collect();
    assert_eq!(all.len(), catalogue().len() + OidcScope::ALL.len());
    assert_eq!(scopes(&all.to_string()), all);
    assert_eq!(Scopes::from_stored_names(&all.to_names()), all);
    assert_eq!(all.iter().map(|entry| entry.name().into_owned()).collect::<Vec<_>>(), all.to_names());
}

fn oidc() -> impl Iterator<Item = ScopeEntry> {
    OidcScope::ALL.iter().copied().map(ScopeEntry::from)
}

#[test]
fn all_unknown_names_are_told() {
    let unknown = |error: ScopesError| match error {
        ScopesError::Unknown(unknown) => unknown.names().to_vec(),
        ScopesError::Syntax(_) => Vec::new(),
    };
    let strict = |text: &str| text.parse::<Scopes>().map_err(unknown);
    assert_eq!(strict("files:read user:read mail:send"), Err(vec!["files:read".into(), "mail:send".into()]));
    assert_eq!(strict("openid address"), Err(vec!["address".into()]));
    assert_eq!(strict("user:read\n"), Err(Vec::new()));
    assert_eq!(Scopes::from_names(&["user:read", ""]).unwrap_err().names(), [""]);
    assert_eq!(Scopes::from_names(&["a", "b"]).unwrap_err().to_string(), "unknown scope: a, b");
}

#[test]
fn a_request_of_openid_connect_may_ask_for_more_than_there_is() {
    assert_eq!(Scopes::from_request("openid address files:read").unwrap(), scopes("openid"));
    for text in ["address", "profile files:read", "offline_access files:read"] {
        assert!(matches!(Scopes::from_request(text), Err(ScopesError::Unknown(_))), "{text}");
    }
    let simple = Scopes::from_request("email user:read all workspace:* openid").unwrap();
    assert_eq!(simple, scopes("email coder:all openid"));
}

#[test]
fn an_unknown_name_of_a_row_stays_and_permits_nothing() {
    let row = Scopes::from_storage("gone:read user:read gone:read openid");
    assert_eq!(row.to_string(), "gone:read user:read openid");
    assert_eq!(row.unknown().collect::<Vec<_>>(), ["gone:read"]);
    assert_eq!(row.access().collect::<Vec<_>>(), [ScopeName::parse("user:read").unwrap()]);
    assert!(!row.covers(&entry("gone:read")), "not even by itself");
    assert!(!Scopes::all().covers(&entry("gone:read")));
    assert_eq!(row.clone().known(), scopes("user:read openid"));

    let gone = Scopes::from_storage("gone:read");
    assert!(!gone.is_empty() && !gone.is_unrestricted() && gone.clone().known().is_empty());
    for nothing in [gone.clone(), Scopes::default(), scopes("openid email")] {
        let scope = nothing.to_scope();
        for (resource, action) in ResourceType::ALL.iter().flat_map(|it| Action::ALL.map(|action| (*it, action))) {
            assert!(!scope.permits(action, resource), "{nothing} permits {resource}:{action}");
        }
    }
    assert!(scopes("user:read").within(Some(&gone)).is_empty(), "a limit that is unknown is still a limit");
    assert!(gone.clone().within(Some(&Scopes::all())).is_empty());
    assert_eq!(gone.clone().within(None), gone);
}

#[test]
fn what_was_granted_covers_what_it_includes() {
    let grant = scopes("user:* openid");
    for (asked, covered) in [
        ("user:read", true),
        ("openid", true),
        ("offline_access", true),
        ("email", false),
        ("template:read", false),
        ("gone:read", false),
    ] {
        assert_eq!(grant.covers(&entry(asked)), covered, "{asked}");
    }
    assert!(!Scopes::all().covers(&entry("email")), "it is an identity, and no right");
}

#[test]
fn covering_agrees_with_what_is_permitted() {
    let names = catalogue();
    for held in names.iter().step_by(7) {
        for asked in names.iter().step_by(3) {
            let [own, other] = [*held, *asked].map(Scopes::from);
            let permits = own.to_scope().covers(&other.to_scope());
            assert_eq!(own.covers(&ScopeEntry::Access(*asked)), permits, "{held} {asked}");
        }
    }
}

#[test]
fn what_is_left_lies_within_both() {
    for (allowed, granted, left) in [
        ("workspace:read", "workspace:read template:read", "workspace:read"),
        ("workspace:*", "workspace:read template:read", "workspace:read"),
        ("workspace:read user:read", "workspace:*", "workspace:read"),
        ("workspace:read", "coder:all", "workspace:read"),
        ("coder:all", "workspace:read", "workspace:read"),
        ("user:read coder:all", "coder:all", "coder:all"),
        ("user:read coder:all", "user:*", "user:*"),
        ("template:read", "workspace:*", ""),
        ("workspace:read", "", ""),
        ("workspace:read", "openid template:read offline_access", "openid offline_access"),
        ("workspace:read openid", "coder:all", "workspace:read"),
    ] {
        assert_eq!(scopes(granted).within(Some(&scopes(allowed))), scopes(left), "{granted} within {allowed}");
    }
    assert_eq!(Scopes::all().within(None), Scopes::all());
}

#[test]
fn sessions_and_tokens_keep_the_two_oldest_names() {
    let names = |text: &str| scopes(text).iter().map(|entry| entry.key_name().into_owned()).collect::<Vec<_>>();
    assert_eq!(names("coder:all user:read openid"), ["all", "user:read", "openid"]);
    assert_eq!(names("coder:application_connect"), ["application_connect"]);
    assert_eq!(Scopes::from_storage(&names("coder:all user:*").join(" ")), scopes("coder:all user:*"));
}

#[test]
fn looking_at_scopes_allocates_nothing() {
    let (granted, allowed) = (scopes("workspace:* user:read openid"), scopes("workspace:read coder:templates.author"));
    let measured = allocation_counter::measure(|| {
        assert!(granted.covers(&allowed.0[0]) && !granted.covers(&allowed.0[1]));
        assert!(!granted.is_unrestricted() && granted.contains(&granted.0[2]) && granted != allowed);
    });
    assert_eq!(measured.count_total, 0, "{measured:?}");
    let measured = allocation_counter::measure(|| drop(Scopes::from_storage("workspace:* user:read openid")));
    assert_eq!(measured.count_total, 1, "{measured:?}");
}
