//! Reading users: one by reference, and pages of those that match a search.

use super::access;
use super::reference::{UserRef, UserView, resolve};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::page::Page;
use doorward_domain::roles::Action;
use doorward_domain::users::parse_user_query;

/// A page of users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserList {
    /// The users of the page.
    pub users: Vec<UserView>,
    /// How many match after `after_id`, before limit and offset; 0 when the page is empty.
    pub count: u64,
}

/// Shows one user. Whoever is asked for and cannot be read does not exist.
///
/// Needs `user:read`. Errors: `UserNotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<UserView, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        access::may(look.by, Action::Read, &access::user(user.id))?;
        Ok(UserView::load(user, look.repos)?.seen_by(look.by))
    })
    .await
}

/// Lists the users that the caller may read, narrowed by a search query (`identity.md` 3.1).
///
/// Shows what `user:read` reaches. Errors: `Invalid` (the query).
pub async fn list(ctx: &Context, actor: &Principal, query: &str, page: Page) -> Result<UserList, Error> {
    let filter = parse_user_query(query).map_err(|errors| Error::bad_query("Invalid user search query.", errors))?;
    let visible = access::visible_users(actor);
    let page = Page { limit: page.limit.filter(|limit| *limit > 0), ..page };
    ctx.look(actor, move |look| {
        let found = look.repos.users().list(&filter, &visible, page)?;
        let users =
            UserView::load_all(found.users, look.repos)?.into_iter().map(|view| view.seen_by(look.by)).collect();
        Ok(UserList { users, count: found.count })
    })
    .await
}
