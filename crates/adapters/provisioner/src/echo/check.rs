//! What is wrong with a description that can be read.

use super::Defect;
use super::template::{Agent, Parameter, Resource, Stages, Steps, Template, Variable};
use super::text::{Text, is_name};
use doorward_domain::template_versions::check_regex;
use std::collections::{BTreeMap, BTreeSet};

/// Most variables, parameters, presets, resources, agents or apps.
const MANY: usize = 1000;
/// Most lines of a stage.
const LINES_MAX: usize = 10_000;
/// Longest text that is shown to people or names something, in bytes.
const WORDS_MAX: usize = 8 * 1024;
/// What `${workspace.*}` may be.
pub(super) const OF_WORKSPACE: [&str; 4] =
    ["workspace.name", "workspace.owner", "workspace.id", "workspace.transition"];

impl Template {
    /// Reads a description, and looks whether it makes sense. Errors: the first thing that is wrong, with its line.
    pub(crate) fn parse(file: &str) -> Result<Self, Defect> {
        let template: Self = toml::from_str(file).map_err(|error| {
            let line =
                error.span().and_then(|span| file.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            let text = error.message().trim().replace('\n', " ");
            Defect::new(match line {
                Some(line) => format!("line {line}: {text}"),
                None => text,
            })
            .in_file()
        })?;
        check(&template).map_err(Defect::in_file)?;
        Ok(template)
    }
}

/// Errors: the first thing that is wrong.
fn check(template: &Template) -> Result<(), Defect> {
    few("variables", template.variables.len(), MANY)?;
    few("parameters", template.parameters.len(), MANY)?;
    few("presets", template.presets.len(), MANY)?;
    few("tags", template.tags.len(), MANY)?;
    few("kinds of external authentication", template.external_auth.len(), MANY)?;
    few("resources", template.resources.len(), MANY)?;
    let mut known = BTreeSet::new();
    for variable in &template.variables {
        variable_is_good(variable)?;
        unique(&mut known, "variable", &variable.name)?;
    }
    for parameter in &template.parameters {
        parameter_is_good(parameter)?;
        unique(&mut known, "parameter", &parameter.name)?;
    }
    presets(template)?;
    tags(template)?;
    let Template { import, start, stop, delete, .. } = template;
    let mut texts = Vec::new();
    for (place, steps) in [("import", import)].into_iter().chain(stages("start", start)).chain(stages("stop", stop)) {
        texts.extend(of_steps(place, steps)?);
    }
    for (place, steps) in stages("delete", delete) {
        texts.extend(of_steps(place, steps)?);
    }
    for resource in &template.resources {
        texts.extend(of_resource(resource)?);
    }
    for (place, text) in texts {
        for name in text.names() {
            if place == "import" {
                return Err(Defect::new(format!("import: `${{{name}}}` has no value yet when a version is imported")));
            }
            let is_known = known.contains(name) || OF_WORKSPACE.contains(&name);
            if !is_known {
                return Err(Defect::new(format!(
                    "{place}: `${{{name}}}` is no parameter, no variable, and none of {}",
                    OF_WORKSPACE.join(", ")
                )));
            }
        }
    }
    Ok(())
}

fn few(what: &str, number: usize, most: usize) -> Result<(), Defect> {
    if number > most {
        return Err(Defect::new(format!("there are {number} {what}; at most {most} may be")));
    }
    Ok(())
}

fn short(what: &str, text: &str) -> Result<(), Defect> {
    if text.len() > WORDS_MAX {
        return Err(Defect::new(format!("{what} is longer than {WORDS_MAX} bytes")));
    }
    Ok(())
}

fn unique<'a>(known: &mut BTreeSet<&'a str>, what: &str, name: &'a str) -> Result<(), Defect> {
    if !is_name(name) {
        let shown: String = name.chars().take(64).collect();
        return Err(Defect::new(format!("the {what} `{shown}`: a name is 1 to 64 letters, digits, `_` and `-`")));
    }
    if !known.insert(name) {
        return Err(Defect::new(format!("the {what} `{name}`: there is another parameter or variable of this name")));
    }
    Ok(())
}

