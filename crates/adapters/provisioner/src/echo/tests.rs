use super::text::Text;
use super::*;
use doorward_wire::messages::provisioner::{LogLevel, Metadata, RichParameterValue, VariableValue};
use proptest::prelude::*;
use std::time::Duration;
use uuid::Uuid;

const GOOD: &str = r#"
tags = { region = "eu", size = "${size}" }

[[variable]]
name = "image"
default = "debian"

[[variable]]
name = "token"
sensitive = true

[[parameter]]
name = "size"
type = "number"
default = 2
mutable = true
validation = { min = 1, max = 8, monotonic = "increasing" }

[[parameter]]
name = "region"
description = "Where it runs"
option = [{ name = "Europe", value = "eu" }, { name = "America", value = "us" }]

[[parameter]]
name = "broken"
default = ""

[[preset]]
name = "large"
default = true
parameters = { size = 8, region = "eu" }

[[external_auth]]
id = "github"
optional = true

[[resource]]
name = "home"
type = "disk"
on = ["start", "stop"]
daily_cost = 1

[[resource]]
name = "dev"
type = "container"
daily_cost = "${size}"
metadata = [{ key = "image", value = "${image}" }, { key = "price", value = "$${size} is ${size}" }]

[[resource.agent]]
name = "main"
directory = "/home/${workspace.owner}"
env = { REGION = "${region}", SIZE = "${size}" }

[[resource.agent.app]]
slug = "code"
url = "http://localhost:8080"
share = "authenticated"

[[resource.agent.script]]
name = "Start"
script = "echo ${workspace.name}"
on_start = true

[import]
log = ["looking", "[debug] at ${no}"]

[start.plan]
log = ["planning ${workspace.transition} of ${workspace.name}"]
delay = "250ms"
fail = "${broken}"

[start.apply]
log = ["[warn] one\ntwo"]
"#;

fn good() -> Template {
    Template::parse(&GOOD.replace(" at ${no}", " at it")).unwrap()
}

fn defect(file: &str) -> String {
    Template::parse(file).unwrap_err().to_string()
}

fn id() -> Uuid {
    Uuid::from_u128(7)
}

fn variables() -> Vec<VariableValue> {
    vec![VariableValue { name: "token".to_owned(), value: "s3cret".to_owned(), sensitive: true }]
}

