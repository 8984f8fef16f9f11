//! What a caller may do with versions: as with their template, or with any of their organization where they have none.

use crate::Principal;
use crate::error::Error;
use crate::templates;
use doorward_domain::roles::{Action, Denied, Object, resource};
use doorward_domain::template_versions::TemplateVersion;
use doorward_domain::templates::Template;
use doorward_ports::Repositories;

/// A version, with what it is checked as.
pub(crate) struct Known {
    pub(crate) version: TemplateVersion,
    pub(crate) template: Option<Template>,
}

impl Known {
    /// Loads what the version is checked as. A version of a deleted template is of none that anybody may read.
    pub(crate) fn load(repos: &mut dyn Repositories, version: TemplateVersion) -> Result<Self, Error> {
        let template = match version.template_id {
            Some(id) => Some(repos.templates().find(id)?.ok_or(Error::NotFound)?),
            None => None,
        };
        Ok(Self { version, template })
    }

    /// What it is checked as.
    pub(crate) fn object(&self) -> Object<'_> {
        self.template.as_ref().map_or_else(
            || Object::of::<resource::Template>().organization(self.version.organization_id.0),
            templates::access::object,
        )
    }

    /// Whether the caller may do this.
    pub(crate) fn check(&self, by: &Principal, action: Action) -> Result<(), Denied> {
        by.subject.check(action, &self.object())
    }

    /// The version, if the caller may read it; or which scope the credential lacks for that.
    pub(crate) fn readable(self, by: &Principal) -> Result<Self, Error> {
        self.check(by, Action::Read).map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(self)
    }
}