fn variable_is_good(variable: &Variable) -> Result<(), Defect> {
    let Variable { name, description, kind, default, .. } = variable;
    let place = format!("the variable `{name}`");
    short(&place, description)?;
    if !["string", "number", "bool"].contains(&kind.as_str()) {
        return Err(Defect::new(format!("{place}: the type is string, number or bool")));
    }
    match default {
        Some(default) => of_type(kind, default).map_err(|error| Defect::new(format!("{place}: the default {error}"))),
        None => Ok(()),
    }
}

fn parameter_is_good(parameter: &Parameter) -> Result<(), Defect> {
    let Parameter { name, display_name, description, kind, default, options, validation, .. } = parameter;
    let place = format!("the parameter `{name}`");
    let wrong = |text: String| Defect::new(format!("{place}: {text}"));
    short(&place, display_name)?;
    short(&place, description)?;
    if !["string", "number", "bool", "list(string)"].contains(&kind.as_str()) {
        return Err(wrong("the type is string, number, bool or list(string)".to_owned()));
    }
    few(&format!("options of {place}"), options.len(), MANY)?;
    let mut values = BTreeSet::new();
    for option in options {
        of_type(kind, &option.value)
            .map_err(|error| wrong(format!("the value of the option `{}` {error}", option.name)))?;
        if !values.insert(&option.value) {
            return Err(wrong(format!("two options have the value `{}`", option.value)));
        }
    }
    if !["", "increasing", "decreasing"].contains(&validation.monotonic.as_str()) {
        return Err(wrong("validation.monotonic is increasing or decreasing".to_owned()));
    }
    // This provisioner judges no values: what the server cannot check nobody would.
    check_regex(&validation.regex).map_err(|error| {
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        wrong(format!("validation.regex cannot be read: {error}"))
    })?;
    if let (Some(min), Some(max)) = (validation.min, validation.max)
        && min > max
    {
        return Err(wrong("validation.min is above validation.max".to_owned()));
    }
    match default {
        Some(default) => value_is_good(parameter, default).map_err(|error| wrong(format!("the default {error}"))),
        None => Ok(()),
    }
}

/// Whether a parameter may have this value. Errors: why not, after what it is.
pub(super) fn value_is_good(parameter: &Parameter, value: &str) -> Result<(), String> {
    of_type(&parameter.kind, value)?;
    // Several of them may be chosen of a list.
    let is_option = || parameter.options.iter().any(|option| option.value == value);
    if !parameter.options.is_empty() && parameter.kind != "list(string)" && !is_option() {
        return Err("is none of the options".to_owned());
    }
    if parameter.kind == "number"
        && let Ok(number) = value.parse::<f64>()
    {
        if parameter.validation.min.is_some_and(|min| number < f64::from(min)) {
            return Err("is below validation.min".to_owned());
        }
        if parameter.validation.max.is_some_and(|max| number > f64::from(max)) {
            return Err("is above validation.max".to_owned());
        }
    }
    Ok(())
}

/// Whether a value is of this type. Errors: why not.
fn of_type(kind: &str, value: &str) -> Result<(), String> {
    let is_good = match kind {
        "number" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "bool" => value == "true" || value == "false",
        "list(string)" => serde_json::from_str::<Vec<String>>(value).is_ok(),
        _ => true,
    };
    if !is_good {
        return Err(format!("is no {kind}"));
    }
    if value.len() > super::text::TEXT_MAX { Err("is too long".to_owned()) } else { Ok(()) }
}