fn values(all: &[(&str, &str)]) -> Vec<RichParameterValue> {
    all.iter()
        .map(|(name, value)| RichParameterValue { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect()
}

fn metadata() -> Metadata {
    Metadata { workspace_name: "w".to_owned(), workspace_owner: "ann".to_owned(), ..Metadata::default() }
}

fn scope(parameters: &[(&str, &str)], transition: Transition) -> Result<Scope, Defect> {
    Scope::of_build(&good(), &variables(), &values(parameters), &metadata(), transition)
}

#[test]
fn a_description_becomes_resources_with_the_values_of_a_build() {
    let template = good();
    let start = scope(&[("size", "3"), ("region", "us")], Transition::Start).unwrap();
    let plan = start.plan(&template, Transition::Start, &id).unwrap();
    assert_eq!(plan.daily_cost, 4);
    let names: Vec<_> = plan.resources.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["home", "dev"]);
    let dev = &plan.resources[1];
    assert_eq!(dev.metadata[0].value, "debian");
    assert_eq!(dev.metadata[1].value, "${size} is 3");
    let agent = &dev.agents[0];
    assert_eq!(
        (agent.name.as_str(), agent.directory.as_str(), agent.id.as_str()),
        ("main", "/home/ann", id().to_string().as_str())
    );
    assert_eq!((agent.env["REGION"].as_str(), agent.env["SIZE"].as_str()), ("us", "3"));
    assert_eq!((agent.apps[0].slug.as_str(), agent.apps[0].sharing_level), ("code", 1));
    assert_eq!((agent.scripts[0].script.as_str(), agent.scripts[0].run_on_start), ("echo w", true));

    let stop = scope(&[("region", "us")], Transition::Stop).unwrap();
    let plan = stop.plan(&template, Transition::Stop, &id).unwrap();
    assert_eq!((plan.resources.len(), plan.daily_cost), (1, 1));
    let delete = scope(&[], Transition::Delete).unwrap();
    let plan = delete.plan(&template, Transition::Delete, &id).unwrap();
    assert_eq!((plan.resources.len(), plan.daily_cost), (0, 0));
}

#[test]
fn what_happens_in_a_stage_is_said_in_its_order() {
    let template = good();
    let log = |level, text: &str| Step::Log(level, text.to_owned());
    assert_eq!(
        Scope::steps_of_import(&template).unwrap(),
        [log(LogLevel::Info, "looking"), log(LogLevel::Debug, "at it")]
    );
    let [plan, apply] = scope(&[("region", "eu"), ("broken", "no room")], Transition::Start)
        .unwrap()
        .stages(&template, Transition::Start)
        .unwrap();
    let wanted = [
        log(LogLevel::Info, "planning start of w"),
        Step::Pause(Duration::from_millis(250)),
        Step::Fail("no room".to_owned()),
    ];
    assert_eq!(plan, wanted);
    assert_eq!(apply, [log(LogLevel::Warn, "one"), log(LogLevel::Warn, "two")]);
    let [plan, _] =
        scope(&[("region", "eu")], Transition::Start).unwrap().stages(&template, Transition::Start).unwrap();
    assert_eq!(plan.len(), 2, "an empty failure is none");
}

#[test]
fn the_server_is_told_what_a_template_asks_for() {
    let template = good();
    let variables = template.variables();
    assert_eq!((variables[0].default_value.as_str(), variables[0].required), ("debian", false));
    assert_eq!((variables[1].required, variables[1].sensitive), (true, true));
    let parameters = template.parameters();
    assert_eq!(
        (parameters[0].default_value.as_str(), parameters[0].validation_max, parameters[0].mutable),
        ("2", Some(8), true)
    );
    assert_eq!((parameters[1].required, parameters[1].options.len(), parameters[1].form_type), (true, 2, 2));
    assert_eq!((parameters[2].required, parameters[2].default_value.as_str()), (false, ""));
    let presets = template.presets();
    assert_eq!((presets[0].name.as_str(), presets[0].default, presets[0].parameters.len()), ("large", true, 2));
    let tags = template.tags();
    assert_eq!((tags["region"].as_str(), tags["size"].as_str()), ("\"eu\"", "data.coder_parameter.size.value"));
    assert!(template.external_auth()[0].optional);
}

#[test]
fn values_that_are_missing_or_cannot_be_are_refused() {
    let refused = |parameters: &[(&str, &str)]| scope(parameters, Transition::Start).unwrap_err();
    let missing = refused(&[]);
    assert_eq!((missing.code(), missing.to_string().contains("`region`")), (Code::MissingTemplateParameter, true));
    for (size, why) in [("x", "is no number"), ("9", "above"), ("0", "below"), ("NaN", "is no number")] {
        let error = refused(&[("region", "eu"), ("size", size)]).to_string();
        assert!(error.contains("`size`") && error.contains(why), "{error}");
    }
    assert!(refused(&[("region", "mars")]).to_string().contains("none of the options"));
    let without =
        Scope::of_build(&good(), &[], &values(&[("region", "eu")]), &metadata(), Transition::Start).unwrap_err();
    assert_eq!(without.code(), Code::RequiredTemplateVariables);
    assert_eq!(without.to_string(), "required template variables need values: token");
    let import = Scope::of_import(&good(), &[], &Metadata::default(), Transition::Start).unwrap_err();
    assert_eq!(import.code(), Code::RequiredTemplateVariables);
    assert!(Scope::of_import(&good(), &variables(), &Metadata::default(), Transition::Start).is_ok());
}

#[test]
fn a_mistake_in_a_description_is_told_with_its_place() {
    for (file, wanted) in [
        ("x = 1", "doorward.toml: line 1: unknown field `x`"),
        ("\n[[resource]]\nname = \"a\"\ntype = \"b\"\ncost = 1", "line 5: unknown field `cost`"),
        ("[[resource]]\nname = \"a\"", "missing field `type`"),
        ("[[parameter]]\nname = \"a b\"", "the parameter `a b`: a name is"),
        ("[[parameter]]\nname = \"a\"\n[[variable]]\nname = \"a\"", "another parameter or variable"),
        ("[[parameter]]\nname = \"a\"\ntype = \"int\"", "the type is"),
        ("[[parameter]]\nname = \"a\"\ntype = \"number\"\ndefault = \"x\"", "the default is no number"),
        ("[[parameter]]\nname = \"a\"\nvalidation = { min = 2, max = 1 }", "above"),
        ("[[parameter]]\nname = \"a\"\nvalidation = { regex = \"(\" }", "regex cannot be read"),
        (
            "[[parameter]]\nname = \"a\"\nvalidation = { regex = \"((((a{100}){100}){100}){100})\" }",
            "regex cannot be read",
        ),
        ("[[preset]]\nname = \"p\"\nparameters = { a = 1 }", "there is no parameter `a`"),
        ("[[resource]]\nname = \"a\"\ntype = \"b\"\non = [\"delete\"]", "nothing is there"),
        ("[[resource]]\nname = \"a\"\ntype = \"b\"\non = [\"pause\"]", "unknown variant `pause`"),
        ("[start.plan]\nlog = [\"${size}\"]", "start.plan: `${size}` is no parameter"),
        ("[import]\nlog = [\"${workspace.name}\"]", "has no value yet"),
        ("[start.plan]\nlog = [\"${size\"]", "line 2: a `${` is not closed"),
        ("[start.plan]\nlog = [\"${a b}\"]", "has no name of a value"),
        ("tags = { a = \"x ${workspace.name}\" }", "the tag `a`"),
        ("tags = { a = \"${b}\" }\n[[variable]]\nname = \"b\"", "the tag `a`"),
        ("tags = { a = \"b\\\"c\" }", "the tag `a`"),
        ("[start.plan\n", "line 1"),
        ("[start.plan]\nlog = [[]]", "invalid type"),
    ] {
        let told = defect(file);
        assert!(
            told.starts_with("doorward.toml: ") && told.contains(wanted) && !told.contains('\n'),
            "{file:?}: {told}"
        );
    }
}

#[test]
fn delays_and_costs_are_bounded() {
    let template = |delay: &str, cost: &str| {
        let file = format!(
            "[[parameter]]\nname = \"p\"\ndefault = \"{cost}\"\n[start.plan]\ndelay = \"{delay}\"\n\
             [[resource]]\nname = \"a\"\ntype = \"b\"\ndaily_cost = \"${{p}}\"\n[[resource]]\nname = \"c\"\ntype = \"d\"\ndaily_cost = \"${{p}}\""
        );
        Template::parse(&file).unwrap()
    };
    for (delay, cost, is_delay, is_cost) in [
        ("1h", "0", true, true),
        ("61m", "-1", false, false),
        ("soon", "1.5", false, false),
        ("", "2147483647", true, false),
        ("", "1073741823", true, true),
    ] {
        let template = template(delay, cost);
        let scope = Scope::of_build(&template, &[], &[], &metadata(), Transition::Start).unwrap();
        assert_eq!(scope.stages(&template, Transition::Start).is_ok(), is_delay, "{delay}");
        assert_eq!(scope.plan(&template, Transition::Start, &id).is_ok(), is_cost, "{cost}");
    }
}

#[test]
fn values_do_not_make_texts_grow_without_end() {
    let many = "${p}".repeat(100);
    let lines = vec![format!("\"{many}\""); 100].join(",");
    let file = format!("[[parameter]]\nname = \"p\"\n[start.plan]\nlog = [{lines}]");
    let template = Template::parse(&file).unwrap();
    let with = |value: String| {
        Scope::of_build(&template, &[], &values(&[("p", &value)]), &metadata(), Transition::Start)
            .unwrap()
            .stages(&template, Transition::Start)
    };
    assert!(with("x".repeat(100)).is_ok());
    assert!(with("x".repeat(600)).unwrap_err().to_string().contains("together"));
    assert!(with("x".repeat(1000)).unwrap_err().to_string().contains("longer than 65536"));
}

#[test]
fn the_state_goes_from_build_to_build() {
    let template = good();
    let start = scope(&[("region", "eu")], Transition::Start).unwrap().plan(&template, Transition::Start, &id).unwrap();
    let stop = scope(&[("region", "eu")], Transition::Stop).unwrap().plan(&template, Transition::Stop, &id).unwrap();
    let nothing = State::read(&[]).unwrap();
    assert_eq!(nothing.differences(&start), ["container.dev: created", "disk.home: created"]);
    let running = State::read(&nothing.after(&start).write()).unwrap();
    assert!(running.differences(&start).is_empty());
    assert_eq!(running.differences(&stop), ["container.dev: destroyed"]);
    assert_ne!(running.after_failure(), running);
    assert!(running.after_failure().differences(&start).is_empty());
    assert!(State::read(b"{\"version\": 4}").unwrap_err().to_string().contains("echo"));
    assert!(State::read(&vec![b' '; 2 * 1024 * 1024]).is_err());
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn the_description_is_found_at_the_top_of_an_archive() {
    let read = |entries: &[(&str, &[u8])]| Archive::read(&tar(entries));
    let found = read(&[
        ("main.tf", b"x"),
        ("./doorward.toml", b"a"),
        ("README.md", b"# b"),
        (concat!("sub/", "README.md"), b"c"),
    ])
    .unwrap();
    assert_eq!((found.file.as_str(), found.readme.as_slice()), ("a", b"# b".as_slice()));
    assert_eq!(read(&[("doorward.toml", b"a"), ("doorward.toml", b"b")]).unwrap().file, "b");
    let long = vec![b' '; 300 * 1024];
    for (entries, wanted) in [
        (&[("sub/doorward.toml", b"a".as_slice())][..], "no file doorward.toml"),
        (&[("doorward.toml", &[0xff])], "no UTF-8"),
        (&[("doorward.toml", &long)], "longer than"),
    ] {
        let error = read(entries).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    assert!(Archive::read(b"no tar at all").is_err());
    assert!(Archive::read(&[]).unwrap_err().to_string().contains("no file doorward.toml"));
    let many = vec![("x", b"".as_slice()); 10_001];
    assert!(read(&many).unwrap_err().to_string().contains("entries"));
    // A header that promises more than there is.
    let mut cut = tar(&[("doorward.toml", &[b'a'; 1000])]);
    cut.truncate(700);
    assert!(Archive::read(&cut).is_err());
}

/// Carries a description as far as it goes.
fn carry(file: &str, value: &str) {
    let Ok(template) = Template::parse(file) else { return };
    let (_all, _told) = (template.variables(), (template.parameters(), template.presets()));
    let _steps = Scope::steps_of_import(&template);
    let given: Vec<_> = template.parameters.iter().map(|parameter| (parameter.name.as_str(), value)).collect();
    for transition in [Transition::Start, Transition::Stop, Transition::Delete] {
        for scope in [
            Scope::of_import(&template, &variables(), &metadata(), transition),
            Scope::of_build(&template, &variables(), &values(&given), &metadata(), transition),
        ]
        .into_iter()
        .flatten()
        {
            let _stages = scope.stages(&template, transition);
            if let Ok(plan) = scope.plan(&template, transition, &id) {
                assert!(plan.daily_cost >= 0);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_description_panics(file in "[\\[\\]a-z_.=\"'{}$0-9 \n,#\u{0}-\u{1f}\u{e9}]{0,300}", value in ".{0,40}") {
        carry(&file, &value);
    }

    #[test]
    fn no_change_of_a_good_description_panics(
        changes in proptest::collection::vec((0..GOOD.len(), "[\\[\\]a-z=\"${}0-9\n]{0,8}", 0..30_usize), 1..6), value in ".{0,40}",
    ) {
        let mut file = GOOD.replace(" at ${no}", " at it");
        for (at, text, length) in changes {
            let start = file.floor_char_boundary(at.min(file.len()));
            let end = file.floor_char_boundary((start + length).min(file.len()));
            file.replace_range(start..end, &text);
        }
        carry(&file, &value);
    }

    #[test]
    fn no_archive_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), changes in proptest::collection::vec((0..3000_usize, any::<u8>()), 0..20)) {
        let _read = Archive::read(&bytes);
        bytes = tar(&[("doorward.toml", GOOD.as_bytes()), ("README.md", &bytes)]);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if let Ok(archive) = Archive::read(&bytes) {
            carry(&archive.file, "x");
        }
    }

    #[test]
    fn texts_without_values_are_what_they_were(text in "[^$]{0,200}", name in "[a-z_-]{1,10}", value in ".{0,20}") {
        let parsed = Text::parse(&text).unwrap();
        prop_assert_eq!(parsed.fill(|_| None).unwrap(), text.clone());
        let with = Text::parse(&format!("{text}${{{name}}}{text}$${{{name}}}")).unwrap();
        let filled = with.fill(|asked| (asked == name).then_some(value.as_str())).unwrap();
        prop_assert_eq!(filled, format!("{text}{value}{text}${{{name}}}"));
    }

    #[test]
    fn no_state_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _state = State::read(&bytes);
    }
}
