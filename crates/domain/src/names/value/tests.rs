use super::*;
use proptest::prelude::*;

fn refused<T: std::str::FromStr<Err = NameError>>(text: &str) -> Option<NameError> {
    text.parse::<T>().err()
}

#[test]
fn the_first_broken_rule_is_told() {
    let long = "a".repeat(33);
    for (text, reason) in [
        ("", NameError::Empty),
        (long.as_str(), NameError::TooLong { max: 32 }),
        ("-ann", NameError::Characters),
        ("ann--lee", NameError::Characters),
        ("zoë", NameError::Characters),
        ("New", NameError::ReservedForAll),
        ("6ba7b8109dad11d180b400c04fd430c8", NameError::ReservedForAll),
        ("Me", NameError::Reserved),
    ] {
        assert_eq!(refused::<Username>(text), Some(reason), "{text}");
    }
    assert_eq!(refused::<OrganizationName>("me"), None);
    assert_eq!(refused::<OrganizationName>("DEFAULT"), Some(NameError::Reserved));
    assert_eq!(refused::<GroupName>("default"), None);
    assert_eq!(refused::<TemplateName>("Examples"), Some(NameError::Reserved));
    assert_eq!((refused::<TemplateName>("me"), refused::<WorkspaceName>("examples")), (None, None));
    assert_eq!(refused::<WorkspaceName>("create"), Some(NameError::ReservedForAll));
    assert_eq!(NameError::Hidden('\u{AD}').to_string().rsplit_once(' ').unwrap().1, "U+00AD");
}

#[test]
fn lengths_are_in_bytes() {
    assert_eq!(refused::<GroupName>(&"a".repeat(255)), None);
    assert_eq!(refused::<GroupName>(&"a".repeat(256)), Some(NameError::TooLong { max: 255 }));
    assert_eq!(refused::<DisplayName>(&"é".repeat(32)), None);
    assert_eq!(refused::<DisplayName>(&"é".repeat(33)), Some(NameError::TooLong { max: 64 }));
    assert_eq!(refused::<RealName>(&"é".repeat(64)), None);
    assert_eq!(refused::<RealName>(&"é".repeat(65)), Some(NameError::TooLong { max: 128 }));
    let of = |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
    assert_eq!(refused::<Email>(&of(64, 63)), None);
    assert_eq!(refused::<Email>(&of(65, 63)), Some(NameError::NoAddress));
    assert_eq!(refused::<Email>(&of(64, 64)), Some(NameError::NoAddress));
}

#[test]
fn names_that_people_see_hide_nothing() {
    for bad in ["a\u{202E}b", "a\u{AD}b", "a\u{E0041}b", "a\tb", "a\0b"] {
        let hidden = bad.chars().nth(1).map(NameError::Hidden);
        assert_eq!((refused::<DisplayName>(bad), refused::<RealName>(bad)), (hidden, hidden), "{bad:?}");
    }
    for good in ["", "Ann Lee", "م. علی\u{200C}ها", "O\u{2019}Hara", "李", "👩\u{200D}💻"] {
        assert_eq!((refused::<DisplayName>(good), refused::<RealName>(good)), (None, None), "{good:?}");
    }
    assert_eq!(refused::<RealName>("a\t"), Some(NameError::Untrimmed));
}

#[test]
fn addresses() {
    for good in ["a@b.c", "first.last+tag@sub.example.com", "dev@localhost"] {
        assert_eq!(refused::<Email>(good), None, "{good}");
    }
    for bad in
        ["a", "@b", "a@", "a b@c.d", "a@b@c", "a@-b.c", "a..b@c.d", "a@b..c", "<a@b.c>", "a@b.c\n", "Ann <a@b.c>"]
    {
        assert_eq!(refused::<Email>(bad), Some(NameError::NoAddress), "{bad:?}");
    }
    assert_eq!(refused::<Email>(""), Some(NameError::Empty));
    for hidden in ["a\u{AD}b@c.d", "a\u{202E}b@c.d"] {
        assert!(refused::<Email>(hidden).is_some(), "{hidden:?}");
    }
}

#[test]
fn what_is_stored_is_kept_whatever_the_rule_is_now() {
    let old = Username::from_storage("Create".to_owned());
    assert_eq!((old.as_str(), old.key().as_str()), ("Create", "create"));
    assert_eq!(old.renamed("CREATE"), Ok(Username::from_storage("CREATE".to_owned())));
    assert_eq!(old.renamed("ann").unwrap(), "ann");
    // A spelling that no name ever had is refused even so: it has to be mended.
    let odd = Username::from_storage("a_b".to_owned());
    assert_eq!(odd.renamed("a_b"), Err(NameError::Characters));
    assert_eq!(odd.renamed("me"), Err(NameError::Reserved));
    assert_eq!(odd.renamed("a-b").unwrap(), "a-b");
}

#[test]
fn user_names_are_made_of_free_text() {
    assert_eq!(Username::suggested_by("ann.lee@example.com").unwrap(), "annlee");
    assert_eq!(Username::suggested_by("ann").unwrap(), "ann");
    assert_eq!(Username::suggested_by("@@"), None);
}

#[test]
fn the_name_of_an_organization_can_be_shown() {
    let name: OrganizationName = "acme".parse().unwrap();
    let shown = DisplayName::from(&name);
    assert_eq!(refused::<DisplayName>(shown.as_str()), None);
    assert!(!shown.is_empty() && DisplayName::default().is_empty() && RealName::default().is_empty());
}

proptest! {
    #[test]
    fn what_is_parsed_is_kept_and_parses_again(text in "[a-zA-Z0-9-]{0,40}|\\PC{0,20}") {
        if let Ok(name) = text.parse::<Username>() {
            prop_assert_eq!(name.as_str(), text.as_str());
            prop_assert!(super::super::is_name(&text) && !Named::User.is_reserved(&text));
            prop_assert_eq!(name.renamed(&text.to_uppercase()).unwrap().key(), name.key());
            prop_assert_eq!(Username::try_from(String::from(name.clone())), Ok(name));
        } else {
            prop_assert!(!super::super::is_name(&text) || Named::User.is_reserved(&text));
        }
    }

    #[test]
    fn a_key_says_which_names_are_the_same(one in "[a-cA-C]{1,3}", other in "[a-cA-C]{1,3}") {
        let (first, second): (GroupName, GroupName) = (one.parse().unwrap(), other.parse().unwrap());
        prop_assert_eq!(first.key() == second.key(), one.eq_ignore_ascii_case(&other));
        prop_assert_eq!(first == second, one == other);
    }

    #[test]
    fn what_is_shown_has_no_blanks_around_it(text in "\\PC{0,30}") {
        if let Ok(shown) = text.parse::<DisplayName>() {
            prop_assert!(shown.as_str().trim() == text && text.len() <= 64);
            prop_assert!(text.parse::<RealName>().is_ok(), "the wider rule");
        }
    }
}