fn presets(template: &Template) -> Result<(), Defect> {
    let parameters: BTreeMap<&str, &Parameter> =
        template.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter)).collect();
    let mut names = BTreeSet::new();
    let mut has_default = false;
    for preset in &template.presets {
        let wrong = |text: String| Defect::new(format!("the preset `{}`: {text}", preset.name));
        short("the name of a preset", &preset.name)?;
        short("the description of a preset", &preset.description)?;
        if preset.name.is_empty() || !names.insert(&preset.name) {
            return Err(wrong("each has a name of its own".to_owned()));
        }
        if preset.default && std::mem::replace(&mut has_default, true) {
            return Err(wrong("another one is the default already".to_owned()));
        }
        for (name, value) in &preset.parameters {
            let parameter = parameters.get(name.as_str());
            let parameter = parameter.ok_or_else(|| wrong(format!("there is no parameter `{name}`")))?;
            value_is_good(parameter, &value.0).map_err(|error| wrong(format!("the value of `{name}` {error}")))?;
        }
    }
    Ok(())
}

fn tags(template: &Template) -> Result<(), Defect> {
    let parameters: BTreeSet<&str> = template.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    for (name, value) in &template.tags {
        let is_good = value.expression().is_some() && value.names().all(|name| parameters.contains(name));
        if !is_good || name.is_empty() {
            let shown: String = name.chars().take(64).collect();
            let text = format!(
                "the tag `{shown}`: its value is a text without quotes and backslashes, or `${{name}}` of a parameter"
            );
            return Err(Defect::new(text));
        }
    }
    Ok(())
}

fn stages<'a>(name: &'static str, stages: &'a Stages) -> [(&'static str, &'a Steps); 2] {
    let (plan, apply) = match name {
        "start" => ("start.plan", "start.apply"),
        "stop" => ("stop.plan", "stop.apply"),
        _ => ("delete.plan", "delete.apply"),
    };
    [(plan, &stages.plan), (apply, &stages.apply)]
}

type Placed<'a> = Vec<(String, &'a Text)>;

fn of_steps<'a>(place: &str, steps: &'a Steps) -> Result<Placed<'a>, Defect> {
    few(&format!("lines in {place}.log"), steps.log.len(), LINES_MAX)?;
    let texts = steps.log.iter().chain([&steps.delay, &steps.fail]);
    Ok(texts.map(|text| (place.to_owned(), text)).collect())
}

fn of_resource(resource: &Resource) -> Result<Placed<'_>, Defect> {
    let place = format!("the resource `{}`", resource.name);
    let wrong = |text: &str| Defect::new(format!("{place}: {text}"));
    if resource.name.is_empty() || resource.kind.is_empty() {
        return Err(wrong("it has a name and a type"));
    }
    short("the name of a resource", &resource.name)?;
    short("the type of a resource", &resource.kind)?;
    if resource.on.contains(&super::Transition::Delete) {
        return Err(wrong("nothing is there after a workspace was deleted: `on` is start, stop or both"));
    }
    few(&format!("metadata of {place}"), resource.metadata.len(), MANY)?;
    few(&format!("agents of {place}"), resource.agents.len(), MANY)?;
    let mut texts: Placed<'_> = vec![(place.clone(), &resource.daily_cost)];
    let mut keys = BTreeSet::new();
    for metadata in &resource.metadata {
        if metadata.key.is_empty() || !keys.insert(&metadata.key) {
            return Err(wrong("each of its metadata has a key of its own"));
        }
        texts.push((place.clone(), &metadata.value));
    }
    for agent in &resource.agents {
        texts.extend(of_agent(&place, agent)?);
    }
    Ok(texts)
}

fn of_agent<'a>(of: &str, agent: &'a Agent) -> Result<Placed<'a>, Defect> {
    let place = format!("{of}, agent `{}`", agent.name);
    few(&format!("apps of {place}"), agent.apps.len(), MANY)?;
    few(&format!("scripts of {place}"), agent.scripts.len(), MANY)?;
    few(&format!("values in env of {place}"), agent.env.len(), MANY)?;
    // Names of agents and apps are checked by the server, for all provisioners alike.
    let apps = agent.apps.iter().flat_map(|app| [&app.url, &app.command]);
    let scripts = agent.scripts.iter().map(|script| &script.text);
    let texts = [&agent.directory].into_iter().chain(agent.env.values()).chain(apps).chain(scripts);
    Ok(texts.map(|text| (place.clone(), text)).collect())
}
