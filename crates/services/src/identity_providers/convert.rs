//! A user with a password who wants to sign in through a provider from now on (`identity.md` 2.8): first the password is proved,
//! then the provider says who it is, and only then the password is gone.

use super::account::{admit, refuse};
use super::conversions::{is_password_of, password_text, sign};
use super::flow::{CONVERT, new_state};
use super::identity::Identified;
use super::links::{NewLink, find_link, insert_link, update_link};
use crate::Principal;
use crate::audit::{Audited, Snapshot};
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError};
use crate::factors::second_factor_shown;
use crate::origin::Origin;
use crate::sessions::confirm_password;
use crate::sessions::in_person::InPerson;
use crate::users::UserRef;
use crate::users::access;
use crate::users::fields::Fields;
use crate::users::reference::resolve_live;
use doorward_domain::audit::AuditResource;
use doorward_domain::identity_providers::{CONVERSION_LIFETIME, Conversion, check_own_link};
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Action, System};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_domain::{Instant, Secret};
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Convert {
    /// How the user wants to sign in, as it was sent: `oidc` or `github`.
    pub to_type: String,
    /// The present password.
    pub password: Secret<String>,
    /// The id of the deployment.
    pub deployment: String,
}

/// How it goes on: the browser keeps the token, and opens the callback of the provider with the state as `oidc_merge_state`.
#[derive(Clone, Debug)]
pub struct Converting {
    /// The state.
    pub state: Secret<String>,
    /// Until when it holds.
    pub expires_at: Instant,
    /// How the user will sign in.
    pub to: LoginType,
    /// The user.
    pub user_id: UserId,
    /// For a cookie.
    pub token: Secret<String>,
}

/// Begins: proves the password. Nothing is changed yet, but recorded.
///
/// Needs `user:read`, `user:update_personal`, and the password. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be
/// changed), `Forbidden` (only the scope is too short), `Refused` (an app; the second factor was not shown within ten minutes), `Invalid` (`to_type`, `password`; the user signs in otherwise;
/// no such provider), `Unauthenticated` (a wrong password), `TooManyAttempts`.
pub async fn begin_conversion(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    command: Convert,
    origin: &Arc<Origin>,
) -> Result<Converting, Error> {
    let Convert { to_type, password, deployment } = command;
    let mut fields = Fields::default();
    let to = fields.keep(parse(ctx, &to_type))?;
    let to = fields.required_secret("password", &password).done_with(to)?;
    let reference = user.clone();
    let user = ctx
        .look(actor, move |look| {
            let user = resolve_live(look.repos, look.by, &reference)?;
            access::may(look.by, Action::UpdatePersonal, &access::user(user.id))
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            Ok::<_, Error>(user)
        })
        .await?;
    actor.in_person(InPerson::SetPassword)?;
    if user.login_type != LoginType::Password {
        return Err(Error::invalid(format!("This account signs in with `{}` and has no password.", user.login_type)));
    }
    second_factor_shown(ctx, actor).await?;
    confirm_password(ctx, user.clone(), password, origin).await?;
    let state = new_state(ctx, CONVERT);
    // What is signed has whole seconds.
    let now = ctx.clock.now();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let conversion = Conversion {
        deployment,
        state: state.expose().clone(),
        user: user.id,
        from: user.login_type,
        to,
        issued_at: now,
        expires_at: now + CONVERSION_LIFETIME,
        id: ctx.new_id::<uuid::Uuid>().1.to_string(),
        password: password_text(&ctx.keys.ring(), &user, now),
    };
    let token = sign(ctx, &conversion);
    let expires_at = conversion.expires_at;
    ctx.act(actor, move |deed| Ok::<_, Error>(deed.made(&conversion)?.answer(()))).await?;
    Ok(Converting { state, expires_at, to, user_id: user.id, token })
}

impl Audited for Conversion {
    fn kind(&self) -> AuditResource {
        AuditResource::ConvertLogin
    }

    fn id(&self) -> String {
        self.user.to_string()
    }

    fn target(&self) -> String {
        self.to.to_string()
    }

