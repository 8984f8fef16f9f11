//! The links of a user, and their end (`identity.md` 2.10).

use super::links::{Because, about};
use super::settings::{GithubSettings, OidcSettings};
use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::sessions::in_person::InPerson;
use crate::users::caller::with_caller_and;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::identity_providers::check_unlink;
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Action, System, action, resource};
use doorward_domain::user_links::{Upstream, UserLink};
use doorward_domain::users::{LoginType, User};
use doorward_ports::StoreError;
use uuid::Uuid;

/// A link, as its user sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnLink {
    /// The link.
    pub link: UserLink,
    /// What people know the provider as.
    pub shown_name: String,
    /// Whether the provider is one through which people sign in now.
    pub is_usable: bool,
}

/// The links of a user, oldest first.
///
/// Needs `user:read_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be looked at), `Forbidden` (only the
/// scope is too short).
pub async fn list_links(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<Vec<OwnLink>, Error> {
    let (reference, places) = (user.clone(), Places::of(ctx));
    ctx.look(actor, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        access::may(look.by, Action::ReadPersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let links = look.repos.user_links().list_of_user(user.id)?;
        Ok(links.into_iter().map(|link| places.shown(link)).collect())
    })
    .await
}

/// Removes a link of a user, and ends the sessions that began with it; API tokens and grants stay. When it was the one that the account
/// follows, another one takes its place, and the login type with it.
///
/// Needs `user:update_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be changed; no such link),
/// `Forbidden` (only the scope is too short), `Refused` (an app), `Conflict` (nothing else would let the user in).
pub async fn unlink(ctx: &Context, actor: &Principal, user: &UserRef, link: Uuid) -> Result<(), Error> {
    actor.in_person(InPerson::LinkAccount)?;
    let (reference, places) = (user.clone(), Places::of(ctx));
    let lets_in_by_password = ctx.settings.sessions.password_login;
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        with_caller_and(deed, id, |deed, actor, user| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(id))
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            let links = deed.repos.user_links().list_of_user(id)?;
            let (gone, others): (Vec<_>, Vec<_>) = links.into_iter().partition(|known| known.id() == link);
            let gone = gone.into_iter().next().ok_or(Error::NotFound)?;
            // What no provider of the settings stands behind lets nobody in.
            let others: Vec<_> = others.into_iter().filter(|other| places.is_usable(other)).collect();
            let has_password = lets_in_by_password && user.password_hash.is_some();
            let left = check_unlink(user.login_type, has_password, &others)
                .map_err(|last| Error::conflict(last.to_string()))?;
            deed.repos.user_links().delete(&permit, id, &gone.issuer, &gone.subject)?;
            if let Some(main) = left.main {
                // The mail address of the account is as good as it was.
                let main = UserLink { email_verified: gone.is_main && gone.email_verified, ..main };
                deed.repos.user_links().update(&permit, &main)?;
            }
            if left.login_type != user.login_type {
                deed.repos.users().follow_login_type(&permit, id, left.login_type, deed.now)?;
            }
            end_sessions(deed, id, &places.spellings(&gone), &gone.subject)?;
            let after = User { login_type: left.login_type, ..user.clone() };
            let by = if actor.user_id() == Some(id) { "user" } else { "administrator" };
            let about = about(&gone.provider, &gone.issuer, &gone.subject, Because::UnlinkedBy(by));
            Ok(deed.entry().with(about).changed(&user, &after)?.answer(()))
        })
    })
    .await
}

/// Ends the sessions of this user that began with this account.
fn end_sessions(deed: &mut Deed<'_>, user: UserId, issuers: &[String], subject: &str) -> Result<(), StoreError> {
    let because = System::because("the account with which the session began is not linked any more");
    let upstream = Upstream::Subject(subject.to_owned());
    let keys = deed.repos.federated_sessions().list_keys(issuers, &upstream)?;
    for (key, _) in keys.into_iter().filter(|(_, owner)| *owner == user) {
        deed.repos.api_keys().delete(&because.permit(), &key)?;
    }
    Ok(())
}

/// The providers of the settings.
#[derive(Clone)]
struct Places {
    oidc: OidcSettings,
    github: GithubSettings,
}

impl Places {
    fn of(ctx: &Context) -> Self {
        Self { oidc: ctx.settings.oidc.clone(), github: ctx.settings.github.clone() }
    }

    fn is_of_github(&self, link: &UserLink) -> bool {
        self.github.is_on() && link.issuer == self.github.base_url.trim_end_matches('/')
    }

    fn is_usable(&self, link: &UserLink) -> bool {
        if link.login_type == LoginType::Github {
            return self.is_of_github(link);
        }
        self.oidc.providers.iter().any(|provider| provider.spellings_of(&link.issuer).is_some())
    }

    /// How the issuer of a link may be written in what is known of its sessions.
    fn spellings(&self, link: &UserLink) -> Vec<String> {
        let spellings = self.oidc.providers.iter().find_map(|provider| provider.spellings_of(&link.issuer));
        spellings.unwrap_or_else(|| vec![link.issuer.clone()])
    }

    fn shown(&self, link: UserLink) -> OwnLink {
        let is_usable = self.is_usable(&link);
        let shown_name = if link.login_type == LoginType::Github {
            "GitHub".to_owned()
        } else {
            let provider = self.oidc.provider(&link.provider);
            provider.map_or_else(|| link.provider.clone(), |provider| provider.shown_name().to_owned())
        };
        OwnLink { link, shown_name, is_usable }
    }
}

#[cfg(test)]
mod tests;
