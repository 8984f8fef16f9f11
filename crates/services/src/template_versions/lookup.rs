//! Finding versions.

use super::TemplateVersionView;
use super::access::Known;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::ids::TemplateVersionId;

/// Shows a version.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, by: &Principal, id: TemplateVersionId) -> Result<TemplateVersionView, Error> {
    ctx.look(by, move |look| {
        let view = look.repos.template_versions().view(id)?.ok_or(Error::NotFound)?;
        Known::load(look.repos, view.version.clone())?.readable(look.by)?;
        Ok(view)
    })
    .await
}
