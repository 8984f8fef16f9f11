//! Why a command has not done what it was asked, in words.

use crate::words::{shown, text};
use serde_json::Value;
use std::fmt;

/// What was asked cannot be asked so: exit status 2, as of arguments that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// An error of wrong use.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// A refusal of the server.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    message: String,
    detail: String,
    validations: Vec<(String, String)>,
    hint: String,
}

impl Refused {
    /// What the body of an answer says: that of the API, or of OAuth 2.0 (RFC 6749 5.2).
    pub(crate) fn of(status: u16, body: &Value) -> Self {
        let (mut message, mut detail) = (text(body, "message"), text(body, "detail"));
        if message.is_empty() {
            (message, detail) = (text(body, "error"), text(body, "error_description"));
        }
        let listed = body.get("validations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let validations =
            listed.iter().map(|field| (text(field, "field").to_owned(), text(field, "detail").to_owned())).collect();
        Self {
            status,
            message: message.trim_end_matches('.').to_owned(),
            detail: detail.to_owned(),
            validations,
            hint: String::new(),
        }
    }

    /// With what may be done about it.
    pub(crate) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The word of RFC 6749 5.2, where the answer has one.
    pub(crate) fn code(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            write!(f, "the server answers {}", self.status)?;
        } else {
            write!(f, "{} ({})", shown(&self.message), self.status)?;
        }
        let said_already = self.validations.iter().any(|(_, detail)| *detail == self.detail);
        if !self.detail.is_empty() && !said_already {
            write!(f, ": {}", shown(&self.detail))?;
        }
        for (field, detail) in &self.validations {
            write!(f, "\n  {}: {}", shown(field), shown(detail))?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n{}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// Does the same with several. Of the first that fails it is told which are done, and which are not.
pub(crate) fn each(names: &[String], mut act: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for (at, name) in names.iter().enumerate() {
        let told = |error: anyhow::Error| {
            let (done, left) = names.split_at(at);
            let listed = |names: &[String]| shown(&names.join(", ")).into_owned();
            match done {
                [] if left.len() == 1 => error,
                [] => error.context(format!("not done: {}", listed(left))),
                done => error.context(format!("done: {}; not done: {}", listed(done), listed(left))),
            }
        };
        act(name).map_err(told)?;
    }
    Ok(())
}

/// The status with which the server refused, if that is what went wrong.
pub(crate) fn status_of(error: &anyhow::Error) -> Option<u16> {
    error.downcast_ref::<Refused>().map(|refused| refused.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_names_every_field() {
        let body = json!({"message": "Validation failed.", "validations": [
            {"field": "name", "detail": "too long"}, {"field": "email", "detail": "no\u{1b}[31m address"},
        ]});
        assert_eq!(
            Refused::of(400, &body).to_string(),
            "Validation failed (400)\n  name: too long\n  email: no\\u{1b}[31m address"
        );
    }

    #[test]
    fn how_far_it_came_is_told() {
        let names = ["ann", "bob", "carol"].map(str::to_owned);
        let stop = |at: &'static str| {
            let refused = Refused::of(404, &json!({"message": "Not found."}));
            let mut refused = Some(refused);
            let error =
                each(&names, |name| if name == at { Err(refused.take().unwrap().into()) } else { Ok(()) }).unwrap_err();
            assert_eq!(status_of(&error), Some(404));
            format!("{error:#}")
        };
        assert_eq!(stop("ann"), "not done: ann, bob, carol: Not found (404)");
        assert_eq!(stop("carol"), "done: ann, bob; not done: carol: Not found (404)");
        each(&names, |_| Ok(())).unwrap();
    }

    #[test]
    fn a_refusal_of_an_authorization_server_is_told_too() {
        let refused = Refused::of(400, &json!({"error": "invalid_grant", "error_description": "it is over"}));
        assert_eq!(
            (refused.code(), refused.to_string()),
            ("invalid_grant", "invalid_grant (400): it is over".to_owned())
        );
        assert_eq!(Refused::of(502, &Value::Null).hinted("Later.").to_string(), "the server answers 502\nLater.");
    }
}
