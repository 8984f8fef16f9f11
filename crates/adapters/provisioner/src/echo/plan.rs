//! What a description comes to, with the values of a job.

use super::check::value_is_good;
use super::template::{Agent, App, Parameter, Resource, Script, Share, Steps, Template, Transition};
use super::text::Text;
use super::{Code, Defect};
use doorward_wire::messages::provisioner::{
    ExternalAuthProviderResource, LogLevel, Metadata, ParameterFormType, Preset, PresetParameter, RichParameter,
    RichParameterOption, RichParameterValue, TemplateVariable, VariableValue,
};
use doorward_wire::messages::resources as wire;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// Longest pause.
const DELAY_MAX: Duration = Duration::from_hours(1);
/// All texts of a job with their values, in bytes.
const FILLED_MAX: usize = 2 * 1024 * 1024;
/// Longest line of the log, in bytes.
const LINE_MAX: usize = 8 * 1024;

/// What happens next in a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A line in the log.
    Log(LogLevel, String),
    /// Nothing, for so long.
    Pause(Duration),
    /// The stage fails.
    Fail(String),
}

/// The resources that there are after a transition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) resources: Vec<wire::Resource>,
    /// What they cost a day.
    pub(crate) daily_cost: i32,
}

/// Makes ids.
pub(crate) type Made<'a> = &'a dyn Fn() -> Uuid;

/// The values of a job.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    values: BTreeMap<String, String>,
    /// Bytes of texts that were filled.
    filled: Cell<usize>,
}

impl Scope {
    /// For a build, or for trying one out. Errors: a value is missing, or is none that its parameter may have.
    pub(crate) fn of_build(
        template: &Template,
        variables: &[VariableValue],
        parameters: &[RichParameterValue],
        metadata: &Metadata,
        transition: Transition,
    ) -> Result<Self, Defect> {
        let mut values = of_variables(template, variables)?;
        let given: BTreeMap<&str, &String> =
            parameters.iter().map(|given| (given.name.as_str(), &given.value)).collect();
        for parameter in &template.parameters {
            let given = given.get(parameter.name.as_str()).copied();
            // A workspace is deleted with what it has.
            let spare = || (transition == Transition::Delete).then(|| example(parameter));
            let value = given.or(parameter.default.as_ref()).cloned().or_else(spare).ok_or_else(|| {
                Defect::coded(
                    Code::MissingTemplateParameter,
                    format!("the parameter `{}` has no value and no default", parameter.name),
                )
            })?;
            if transition != Transition::Delete {
                value_is_good(parameter, &value)
                    .map_err(|error| Defect::new(format!("the value of the parameter `{}` {error}", parameter.name)))?;
            }
            values.insert(parameter.name.clone(), value);
        }
        Ok(Self::with(values, metadata, transition))
    }

    /// For an import, in which parameters have their defaults, or examples where there are none.
    pub(crate) fn of_import(
        template: &Template,
        variables: &[VariableValue],
        metadata: &Metadata,
        transition: Transition,
    ) -> Result<Self, Defect> {
        let mut values = of_variables(template, variables)?;
        for parameter in &template.parameters {
            let value = parameter.default.clone().unwrap_or_else(|| example(parameter));
            values.insert(parameter.name.clone(), value);
        }
        Ok(Self::with(values, metadata, transition))
    }

    fn with(mut values: BTreeMap<String, String>, metadata: &Metadata, transition: Transition) -> Self {
        let transition = match transition {
            Transition::Start => "start",
            Transition::Stop => "stop",
            Transition::Delete => "delete",
        };
        for (name, value) in [
            ("workspace.name", metadata.workspace_name.as_str()),
            ("workspace.owner", &metadata.workspace_owner),
            ("workspace.id", &metadata.workspace_id),
            ("workspace.transition", transition),
        ] {
            values.insert(name.to_owned(), value.to_owned());
        }
        Self { values, filled: Cell::new(0) }
    }

    fn fill(&self, text: &Text) -> Result<String, Defect> {
        let filled = text.fill(|name| self.values.get(name).map(String::as_str))?;
        self.filled.set(self.filled.get().saturating_add(filled.len()));
        if self.filled.get() > FILLED_MAX {
            return Err(Defect::new(format!(
                "all texts together are longer than {FILLED_MAX} bytes with their values"
            )));
        }
        Ok(filled)
    }

    /// What happens in a stage. Errors: a text is too long, a delay is none.
    fn steps(&self, steps: &Steps) -> Result<Vec<Step>, Defect> {
        let mut all = Vec::new();
        for line in &steps.log {
            all.extend(lines(&self.fill(line)?));
        }
        let delay = self.fill(&steps.delay)?;
        if !delay.is_empty() {
            let wrong = |why: &str| Defect::new(format!("the delay `{}` {why}", shown(&delay)));
            let delay = humantime::parse_duration(delay.trim()).map_err(|error| wrong(&format!("is none: {error}")))?;
            if delay > DELAY_MAX {
                return Err(wrong("is longer than an hour"));
            }
            all.push(Step::Pause(delay));
        }
        let fail = self.fill(&steps.fail)?;
        if !fail.is_empty() {
            all.push(Step::Fail(cut(&fail).to_owned()));
        }
        Ok(all)
    }

