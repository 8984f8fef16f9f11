//! `doorward apply`: a server as a file says.

use crate::client::Site;
use crate::command_line::Person;
use serde_json::json;

const FILE: &str = "
organizations:
  - name: acme
    display_name: Acme Ltd
    roles:
      - name: deployer
        display_name: Deployer
        permissions: ['template:read', 'workspace:read']
    members:
      owner: []
      ann: [deployer, organization-auditor]
      bob: []
    groups:
      - name: eng
        quota: 4
        members: [ann, bob]
      - name: ops
    sync:
      groups: {field: groups, regex_filter: '^eng', mapping: {engineers: [eng]}}
      roles: {field: roles, mapping: {deployers: [deployer]}}
apps:
  - name: grafana
    redirect_uris: ['https://grafana.example.com/cb']
    scopes: ['user:read', 'openid']
    trusted: true
  - name: my-cli
    public: true
    redirect_uris: ['http://127.0.0.1/callback']
sync:
  organizations: {field: orgs, assign_default: true, mapping: {acme: [acme]}}
";

fn site() -> (Site, Person) {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    for name in ["ann", "bob", "carol"] {
        person.types(&["ctl", "user", "create", "--username", name, "--service-account"]).expect(0);
    }
    (site, person)
}

#[test]
fn a_server_becomes_as_the_file_says_and_stays_so() {
    let (site, person) = site();
    let file = person.file("door.yaml", FILE);
    let dry = person.types(&["apply", "-f", &file, "--dry-run"]).expect(2);
    assert!(dry.out.contains("+ make the organization acme, with display name \"Acme Ltd\""), "{}", dry.out);
    assert!(dry.out.contains("+ members of the group eng of acme: add ann, bob"), "{}", dry.out);
    assert_eq!(site.api.get("/api/v2/organizations/acme").status, 404, "nothing was done");
    let asked = person.types(&["apply", "-f", &file]).expect(2);
    assert!(asked.err.contains("--yes"), "{}", asked.err);

    let done = person.types(&["apply", "-f", &file, "--yes"]).expect(0);
    assert_eq!(done.err.matches("done: ").count(), dry.out.lines().count(), "{}", done.err);
    let again = person.types(&["apply", "-f", &file, "--dry-run"]).expect(0);
    assert_eq!(again.out, "All is as the file says.\n");
    let nothing = person.types(&["apply", "-f", &file, "--yes", "--prune"]).expect(0);
    assert_eq!(nothing.out, "All is as the file says.\n");

    let get = |path: &str| site.api.get(path).json();
    let group = get("/api/v2/organizations/acme/groups/eng");
    assert_eq!((&group["quota_allowance"], &group["total_member_count"]), (&json!(4), &json!(2)));
    let sync = get("/api/v2/organizations/acme/settings/idpsync/groups");
    assert_eq!((&sync["mapping"]["engineers"][0], &sync["regex_filter"]), (&group["id"], &json!("^eng")));
    let member = get("/api/v2/organizations/acme/members/ann");
    assert_eq!(member["roles"].as_array().unwrap().len(), 2);

    // One difference is one change.
    let file = person.file("door.yaml", &FILE.replace("'template:read', ", "'template:use', "));
    let changed = person.types(&["apply", "-f", &file, "--yes", "-o", "json"]).expect(0).json();
    let words = "change the role deployer of acme: gains template:use, loses template:read";
    assert_eq!(changed["changes"], json!([{"action": "change", "words": words}]));
}

#[test]
fn toml_says_the_same_and_what_is_not_listed_goes_only_when_asked() {
    let (site, person) = site();
    let yaml = person.file("door.yaml", FILE);
    person.types(&["apply", "-f", &yaml, "--yes"]).expect(0);
    let toml = r#"
apps = []
[[organizations]]
name = "acme"
members = { owner = [], ann = ["deployer"] }
[[organizations.roles]]
name = "deployer"
display_name = "Deployer"
permissions = ["template:read", "workspace:read"]
[[organizations.groups]]
name = "eng"
members = ["ann"]
"#;
    let file = person.file("door.toml", toml);
    let gentle = person.types(&["apply", "-f", &file, "--yes"]).expect(0);
    for left in ["the member bob of acme", "the group ops of acme", "bob in the group eng of acme", "the app grafana"] {
        assert!(gentle.err.contains(left), "{left}: {}", gentle.err);
    }
    assert_eq!(site.api.get("/api/v2/organizations/acme/groups/ops").status, 200);

    let pruned = person.types(&["apply", "-f", &file, "--prune", "--yes"]).expect(0);
    for gone in
        ["- take bob out of acme", "- delete the group ops", "- delete the app grafana", "eng of acme: remove bob"]
    {
        assert!(pruned.out.contains(gone), "{gone}: {}", pruned.out);
    }
    assert_eq!(site.api.get("/api/v2/organizations/acme/groups/ops").status, 404);
    assert_eq!(site.api.get("/api/v2/oauth2-provider/apps").json(), json!([]));
    person.types(&["apply", "-f", &file, "--prune", "--dry-run"]).expect(0);
    // The default organization is in no file, and stays.
    assert_eq!(site.api.get("/api/v2/organizations/default").status, 200);
}

