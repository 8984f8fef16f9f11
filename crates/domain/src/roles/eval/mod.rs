//! Answers the questions of a JSON document, offline.
//!
//! The document holds custom `roles`, `scopes`, `subjects` by label and `questions`; permissions are written as in the
//! data files, `{"negate": false, "resource": "template", "actions": ["read"]}`. A subject has exactly the roles it
//! names: `name` or `name:organization` for built-in ones, `custom:name` for those of the document. All ids are
//! arbitrary text. Types and actions of questions may be unknown; they are matched as text.

mod document;
mod json;

use std::fmt;

use serde_json::{Value, json};

use super::{Object, ResourceType};
use document::{Document, Question};

/// Where a document is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    place: String,
    position: Option<(usize, usize)>,
    message: String,
}

impl EvalError {
    /// The path to the wrong value, such as `questions[3].object.type`; empty for the whole document.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Line and column, when the text is not JSON at all.
    #[must_use]
    pub const fn position(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        } else if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

/// Answers every question of the document, in order: `{"results": [{"allow": true, "because": {..}}, ..]}`.
///
/// `because` has a stable `code`, a `text` for people and, where votes decided, the `roles` that cast them.
///
/// ```
/// use doorward_domain::roles::eval::evaluate;
///
/// let answer = evaluate(
///     r#"{
///     "subjects": {"alice": {"id": "alice", "roles": ["organization-auditor:acme"], "scope": "all"}},
///     "questions": [
///         {"subject": "alice", "action": "read", "object": {"type": "template", "org": "acme"}},
///         {"subject": "alice", "action": "read", "object": {"type": "template", "org": "other"}}
///     ]
/// }"#,
/// )?;
/// assert_eq!(answer["results"][0]["allow"], true);
/// assert_eq!(answer["results"][0]["because"]["roles"][0], "organization-auditor:acme");
/// assert_eq!(answer["results"][1]["because"]["code"], "nothing_allows");
///
/// let error = evaluate(r#"{"questions": [{"subject": "bob", "action": "read", "object": {"type": "user"}}]}"#);
/// assert_eq!(error.unwrap_err().place(), "questions[0].subject");
/// # Ok::<(), doorward_domain::roles::eval::EvalError>(())
/// ```
pub fn evaluate(document: &str) -> Result<Value, EvalError> {
    let tree = json::parse(document)?;
    let document = Document::read(&tree)?;
    let results: Vec<Value> = document.questions.iter().map(answer).collect();
    Ok(json!({ "results": results }))
}

fn answer(question: &Question<'_>) -> Value {
    let Question { subject, action, resource, .. } = question;
    // The type of the object itself is not looked at.
    let mut object = Object::new(ResourceType::System)
        .id(question.id)
        .owner(question.owner)
        .organization(question.organization)
        .user_acl(&question.user_acl)
        .group_acl(&question.group_acl);
    if question.any_organization {
        object = object.any_organization();
    }
    let explanation = subject.explain(action, resource, &object);
    let because = explanation.decision.because();
    let mut reason = json!({ "code": because.code(), "text": because.to_string() });
    let roles = explanation.roles;
    if let (Some(fields), false) = (reason.as_object_mut(), roles.is_empty()) {
        fields.insert("roles".to_owned(), roles.iter().map(ToString::to_string).collect());
    }
    json!({ "allow": because.allow(), "because": reason })
}
