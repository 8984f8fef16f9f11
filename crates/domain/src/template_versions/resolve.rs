//! Which values a build gets for the parameters of its version.

use super::RichParameter;
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Longest value of a parameter, in bytes.
pub const VALUE_MAX: usize = 64 * 1024;
/// Largest program of a regular expression, in bytes.
const REGEX_MAX: usize = 256 * 1024;

/// What is wrong with the value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueDefect {
    /// The parameter.
    pub name: String,
    /// What is wrong.
    pub detail: String,
}

/// The values of a build: what is given, else what the build before it had, else the default. Errors: all that is wrong with what is
/// given or missing.
///
/// ```
/// use doorward_domain::template_versions::{RichParameter, resolve};
/// use std::collections::BTreeMap;
/// let size = RichParameter { name: "size".into(), default_value: "1".into(), mutable: true, ..RichParameter::default() };
/// let values = |size: &str| BTreeMap::from([("size".to_owned(), size.to_owned())]);
/// assert_eq!(resolve(&[size.clone()], &BTreeMap::new(), None), Ok(values("1")));
/// assert_eq!(resolve(&[size.clone()], &values("3"), Some(&values("2"))), Ok(values("3")));
/// assert_eq!(resolve(&[size], &BTreeMap::new(), Some(&values("2"))), Ok(values("2")));
/// ```
pub fn resolve(
    parameters: &[RichParameter],
    given: &BTreeMap<String, String>,
    previous: Option<&BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, Vec<ValueDefect>> {
    let mut defects = Vec::new();
    let mut values = BTreeMap::new();
    for name in given.keys().filter(|name| !parameters.iter().any(|parameter| parameter.name == **name)) {
        defects.push(ValueDefect { name: name.clone(), detail: "the template has no such parameter".to_owned() });
    }
    for parameter in parameters {
        let before = previous.and_then(|values| values.get(&parameter.name));
        let kept = before.filter(|_| !parameter.ephemeral);
        let value = match (given.get(&parameter.name), kept) {
            (Some(value), _) => check(parameter, value, before).map(|()| value.clone()),
            // What was good enough once is not looked at again, unless it is no choice any more.
            (None, Some(value)) => check_kind(parameter, value).map(|()| value.clone()),
            (None, None) if parameter.required && !parameter.ephemeral => Err("it must be given".to_owned()),
            (None, None) => Ok(parameter.default_value.clone()),
        };
        match value {
            Ok(value) => _ = values.insert(parameter.name.clone(), value),
            Err(detail) => defects.push(ValueDefect { name: parameter.name.clone(), detail }),
        }
    }
    if defects.is_empty() { Ok(values) } else { Err(defects) }
}

/// What is wrong with a value that is given, where the build before had another.
fn check(parameter: &RichParameter, value: &str, before: Option<&String>) -> Result<(), String> {
    if value.len() > VALUE_MAX || value.contains('\0') {
        return Err(format!("it must have at most {VALUE_MAX} bytes, none of them NUL"));
    }
    if let Some(before) = before
        && !parameter.mutable
        && before != value
    {
        return Err("it cannot be changed after the first build".to_owned());
    }
    check_kind(parameter, value)?;
    if !parameter.options.is_empty() {
        return Ok(());
    }
    if parameter.kind == "number" {
        return check_number(parameter, value, before);
    }
    if parameter.validation_regex.is_empty() || parameter.kind != "string" {
        return Ok(());
    }
    // One that is not understood here is for the daemon to judge.
    if expression(&parameter.validation_regex).is_ok_and(|regex| !regex.is_match(value)) {
        let told = &parameter.validation_error;
        return Err(if told.is_empty() { "it does not match what is asked for".to_owned() } else { told.clone() });
    }
    Ok(())
}

fn expression(regex: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).size_limit(REGEX_MAX).build()
}

/// Whether values are checked against this regular expression. If not, the daemon alone can check them. Errors: why not.
pub fn check_regex(regex: &str) -> Result<(), String> {
    expression(regex).map(drop).map_err(|error| error.to_string())
}

/// What is wrong with a value by its type and its choices.
fn check_kind(parameter: &RichParameter, value: &str) -> Result<(), String> {
    let is_choice = |value: &str| parameter.options.iter().any(|option| option.value == value);
    match parameter.kind.as_str() {
        "bool" if !matches!(value, "true" | "false") => Err("it must be `true` or `false`".to_owned()),
        "list(string)" => {
            let items: Vec<String> =
                serde_json::from_str(value).map_err(|error| format!("it must be a JSON list of texts: {error}"))?;
            if parameter.options.is_empty() || items.iter().all(|item| is_choice(item)) {
                Ok(())
            } else {
                Err("each of them must be one of the options".to_owned())
            }
        }
        _ if !parameter.options.is_empty() && !is_choice(value) => Err("it must be one of the options".to_owned()),
        _ => Ok(()),
    }
}