#[test]
fn whoever_applies_a_file_stays_and_what_a_role_does_not_say_too() {
    let (site, person) = site();
    let role = "organizations: [{name: beta, roles: [{name: reader, permissions: ['template:read', 'template:use'], own: ['workspace:read']}]}]";
    let file = person.file("door.yaml", role);
    person.types(&["apply", "-f", &file, "--yes"]).expect(0);
    // The owner has made the organization, and is not in the file.
    let text = "organizations: [{name: beta, members: {bob: []}, roles: [{name: reader, display_name: Readers}]}]";
    let file = person.file("door.yaml", text);
    let done = person.types(&["apply", "-f", &file, "--prune", "--yes"]).expect(0);
    assert!(done.err.contains("the member owner of beta, who applies the file"), "{}", done.err);
    let again = person.types(&["apply", "-f", &file, "--prune", "--dry-run"]).expect(0);
    assert_eq!(again.out, "All is as the file says.\n");
    let roles = site.api.get("/api/v2/organizations/beta/members/roles").json();
    let reader = roles.as_array().unwrap().iter().find(|role| role["name"] == "reader").unwrap();
    assert_eq!(reader["display_name"], "Readers");
    assert_eq!(reader["organization_permissions"].as_array().unwrap().len(), 2, "{reader}");
    assert_eq!(reader["organization_member_permissions"].as_array().unwrap().len(), 1, "{reader}");

    let own = person.file("own.yaml", "organizations: [{name: beta, members: {owner: [reader]}}]");
    let told = person.types(&["apply", "-f", &own, "--yes"]).expect(2);
    assert!(told.err.contains("nobody changes their own roles"), "{}", told.err);
    // Of a dry run 2 is that something differs, and nothing else.
    let bad = person.file("bad.yaml", "organizations: [");
    for file in [&*own, &*bad, "no-such-file.yaml"] {
        person.types(&["apply", "-f", file, "--dry-run"]).expect(1);
    }
}

#[test]
fn it_stops_at_the_first_error_says_what_was_done_and_goes_on_from_there() {
    let (_site, person) = site();
    let bad = FILE.replace("'openid'", "'no-such:scope'");
    let file = person.file("door.yaml", &bad);
    let said = person.types(&["apply", "-f", &file, "--yes"]).expect(1);
    assert!(said.err.contains("this one was not: register the app grafana"), "{}", said.err);
    assert!(said.err.contains("no-such:scope"), "{}", said.err);
    let file = person.file("door.yaml", FILE);
    let rest = person.types(&["apply", "-f", &file, "--yes"]).expect(0);
    assert_eq!(rest.out.lines().count(), 2, "{}", rest.out);
    person.types(&["apply", "-f", &file, "--dry-run"]).expect(0);
}

#[test]
fn what_cannot_be_applied_is_told_and_nothing_is_done() {
    let (site, person) = site();
    for (text, why) in [
        ("organizations: [{name: beta, groups: [{name: eng, members: [ann]}]}]", "no member of beta"),
        ("organizations: [{name: beta, groups: [{name: eng, color: red}]}]", "color"),
        ("organizations: [{name: beta}, {name: beta}]", "twice"),
        ("sync: {organizations: {mapping: {x: [nowhere]}}}", "nowhere"),
        ("organizations: [", ""),
    ] {
        let file = person.file("bad.yaml", text);
        let said = person.types(&["apply", "-f", &file, "--yes"]).expect(2);
        assert!(said.err.contains(why), "{text}: {}", said.err);
    }
    person.types(&["apply", "-f", "no-such-file.yaml", "--yes"]).expect(1);
    let from_stdin = person.typing(&["apply", "-f", "-", "--yes"], "organizations: [{name: gamma}]\n").expect(0);
    assert!(from_stdin.out.contains("gamma"));
    assert_eq!(site.api.get("/api/v2/organizations/beta").status, 404);
    assert_eq!(site.api.get("/api/v2/organizations/gamma").status, 200);
}
