//! Texts with places for values, in the manner of Go's `text/template`, as far as notifications need it.
//!
//! | written | means |
//! |---|---|
//! | `{{.Labels.name}}` | the value at this path of what the loop is about, or of everything outside of loops; nothing if there is none |
//! | `{{$.Labels.name}}` | the value at this path of everything |
//! | `{{.}}` | what the loop is about |
//! | `{{if .Data.x}}..{{else}}..{{end}}` | one of both, by whether there is a value that is not empty |
//! | `{{range .Data.items}}..{{end}}` | once for each entry of a list |
//! | `{{- ` and ` -}}` | the same, without the white space beside it |
//!
//! A template is data. It reads values and nothing else, ends, and writes at most 64 KiB.

use serde_json::Value;
use thiserror::Error;

/// Most bytes of a text.
const OUTPUT_MAX: usize = 64 * 1024;
/// Deepest nesting of conditions and loops.
const DEPTH_MAX: usize = 8;

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<'t>(Vec<Node<'t>>);

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("`{{{{` is not closed")]
    Open,
    /// What stands between the braces means nothing.
    #[error("`{{{{{0}}}}}` is not known")]
    Unknown(String),
    /// An `if` or a `range` without its end.
    #[error("an `end` is missing")]
    MissingEnd,
    /// An end of nothing.
    #[error("there is an `end` or `else` too much")]
    Unexpected,
    /// More levels than there may be.
    #[error("it is nested too deeply")]
    TooDeep,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line: control characters and line ends are blanks.
    Line,
    /// As it is; emphasis is left out.
    Text,
    /// HTML: all of it is escaped, `**` is emphasis, and empty lines part paragraphs, in the template and never in a value.
    Html,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node<'t> {
    Text(&'t str),
    Value(Path<'t>),
    If(Path<'t>, Vec<Self>, Vec<Self>),
    Range(Path<'t>, Vec<Self>),
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path<'t> {
    from_root: bool,
    names: Vec<&'t str>,
}

impl<'t> Template<'t> {
    /// Reads a template.
    pub fn parse(text: &'t str) -> Result<Self, TemplateError> {
        let mut tokens = tokens(text)?.into_iter();
        let (nodes, end) = nodes(&mut tokens, 0)?;
        if end == End::Nothing { Ok(Self(nodes)) } else { Err(TemplateError::Unexpected) }
    }

    /// The text with these values.
    #[must_use]
    pub fn render(&self, values: &Value, form: Form) -> String {
        let mut out = Writer { text: String::new(), form, is_strong: false };
        write(&self.0, values, values, &mut out);
        out.finish()
    }
}

enum Token<'t> {
    Text(&'t str),
    Action(&'t str),
}

fn tokens(mut rest: &str) -> Result<Vec<Token<'_>>, TemplateError> {
    let mut tokens = Vec::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or(TemplateError::Open)?;
        let (before, action) = match action.strip_prefix("- ") {
            Some(action) => (before.trim_end(), action),
            None => (before, action),
        };
        let (action, after) = match action.strip_suffix(" -") {
            Some(action) => (action, after.trim_start()),
            None => (action, after),
        };
        if !before.is_empty() {
            tokens.push(Token::Text(before));
        }
        tokens.push(Token::Action(action.trim()));
        rest = after;
    }
    if !rest.is_empty() {
        tokens.push(Token::Text(rest));
    }
    Ok(tokens)
}

/// What ends a list of nodes.
#[derive(PartialEq, Eq)]
enum End {
    Nothing,
    Word,
    Else,
}

fn nodes<'t>(
    tokens: &mut impl Iterator<Item = Token<'t>>,
    depth: usize,
) -> Result<(Vec<Node<'t>>, End), TemplateError> {
    if depth > DEPTH_MAX {
        return Err(TemplateError::TooDeep);
    }
    let mut found = Vec::new();
    while let Some(token) = tokens.next() {
        let action = match token {
            Token::Text(text) => {
                found.push(Node::Text(text));
                continue;
            }
            Token::Action(action) => action,
        };
        let (word, rest) = action.split_once(' ').unwrap_or((action, ""));
        match word {
            "end" if rest.is_empty() => return Ok((found, End::Word)),
            "else" if rest.is_empty() => return Ok((found, End::Else)),
            "if" => {
                let path = path(rest.trim())?;
                let (then, end) = nodes(tokens, depth + 1)?;
                let (otherwise, end) = if end == End::Else { nodes(tokens, depth + 1)? } else { (Vec::new(), end) };
                closed(&end)?;
                found.push(Node::If(path, then, otherwise));
            }
            "range" => {
                let path = path(rest.trim())?;
                let (each, end) = nodes(tokens, depth + 1)?;
                closed(&end)?;
                found.push(Node::Range(path, each));
            }
            _ => found.push(Node::Value(path(action)?)),
        }
    }
    Ok((found, End::Nothing))
}

fn closed(end: &End) -> Result<(), TemplateError> {
    match end {
        End::Word => Ok(()),
        End::Nothing => Err(TemplateError::MissingEnd),
        End::Else => Err(TemplateError::Unexpected),
    }
}

fn path(text: &str) -> Result<Path<'_>, TemplateError> {
    let unknown = || TemplateError::Unknown(text.to_owned());
    let (from_root, rest) = match text.strip_prefix('$') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('.').ok_or_else(unknown)?;
    if rest.is_empty() {
        return Ok(Path { from_root, names: Vec::new() });
    }
    let names: Vec<&str> = rest.split('.').collect();
    let is_name =
        |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if names.iter().all(is_name) { Ok(Path { from_root, names }) } else { Err(unknown()) }
}

