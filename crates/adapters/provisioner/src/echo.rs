//! A provisioner that makes nothing: what a job is to bring about stands in the template itself, in the file [`FILE`]
//! (docs/operations.md tells how it is written). For trying a deployment out, and for tests of what depends on jobs.

mod archive;
mod check;
mod plan;
mod state;
mod template;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use archive::{Archive, FILE};
pub(crate) use plan::{Plan, Scope, Step};
pub(crate) use state::State;
pub(crate) use template::{Template, Transition};

use thiserror::Error;

/// Why a template, or a job with it, cannot be carried out: one line for whoever wrote the template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub(crate) struct Defect {
    text: String,
    code: Code,
}

/// What clients tell defects apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    None,
    RequiredTemplateVariables,
    MissingTemplateParameter,
    InsufficientQuota,
}

impl Code {
    /// As it is sent.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::RequiredTemplateVariables => "REQUIRED_TEMPLATE_VARIABLES",
            Self::MissingTemplateParameter => "MISSING_TEMPLATE_PARAMETER",
            Self::InsufficientQuota => "INSUFFICIENT_QUOTA",
        }
    }
}

impl Defect {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: Code::None }
    }

    pub(crate) fn coded(code: Code, text: impl Into<String>) -> Self {
        Self { text: text.into(), code }
    }

    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    /// The same, said of the file.
    fn in_file(self) -> Self {
        Self { text: format!("{FILE}: {}", self.text), ..self }
    }
}