    /// What happens in an import, before any value is known. Errors: as [`steps`](Self::steps).
    pub(crate) fn steps_of_import(template: &Template) -> Result<Vec<Step>, Defect> {
        Self { values: BTreeMap::new(), filled: Cell::new(0) }.steps(template.import())
    }

    /// The stages of a transition: those of the plan, and those of its application. Errors: as [`steps`](Self::steps).
    pub(crate) fn stages(&self, template: &Template, transition: Transition) -> Result<[Vec<Step>; 2], Defect> {
        let stages = template.stages(transition);
        Ok([self.steps(&stages.plan)?, self.steps(&stages.apply)?])
    }

    /// The resources that there are after a transition. Errors: a text is too long, a cost is none.
    pub(crate) fn plan(&self, template: &Template, transition: Transition, id: Made<'_>) -> Result<Plan, Defect> {
        let there = template.resources.iter().filter(|resource| resource.on.contains(&transition));
        let resources = there.map(|resource| self.resource(resource, id)).collect::<Result<Vec<_>, _>>()?;
        let daily_cost = resources.iter().try_fold(0_i32, |sum, resource| sum.checked_add(resource.daily_cost));
        let daily_cost = daily_cost.ok_or_else(|| Defect::new("the resources cost more together than can be said"))?;
        Ok(Plan { resources, daily_cost })
    }

    fn resource(&self, resource: &Resource, id: Made<'_>) -> Result<wire::Resource, Defect> {
        let cost = self.fill(&resource.daily_cost)?;
        let daily_cost = match cost.trim() {
            "" => 0,
            digits => digits.parse().ok().filter(|cost: &i32| *cost >= 0).ok_or_else(|| {
                Defect::new(format!(
                    "the resource `{}`: the daily cost `{}` is no whole number from 0 on",
                    resource.name,
                    shown(&cost)
                ))
            })?,
        };
        let metadata = resource.metadata.iter().map(|metadata| {
            Ok(wire::ResourceMetadata {
                key: metadata.key.clone(),
                value: self.fill(&metadata.value)?,
                sensitive: metadata.sensitive,
                is_null: false,
            })
        });
        Ok(wire::Resource {
            name: resource.name.clone(),
            r#type: resource.kind.clone(),
            agents: resource.agents.iter().map(|agent| self.agent(agent, id)).collect::<Result<_, Defect>>()?,
            metadata: metadata.collect::<Result<_, Defect>>()?,
            hide: resource.hide,
            icon: resource.icon.clone(),
            instance_type: resource.instance_type.clone(),
            daily_cost,
            module_path: String::new(),
        })
    }

    fn agent(&self, agent: &Agent, id: Made<'_>) -> Result<wire::Agent, Defect> {
        let env = agent.env.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?)));
        Ok(wire::Agent {
            id: id().to_string(),
            name: agent.name.clone(),
            env: env.collect::<Result<_, Defect>>()?,
            operating_system: agent.os.clone(),
            architecture: agent.arch.clone(),
            directory: self.fill(&agent.directory)?,
            apps: agent.apps.iter().map(|app| self.app(app, id)).collect::<Result<_, Defect>>()?,
            auth: Some(wire::AgentAuth::Token(id().to_string())),
            display_apps: Some(wire::DisplayApps {
                web_terminal: true,
                ssh_helper: true,
                ..wire::DisplayApps::default()
            }),
            scripts: agent.scripts.iter().map(|script| self.script(script)).collect::<Result<_, Defect>>()?,
            order: agent.order,
            ..wire::Agent::default()
        })
    }

    fn app(&self, app: &App, id: Made<'_>) -> Result<wire::App, Defect> {
        let sharing_level = match app.share {
            Share::Owner => wire::AppSharingLevel::Owner,
            Share::Authenticated => wire::AppSharingLevel::Authenticated,
            Share::Public => wire::AppSharingLevel::Public,
        };
        Ok(wire::App {
            slug: app.slug.clone(),
            display_name: app.display_name.clone(),
            command: self.fill(&app.command)?,
            url: self.fill(&app.url)?,
            icon: app.icon.clone(),
            subdomain: app.subdomain,
            sharing_level: sharing_level.into(),
            external: app.external,
            order: app.order,
            hidden: app.hidden,
            open_in: wire::AppOpenIn::SlimWindow.into(),
            id: id().to_string(),
            ..wire::App::default()
        })
    }

    fn script(&self, script: &Script) -> Result<wire::Script, Defect> {
        Ok(wire::Script {
            display_name: script.name.clone(),
            icon: script.icon.clone(),
            script: self.fill(&script.text)?,
            cron: script.cron.clone(),
            start_blocks_login: script.blocks_login,
            run_on_start: script.on_start,
            run_on_stop: script.on_stop,
            ..wire::Script::default()
        })
    }
}

