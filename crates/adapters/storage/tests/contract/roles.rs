use crate::support::*;
use doorward_domain::roles::{Action, CustomRole, ResourceType, RoleName, Vote};
use uuid::Uuid;

contract! {
    async fn custom_roles_are_found_by_name_and_place(db) {
        let (acme, other) = (organization("acme"), organization("other"));
        let ids = [acme.id.0, other.id.0];
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &other)
        })
        .await;
        let id = |id: Uuid| if db.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) };
        let read = r#"[{"negate":false,"resource_type":"template","action":"read"}]"#;
        for (n, organization, name, site, members) in [
            (1, "NULL".to_owned(), "helper", read, "[]"),
            (2, id(ids[0]), "helper", "[]", read),
            (3, id(ids[1]), "helper", "[]", "[]"),
            (4, id(ids[1]), "other", "[]", read),
        ] {
            db.execute(&format!(
                "INSERT INTO custom_roles SELECT {}, {organization}, '{name}', 'Helper {n}', '{site}', '{members}', '[]', \
                 created_at, updated_at FROM organizations LIMIT 1",
                id(Uuid::from_u128(n))
            ));
        }
        let wanted = [
            RoleName::site("helper"),
            RoleName::organization("helper", ids[0]),
            RoleName::organization("nothing", ids[0]),
            RoleName::organization("other", ids[0]),
        ];
        let found = db.read(move |repos| repos.roles().find_custom(&wanted)).await;
        let shown: Vec<&str> = found.iter().map(CustomRole::display_name).collect();
        assert_eq!(shown, ["Helper 1", "Helper 2"]);
        assert_eq!(found[0].role().site().vote(Action::Read, ResourceType::Template), Vote::Allow);
        let in_acme = found[1].role().organization(&ids[0].into()).unwrap();
        assert_eq!(in_acme.vote(Action::Read, ResourceType::Template), Vote::Allow);
        assert!(db.read(|repos| repos.roles().find_custom(&[])).await.is_empty());
    }
}
