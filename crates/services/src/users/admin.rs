//! Use cases of users for the operator, on the command line of the server. There is no caller to authorize: whoever can
//! start the server with its settings can reach its database too. Each leaves an audit record without a user.

use super::access;
use super::create::{default_organization, insert};
use super::fields::{strong_password, trimmed};
use super::identity::{blank_user, person};
use super::password::new_password;
use super::roles::check_site_roles;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::UserId;
use doorward_domain::roles::OWNER;
use doorward_domain::users::{LoginType, User};
use doorward_ports::Repositories;

/// What an operator asks for a user.
#[derive(Clone, Debug)]
pub struct CreateUserAsOperator {
    /// Mail address.
    pub email: String,
    /// User name.
    pub username: String,
    /// Real name, may be empty.
    pub name: String,
    /// Password.
    pub password: Secret<String>,
    /// Names of the site roles.
    pub roles: Vec<String>,
}

/// Creates an active user in the default organization. The first user becomes owner, whatever is asked.
///
/// Needs the operator. Errors: `Invalid` (`email`, `username`, `password`, `name`, `roles`), `Conflict` (`email`,
/// `username`).
pub async fn create_user(ctx: &Context, command: CreateUserAsOperator) -> Result<User, Error> {
    let (mut fields, identity) = person(&command.email, &command.username, &command.password, &command.name);
    fields.keep(strong_password(&command.password))?;
    let roles = fields.keep(check_site_roles(command.roles))?.unwrap_or_default();
    let identity = fields.done_with(identity)?;
    let hash = ctx.hash_password(command.password).await?;

    ctx.act(&Principal::operator(), move |deed| {
        let organization = default_organization(deed.repos)?;
        let mut user = User { password_hash: Some(hash), roles, ..blank_user(deed.new_id(), identity, deed.now) };
        if !deed.repos.users().any_exists()? {
            user.roles.insert(OWNER);
        }
        let permit = deed.by.permit(&access::user(user.id))?;
        let places = vec![(organization.id, deed.by.permit(&access::members_to_be(organization.id))?)];
        Ok(insert(deed, &permit, user, places)?.map(|view| view.user))
    })
    .await
}

/// Sets the password of a user, named by id, user name or mail address, and ends all sessions, keys and grants of it.
///
/// Needs the operator. Errors: `Invalid` (`password`; the user signs in otherwise), `UserNotFound`.
pub async fn reset_password(ctx: &Context, user: &str, password: Secret<String>) -> Result<User, Error> {
    strong_password(&password)?;
    let (operator, name) = (Principal::operator(), user.to_owned());
    let user = ctx.look(&operator, move |look| find(look.repos, &name)).await?;
    has_password(&user)?;
    let hash = ctx.hash_password(password).await?;

    ctx.act(&operator, move |deed| {
        let permit = deed.by.permit(&access::user(user.id))?;
        let user =
            deed.repos.users().find_for_update(user.id)?.filter(|user| !user.deleted).ok_or(Error::UserNotFound)?;
        // Meanwhile the user may have been converted to another way to sign in.
        has_password(&user)?;
        if !deed.repos.users().update_password(&permit, user.id, &hash, deed.now)? {
            return Err(Error::UserNotFound);
        }
        Ok(deed.entry().noted(AuditAction::Write, 200, &user, new_password())?.answer(user))
    })
    .await
}

fn has_password(user: &User) -> Result<(), Error> {
    if user.login_type == LoginType::Password {
        return Ok(());
    }
    let (name, login_type) = (&user.username, user.login_type);
    Err(Error::invalid(format!("User \"{name}\" signs in with login type \"{login_type}\" and has no password.")))
}

fn find(repos: &mut dyn Repositories, name: &str) -> Result<User, Error> {
    let found = match name.parse::<UserId>() {
        Ok(id) => repos.users().find(id)?,
        Err(_not_a_uuid) if name.contains('@') => repos.users().find_by_email(trimmed(name))?,
        Err(_not_a_uuid) => repos.users().find_by_username(name)?,
    };
    found.filter(|user| !user.deleted && !user.is_system).ok_or(Error::UserNotFound)
}