fn check_number(parameter: &RichParameter, value: &str, before: Option<&String>) -> Result<(), String> {
    let number: i64 = value.parse().map_err(|error| format!("it must be a whole number: {error}"))?;
    if parameter.validation_min.is_some_and(|min| number < min.into())
        || parameter.validation_max.is_some_and(|max| number > max.into())
    {
        let told = &parameter.validation_error;
        return Err(if told.is_empty() { "it is too small or too large".to_owned() } else { told.clone() });
    }
    let before = before.and_then(|before| before.parse::<i64>().ok());
    match (parameter.validation_monotonic.as_str(), before) {
        ("increasing", Some(before)) if number < before => Err(format!("it must not be less than {before}")),
        ("decreasing", Some(before)) if number > before => Err(format!("it must not be more than {before}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ParameterOption;
    use super::*;
    use proptest::prelude::*;

    fn one(kind: &str, change: impl FnOnce(&mut RichParameter)) -> RichParameter {
        let mut parameter =
            RichParameter { name: "p".to_owned(), kind: kind.to_owned(), mutable: true, ..RichParameter::default() };
        change(&mut parameter);
        parameter
    }

    fn values(value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("p".to_owned(), value.to_owned())])
    }

    fn ok(parameter: &RichParameter, value: &str, before: Option<&str>) -> bool {
        let before = before.map(values);
        resolve(std::slice::from_ref(parameter), &values(value), before.as_ref()).is_ok()
    }

    #[test]
    fn values_keep_the_rules_of_their_parameter() {
        let number = one("number", |p| (p.validation_min, p.validation_max) = (Some(2), Some(5)));
        assert!(ok(&number, "2", None) && ok(&number, "5", None));
        assert!(!ok(&number, "1", None) && !ok(&number, "6", None) && !ok(&number, "x", None));
        let growing = one("number", |p| p.validation_monotonic = "increasing".to_owned());
        assert!(ok(&growing, "3", Some("3")) && !ok(&growing, "2", Some("3")));
        let switch = one("bool", |_| {});
        assert!(ok(&switch, "true", None) && !ok(&switch, "yes", None));
        let word = one("string", |p| p.validation_regex = "^[a-z]+$".to_owned());
        assert!(ok(&word, "abc", None) && !ok(&word, "ABC", None));
        let option = |value: &str| ParameterOption { value: value.to_owned(), ..ParameterOption::default() };
        let choice = one("string", |p| p.options = vec![option("eu"), option("us")]);
        assert!(ok(&choice, "eu", None) && !ok(&choice, "mars", None));
        let many = one("list(string)", |p| p.options = vec![option("eu"), option("us")]);
        assert!(ok(&many, r#"["eu","us"]"#, None) && !ok(&many, r#"["mars"]"#, None) && !ok(&many, "eu", None));
        let fixed = one("string", |p| p.mutable = false);
        assert!(ok(&fixed, "a", None) && ok(&fixed, "a", Some("a")) && !ok(&fixed, "b", Some("a")));
    }

    #[test]
    fn all_defects_are_told() {
        let needed = one("string", |p| p.required = true);
        let given = BTreeMap::from([("q".to_owned(), String::new())]);
        let defects = resolve(std::slice::from_ref(&needed), &given, None).unwrap_err();
        assert_eq!(defects.iter().map(|defect| defect.name.as_str()).collect::<Vec<_>>(), ["q", "p"]);
        assert_eq!(resolve(&[needed], &BTreeMap::new(), Some(&values("old"))), Ok(values("old")));
    }

    #[test]
    fn what_is_for_one_build_only_is_not_kept() {
        let once = one("string", |p| (p.ephemeral, p.default_value) = (true, "usual".to_owned()));
        assert_eq!(resolve(&[once], &BTreeMap::new(), Some(&values("special"))), Ok(values("usual")));
    }

    proptest! {
        #[test]
        fn nothing_that_is_given_panics(kind in "string|number|bool|list\\(string\\)|.{0,3}", value in any::<String>(), regex in any::<String>()) {
            let parameter = one(&kind, |p| p.validation_regex = regex);
            let _judged = resolve(&[parameter], &values(&value), None);
        }
    }
}
