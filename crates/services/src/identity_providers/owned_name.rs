//! Real names and mail addresses that are not people's to change here: those that follow an identity provider (`identity.md` 2.9) or a directory
//! (`enterprise-identity.md` 3.3), which would undo it.

use super::identity::NAME;
use crate::error::Error;
use crate::settings::Settings;
use doorward_domain::identity_providers::{Claims, name_said};
use doorward_domain::scim::UserRecord;
use doorward_domain::user_links::UserLink;
use doorward_domain::users::{LoginType, User};
use doorward_ports::Repositories;

/// Refuses to change the real name of a user by hand while it follows. Errors: `Invalid`.
pub(crate) fn refuse_name(repos: &mut dyn Repositories, settings: &Settings, user: &User) -> Result<(), Error> {
    let links = repos.user_links().list_of_user(user.id)?;
    let mut followed = links.into_iter().filter(|link| link.is_main && link.login_type == user.login_type);
    if let Some((claim, provider)) = followed.find_map(|link| says_name(settings, link)) {
        return Err(Error::invalid_because(
            "Cannot change the name of this user: it follows the identity provider.",
            format!(
                "The claim `{claim}` of `{provider}` says what {} is called, and is read at each sign-in. Change it there; to change \
                 the user name alone, send the name as it is.",
                user.username
            ),
        ));
    }
    if !directory_says(repos, settings, user, UserRecord::has_name)? {
        return Ok(());
    }
    Err(Error::invalid_because(
        "Cannot change the name of this user: it follows the directory that provisions the user.",
        format!(
            "The directory says what {} is called, and its next change would say it again. Change it there; to change the user name \
             alone, send the name as it is.",
            user.username
        ),
    ))
}

/// The claim by which a provider says the real name, and the provider; `None` if it says none, or nobody signs in through it any more.
fn says_name(settings: &Settings, link: UserLink) -> Option<(String, String)> {
    let claim = if link.login_type == LoginType::Github {
        settings.github.is_on().then_some(NAME)?
    } else {
        &settings.oidc.provider(&link.provider)?.name_claim
    };
    name_said(&Claims::from_members(link.claims), claim)?;
    Some((claim.to_owned(), link.provider))
}

/// Refuses to change the mail address of a user by hand while it follows. Errors: `Invalid`.
pub(crate) fn refuse_email(repos: &mut dyn Repositories, settings: &Settings, user: &User) -> Result<(), Error> {
    let links = repos.user_links().list_of_user(user.id)?;
    let mut followed = links.into_iter().filter(|link| link.is_main && link.login_type == user.login_type);
    let is_here = |link: &UserLink| {
        if link.login_type == LoginType::Github {
            settings.github.is_on()
        } else {
            settings.oidc.provider(&link.provider).is_some()
        }
    };
    if let Some(link) = followed.find(is_here) {
        return Err(Error::invalid_because(
            "Cannot change the mail address of this user: it follows the identity provider.",
            format!("`{}` says the address of {} at each sign-in. Change it there.", link.provider, user.username),
        ));
    }
    if !directory_says(repos, settings, user, |_| true)? {
        return Ok(());
    }
    Err(Error::invalid_because(
        "Cannot change the mail address of this user: it follows the directory that provisions the user.",
        format!("The next change by the directory would say the address of {} again. Change it there.", user.username),
    ))
}

/// Whether a directory that may still write has said this of the user.
fn directory_says(
    repos: &mut dyn Repositories,
    settings: &Settings,
    user: &User,
    says: fn(&UserRecord) -> bool,
) -> Result<bool, Error> {
    let mut directories = Vec::new();
    if !settings.scim.key.expose().is_empty() {
        directories.push(None);
    }
    if settings.scim.organization_directories {
        let memberships = repos.organizations().list_memberships(user.id)?;
        directories.extend(memberships.into_iter().map(|membership| Some(membership.organization_id)));
    }
    for directory in directories {
        let record = repos.scim().find_user(directory, user.id)?.and_then(|found| found.record);
        if record.as_ref().is_some_and(says) {
            return Ok(true);
        }
    }
    Ok(false)
}
