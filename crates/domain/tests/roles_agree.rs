//! The engine against a slow evaluator that follows the text of the rule word by word.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "roles_agree/literal.rs"]
mod literal;

use doorward_domain::roles::{
    Acl, Action, AllowEntry, Because, Explanation, Id, Level, Object, Permission, ResourceType, Role, Scope, Subject,
    Vote,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

const SUBJECTS: u32 = 12_000;
const OBJECTS: usize = 20;

const NIL: &str = "00000000-0000-0000-0000-000000000000";
const IDS: &[&str] = &[
    "",
    "*",
    "a",
    "b",
    NIL,
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
    "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
    "a name that is longer than any id of ours",
];
const TYPES: &[&str] = &["workspace", "workspace", "template", "user", "workspace_dormant", "*", "spaceship", ""];
const ACTIONS: &[&str] = &["read", "read", "create", "use", "*", "fly", ""];

fn ids() -> impl Strategy<Value = String> {
    select(IDS).prop_map(str::to_owned)
}

fn permissions() -> impl Strategy<Value = Vec<literal::Permission>> {
    let permission = (prop::bool::weighted(0.25), select(TYPES), select(ACTIONS));
    vec(permission, 0..4).prop_map(|list| {
        let make = |(negate, resource, action): (bool, &str, &str)| literal::Permission {
            negate,
            resource: resource.to_owned(),
            action: action.to_owned(),
        };
        list.into_iter().map(make).collect()
    })
}

fn custom_role() -> impl Strategy<Value = literal::Role> {
    let owned = prop_oneof![2 => Just(Vec::new()), 1 => vec((ids(), permissions()), 0..4)];
    (permissions(), vec((ids(), permissions()), 0..5), owned, permissions()).prop_map(|(site, org, owned, user)| {
        literal::Role { built_in: None, site, org: joined(org), owned: joined(owned), user }
    })
}

/// A map has each key once.
fn joined<T>(lists: Vec<(String, Vec<T>)>) -> Vec<(String, Vec<T>)> {
    let mut map: Vec<(String, Vec<T>)> = Vec::new();
    for (key, list) in lists {
        match map.iter_mut().find(|(known, _)| *known == key) {
            Some((_, all)) => all.extend(list),
            None => map.push((key, list)),
        }
    }
    map
}

fn built_in_role() -> impl Strategy<Value = literal::Role> {
    let table: Vec<Value> = serde_json::from_str(include_str!("../data/rbac-roles.json")).unwrap();
    let list = |value: &Value| -> Vec<literal::Permission> {
        let groups = value.as_array().unwrap().iter();
        let one = |group: &Value, action: &Value| literal::Permission {
            negate: group["negate"].as_bool().unwrap(),
            resource: group["resource"].as_str().unwrap().to_owned(),
            action: action.as_str().unwrap().to_owned(),
        };
        groups.flat_map(|group| group["actions"].as_array().unwrap().iter().map(|a| one(group, a))).collect()
    };
    let roles: Vec<(String, bool, literal::Role)> = table
        .iter()
        .map(|role| {
            let site_role = role["kind"] == "site";
            let org = if site_role { Vec::new() } else { vec![(String::new(), list(&role["org"]))] };
            let name = role["name"].as_str().unwrap().to_owned();
            let literal = literal::Role {
                built_in: Some(name.clone()),
                site: list(&role["site"]),
                org,
                owned: Vec::new(),
                user: list(&role["user"]),
            };
            (name, site_role, literal)
        })
        .collect();
    // An organization role needs an organization.
    (select(roles), ids().prop_filter("unset", |id| !id.is_empty())).prop_map(|((_, _, mut role), org)| {
        for (id, _) in &mut role.org {
            id.clone_from(&org);
        }
        role
    })
}

fn scope() -> impl Strategy<Value = Option<literal::Scope>> {
    let every = || {
        let permission = literal::Permission { negate: false, resource: "*".to_owned(), action: "*".to_owned() };
        Some(literal::Scope { site: vec![permission], allow_list: vec!["*".to_owned()] })
    };
    let allow_list = prop_oneof![Just(vec!["*".to_owned()]), vec(ids(), 0..4)];
    prop_oneof![
        1 => Just(None),
        24 => Just(()).prop_map(move |()| every()),
        12 => (permissions(), allow_list).prop_map(|(site, allow_list)| Some(literal::Scope { site, allow_list })),
    ]
}

fn subject() -> impl Strategy<Value = literal::Subject> {
    let role = || prop_oneof![2 => custom_role(), 1 => built_in_role()];
    let groups = prop_oneof![9 => vec(ids(), 0..4), 1 => vec("[a-z]{1,2}", 0..40)];
    (ids(), prop_oneof![1 => vec(role(), 0..1), 12 => vec(role(), 1..6)], groups, scope())
        .prop_map(|(id, roles, groups, scope)| literal::Subject { id, roles, groups, scope })
}

fn access_list() -> impl Strategy<Value = literal::List> {
    let actions = vec(select(ACTIONS).prop_map(str::to_owned), 0..3);
    prop_oneof![Just(Vec::new()), vec((ids(), actions), 0..4).prop_map(joined)]
}

fn object() -> impl Strategy<Value = (String, literal::Object)> {
    let kind = prop_oneof![6 => select(TYPES), 1 => select(&ResourceType::ALL[..]).prop_map(ResourceType::as_str)];
    let action = prop_oneof![6 => select(ACTIONS), 1 => select(&Action::ALL[..]).prop_map(Action::as_str)];
    let any_org = prop::bool::weighted(0.2);
    (action, kind, ids(), ids(), ids(), any_org, access_list(), access_list()).prop_map(
        |(action, kind, id, owner, org, any_org, user_list, group_list)| {
            // Mostly a question that makes sense.
            let org = if any_org && org.len() < 3 { String::new() } else { org };
            let object = literal::Object { kind: kind.to_owned(), id, owner, org, any_org, user_list, group_list };
            (action.to_owned(), object)
        },
    )
}

fn compiled(subject: &literal::Subject) -> Subject {
    let list = |list: &[literal::Permission]| -> Vec<Permission> {
        list.iter().map(|p| Permission::named(p.negate, &p.resource, &p.action)).collect()
    };
    let roles = subject.roles.iter().map(|role| {
        if let Some(name) = &role.built_in {
            return Role::built_in(name, role.org.first().map(|(id, _)| id)).unwrap();
        }
        let org = role.org.iter().map(|(id, permissions)| (Id::from(id), list(permissions)));
        let owned = role.owned.iter().map(|(id, permissions)| (Id::from(id), list(permissions)));
        Role::custom("custom", list(&role.site), org, list(&role.user)).with_owned(owned)
    });
    let builder = Subject::builder(&subject.id).roles(roles).groups(&subject.groups);
    let Some(scope) = &subject.scope else { return builder.build() };
    let allow_list = scope.allow_list.iter().map(AllowEntry::any_type).collect();
    builder.scope(Scope::new(list(&scope.site), allow_list)).build()
}

fn acl(list: &literal::List) -> Acl {
    list.iter().map(|(id, actions)| (id, actions)).collect()
}

/// Counts, so that a generator that asks only dull questions is noticed.
#[derive(Default)]
struct Seen {
    asked: usize,
    allowed: usize,
    known: usize,
    rows: usize,
    rows_allowed: usize,
    reasons: std::collections::BTreeMap<&'static str, usize>,
}

/// An explanation says what the decision says, and what it names carries the decision: without the named roles, or
/// without the named entry, another step decides.
fn explained(
    subject: &Subject,
    action: &str,
    question: &literal::Object,
    object: &Object<'_>,
) -> Result<(), TestCaseError> {
    let kind = &question.kind;
    let why = subject.explain(action, kind, object);
    let because = why.decision.because();
    prop_assert_eq!(because, subject.decide_named(action, kind, object).because());
    prop_assert_eq!(why.level, because.level());
    let by_roles = matches!(why.level, Some(Level::Site | Level::User))
        || matches!(because, Because::OrganizationAllows | Because::OrganizationDenies);
    prop_assert_eq!(by_roles, !why.roles.is_empty(), "{:?}", why);
    prop_assert_eq!(because == Because::NothingAllows, why.level.is_none() && by_rule(because), "{:?}", why);
    if by_roles {
        let named = |role: &Role| why.roles.iter().any(|named| std::ptr::eq(*named, role));
        // Where any organization will do, the named roles may also have denied in another one; they suffice instead.
        let any = question.any_org && because == Because::OrganizationAllows;
        let keep = |role: &&Role| named(role) == any;
        let roles = subject.roles().iter().filter(keep).cloned();
        let builder = Subject::builder(subject.id()).roles(roles).groups(subject.groups());
        let other = builder.scope(subject.scope().cloned().unwrap_or_else(Scope::all)).build();
        let same = other.decide_named(action, kind, object).because() == because;
        // A named role that also denies in an organization opens with that what others allow there on one's own.
        let denies = |role: &&Role| role.organizations().any(|(_, list)| list.vote_named(action, kind) == Vote::Deny);
        let opens = question.any_org && because == Because::UserAllows && why.roles.iter().any(denies);
        prop_assert!(same == any || opens, "without {:?}", why.roles);
    }
    chained(subject, action, kind, object, because)?;
    prop_assert_eq!(why.listed.is_some(), why.level == Some(Level::AccessList), "{:?}", why);
    if let Some(listed) = &why.listed {
        let list = if because == Because::UserListed { &question.user_list } else { &question.group_list };
        let found = list.iter().find(|(id, _)| *id == listed.id.to_string());
        prop_assert!(
            found.is_some_and(|(_, actions)| actions.iter().any(|known| known == listed.action)),
            "{:?}",
            listed
        );
        prop_assert!(listed.action == "*" || listed.action == action);
    }
    taken_away(subject, action, question, &why)
}

/// The steps of a decision say what it says, and the level that decided is the last one that is heard and says something.
fn chained(
    subject: &Subject,
    action: &str,
    kind: &str,
    object: &Object<'_>,
    because: Because,
) -> Result<(), TestCaseError> {
    let steps = subject.chain(action, kind, object);
    let levels: Vec<Level> = steps.iter().map(|step| step.level).collect();
    prop_assert_eq!(
        levels,
        [Level::Scope, Level::Site, Level::Organization, Level::User, Level::AccessList],
        "from the first asked to the last"
    );
    let allowing = steps.iter().find(|step| step.heard && step.level != Level::Scope && step.vote == Vote::Allow);
    prop_assert_eq!(allowing.is_some(), because.allow(), "{:?}: {:?}", because, steps);
    if let Some(step) = allowing {
        prop_assert_eq!(Some(step.level), because.level(), "{:?}", steps);
        prop_assert!(!step.roles.is_empty() || !step.listed.is_empty(), "{:?}", steps);
    } else if matches!(because, Because::SiteDenies | Because::OrganizationDenies | Because::UserDenies) {
        let denying = steps.iter().find(|step| step.heard && step.vote == Vote::Deny);
        prop_assert_eq!(denying.map(|step| Some(step.level)), Some(because.level()), "{:?}", steps);
    }
    Ok(())
}

/// Takes away what an explanation names, ground by ground: each of them allows until it is taken away itself, and then
/// nothing does.
fn taken_away(
    subject: &Subject,
    action: &str,
    question: &literal::Object,
    why: &Explanation<'_>,
) -> Result<(), TestCaseError> {
    if !why.decision.allow() {
        prop_assert!(why.further.is_empty(), "{:?}", why);
        return Ok(());
    }
    let first = (why.level, why.roles.clone(), why.listed.iter().map(|listed| listed.id).collect());
    let grounds = why.further.iter().map(|grounds| {
        (Some(grounds.level), grounds.roles.clone(), grounds.listed.iter().map(|listed| listed.id).collect())
    });
    let grounds: Vec<(Option<Level>, Vec<&Role>, Vec<&Id>)> = std::iter::once(first).chain(grounds).collect();
    for taken in 0..=grounds.len() {
        let is_taken =
            |role: &Role| grounds.iter().take(taken).any(|(_, roles, _)| roles.iter().any(|r| std::ptr::eq(*r, role)));
        let roles: Vec<Role> = subject.roles().iter().filter(|role| !is_taken(role)).cloned().collect();
        let no_role = roles.is_empty();
        // A user and a group may have the same id here, each in its own list.
        let of_user = |id: &&&Id| std::ptr::eq(**id, subject.id());
        let named: Vec<&Id> = grounds.iter().take(taken).flat_map(|(_, _, listed)| listed.iter().copied()).collect();
        let cut = |list: &literal::List, users: bool| -> Acl {
            let gone = |id: &str| named.iter().filter(|id| of_user(id) == users).any(|named| named.to_string() == id);
            list.iter().filter(|(id, _)| !gone(id)).map(|(id, actions)| (id, actions)).collect()
        };
        let (users, groups) = (cut(&question.user_list, true), cut(&question.group_list, false));
        let kind = ResourceType::parse(&question.kind).unwrap_or(ResourceType::User);
        let mut object = Object::new(kind)
            .id(&question.id)
            .owner(&question.owner)
            .organization(&question.org)
            .user_acl(&users)
            .group_acl(&groups);
        if question.any_org {
            object = object.any_organization();
        }
        let builder = Subject::builder(subject.id()).roles(roles).groups(subject.groups());
        let rest = builder.scope(subject.scope().cloned().unwrap_or_else(Scope::all)).build();
        let because = rest.decide_named(action, &question.kind, &object).because();
        let next = grounds.get(taken);
        // Everybody has a role, so what an access list allows to nobody in particular is not asked of one without.
        if next.is_some_and(|(level, _, _)| *level == Some(Level::AccessList)) && no_role {
            continue;
        }
        prop_assert_eq!(because.allow(), next.is_some(), "{} of {:?}: {}", taken, grounds, because);
        if let Some((level, _, _)) = next {
            prop_assert_eq!(because.level(), *level, "{} of {:?}", taken, grounds);
        }
    }
    Ok(())
}

/// Whether the rule was walked to its end, not stopped by a mistake in the question.
const fn by_rule(because: Because) -> bool {
    !matches!(because, Because::NoRoles | Because::OrganizationAndAny | Because::OtherType)
}

#[test]
fn the_engine_agrees_with_the_text_of_the_rule() {
    let seen = std::cell::RefCell::new(Seen::default());
    let mut runner = TestRunner::new(Config { cases: SUBJECTS, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(subject(), vec(object(), OBJECTS)), |(plain, questions)| {
        let subject = compiled(&plain);
        let mut seen = seen.borrow_mut();
        for (action, question) in &questions {
            let expected = literal::allow(&plain, action, question);
            let (users, groups) = (acl(&question.user_list), acl(&question.group_list));
            let kind = ResourceType::parse(&question.kind);
            let mut object = Object::new(kind.unwrap_or(ResourceType::User))
                .id(&question.id)
                .owner(&question.owner)
                .organization(&question.org)
                .user_acl(&users)
                .group_acl(&groups);
            if question.any_org {
                object = object.any_organization();
            }
            let decision = subject.decide_named(action, &question.kind, &object);
            prop_assert_eq!(decision.allow(), expected, "{} {:?}: {}", action, question, decision.because());
            explained(&subject, action, question, &object)?;
            seen.asked += 1;
            seen.allowed += usize::from(expected);
            *seen.reasons.entry(decision.because().code()).or_default() += 1;
            let (Some(action), Some(kind)) = (Action::parse(action), kind) else { continue };
            seen.known += 1;
            prop_assert_eq!(subject.allows(action, &object), expected);
            prop_assert_eq!(subject.decide(action, &object), decision);
            if !question.any_org {
                let filter = subject.list_filter(action, kind);
                prop_assert_eq!(filter.matches(&object), expected, "{} {:?}\n{:?}", action, question, filter);
                seen.rows += 1;
                seen.rows_allowed += usize::from(expected);
            }
        }
        Ok(())
    });
    outcome.unwrap();
    let Seen { asked, allowed, known, rows, rows_allowed, reasons } = seen.into_inner();
    println!(
        "{asked} asked, {allowed} allowed, {known} known, {rows} rows, {rows_allowed} of them allowed, {reasons:?}"
    );
    assert!(asked >= 200_000 && allowed > asked / 10 && known > asked / 3);
    assert!(rows > asked / 4 && rows_allowed > rows / 10);
    assert!(reasons.len() == 17 && reasons.values().all(|count| *count >= 100), "a step that is hardly ever taken");
}

fn document(subject: &literal::Subject, questions: &[(String, literal::Object)]) -> String {
    use serde_json::json;
    let list = |list: &[literal::Permission]| -> Value {
        let one = |p: &literal::Permission| json!({"negate": p.negate, "resource": p.resource, "actions": [p.action]});
        list.iter().map(one).collect()
    };
    let orgs = |orgs: &[(String, Vec<literal::Permission>)]| -> Value {
        orgs.iter().map(|(id, permissions)| (id.clone(), list(permissions))).collect()
    };
    let acl = |acl: &literal::List| -> Value { acl.iter().map(|(id, actions)| (id.clone(), json!(actions))).collect() };
    let (mut roles, mut names) = (Vec::new(), Vec::new());
    for (index, role) in subject.roles.iter().enumerate() {
        names.push(match (&role.built_in, role.org.first()) {
            (Some(name), None) => name.clone(),
            (Some(name), Some((org, _))) => format!("{name}:{org}"),
            (None, _) => {
                let (site, org, owned, user) = (list(&role.site), orgs(&role.org), orgs(&role.owned), list(&role.user));
                let name = index.to_string();
                roles.push(json!({"name": name, "site": site, "org": org, "org_member": owned, "user": user}));
                format!("custom:{index}")
            }
        });
    }
    let scopes: Vec<Value> = (subject.scope.iter())
        .map(|scope| {
            // What a scope says of organizations and users is without effect.
            let dead = list(&scope.site);
            json!({"name": "s", "site": dead, "org": {"a": dead}, "user": dead, "allow_list": scope.allow_list})
        })
        .collect();
    let scope = subject.scope.as_ref().map(|_| "s");
    let subject = json!({"id": subject.id, "roles": names, "groups": subject.groups, "scope": scope});
    let question = |(action, o): &(String, literal::Object)| {
        json!({"subject": "who", "action": action, "object": {
            "type": o.kind, "id": o.id, "owner": o.owner, "org": o.org, "any_org": o.any_org,
            "acl_user_list": acl(&o.user_list), "acl_group_list": acl(&o.group_list),
        }})
    };
    let questions: Vec<Value> = questions.iter().map(question).collect();
    json!({"roles": roles, "scopes": scopes, "subjects": {"who": subject}, "questions": questions}).to_string()
}

#[test]
fn documents_are_answered_by_the_text_of_the_rule() {
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(subject(), vec(object(), OBJECTS)), |(plain, questions)| {
        let answers = doorward_domain::roles::eval::evaluate(&document(&plain, &questions)).unwrap();
        for (answer, (action, question)) in answers["results"].as_array().unwrap().iter().zip(&questions) {
            prop_assert_eq!(&answer["allow"], literal::allow(&plain, action, question), "{} {:?}", action, question);
        }
        prop_assert_eq!(answers["results"].as_array().unwrap().len(), questions.len());
        Ok(())
    });
    outcome.unwrap();
}
