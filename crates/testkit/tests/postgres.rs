//! The throw-away cluster, with the PostgreSQL that is installed.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are test code too")]

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use doorward_testkit::postgres::{Cluster, Options, cluster};

/// Set in the child process that a test kills.
const CHILD: &str = "DOORWARD_TESTKIT_CHILD";

#[test]
fn databases_are_apart_and_dropped() {
    let cluster = cluster().unwrap();
    let one = cluster.fresh_database().unwrap();
    let two = cluster.fresh_database().unwrap();
    one.execute("CREATE TABLE t (v integer)").unwrap();
    two.execute("CREATE TABLE t (v text)").unwrap();
    assert_ne!(one.url(), two.url());
    let name = one.name().to_owned();
    drop(one);
    let left = cluster.execute(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")).unwrap();
    assert_eq!(left.trim(), "0");
}

#[test]
fn an_error_of_the_server_is_told() {
    let database = cluster().unwrap().fresh_database().unwrap();
    let error = format!("{:#}", database.execute("SELECT * FROM nothing").unwrap_err());
    assert!(error.contains("relation \"nothing\" does not exist"), "{error}");
}

#[test]
fn a_template_is_filled_once_or_at_least_whole() {
    let cluster = cluster().unwrap();
    let filled = AtomicU32::new(0);
    let name = format!("testkit_{}", std::process::id());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let template = cluster.template(&name, |url| {
                    filled.fetch_add(1, Ordering::Relaxed);
                    psql(url, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS v");
                    Ok(())
                });
                let database = cluster.fresh_database_from(&template.unwrap()).unwrap();
                assert_eq!(database.execute("SELECT count(*) FROM t").unwrap().trim(), "1000");
            });
        }
    });
    let before = filled.load(Ordering::Relaxed);
    cluster.template(&name, |_| panic!("filled already")).unwrap();
    assert!((1..=4).contains(&before));
    cluster.execute(&format!("DROP DATABASE doorward_template_{name}")).unwrap();
}

#[test]
fn a_private_cluster_goes_away_and_comes_back_with_its_data() {
    let mut cluster = Cluster::private(&Options { durable: true, ..Options::default() }).unwrap();
    assert_eq!(cluster.execute("SHOW fsync").unwrap().trim(), "on");
    let database = cluster.fresh_database().unwrap();
    database.execute("CREATE TABLE t AS SELECT 42 AS v").unwrap();
    cluster.crash().unwrap();
    assert!(database.execute("SELECT v FROM t").is_err());
    cluster.restart().unwrap();
    assert_eq!(database.execute("SELECT v FROM t").unwrap().trim(), "42");
    let folder = socket_folder(&cluster.url());
    assert!(folder.is_dir());
    drop(database);
    drop(cluster);
    assert!(!folder.exists(), "{} is still there", folder.display());
}

#[test]
fn the_shared_cluster_is_not_stopped_under_others() {
    assert!(Cluster::shared().unwrap().crash().is_err());
}

#[test]
fn test_processes_share_one_cluster() {
    let mine = Cluster::shared().unwrap();
    let mut child = spawn_child("shared");
    assert_eq!(child.url, mine.url());
    child.process.kill().unwrap();
    child.process.wait().unwrap();
    mine.execute("SELECT 1").unwrap();
}

#[test]
fn nothing_stays_of_a_process_that_is_killed() {
    let mut child = spawn_child("private");
    let folder = socket_folder(&child.url);
    assert!(folder.join("data").is_dir());
    child.process.kill().unwrap();
    child.process.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.exists() || has_processes_of(&folder) {
        assert!(Instant::now() < deadline, "{} is still there", folder.display());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Not a test of its own: the process that the two tests above kill.
#[test]
fn child() {
    let Ok(kind) = env::var(CHILD) else { return };
    let cluster = match kind.as_str() {
        "shared" => Cluster::shared().unwrap(),
        _ => Cluster::private(&Options::default()).unwrap(),
    };
    println!("{}", cluster.url());
    loop {
        thread::park();
    }
}

struct RunningChild {
    process: std::process::Child,
    url: String,
}

fn spawn_child(kind: &str) -> RunningChild {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(CHILD, kind).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("postgres://"))).unwrap().unwrap();
    let url = line.get(line.find("postgres://").unwrap()..).unwrap().to_owned();
    RunningChild { process, url }
}

fn socket_folder(url: &str) -> PathBuf {
    let (_, host) = url.split_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    PathBuf::from(host.replace("%2F", "/"))
}

fn has_processes_of(folder: &Path) -> bool {
    let folder = folder.to_str().unwrap();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .any(|command| command.contains("postgres") && command.contains(folder))
}

fn psql(url: &str, sql: &str) {
    let status = Command::new("psql").args(["-X", "-q", "-c", sql, url]).status().unwrap();
    assert!(status.success());
}
