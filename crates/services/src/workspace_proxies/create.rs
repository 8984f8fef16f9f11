//! Making proxies.

use super::access::{all, name_taken};
use super::health;
use super::list::ProxyView;
use crate::sessions::in_person::InPerson;
use crate::users::fields::Fields;
use crate::{Context, Error, Principal};
use doorward_domain::Secret;
use doorward_domain::ids::WorkspaceProxyId;
use doorward_domain::names::ProxyName;
use doorward_domain::roles::{action, resource};
use doorward_domain::workspace_proxies::{ProxyToken, WorkspaceProxy};
use doorward_ports::Random;

/// What is asked of a new proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateProxy {
    /// Its name.
    pub name: String,
    /// What people see; may be empty.
    pub display_name: String,
    /// URL of a picture; may be empty.
    pub icon: String,
}

/// Makes a proxy, with the token that it presents: the only time that this is seen.
///
/// Needs `workspace_proxy:create`. Errors: `Forbidden`, `Refused` (asked by an app), `Invalid` (`name`, `display_name`, `icon`),
/// `Conflict` (`name`).
pub async fn create(ctx: &Context, by: &Principal, command: CreateProxy) -> Result<(ProxyView, Secret<String>), Error> {
    let permit = by.permit::<action::Create, resource::WorkspaceProxy>(&all())?;
    by.in_person(InPerson::MakeKey)?;
    let mut fields = Fields::default();
    let name: Option<ProxyName> = fields.value("name", "proxy_name", &command.name);
    let fields = fields.shown_name("display_name", &command.display_name).shown_name("icon", &command.icon);
    let name = fields.done_with(name)?;
    let (proxy, token) = ctx
        .act(by, move |deed| {
            let token = new_token(deed.new_id(), deed.random());
            let proxy = WorkspaceProxy {
                id: token.id,
                name,
                display_name: command.display_name,
                icon: command.icon,
                url: String::new(),
                wildcard_hostname: String::new(),
                derp_enabled: true,
                derp_only: false,
                version: String::new(),
                region_number: deed.repos.workspace_proxies().next_region_number()?,
                digest: token.digest(),
                created_at: deed.now,
                updated_at: deed.now,
                deleted: false,
            };
            if deed.repos.workspace_proxies().list()?.iter().any(|other| other.name.key() == proxy.name.key()) {
                return Err(name_taken());
            }
            deed.repos.workspace_proxies().insert(&permit, &proxy)?;
            Ok(deed.made(&proxy)?.answer((proxy, token.to_wire())))
        })
        .await?;
    health::wake(ctx);
    Ok((ProxyView::of(ctx, proxy, ctx.clock.now()), token))
}

/// A new token of a proxy.
pub(super) fn new_token(id: WorkspaceProxyId, random: &dyn Random) -> ProxyToken {
    let mut secret = [0; 32];
    random.fill(&mut secret);
    ProxyToken::new(id, &secret)
}
