//! Who may, which one is meant, and what the audit log says of a proxy.

use crate::audit::{Audited, Snapshot};
use crate::{Context, Error, Origin, Principal, Who};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::WorkspaceProxyId;
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::workspace_proxies::{PRIMARY, ProxyToken, WorkspaceProxy};
use doorward_ports::Repositories;
use std::fmt::Write as _;
use std::sync::Arc;
use uuid::Uuid;

/// A proxy, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyRef {
    /// The deployment itself.
    Primary,
    /// By its id.
    Id(WorkspaceProxyId),
    /// By its name.
    Name(String),
}

impl ProxyRef {
    /// What `text` names in this deployment.
    #[must_use]
    pub fn parse(text: &str, deployment: Uuid) -> Self {
        match Uuid::try_parse(text) {
            Ok(id) if id == deployment => Self::Primary,
            Ok(id) => Self::Id(WorkspaceProxyId(id)),
            Err(_) if text == PRIMARY => Self::Primary,
            Err(_) => Self::Name(text.to_owned()),
        }
    }

    /// The proxy; `None` when it is the deployment itself. Errors: [`Error::NotFound`].
    pub(crate) fn find(&self, repos: &mut dyn Repositories) -> Result<Option<WorkspaceProxy>, Error> {
        let found = match self {
            Self::Primary => return Ok(None),
            Self::Id(id) => repos.workspace_proxies().find(*id)?,
            Self::Name(name) => repos.workspace_proxies().find_by_name(name)?,
        };
        found.map(Some).ok_or(Error::NotFound)
    }
}

/// All proxies, and one that is to be made.
pub(super) fn all() -> Object<'static> {
    Object::of::<resource::WorkspaceProxy>()
}

/// One proxy, or the deployment itself.
pub(crate) fn object(ctx: &Context, proxy: Option<&WorkspaceProxy>) -> Object<'static> {
    all().id(proxy.map_or(ctx.server.deployment_id, |proxy| proxy.id.0))
}

/// May the caller read what is described? Errors: [`Error::NotFound`], [`Error::Forbidden`] (only the scope is too short).
pub(crate) fn may_read(by: &Principal, object: &Object<'_>) -> Result<(), Error> {
    by.subject.check(Action::Read, object).map_err(|denied| Error::NotFound.unless_scope_is_short(denied))
}

/// The proxy that presents this token.
///
/// Errors: [`Error::Unauthenticated`].
pub async fn authenticate(ctx: &Context, presented: &str, origin: &Arc<Origin>) -> Result<Principal, Error> {
    let refused = |detail: &str| Error::Unauthenticated {
        message: "The token of the workspace proxy is not accepted.".to_owned(),
        detail: detail.to_owned(),
    };
    if presented.is_empty() {
        return Err(refused("There is none in the header Coder-External-Proxy-Token."));
    }
    let token: ProxyToken = presented.parse().map_err(|error| refused(&format!("It is malformed: {error}.")))?;
    let id = token.id;
    let found = ctx.read(move |repos| Ok::<_, Error>(repos.workspace_proxies().find(id)?)).await?;
    // In constant time, by the type.
    let is_good = found.is_some_and(|proxy| proxy.digest == token.digest() && !proxy.deleted);
    if !is_good {
        return Err(refused("It is unknown, was replaced, or is of a proxy that was deleted."));
    }
    let nobody = Principal::anonymous(Arc::clone(origin));
    Ok(Principal { who: Who::Proxy(id.0), ..nobody })
}

/// The id of the proxy that acts. Errors: [`Error::Refused`].
pub(super) fn acting(by: &Principal) -> Result<WorkspaceProxyId, Error> {
    if let Who::Proxy(id) = by.who {
        return Ok(WorkspaceProxyId(id));
    }
    Err(Error::Refused("Only a workspace proxy can do this.".to_owned()))
}

pub(crate) fn name_taken() -> Error {
    Error::taken("Another workspace proxy has this name.", "name")
}

impl Audited for WorkspaceProxy {
    fn kind(&self) -> AuditResource {
        AuditResource::WorkspaceProxy
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.to_string()
    }

    fn tracked(&self) -> Snapshot {
        let digest = self.digest.as_bytes().iter().fold(String::new(), |mut text, byte| {
            // Writing to a text never fails.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        });
        Snapshot::default()
            .field("id", self.id.to_string())
            .field("name", self.name.as_str())
            .field("display_name", self.display_name.as_str())
            .field("icon", self.icon.as_str())
            .field("url", self.url.as_str())
            .field("wildcard_hostname", self.wildcard_hostname.as_str())
            .moment("created_at", Some(self.created_at))
            .secret("token_hashed_secret", Some(&digest))
            .field("derp_enabled", self.derp_enabled)
            .field("derp_only", self.derp_only)
            .field("region_id", self.region_number)
            .field("version", self.version.as_str())
    }
}