/// What the server is told about a template before values are known.
impl Template {
    pub(crate) fn variables(&self) -> Vec<TemplateVariable> {
        let all = self.variables.iter().map(|variable| TemplateVariable {
            name: variable.name.clone(),
            description: variable.description.clone(),
            r#type: variable.kind.clone(),
            default_value: variable.default.clone().unwrap_or_default(),
            required: variable.default.is_none(),
            sensitive: variable.sensitive,
        });
        all.collect()
    }

    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        // Those that are none were refused before.
        self.tags.iter().filter_map(|(name, value)| Some((name.clone(), value.expression()?))).collect()
    }

    pub(crate) fn parameters(&self) -> Vec<RichParameter> {
        self.parameters.iter().map(rich_parameter).collect()
    }

    pub(crate) fn presets(&self) -> Vec<Preset> {
        let all = self.presets.iter().map(|preset| {
            let values = preset.parameters.iter();
            let values = values.map(|(name, value)| PresetParameter { name: name.clone(), value: value.0.clone() });
            Preset {
                name: preset.name.clone(),
                parameters: values.collect(),
                prebuild: None,
                default: preset.default,
                description: preset.description.clone(),
                icon: preset.icon.clone(),
            }
        });
        all.collect()
    }

    pub(crate) fn external_auth(&self) -> Vec<ExternalAuthProviderResource> {
        let all = self.external_auth.iter();
        all.map(|auth| ExternalAuthProviderResource { id: auth.id.clone(), optional: auth.optional }).collect()
    }
}

fn rich_parameter(parameter: &Parameter) -> RichParameter {
    let options = parameter.options.iter().map(|option| RichParameterOption {
        name: option.name.clone(),
        description: option.description.clone(),
        value: option.value.clone(),
        icon: option.icon.clone(),
    });
    let form_type = match parameter.kind.as_str() {
        _ if !parameter.options.is_empty() => ParameterFormType::Radio,
        "bool" => ParameterFormType::Checkbox,
        "list(string)" => ParameterFormType::TagSelect,
        _ => ParameterFormType::Input,
    };
    let form_type = match (form_type, parameter.kind.as_str()) {
        (ParameterFormType::Radio, "list(string)") => ParameterFormType::MultiSelect,
        (other, _) => other,
    };
    let validation = &parameter.validation;
    RichParameter {
        name: parameter.name.clone(),
        description: parameter.description.clone(),
        r#type: parameter.kind.clone(),
        mutable: parameter.mutable,
        default_value: parameter.default.clone().unwrap_or_default(),
        icon: parameter.icon.clone(),
        options: options.collect(),
        validation_regex: validation.regex.clone(),
        validation_error: validation.error.clone(),
        validation_min: validation.min,
        validation_max: validation.max,
        validation_monotonic: validation.monotonic.clone(),
        required: parameter.default.is_none(),
        display_name: parameter.display_name.clone(),
        order: parameter.order,
        ephemeral: parameter.ephemeral,
        form_type: form_type.into(),
    }
}

/// Errors: one that is required has none.
fn of_variables(template: &Template, given: &[VariableValue]) -> Result<BTreeMap<String, String>, Defect> {
    let given: BTreeMap<&str, &String> = given.iter().map(|given| (given.name.as_str(), &given.value)).collect();
    let mut values = BTreeMap::new();
    for variable in &template.variables {
        let value = given.get(variable.name.as_str()).copied().cloned();
        let value = value.filter(|value| !value.is_empty() || variable.default.is_some());
        let value = value.or_else(|| variable.default.clone()).ok_or_else(|| {
            let name = &variable.name;
            Defect::coded(Code::RequiredTemplateVariables, format!("required template variables need values: {name}"))
        })?;
        values.insert(variable.name.clone(), value);
    }
    Ok(values)
}

/// A value that a parameter may have.
fn example(parameter: &Parameter) -> String {
    if let Some(option) = parameter.options.first() {
        return option.value.clone();
    }
    match parameter.kind.as_str() {
        "number" => parameter.validation.min.or(parameter.validation.max).unwrap_or(0).to_string(),
        "bool" => "false".to_owned(),
        "list(string)" => "[]".to_owned(),
        _ => String::new(),
    }
}

/// The lines of a text, with their level: `[warn] the disk is small`.
fn lines(text: &str) -> impl Iterator<Item = Step> {
    const LEVELS: [(&str, LogLevel); 5] = [
        ("[trace] ", LogLevel::Trace),
        ("[debug] ", LogLevel::Debug),
        ("[info] ", LogLevel::Info),
        ("[warn] ", LogLevel::Warn),
        ("[error] ", LogLevel::Error),
    ];
    let found = LEVELS.into_iter().find_map(|(prefix, level)| Some((level, text.strip_prefix(prefix)?)));
    let (level, text) = found.unwrap_or((LogLevel::Info, text));
    let lines: Vec<&str> = if text.is_empty() { vec![""] } else { text.lines().collect() };
    lines
        .into_iter()
        .map(move |line| Step::Log(level, cut(line).replace('\0', "\u{fffd}")))
        .collect::<Vec<_>>()
        .into_iter()
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LINE_MAX)).unwrap_or_default()
}

/// What is repeated of a value in a message.
fn shown(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or_default()
}
