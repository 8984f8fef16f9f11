//! Writes about access: each leaves its record in the same transaction, and none takes effect without.

use crate::audited::{PASSWORD, Walk, new_user, origin};
use crate::support::*;
use doorward_domain::Secret;
use doorward_domain::roles::Permission;
use doorward_domain::roles::custom::Draft;
use doorward_services::groups::{self, CreateGroup, UpdateGroup};
use doorward_services::organizations::{self, CreateOrganization, OrganizationRef, UpdateOrganization};
use doorward_services::templates::{self, CreateTemplate, UpdateTemplate, UpdateTemplateAcl};
use doorward_services::users::{CreateFirstUser, UserRef};
use doorward_services::workspaces::{self, BuildWorkspace, CreateWorkspace};
use doorward_services::{members, roles, users};
use std::collections::BTreeMap;

contract! {
    async fn writes_about_access_leave_their_records(db) {
        let walk = Walk::begin(db).await;
        let ctx = &walk.ctx;
        let first = || CreateFirstUser {
            email: "ann@example.com".to_owned(),
            username: "ann".to_owned(),
            name: String::new(),
            password: Secret::from(PASSWORD),
            proof: users::SetupProof::Local,
        };
        walk.step("first user", 1, async || users::create_first(ctx, first(), &origin()).await).await;
        let ann = walk.sign_in("ann@example.com", PASSWORD, 1).await;
        let bob = walk.step("user", 1, async || users::create(ctx, &ann, new_user("bob")).await).await.user.id;
        let to_bob = UserRef::Id(bob);

        let make = || CreateOrganization { name: "acme".to_owned(), ..CreateOrganization::default() };
        let acme = walk.step("organization", 1, async || organizations::create(ctx, &ann, make()).await).await;
        let place = OrganizationRef::Id(acme.id);
        // Who made it is a member since then.
        let ann = walk.sign_in("ann@example.com", PASSWORD, 1).await;
        let change = || UpdateOrganization { description: Some("doors".to_owned()), ..UpdateOrganization::default() };
        walk.step("changed", 1, async || organizations::update(ctx, &ann, &place, change()).await).await;

        let draft = |action: &str| Draft {
            name: "helper".to_owned(),
            organization: vec![Permission::named(false, "template", action)],
            ..Draft::default()
        };
        walk.step("role", 1, async || roles::create(ctx, &ann, &place, draft("read")).await).await;
        walk.step("changed role", 1, async || roles::update(ctx, &ann, &place, draft("update")).await).await;
        walk.step("member", 1, async || members::add(ctx, &ann, &place, &to_bob).await).await;
        let given = || vec!["helper".to_owned()];
        walk.step("roles", 1, async || members::update_roles(ctx, &ann, &place, &to_bob, given()).await).await;

        let make = || CreateGroup { name: "devs".to_owned(), ..CreateGroup::default() };
        let devs = walk.step("group", 1, async || groups::create(ctx, &ann, &place, make()).await).await.group.id;
        let change = || UpdateGroup {
            quota_allowance: Some(9),
            add_users: vec![bob.to_string()],
            ..UpdateGroup::default()
        };
        walk.step("changed group", 1, async || groups::update(ctx, &ann, devs, change()).await).await;

        let make = || CreateTemplate { name: "box".to_owned(), ..CreateTemplate::default() };
        let template = walk.step("template", 1, async || templates::create(ctx, &ann, &place, make()).await).await;
        let template = template.template.id;
        let change = || UpdateTemplate { name: "crate".to_owned(), ..UpdateTemplate::default() };
        walk.step("changed template", 1, async || templates::update(ctx, &ann, template, change()).await).await;
        let lists = || UpdateTemplateAcl {
            users: BTreeMap::from([(bob.to_string(), "use".to_owned())]),
            groups: BTreeMap::from([(devs.to_string(), "admin".to_owned())]),
        };
        walk.step("lists", 1, async || templates::update_acl(ctx, &ann, template, lists()).await).await;

        let make = || CreateWorkspace { template_id: Some(template), name: "desk".to_owned(), ..CreateWorkspace::default() };
        let create = async || workspaces::create(ctx, &ann, Some(place.clone()), &UserRef::Me, make()).await;
        // One of the workspace, one of its first build.
        let desk = walk.step("workspace", 2, create).await.workspace.id;
        for transition in ["stop", "start"] {
            let build = || BuildWorkspace { transition: transition.to_owned(), ..BuildWorkspace::default() };
            walk.step(transition, 1, async || workspaces::build(ctx, &ann, desk, build()).await).await;
        }
        walk.step("dormant", 1, async || workspaces::set_dormant(ctx, &ann, desk, true).await).await;
        let build = || BuildWorkspace { transition: "delete".to_owned(), ..BuildWorkspace::default() };
        walk.step("end of a workspace", 1, async || workspaces::build(ctx, &ann, desk, build()).await).await;

        walk.step("end of a template", 1, async || templates::delete(ctx, &ann, template).await).await;
        walk.step("end of a group", 1, async || groups::delete(ctx, &ann, devs).await).await;
        walk.step("end of a role", 1, async || roles::delete(ctx, &ann, &place, "helper").await).await;
        walk.step("end of a membership", 1, async || members::remove(ctx, &ann, &place, &to_bob).await).await;
        walk.step("end of an organization", 1, async || organizations::delete(ctx, &ann, &place).await).await;
    }
}
