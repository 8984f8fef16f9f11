use super::*;
use crate::users::testing::{ANN, BOB, ORGANIZATION, actor, ann, as_user, bob, context, owner, repos_with, user};
use doorward_domain::users::User;
use doorward_ports::mocks::MockRepositories;

fn check(action: &'static str, resource_type: &'static str) -> Check<'static> {
    Check { action: action.into(), resource_type: resource_type.into(), ..Check::default() }
}

fn named(action: &'static str, resource_type: &'static str, id: String) -> Check<'static> {
    Check { resource_id: id.into(), ..check(action, resource_type) }
}

fn one(check: &Check<'_>) -> Result<Wanted, Error> {
    wanted([("k", check)].into_iter())
}

#[tokio::test]
async fn nothing_is_loaded_when_nothing_is_named() {
    let actor = actor().build();
    let ctx = Context { store: doorward_ports::Store::new(NoStore).into(), ..context(MockRepositories::default()) };
    let known = look_up(&ctx, &actor, one(&check("read", "user")).unwrap()).await.unwrap();
    let mine = |action| Check { owner_id: "me".into(), ..check(action, "workspace") };
    assert!(known.allows(&actor, &mine("delete")) && !known.allows(&actor, &check("delete", "workspace")));
    let there = |id: String| Check { organization_id: id.into(), ..mine("delete") };
    assert!(known.allows(&actor, &there(ORGANIZATION.to_string())));
    assert!(!known.allows(&actor, &there(Uuid::from_u128(99).to_string())), "no member there");
    let any = Check { any_org: true, ..check("read", "provisioner_daemon") };
    assert!(known.allows(&actor, &any), "{:?}", known.explain(&actor, &any));
    assert!(!known.allows(&actor, &Check { organization_id: ORGANIZATION.to_string().into(), ..any }));
    for (action, resource) in [("read", "spaceship"), ("read", "*"), ("*", "license"), ("fly", "license")] {
        let asked = check(action, resource);
        let expected = resource == "license";
        assert_eq!(known.allows(&owner().build(), &asked), expected, "{action} {resource}");
        assert!(!known.allows(&actor, &asked));
    }
}

struct NoStore;

#[async_trait::async_trait]
impl doorward_ports::StoreBackend for NoStore {
    async fn run(
        &self,
        _: doorward_ports::WorkMode,
        _: doorward_ports::Work,
    ) -> Result<(), doorward_ports::StoreError> {
        panic!("the store was asked");
    }
}

#[tokio::test]
async fn what_is_stored_replaces_what_is_said() {
    let gone = User { deleted: true, ..user(UserId(Uuid::from_u128(3)), "gone") };
    let ctx = context(repos_with(&[bob(), gone.clone()]));
    let (ann, owner) = (actor().build(), owner().build());
    // Said to be her own, which it is not.
    let claimed = Check { owner_id: "me".into(), any_org: true, ..named("read", "user", BOB.to_string()) };
    let nobody = named("read", "user", Uuid::from_u128(77).to_string());
    let deleted = named("read", "user", gone.id.to_string());
    let asked = [("a", &claimed), ("b", &nobody), ("c", &deleted)];
    let known = |actor: Principal| {
        let ctx = ctx.clone();
        async move { look_up(&ctx, &actor, wanted(asked.into_iter()).unwrap()).await.unwrap() }
    };
    let of_owner = known(owner.clone()).await;
    assert_eq!(asked.map(|(_, check)| of_owner.allows(&owner, check)), [true, false, true]);
    let of_ann = known(ann.clone()).await;
    assert_eq!(asked.map(|(_, check)| of_ann.allows(&ann, check)), [false, false, false]);
    assert_eq!(of_ann.explain(&ann, &claimed).code, "not_found");
}

#[test]
fn refusals_say_what_is_wrong() {
    let message = |check: &Check<'_>| match one(check) {
        Err(Error::Invalid { message, fields, .. }) => {
            (message, fields.first().map(|field| field.field.clone().into_owned()))
        }
        other => panic!("{other:?}"),
    };
    let (text, field) = message(&check("read", ""));
    assert_eq!(text, "Object's \"resource_type\" field must be defined for key \"k\".");
    assert_eq!(field.as_deref(), Some("resource_type"));
    let (text, field) = message(&named("read", "user", "x<y".to_owned()));
    assert_eq!(text, "Object \"x<y\" id is not a valid uuid.");
    assert_eq!(field.as_deref(), Some("resource_id"));
    let (text, field) = message(&named("read", "file", ANN.to_string()));
    assert_eq!(text, "Object type \"file\" does not support \"resource_id\" field.");
    assert_eq!(field.as_deref(), Some("resource_type"));
    let many = named("read", "", "not looked at".to_owned());
    let Err(Error::Invalid { message, .. }) = wanted([("k", &many); 13].into_iter()) else { panic!() };
    assert_eq!(
        message,
        "Endpoint only supports using \"resource_id\" field 10 times, found 13 usages. Remove 3 objects with this field set."
    );
    let fine = named("read", "user", ANN.to_string());
    assert_eq!(wanted([("k", &fine); 10].into_iter()).unwrap().0.len(), 10);
}

#[test]
fn explanations_name_role_level_and_scope() {
    let known = NamedObjects::default();
    let why = known.explain(&owner().build(), &check("read", "license"));
    assert_eq!((why.allowed, why.code, why.level), (true, "site_allows", Some(Level::Site)));
    assert_eq!(why.roles, [("owner".to_owned(), None)]);

    // Each role that would do is named, level by level.
    let both = as_user(User { roles: ["owner", "auditor"].into_iter().collect(), ..ann() }).build();
    let mine = Check {
        owner_id: "me".into(),
        organization_id: ORGANIZATION.to_string().into(),
        ..check("create", "workspace")
    };
    let why = known.explain(&both, &mine);
    assert_eq!(why.roles, [("owner".to_owned(), None)]);
    let further = |why: &Explained| -> Vec<(Level, Vec<String>)> {
        let name = |grounds: &Further| (grounds.level, grounds.roles.iter().map(|(name, _)| name.clone()).collect());
        why.further.iter().map(name).collect()
    };
    assert_eq!(further(&why), [(Level::User, vec!["member".to_owned()])]);
    assert!(known.explain(&owner().build(), &check("read", "license")).further.is_empty());

    let inside = Check { organization_id: ORGANIZATION.to_string().into(), ..check("read", "organization") };
    let why = known.explain(&actor().build(), &inside);
    assert_eq!((why.allowed, why.level), (true, Some(Level::Organization)));
    assert_eq!(why.roles, [("organization-member".to_owned(), Some(ORGANIZATION.to_string()))]);

    let narrow = owner().scopes(&["workspace:read"]).build();
    let why = known.explain(&narrow, &check("read", "license"));
    assert_eq!((why.allowed, why.code, why.level), (false, "scope_silent", Some(Level::Scope)));
    assert_eq!((why.scopes, why.roles), (vec!["workspace:read".to_owned()], Vec::new()));
}
