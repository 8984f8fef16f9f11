use super::*;
use crate::error::Error;
use crate::users::testing::*;
use doorward_domain::ids::{TemplateId, UserId, WorkspaceId};
use doorward_domain::names::DisplayName;
use doorward_domain::roles::Acl;
use doorward_domain::templates::{Template, TemplateSettings, everyone};
use doorward_domain::workspaces::{Build, Outcome, PREBUILDS_USER, Transition, Workspace};
use doorward_ports::mocks::MockRepositories;
use uuid::Uuid;

const ID: WorkspaceId = WorkspaceId(Uuid::from_u128(0xBB));

fn workspace(owner_id: UserId) -> Workspace {
    Workspace {
        id: ID,
        owner_id,
        organization_id: ORGANIZATION,
        template_id: TemplateId(Uuid::from_u128(0x7e)),
        name: "box".parse().unwrap(),
        created_at: NOW,
        updated_at: NOW,
        last_used_at: NOW,
        dormant_at: None,
        deleted: false,
    }
}

fn view(workspace: Workspace) -> WorkspaceView {
    let template = Template {
        id: workspace.template_id,
        organization_id: ORGANIZATION,
        name: "dev".parse().unwrap(),
        display_name: DisplayName::default(),
        description: String::new(),
        icon: String::new(),
        active_version_id: None,
        created_by: ANN,
        created_at: NOW,
        updated_at: NOW,
        deleted: false,
        user_acl: Acl::new(),
        group_acl: everyone(ORGANIZATION),
        deprecation_message: String::new(),
        settings: TemplateSettings::default(),
    };
    WorkspaceView {
        workspace,
        owner_name: ann().username,
        owner_avatar_url: String::new(),
        organization_name: organization().name,
        template,
        latest_build: None,
    }
}

/// Mocks with this workspace, whose owner spends 8 of 10 credits elsewhere.
fn repos(workspace: &Workspace, previous: Option<Build>) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let (held, shown) = (workspace.clone(), view(workspace.clone()));
    let found = workspace.clone();
    repos.workspaces.expect_find().returning(move |_| Ok(Some(found.clone()).filter(|found| !found.deleted)));
    repos.workspaces.expect_find_for_update().returning(move |_| Ok(Some(held.clone())));
    repos.users.expect_find_for_update().returning(|id| Ok(Some(user(id, "ann"))));
    repos.workspaces.expect_view().returning(move |_| Ok(Some(shown.clone())));
    repos.workspaces.expect_latest_build().returning(move |_| Ok(previous.clone()));
    repos.quotas.expect_consumed().withf(|_, _, except| *except == Some(ID)).returning(|_, _, _| Ok(8));
    repos.quotas.expect_budget().returning(|_, _| Ok(10));
    repos
}

fn command(transition: &str, daily_cost: i32) -> BuildWorkspace {
    BuildWorkspace { transition: transition.to_owned(), daily_cost, ..BuildWorkspace::default() }
}

#[tokio::test]
async fn a_build_that_is_too_dear_is_kept_as_failed() {
    let previous = Build {
        id: Uuid::from_u128(5).into(),
        workspace_id: ID,
        build_number: 4,
        transition: Transition::Start,
        outcome: Outcome::Succeeded,
        error: String::new(),
        daily_cost: 5,
        template_version_id: None,
        initiator_id: ANN,
        created_at: NOW,
        job_id: None,
    };
    for (cost, outcome, stored, status) in
        [(5, Outcome::Failed, 0, 500), (4, Outcome::Succeeded, 4, 200), (2, Outcome::Succeeded, 2, 200)]
    {
        let mut mocks = repos(&workspace(ANN), Some(previous.clone()));
        mocks
            .workspaces
            .expect_insert_build()
            .times(1)
            .withf(move |_, build| {
                (build.build_number, build.outcome, build.daily_cost) == (5, outcome, stored)
                    && build.error.contains("quota") == (outcome == Outcome::Failed)
            })
            .returning(|_, _| Ok(true));
        expect_audit(&mut mocks, "start", status);
        build(&context(mocks), &actor().build(), ID, command("start", cost)).await.unwrap();
    }
}

#[tokio::test]
async fn a_dormant_workspace_is_stopped_and_deleted_but_not_started() {
    let asleep = Workspace { dormant_at: Some(NOW), ..workspace(ANN) };
    for who in [actor().build(), owner().build()] {
        let refused = build(&context(repos(&asleep, None)), &who, ID, command("start", 0)).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
        for transition in ["stop", "delete"] {
            let mut mocks = repos(&asleep, None);
            mocks.workspaces.expect_insert_build().times(1).returning(|_, _| Ok(true));
            expect_audit(&mut mocks, transition, 200);
            build(&context(mocks), &who, ID, command(transition, 0)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_built_before_somebody_asked_is_tried_twice() {
    let admin = || as_user(bob()).role("template-admin").build();
    let mut mocks = repos(&workspace(PREBUILDS_USER), None);
    mocks.workspaces.expect_insert_build().times(1).returning(|_, _| Ok(true));
    expect_audit(&mut mocks, "delete", 200);
    build(&context(mocks), &admin(), ID, command("delete", 0)).await.unwrap();
    // Only deleting and changing: and only what belongs to that user.
    for (owner, transition) in [(PREBUILDS_USER, "start"), (PREBUILDS_USER, "stop"), (ANN, "delete")] {
        let refused = build(&context(repos(&workspace(owner), None)), &admin(), ID, command(transition, 0)).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{transition}: {refused:?}");
    }
    // The scope that is named is that of the try which the role would let pass.
    let limited = as_user(bob()).role("template-admin").scopes(&["workspace:read"]).build();
    let refused = build(&context(repos(&workspace(PREBUILDS_USER), None)), &limited, ID, command("delete", 0)).await;
    let Err(Error::Forbidden(denied)) = refused else { panic!("{refused:?}") };
    assert_eq!(denied.missing_scope().unwrap().to_string(), "prebuilt_workspace:delete");
}

#[tokio::test]
async fn who_cannot_read_a_workspace_finds_none() {
    let stranger = as_user(bob()).build();
    for (what, who) in [
        (workspace(ANN), stranger),
        (Workspace { deleted: true, ..workspace(ANN) }, owner().build()),
        // Who left the organization has lost what was there.
        (workspace(ANN), actor().without_memberships().build()),
    ] {
        let refused = build(&context(repos(&what, None)), &who, ID, command("stop", 0)).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
        assert!(matches!(find(&context(repos(&what, None)), &who, ID).await, Err(Error::NotFound)));
        let refused = set_dormant(&context(repos(&what, None)), &who, ID, true).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    }
}
