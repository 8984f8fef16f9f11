//! What is told about accounts.

use crate::deed::Deed;
use crate::notices::Told;
use crate::principal::{Principal, Who};
use doorward_domain::notifications::{Audience, Matter, ids};
use doorward_domain::sessions::Device;
use doorward_domain::users::{User, UserStatus};
use time::format_description::well_known::Rfc3339;

/// An account was made: those who look after accounts are told.
pub(crate) fn account_created(deed: &mut Deed<'_>, user: &User) {
    let matter = about("created", user, deed.by);
    deed.notify(Told::new(ids::USER_CREATED, Audience::UserAdmins, matter));
}

/// An account was deleted: those who look after accounts are told.
pub(crate) fn account_deleted(deed: &mut Deed<'_>, user: &User) {
    let matter = about("deleted", user, deed.by);
    deed.notify(Told::new(ids::USER_DELETED, Audience::UserAdmins, matter));
}

/// Whether a user may sign in has perhaps changed: those who look after accounts are told, and the user.
pub(crate) fn account_changed(deed: &mut Deed<'_>, old: &User, new: &User) {
    let was_suspended = old.status == UserStatus::Suspended;
    let is_suspended = new.status == UserStatus::Suspended;
    let (word, to_admins, to_user) = match (was_suspended, is_suspended) {
        (false, true) => ("suspended", ids::USER_SUSPENDED, ids::YOUR_ACCOUNT_SUSPENDED),
        (true, false) => ("activated", ids::USER_ACTIVATED, ids::YOUR_ACCOUNT_ACTIVATED),
        // Whom somebody has made active who had not been here yet.
        (false, false) if old.status != new.status => ("activated", ids::USER_ACTIVATED, ids::YOUR_ACCOUNT_ACTIVATED),
        (false, false) | (true, true) => return,
    };
    let matter = about(word, new, deed.by);
    deed.notify(Told::new(to_admins, Audience::UserAdmins, matter.clone()));
    deed.notify(Told::new(to_user, Audience::User(new.id), matter));
}

/// Somebody has signed in from a device that was not seen before: the user is told.
pub(crate) fn new_sign_in(deed: &mut Deed<'_>, user: &User, device: &Device) {
    // Whole seconds are enough for people.
    let at = deed.now.replace_nanosecond(0).unwrap_or(deed.now);
    let matter = Matter::default()
        .label("device", device.name())
        .label("address", deed.by.origin.ip.as_str())
        .label("time", at.format(&Rfc3339).unwrap_or_default())
        .about(user.id);
    deed.notify(Told::new(ids::NEW_SIGN_IN, Audience::User(user.id), matter));
}

/// The mail address of a user has changed: the user is told at both, for whoever reads one need not read the other.
pub(crate) fn email_changed(deed: &mut Deed<'_>, old: &User, new: &User) {
    let matter = Matter::default()
        .label("old_email", old.shown_email())
        .label("new_email", new.shown_email())
        .label("initiator", initiator(deed.by))
        .about(new.id);
    if old.email.is_some() {
        let matter = matter.clone().to_address(old.shown_email());
        deed.notify(Told::new(ids::EMAIL_CHANGED, Audience::User(new.id), matter));
    }
    deed.notify(Told::new(ids::EMAIL_CHANGED, Audience::User(new.id), matter));
}

fn about(word: &str, user: &User, by: &Principal) -> Matter {
    Matter::default()
        .label(&format!("{word}_account_name"), user.username.as_str())
        .label(&format!("{word}_account_user_name"), user.name.as_str())
        .label("initiator", initiator(by))
        .about(user.id)
}

/// Who has done it, as people call them.
pub(super) fn initiator(by: &Principal) -> String {
    let name = match &by.who {
        Who::User(account) | Who::ServiceAccount(account) => account.user.username.as_str(),
        Who::ScimClient { .. } => "the directory",
        Who::Provisioner { .. } => "a provisioner daemon",
        Who::Proxy(_) => "a workspace proxy",
        Who::Replica(_) | Who::System(_) => "the server",
        Who::Operator => "the operator",
        Who::Anonymous => "a sign-up",
    };
    name.to_owned()
}
