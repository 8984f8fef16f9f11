use crate::support::*;
use doorward_domain::roles::{Action, CustomRole, Permission, ResourceType, RoleName, Vote};

contract! {
    async fn custom_roles_are_found_by_name_and_place(db) {
        let (acme, other) = (organization("acme"), organization("other"));
        let ids = [acme.id, other.id];
        let read = [Permission::allow(ResourceType::Template, Action::Read)];
        let site = CustomRole::new(RoleName::site("everywhere"), "Helper 1", read.to_vec(), Vec::new(), Vec::new());
        let roles = [site, custom("helper", Some(ids[0]), &read), custom("other", Some(ids[1]), &read)];
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &other)?;
            roles.iter().try_for_each(|role| repos.roles().insert(&permit(), id(), role, NOW))
        })
        .await;
        let wanted = [
            RoleName::site("everywhere"),
            RoleName::site("helper"),
            RoleName::organization("helper", ids[0].0),
            RoleName::organization("nothing", ids[0].0),
            RoleName::organization("other", ids[0].0),
        ];
        let found = db.read(move |repos| repos.roles().find_custom(&wanted)).await;
        let shown: Vec<&str> = found.iter().map(CustomRole::display_name).collect();
        assert_eq!(shown, ["Helper 1", "The helper"]);
        assert_eq!(found[0].role().site().vote(Action::Read, ResourceType::Template), Vote::Allow);
        let in_acme = found[1].role().organization(&ids[0].0.into()).unwrap();
        assert_eq!(in_acme.vote(Action::Read, ResourceType::Template), Vote::Allow);
        assert!(db.read(|repos| repos.roles().find_custom(&[])).await.is_empty());
    }
}