impl Path<'_> {
    fn find<'v>(&self, root: &'v Value, here: &'v Value) -> Option<&'v Value> {
        let from = if self.from_root { root } else { here };
        self.names.iter().try_fold(from, |value, name| value.get(name))
    }
}

fn write(nodes: &[Node<'_>], root: &Value, here: &Value, out: &mut Writer) {
    for node in nodes {
        if out.is_full() {
            return;
        }
        match node {
            Node::Text(text) => out.own(text),
            Node::Value(path) => match path.find(root, here) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => out.value(text),
                Some(other) => out.value(&other.to_string()),
            },
            Node::If(path, then, otherwise) => {
                let chosen = if path.find(root, here).is_some_and(is_true) { then } else { otherwise };
                write(chosen, root, here, out);
            }
            Node::Range(path, each) => {
                for entry in path.find(root, here).and_then(Value::as_array).into_iter().flatten() {
                    write(each, root, entry, out);
                }
            }
        }
    }
}

/// As Go has it: what is empty is false.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(entries) => !entries.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

struct Writer {
    text: String,
    form: Form,
    is_strong: bool,
}

impl Writer {
    fn is_full(&self) -> bool {
        self.text.len() >= OUTPUT_MAX
    }

    /// Text of the template.
    fn own(&mut self, text: &str) {
        let mut parts = text.split("**");
        self.escaped(parts.next().unwrap_or_default(), true);
        for part in parts {
            if self.form == Form::Html {
                self.is_strong = !self.is_strong;
                self.text.push_str(if self.is_strong { "<strong>" } else { "</strong>" });
            }
            self.escaped(part, true);
        }
    }

    /// A value, which is never anything but text.
    fn value(&mut self, text: &str) {
        self.escaped(text, false);
    }

