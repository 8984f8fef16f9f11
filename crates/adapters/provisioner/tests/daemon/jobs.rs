use crate::server::{JOB, archive, build, import, job, with_daemon};
use doorward_wire::messages::provisioner::WorkspaceTransition;
use doorward_wire::messages::provisionerd::{
    AcquiredJob, AcquiredTemplateDryRun, AcquiredType, CompletedType, CompletedWorkspaceBuild, FailedType,
};
use std::time::Duration;
use uuid::Uuid;

const TEMPLATE: &str = r#"
tags = { region = "eu" }

[[variable]]
name = "image"
default = "debian"

[[parameter]]
name = "size"
type = "number"
default = 2

[[parameter]]
name = "fail"
default = ""

[[parameter]]
name = "delay"
default = "0s"

[[resource]]
name = "home"
type = "disk"
on = ["start", "stop"]
daily_cost = 1

[[resource]]
name = "dev"
type = "container"
daily_cost = "${size}"

[[resource.agent]]
name = "main"

[import]
log = ["looking"]

[start.plan]
log = ["planning ${workspace.name}"]

[start.apply]
log = ["applying"]
delay = "${delay}"
fail = "${fail}"
"#;

const START: WorkspaceTransition = WorkspaceTransition::Start;

fn completed_build(done: Option<&CompletedType>) -> &CompletedWorkspaceBuild {
    match done {
        Some(CompletedType::WorkspaceBuild(build)) => build,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_version_is_imported() {
    with_daemon(
        |_| {},
        async |server, _| {
            server.post(import(TEMPLATE, &[]));
            server.until(|known| !known.completed.is_empty()).await;
            let known = server.known.borrow();
            let Some(CompletedType::TemplateImport(import)) = &known.completed[0].r#type else { panic!() };
            assert_eq!(known.completed[0].job_id, JOB);
            let names = |resources: &[doorward_wire::messages::resources::Resource]| {
                resources.iter().map(|resource| resource.name.clone()).collect::<Vec<_>>()
            };
            assert_eq!(names(&import.start_resources), ["home", "dev"]);
            assert_eq!(names(&import.stop_resources), ["home"]);
            assert_eq!(import.rich_parameters.len(), 3);
            let told = known.updates.iter().find(|(_, update)| !update.template_variables.is_empty()).unwrap();
            assert_eq!(
                (told.1.readme.as_slice(), told.1.workspace_tags["region"].as_str()),
                (&b"# Read me"[..], "\"eu\"")
            );
            drop(known);
            let log = server.log();
            assert!(log.contains(&("Parsing template parameters".to_owned(), "looking".to_owned())), "{log:?}");
            assert!(log.contains(&("Detecting ephemeral resources".to_owned(), "container.dev".to_owned())), "{log:?}");
        },
    );
}

#[test]
fn a_workspace_is_built_and_what_there_is_goes_from_build_to_build() {
    with_daemon(
        |_| {},
        async |server, _| {
            server.post(build(TEMPLATE, START, &[("size", "4")], Vec::new()));
            server.until(|known| known.completed.len() == 1).await;
            let state = {
                let known = server.known.borrow();
                let done = completed_build(known.completed[0].r#type.as_ref());
                assert_eq!(known.committed[0].daily_cost, 5);
                let stages: Vec<_> = done.timings.iter().map(|timing| timing.stage.as_str()).collect();
                assert_eq!(stages, ["plan", "apply"]);
                let agent = &done.resources[1].agents[0];
                assert!(Uuid::parse_str(&agent.id).is_ok() && agent.name == "main");
                done.state.clone()
            };
            server.post(build(TEMPLATE, WorkspaceTransition::Stop, &[], state));
            server.until(|known| known.completed.len() == 2).await;
            let log = server.log();
            assert!(log.iter().any(|(_, line)| line == "container.dev: created"), "{log:?}");
            let stopping = ("Stopping workspace".to_owned(), "container.dev: destroyed".to_owned());
            assert!(log.contains(&stopping), "{log:?}");
            let state = completed_build(server.known.borrow().completed[1].r#type.as_ref()).state.clone();
            server.post(build(TEMPLATE, WorkspaceTransition::Destroy, &[("size", "nonsense")], state));
            server.until(|known| known.completed.len() == 3).await;
            let known = server.known.borrow();
            assert!(completed_build(known.completed[2].r#type.as_ref()).resources.is_empty());
            assert_eq!(known.committed.len(), 2, "nobody asks whether less may be spent when all is given back");
        },
    );
}

#[test]
fn a_dry_run_says_what_there_would_be() {
    with_daemon(
        |_| {},
        async |server, _| {
            server.post(job(TEMPLATE, AcquiredType::TemplateDryRun(AcquiredTemplateDryRun::default())));
            server.until(|known| !known.completed.is_empty()).await;
            let known = server.known.borrow();
            let Some(CompletedType::TemplateDryRun(run)) = &known.completed[0].r#type else { panic!() };
            assert_eq!((run.resources.len(), known.committed.len()), (2, 0));
        },
    );
}

#[test]
fn jobs_that_fail_say_why() {
    let variable = "[[variable]]\nname = \"token\"";
    let parameter = "[[parameter]]\nname = \"size\"";
    let jobs = [
        (import("nonsense", &[]), "doorward.toml: line 1", ""),
        (import(variable, &[]), "required template variables need values", "REQUIRED_TEMPLATE_VARIABLES"),
        (import("[import]\nfail = \"not today\"", &[]), "not today", ""),
        (build(parameter, START, &[], Vec::new()), "`size` has no value", "MISSING_TEMPLATE_PARAMETER"),
        (build(TEMPLATE, START, &[("fail", "no room")], Vec::new()), "no room", ""),
        (build(TEMPLATE, START, &[], b"{}x".to_vec()), "the state of the workspace", ""),
        (AcquiredJob { template_source_archive: b"no tar".to_vec(), ..import("", &[]) }, "the archive", ""),
        (AcquiredJob { r#type: None, ..import("", &[]) }, "of a kind", ""),
    ];
    with_daemon(
        |_| {},
        async |server, _| {
            for (n, (job, why, code)) in jobs.into_iter().enumerate() {
                server.post(job);
                server.until(|known| known.failed.len() == n + 1).await;
                let failed = server.known.borrow().failed[n].clone();
                assert!(failed.error.contains(why), "{why}: {}", failed.error);
                assert_eq!((failed.error_code.as_str(), failed.job_id.as_str()), (code, JOB));
                if why == "no room" {
                    let Some(FailedType::WorkspaceBuild(build)) = failed.r#type else { panic!() };
                    assert_eq!((build.timings.len(), build.state.is_empty()), (2, false));
                }
            }
            assert!(server.known.borrow().completed.is_empty());
        },
    );
}

#[test]
fn a_build_that_may_not_cost_so_much_fails() {
    with_daemon(
        |known| known.budget = 2,
        async |server, _| {
            server.post(build(TEMPLATE, START, &[], Vec::new()));
            server.until(|known| !known.failed.is_empty()).await;
            let failed = server.known.borrow().failed[0].clone();
            assert_eq!(
                (failed.error.as_str(), failed.error_code.as_str()),
                ("insufficient quota", "INSUFFICIENT_QUOTA")
            );
            let log = server.log();
            assert!(!log.iter().any(|(_, line)| line == "applying"), "{log:?}");
            assert!(log.iter().any(|(stage, line)| stage == "Commit quota" && line.contains("exceed")), "{log:?}");
        },
    );
}

#[test]
fn what_the_server_does_not_take_as_complete_has_failed() {
    with_daemon(
        |known| _ = known.refused.insert("CompleteJob", "two agents have one name"),
        async |server, _| {
            server.post(build(TEMPLATE, START, &[], Vec::new()));
            server.until(|known| !known.failed.is_empty()).await;
            assert_eq!(server.known.borrow().failed[0].error, "two agents have one name");
        },
    );
}

#[test]
fn a_job_that_is_not_ours_any_more_is_not_carried_on() {
    with_daemon(
        |known| _ = known.refused.insert("UpdateJob", "you don't own this job"),
        async |server, _| {
            server.post(build(TEMPLATE, START, &[("delay", "1h")], Vec::new()));
            server.until(|known| !known.failed.is_empty()).await;
            assert!(server.known.borrow().failed[0].error.contains("you don't own this job"));
        },
    );
}

#[test]
fn a_long_job_gives_signs_of_life_and_is_cancelled_in_between() {
    with_daemon(
        |_| {},
        async |server, _| {
            server.post(build(TEMPLATE, START, &[("delay", "10m")], Vec::new()));
            server.until(|known| known.updates.len() > 60).await;
            {
                let known = server.known.borrow();
                let pairs = known.updates.windows(2);
                let longest = pairs.map(|pair| pair[1].0.duration_since(pair[0].0)).max().unwrap();
                assert!(longest <= Duration::from_secs(5), "{longest:?}");
                assert!(known.failed.is_empty() && known.completed.is_empty());
            }
            server.known.borrow_mut().is_canceled = true;
            server.until(|known| !known.failed.is_empty()).await;
            // Without an error it counts as cancelled.
            assert_eq!(server.known.borrow().failed[0].error, "");
            server.known.borrow_mut().is_canceled = false;
            server.post(import(TEMPLATE, &[]));
            server.until(|known| !known.completed.is_empty()).await;
        },
    );
}

#[test]
fn a_long_log_comes_in_order_and_in_pieces() {
    let lines: Vec<String> = (0..5000).map(|n| format!("\"{n} {}\"", "x".repeat(20))).collect();
    let file = format!("[import]\nlog = [{}]", lines.join(","));
    assert!(archive(&file).len() < 1024 * 1024);
    with_daemon(
        |_| {},
        async |server, _| {
            server.post(import(&file, &[]));
            server.until(|known| !known.completed.is_empty()).await;
            let log = server.log();
            let numbers = log.iter().filter(|(stage, line)| stage == "Parsing template parameters" && !line.is_empty());
            let numbers: Vec<usize> =
                numbers.map(|(_, line)| line.split(' ').next().unwrap().parse().unwrap()).collect();
            assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
            assert!(server.known.borrow().updates.iter().all(|(_, update)| update.logs.len() <= 1000));
        },
    );
}