    /// Of the state, whoever knows which could end the conversion, only that there is one.
    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .moment("created_at", Some(self.issued_at))
            .moment("expires_at", Some(self.expires_at))
            .field("from_login_type", self.from.as_str())
            .field("to_login_type", self.to.as_str())
            .field("user_id", self.user.to_string())
            .secret("state_string", Some(&self.state))
    }
}

fn parse(ctx: &Context, text: &str) -> Result<LoginType, Error> {
    let wrong =
        |detail: &str| Err(Error::invalid_fields("Invalid login type.", vec![FieldError::new("to_type", detail)]));
    match text.parse() {
        Ok(LoginType::Oidc) if ctx.settings.oidc.providers.is_empty() => {
            Err(Error::invalid("Signing in with OpenID Connect is not configured on this server."))
        }
        Ok(LoginType::Github) if !ctx.settings.github.is_on() => {
            Err(Error::invalid("Signing in with GitHub is not configured on this server."))
        }
        Ok(to @ (LoginType::Oidc | LoginType::Github)) => Ok(to),
        Ok(_known) => wrong("must be `github` or `oidc`: an account cannot be changed to this login type"),
        Err(_) => wrong("must be `github` or `oidc`"),
    }
}

/// Ends: the account signs in through the provider from now on, and the password, all sessions, keys and grants are gone.
pub(super) async fn convert(
    ctx: &Context,
    person: Identified,
    conversion: Conversion,
    origin: &Arc<Origin>,
) -> Result<(), Error> {
    // Afterwards nothing but the provider lets the user in.
    if let Err(refusal) = admit(ctx, &person) {
        refuse(ctx, person, origin, None).await?;
        return Err(refusal);
    }
    let (caller, ring) = (Principal::anonymous(Arc::clone(origin)), ctx.keys.ring());
    let refused = person.clone();
    let done = ctx.act(&caller, move |deed| {
        let user = found(deed, &person)?;
        if user.id != conversion.user || user.login_type != conversion.from || person.login_type != conversion.to {
            return Err(Error::Refused("This is not the account whose password was given.".to_owned()));
        }
        if !is_password_of(&ring, &user, &conversion, deed.now) {
            return Err(Error::Refused("The password has been changed meanwhile. Please begin again.".to_owned()));
        }
        if user.status == UserStatus::Suspended {
            return Err(Error::Refused("This account is suspended. Ask an administrator.".to_owned()));
        }
        let link = find_link(deed.repos, &person)?;
        let linked = link.as_ref().map(|link| link.user_id);
        let links = deed.repos.user_links().list_of_user(user.id)?;
        let has_other =
            links.iter().any(|link| person.issuers.contains(&link.issuer) && link.subject != person.subject);
        check_own_link(user.id, conversion.issued_at, linked, has_other, deed.now)
            .map_err(|refusal| Error::Refused(refusal.to_string()))?;
        let permit = System::because("the password and the identity provider vouch for the user").permit();
        deed.repos.users().update_login_type(&permit, user.id, person.login_type, deed.now)?;
        if let Some(link) = link {
            // One that the user has added is followed from now on.
            update_link(deed, &person, link, (true, true))?;
        } else {
            let new = NewLink { user_id: user.id, is_main: true, email_verified: true };
            insert_link(deed, &permit, &person, &new)?;
        }
        let changed = User { login_type: person.login_type, password_hash: None, updated_at: deed.now, ..user.clone() };
        let entry = deed.entry().of_user(Some(user.id));
        Ok(entry.changed(&user, &changed)?.answer(()))
    });
    let done = done.await;
    if let Err(Error::Refused(_)) = &done {
        refuse(ctx, refused, origin, None).await?;
    }
    done
}

/// The account with the address that the provider says.
fn found(deed: &mut Deed<'_>, person: &Identified) -> Result<User, Error> {
    let email = person.profile.email.as_str();
    let user = deed.repos.users().find_by_email(email)?.filter(|user| !user.is_system);
    let user = user.map(|user| deed.repos.users().find_for_update(user.id)).transpose()?.flatten();
    user.filter(|user| !user.deleted).ok_or_else(|| {
        Error::invalid(
            "There is no account with the mail address that the identity provider says. Both must be the same.",
        )
    })
}