    fn escaped(&mut self, text: &str, is_own: bool) {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if self.is_full() {
                return;
            }
            match (self.form, c) {
                (Form::Line, c) if c.is_control() || c.is_whitespace() => self.text.push(' '),
                (Form::Text | Form::Html, '\r') => {}
                (Form::Text | Form::Html, c) if c.is_control() && c != '\n' => self.text.push(' '),
                (Form::Html, '\n') if is_own && chars.next_if_eq(&'\n').is_some() => self.text.push_str("</p>\n<p>"),
                (Form::Html, '\n') => self.text.push_str("<br>\n"),
                (Form::Html, '<') => self.text.push_str("&lt;"),
                (Form::Html, '>') => self.text.push_str("&gt;"),
                (Form::Html, '&') => self.text.push_str("&amp;"),
                (Form::Html, '"') => self.text.push_str("&quot;"),
                (Form::Html, '\'') => self.text.push_str("&#39;"),
                (Form::Line | Form::Text | Form::Html, c) => self.text.push(c),
            }
        }
    }

    fn finish(mut self) -> String {
        if self.is_strong {
            self.text.push_str("</strong>");
        }
        match self.form {
            Form::Line => self.text.trim().to_owned(),
            Form::Text => self.text,
            Form::Html => format!("<p>{}</p>", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn rendered(template: &str, values: &Value, form: Form) -> String {
        Template::parse(template).unwrap().render(values, form)
    }

    #[test]
    fn values_stand_in_their_places() {
        let values = json!({
            "UserName": "Ann", "Labels": { "n": "x", "empty": "" },
            "Data": { "list": [{ "a": 1 }, { "a": "two" }], "words": ["p", "q"] },
        });
        for (template, expected) in [
            ("Hi {{.UserName}}!", "Hi Ann!"),
            ("{{ .Labels.n }}{{.Labels.missing}}{{.Missing.n}}", "x"),
            ("{{if .Labels.n}}yes{{else}}no{{end}}", "yes"),
            ("{{if .Labels.empty}}yes{{else}}no{{end}}{{if .X}}a{{end}}", "no"),
            ("{{range .Data.list}}[{{.a}} {{$.UserName}}]{{end}}", "[1 Ann][two Ann]"),
            ("{{range .Data.words}}{{.}}{{end}}{{range .Nothing}}x{{end}}", "pq"),
            ("a \n{{- if .Labels.n -}}\n b{{end}}", "ab"),
            ("no braces } here {", "no braces } here {"),
            ("{{range .Data.list}}{{if .a}}{{range $.Data.words}}{{.}}{{end}}{{end}}{{end}}", "pqpq"),
            ("**bold**", "bold"),
        ] {
            assert_eq!(rendered(template, &values, Form::Text), expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_template_is_said() {
        let deep = "{{if .a}}".repeat(20);
        for (template, error) in [
            ("{{", TemplateError::Open),
            ("{{.a", TemplateError::Open),
            ("{{exec}}", TemplateError::Unknown("exec".to_owned())),
            ("{{.a | printf}}", TemplateError::Unknown(".a | printf".to_owned())),
            ("{{.a..b}}", TemplateError::Unknown(".a..b".to_owned())),
            ("{{if .a}}", TemplateError::MissingEnd),
            ("{{range .a}}{{else}}{{end}}", TemplateError::Unexpected),
            ("{{end}}", TemplateError::Unexpected),
            (deep.as_str(), TemplateError::TooDeep),
        ] {
            assert_eq!(Template::parse(template), Err(error), "{template}");
        }
    }

    #[test]
    fn html_is_of_the_template_and_never_of_a_value() {
        let values = json!({ "x": "<b>**&'\"\n\n</b>" });
        let html = rendered("A **{{.x}}**\n\n<i>", &values, Form::Html);
        let x = "&lt;b&gt;**&amp;&#39;&quot;<br>\n<br>\n&lt;/b&gt;";
        assert_eq!(html, format!("<p>A <strong>{x}</strong></p>\n<p>&lt;i&gt;</p>"));
        assert_eq!(
            rendered("to {{.x}}", &json!({ "x": "a\r\nBcc: b@c.example\u{0}" }), Form::Line),
            "to a  Bcc: b@c.example"
        );
    }

    #[test]
    fn output_has_an_end() {
        let many: Vec<Value> = (0..1000).map(|_| json!(1)).collect();
        let text = rendered(
            "{{range .a}}{{range $.a}}{{range $.a}}0123456789{{end}}{{end}}{{end}}",
            &json!({ "a": many }),
            Form::Text,
        );
        assert!(text.len() <= OUTPUT_MAX + 16, "{}", text.len());
    }

    fn some_template() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "\\PC{0,8}",
            Just("{{.a}}".to_owned()),
            Just("{{.a.b}}".to_owned()),
            Just("{{if .a}}".to_owned()),
            Just("{{else}}".to_owned()),
            Just("{{end}}".to_owned()),
            Just("{{range .a}}".to_owned()),
            Just("{{- .".to_owned()),
            Just("}}".to_owned()),
            Just("**".to_owned()),
            Just("\n\n".to_owned()),
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    fn some_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from)
        ];
        let inner = leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        inner.prop_map(|a| json!({ "a": a }))
    }

    proptest! {
        #[test]
        fn nothing_panics(template in some_template(), values in some_value()) {
            if let Ok(template) = Template::parse(&template) {
                for form in [Form::Line, Form::Text, Form::Html] {
                    let _ = template.render(&values, form);
                }
            }
        }

        #[test]
        fn a_line_is_a_line(template in some_template(), values in some_value()) {
            if let Ok(template) = Template::parse(&template) {
                prop_assert!(!template.render(&values, Form::Line).chars().any(char::is_control));
            }
        }

        #[test]
        fn a_value_brings_no_markup(text in "(?s).{0,40}") {
            let html = rendered("{{.a}}", &json!({ "a": text }), Form::Html);
            let inner = html.strip_prefix("<p>").unwrap().strip_suffix("</p>").unwrap().replace("<br>\n", "");
            prop_assert!(!inner.contains(['<', '>', '"', '\'']));
            prop_assert!(inner.split('&').skip(1).all(|rest| ["lt;", "gt;", "amp;", "quot;", "#39;"].iter().any(|known| rest.starts_with(known))));
        }
    }
}
