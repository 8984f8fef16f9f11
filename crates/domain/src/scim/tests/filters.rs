//! Filters (RFC 7644 3.4.2.2).

use super::*;
use crate::scim::{
    AttributePath, Condition, DEPTH_MAX, FILTER_MAX, Filter, FilterError, Operand, Operator, TERMS_MAX, parse_instant,
};

fn parse(text: &str) -> Filter {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn matches(text: &str, resource: &Resource) -> bool {
    parse(text).resolve(&USER).unwrap_or_else(|error| panic!("{text}: {error}")).matches(resource)
}

fn refused(text: &str) -> String {
    let error = match text.parse::<Filter>() {
        Err(error) => error,
        Ok(filter) => filter.resolve(&USER).unwrap_err(),
    };
    ScimError::from(error).detail
}

#[test]
fn all_examples_of_the_rfc_are_understood() {
    let user = bjensen();
    for (text, expected) in [
        (r#"userName eq "bjensen""#, false),
        (r#"userName eq "bjensen@example.com""#, true),
        (r#"name.familyName co "O'Malley""#, false),
        (r#"name.familyName co "ens""#, true),
        (r#"userName sw "J""#, false),
        (r#"userName sw "BJ""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b""#, true),
        ("title pr", true),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, false),
        (r#"meta.lastModified ge "2011-05-13T04:42:34Z""#, true),
        (r#"meta.lastModified lt "2011-05-13T04:42:34Z""#, false),
        (r#"meta.lastModified le "2011-05-13T04:42:34Z""#, true),
        (r#"title pr and userType eq "Employee""#, true),
        (r#"title pr or userType eq "Intern""#, true),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, true),
        (r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#, true),
        (r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#, false),
        (r#"userType eq "Employee" and (emails.type eq "work")"#, true),
        (r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#, true),
        (r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#, true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
}

#[test]
fn and_binds_closer_than_or_and_not_applies_to_its_parentheses() {
    let user = bjensen();
    for (text, expected) in [
        ("title pr or nickName pr and userName pr and photos pr", true),
        ("(title pr or nickName pr) and photos pr", false),
        ("not (photos pr) and title pr", true),
        ("not (photos pr and title pr)", true),
        ("not(title pr)", false),
        ("NOT ( title PR ) OR Title Pr", true),
        ("not (not (title pr))", true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
}

#[test]
fn letter_case_matters_where_the_schema_says_so() {
    let user = bjensen();
    for (text, expected) in [
        (r#"USERNAME EQ "BJENSEN@EXAMPLE.COM""#, true),
        (r#"externalId eq "701984""#, true),
        (r#"id eq "2819C223-7f76-453a-919d-413861904646""#, false),
        (r#"id eq "2819c223-7f76-453a-919d-413861904646""#, true),
        (r#"profileUrl co "LOGIN""#, false),
        (r#"URN:IETF:params:scim:schemas:extension:enterprise:2.0:user:DEPARTMENT eq "tour operations""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department eq "tour operations""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x""#, false),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr", true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
}

#[test]
fn instants_are_compared_as_such() {
    let user = bjensen();
    for (text, expected) in [
        (r#"meta.lastModified eq "2011-05-13T06:42:34+02:00""#, true),
        (r#"meta.lastModified eq "2011-05-13T04:42:34.000Z""#, true),
        (r#"meta.lastModified eq "2011-05-13T04:42:34""#, true),
        (r#"meta.lastModified gt "2011-05-13T06:42:33+02:00""#, true),
        (r#"meta.lastModified lt "2011-05-13T03:42:35-01:00""#, true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
    assert_eq!(parse_instant("yesterday"), None);
}

#[test]
fn what_has_no_value_meets_only_ne() {
    let user = USER.read(&json!({ "userName": "a", "nickName": "", "emails": [] })).unwrap();
    for (text, expected) in [
        (r#"title eq "x""#, false),
        (r#"title ne "x""#, true),
        (r#"title co """#, false),
        ("title pr", false),
        ("nickName pr", false),
        ("emails pr", false),
        ("name pr", false),
        ("title eq null", true),
        ("title ne null", false),
        ("userName ne null", true),
        ("name eq null", true),
        (r#"emails.value ne "x""#, true),
        (r#"emails[type eq "work"]"#, false),
        (r#"emails[type ne "work"]"#, false),
        ("active eq true", false),
        ("active ne true", true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
}

#[test]
fn one_of_several_values_is_enough() {
    let user = bjensen();
    for (text, expected) in [
        (r#"emails.value eq "babs@jensen.org""#, true),
        (r#"emails.value ne "babs@jensen.org""#, true),
        (r#"not (emails.value eq "babs@jensen.org")"#, false),
        // Two values meet one part each, but no value meets both.
        (r#"emails.type eq "home" and emails.primary eq true"#, true),
        (r#"emails[type eq "home" and primary eq true]"#, false),
        (r#"emails[type eq "work" and primary eq "True"]"#, true),
        (r#"emails[not (type eq "work")]"#, true),
        (r#"name[familyName eq "jensen"]"#, true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
}

#[test]
fn a_sub_attribute_behind_brackets_belongs_to_the_same_value() {
    let filter = parse(r#"emails[type eq "work"].value eq "a@b""#);
    assert_eq!(filter, parse(r#"emails[type eq "work" and value eq "a@b"]"#));
    assert!(matches(r#"emails[type eq "work"].value eq "bjensen@example.com""#, &bjensen()));
    assert!(!matches(r#"emails[type eq "home"].value eq "bjensen@example.com""#, &bjensen()));
    assert!(matches(r#"emails[type eq "home"].value pr"#, &bjensen()));
}

#[test]
fn unknown_attributes_have_no_value() {
    let user = bjensen();
    for (text, expected) in [
        (r#"nope eq "x""#, false),
        (r#"nope ne "x""#, true),
        ("nope eq null", true),
        ("nope ne null", false),
        ("nope pr", false),
        (r#"name.nope co "x""#, false),
        (r#"emails[nope eq "x"]"#, false),
        (r#"password eq "secret""#, false),
        (r#"urn:example:1.0:Thing:userName eq "bjensen@example.com""#, false),
        ("not (nope pr)", true),
    ] {
        assert_eq!(matches(text, &user), expected, "{text}");
    }
}

#[test]
fn literals_are_those_of_json() {
    let user = USER.read(&json!({ "userName": "a\"\\/\u{1f600}\n\u{e9}" })).unwrap();
    assert!(matches(r#"userName eq "a\"\\\/\ud83d\ude00\n\u00e9""#, &user));
    assert!(matches("userName co \"\u{c9}\"", &user));
    for (text, what) in [
        ("active eq TRUE", "true"),
        ("active eq null", "null"),
        ("active eq -1.5e3", "-1500.0"),
        ("active eq 12345678901234567890", "12345678901234567890"),
    ] {
        let Filter::Compare { value, .. } = parse(text) else { panic!("{text}") };
        assert_eq!(value.to_string(), what);
    }
}

#[test]
fn errors_say_where_and_what_was_expected() {
    for (text, error) in [
        ("", "at character 1: expected the path of an attribute, found the end"),
        ("userName", "at character 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found the end"),
        (
            "userName is \"x\"",
            "at character 10: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found `is \"x\"`",
        ),
        ("userName eq", "at character 12: expected a space and a value, found the end"),
        (
            "userName eq bob",
            "at character 13: expected a value (text in double quotes, a number, true, false or null), found `bob`",
        ),
        (
            "userName eq \"bob",
            "at character 13: expected text in double quotes with the escapes of JSON, found `\"bob`",
        ),
        ("title pr and", "at character 13: expected the path of an attribute, found the end"),
        ("(title pr", "at character 10: expected `and`, `or` or `)`, found the end"),
        ("title pr)", "at character 9: expected `and`, `or` or the end, found `)`"),
        ("emails[type pr", "at character 15: expected `and`, `or` or `]`, found the end"),
        ("emails[type[value pr]]", "at character 12: expected an operator"),
        ("displayName eq \"\u{e9}\u{e9}\" nor", "at character 21: expected `and`, `or` or the end, found `nor`"),
        ("a.b.c pr", "at character 1: expected the path of an attribute, found `a.b.c pr`"),
        ("emails[type pr].1 pr", "at character 17: expected the name of a sub-attribute, found `1 pr`"),
    ] {
        let found = refused(text);
        assert!(found.starts_with(error), "{text}: {found}");
    }
}

#[test]
fn a_literal_has_no_nul() {
    for text in [r#"userName eq "a\u0000""#, r#"emails[type ne "\u0000" and value pr]"#] {
        let error = ScimError::from(text.parse::<Filter>().unwrap_err());
        assert_eq!(error.kind, ScimType::InvalidFilter, "{text}");
        assert!(error.detail.contains("expected text without NUL"), "{error}");
    }
    assert!(r#"emails[type eq "\u0000"].value"#.parse::<crate::scim::PatchPath>().is_err());
    assert!(matches(r#"userName ne "\\u0000""#, &bjensen()), "the escape of a backslash is none of NUL");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    for text in [
        "active gt true",
        "active co \"t\"",
        "active eq \"yes\"",
        "active eq 1",
        "userName eq 5",
        "userName eq true",
        "userName gt null",
        "userName sw null",
        "meta.lastModified co \"2011\"",
        "meta.lastModified gt \"yesterday\"",
        "meta.lastModified gt 2011",
        "name eq \"x\"",
        "meta co \"x\"",
        "userName[value eq \"x\"]",
    ] {
        let error = parse(text).resolve(&USER).unwrap_err();
        assert!(matches!(error, FilterError::Comparison(_)), "{text}");
        assert_eq!(ScimError::from(error).kind, ScimType::InvalidFilter);
    }
}

#[test]
fn depth_length_and_number_of_comparisons_are_limited() {
    let nested = |depth: usize| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(nested(DEPTH_MAX).parse::<Filter>().is_ok());
    assert!(refused(&nested(DEPTH_MAX + 1)).contains("at most 32 levels of parentheses"));
    assert_eq!("(".repeat(10_000).parse::<Filter>(), Err(FilterError::TooLong));
    assert!(refused(&"(".repeat(FILTER_MAX)).contains("at most 32 levels"));
    assert!(refused(&"not (".repeat(1_000)).contains("at most 32 levels"));
    assert!(refused(&"emails[(".repeat(1_000)).contains("expected"));
    let joined = |terms: usize| vec!["title pr"; terms].join(" or ");
    assert!(joined(TERMS_MAX).parse::<Filter>().is_ok());
    assert_eq!(joined(TERMS_MAX + 1).parse::<Filter>(), Err(FilterError::TooManyTerms));
    let megabyte = format!("userName eq \"{}\"", "x".repeat(1 << 20));
    assert_eq!(megabyte.parse::<Filter>(), Err(FilterError::TooLong));
}

#[test]
fn storage_can_take_conditions_apart() {
    let condition = parse(r#"USERNAME eq "BJensen" and meta.lastModified GT "2011-05-13T04:42:34Z""#).resolve(&USER);
    let Ok(Condition::All(parts)) = condition else { panic!("{condition:?}") };
    let taken_apart = |part: Condition| {
        let Condition::Compare { target, operator, operand } = part else { panic!("no comparison") };
        (target.names(), operator, operand)
    };
    let parts: Vec<_> = parts.into_iter().map(taken_apart).collect();
    let instant = Operand::Instant(parse_instant("2011-05-13T04:42:34Z").unwrap());
    assert_eq!(
        parts,
        [
            ((None, "userName", None), Operator::Equal, Operand::Text("bjensen".to_owned())),
            ((None, "meta", Some("lastModified")), Operator::Greater, instant),
        ]
    );
    let Ok(Condition::HasValue { target, condition }) = parse("emails[VALUE eq \"X\"]").resolve(&USER) else {
        panic!()
    };
    assert_eq!(target.names(), (None, "emails", None));
    let Condition::Compare { target, .. } = *condition else { panic!() };
    assert_eq!(target.names(), (None, "emails", Some("value")));
    assert_eq!(parse("nope pr").resolve(&USER), Ok(Condition::Constant(false)));
}

#[test]
fn other_kinds_have_other_attributes() {
    let group = GROUP.read(&json!({ "displayName": "A", "members": [{ "value": "1" }] })).unwrap();
    let meets = |text: &str| parse(text).resolve(&GROUP).unwrap().matches(&group);
    assert!(meets(r#"members[value eq "1"]"#));
    assert!(meets(r#"members eq "1" and displayName eq "a""#));
    assert!(!meets(r#"userName eq "a""#));
    assert_eq!(GROUP.target(&AttributePath::of("userName")), None);
}
