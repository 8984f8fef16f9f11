//! What holds for all filters, paths and patches.

use super::*;
use crate::scim::{AttributePath, Filter, FilterError, Literal, Operator, PatchPath, Projection, Version};
use proptest::prelude::*;
use proptest::sample::select;

fn attribute() -> impl Strategy<Value = AttributePath> {
    let schema = proptest::option::of(Just("urn:ietf:params:scim:schemas:core:2.0:User".to_owned()));
    let names = vec!["userName", "active", "emails", "name", "title", "meta", "nope", "and", "not", "pr", "x-y_z"];
    let sub = proptest::option::of(select(vec!["value", "familyName", "$ref", "or"]).prop_map(str::to_owned));
    (schema, select(names), sub).prop_map(|(schema, name, sub)| AttributePath { schema, name: name.to_owned(), sub })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        // No text holds NUL.
        "[^\\x00\n]{0,8}".prop_map(Literal::Text),
        any::<i64>().prop_map(|number| Literal::Number(number.into())),
        any::<i16>().prop_filter_map("finite", |eighths| {
            Some(Literal::Number(serde_json::Number::from_f64(f64::from(eighths) / 8.0)?))
        }),
        any::<bool>().prop_map(Literal::Boolean),
        Just(Literal::Null),
    ]
}

fn test() -> impl Strategy<Value = Filter> {
    let compare = (attribute(), select(Operator::ALL), literal());
    prop_oneof![
        compare.prop_map(|(path, operator, value)| Filter::Compare { path, operator, value }),
        attribute().prop_map(Filter::Present),
    ]
}

/// Filters as they stand within brackets, or, with these, all of them.
fn joined(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let values = (attribute(), joined(test()));
    joined(prop_oneof![test(), values.prop_map(|(path, filter)| Filter::Values { path, filter: Box::new(filter) }),])
}

fn user() -> impl Strategy<Value = Resource> {
    let text = || proptest::option::of("[a-zA-Z]{0,3}");
    let email = (text(), select(vec!["work", "home"]), any::<bool>());
    let emails = proptest::collection::vec(email, 0..4);
    ("[a-z]{1,3}", text(), text(), proptest::option::of(any::<bool>()), emails).prop_map(
        |(name, title, family, active, emails)| {
            let emails = emails.iter().map(|(value, kind, _)| json!({ "value": value, "type": kind }));
            let emails: Vec<Value> = emails.collect();
            let family = json!({ "familyName": family });
            let body = json!({ "userName": name, "title": title, "name": family, "active": active, "emails": emails });
            USER.read(&body).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,60}") {
        let _read = (text.parse::<Filter>(), text.parse::<PatchPath>(), text.parse::<AttributePath>());
    }

    #[test]
    fn pieces_of_filters_are_read_without_a_panic(
        pieces in proptest::collection::vec(
            select(vec!["(", ")", "[", "]", "not", "and", "or", " ", "pr", "eq", "a", ".", "\"", "\\", "1", ":", "é"]), 0..30)
    ) {
        let text = pieces.concat();
        if let Ok(filter) = text.parse::<Filter>() {
            prop_assert_eq!(filter.to_string().parse(), Ok(filter));
        }
    }

    #[test]
    fn a_printed_filter_is_read_as_the_same(filter in filter()) {
        let read = filter.to_string().parse();
        prop_assume!(!matches!(read, Err(FilterError::TooLong | FilterError::TooManyTerms)));
        prop_assert_eq!(read, Ok(filter));
    }

    #[test]
    fn a_printed_path_is_read_as_the_same(
        name in attribute(), filter in joined(test()), sub in proptest::option::of(select(vec!["value", "type"]))
    ) {
        let attribute = AttributePath { sub: None, ..name.clone() };
        let path = PatchPath::Values { attribute, filter, sub: sub.map(str::to_owned) };
        prop_assert_eq!(path.to_string().parse(), Ok(path));
        let path = PatchPath::Attribute(name);
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn not_is_the_opposite(filter in filter(), user in user()) {
        if let Ok(condition) = filter.resolve(&USER) {
            let negated = Filter::Not(Box::new(filter)).resolve(&USER).unwrap();
            prop_assert_ne!(condition.matches(&user), negated.matches(&user));
        }
    }

    #[test]
    fn what_is_added_and_removed_leaves_no_trace(
        user in user(), kind in select(vec!["other", "pager"]), value in "[a-z]{1,5}@x"
    ) {
        let path = format!("emails[type eq \"{kind}\"]");
        let operations = json!([
            { "op": "add", "path": format!("{path}.value"), "value": value },
            { "op": "remove", "path": path },
        ]);
        prop_assert_eq!(&patch_user(&user, operations).unwrap(), &user);
        let operations = json!([
            { "op": "add", "path": format!("{path}.value"), "value": value },
            { "op": "remove", "path": format!("{path}.value") },
        ]);
        prop_assert_eq!(&patch_user(&user, operations).unwrap(), &user);
    }

    #[test]
    fn a_resource_that_was_read_is_read_as_the_same(user in user()) {
        let again = USER.read(&user.clone().into()).unwrap();
        prop_assert_eq!(&again, &user);
        prop_assert_eq!(Version::of(&again), Version::of(&user));
        prop_assert_eq!(&Projection::all(&USER).apply(&user), &user);
    }

    #[test]
    fn a_patch_of_anything_gives_a_resource_or_an_error(
        user in user(), op in select(vec!["add", "replace", "remove"]), path in filter().prop_map(|f| f.to_string()),
        value in select(vec![json!(null), json!("x"), json!(true), json!([]), json!([{ "value": "a" }]), json!({ "x": 1 })])
    ) {
        for path in [format!("emails[{path}]"), format!("emails[{path}].value"), "emails".to_owned(), "name".to_owned()] {
            let operations = json!([{ "op": op, "path": path, "value": value }]);
            if let Ok(patched) = patch_user(&user, operations) {
                prop_assert_eq!(&USER.read(&patched.clone().into()).unwrap(), &patched);
            }
        }
    }
}
