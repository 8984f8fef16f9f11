//! Which account somebody signs in to, who has shown that a provider knows them.
//!
//! A link by the provider's own id of the person decides; then, where the settings say so, the id that SCIM gave the account; and
//! then, under conditions, the mail address. The conditions are there because somebody else may write an address: the
//! administrator of another tenant, or a stranger who opened an account with the address of a victim and waits. What people are
//! told does not say which condition failed, for that would tell about an account that may not be theirs.

use super::address::EmailTrust;
use crate::ids::UserId;
use crate::text_enum::text_enum;
use crate::users::LoginType;
use serde::{Deserialize, Serialize};
use std::fmt;

text_enum! {
    /// Whether an account is found by its mail address, when it is not linked yet.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    LinkByEmail {
        /// Never.
        Never = "never",
        /// If the provider has verified the address, and so has this server.
        #[default]
        Verified = "verified",
        /// Whatever is known of the address. Sound only where all who can write it are trusted.
        Always = "always",
    }
}

/// An account that may be the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// How it signs in.
    pub login_type: LoginType,
    /// It was deleted; then it is as if it were not there.
    pub is_deleted: bool,
    /// It is refused everywhere.
    pub is_suspended: bool,
    /// It is an owner of the site.
    pub is_owner: bool,
    /// Its mail address is verified by the providers that it follows, or was set by an administrator or by SCIM.
    pub is_email_proven: bool,
    /// It has a link at this issuer already: to another person there, if it was not found by a link.
    pub has_link: bool,
}

/// What is known when somebody comes back from a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// How accounts of this provider sign in: [`LoginType::Oidc`] or [`LoginType::Github`].
    pub login_type: LoginType,
    /// The account that is linked to this person at this provider.
    pub linked: Option<Account>,
    /// The user has added that link while signed in.
    pub is_added: bool,
    /// The account with the external id that the provider says, where the settings name a claim for it.
    pub by_external_id: Option<Account>,
    /// The account with the mail address, compared by [`same_address`](super::same_address).
    pub by_email: Option<Account>,
    /// How far it is believed that the address is theirs.
    pub email_trust: EmailTrust,
    /// There is no user yet.
    pub is_first_user: bool,
}

/// What the settings say about accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkPolicy {
    /// Whether an account is found by its mail address.
    pub by_email: LinkByEmail,
    /// Whether an owner of the site is found by it, too.
    pub privileged: bool,
    /// Whether accounts are made for those who have none.
    pub sign_ups: bool,
}

/// By what an account was found that is not linked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedBy {
    /// By the external id that SCIM gave it. A link that it has at this issuer is replaced.
    ExternalId,
    /// By its mail address.
    Email,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The person signs in to the account that is linked to them.
    SignIn(UserId),
    /// The person signs in to this account, which is linked to them from now on; an event for the audit log.
    Link {
        /// Whose account.
        user: UserId,
        /// By what it was found.
        by: LinkedBy,
    },
    /// A new account is made and linked.
    Create {
        /// It is the first one, which becomes the owner of the site.
        is_first: bool,
    },
    /// The person does not sign in.
    Refuse(Refusal),
}

/// Why somebody does not sign in. The reason is for the log; what it displays is for the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The account signs in in another way.
    LoginType {
        /// How it does.
        has: LoginType,
        /// How the person came.
        wants: LoginType,
    },
    /// The account is suspended.
    Suspended,
    /// There is an account of this address, and addresses link no accounts.
    LinkingOff,
    /// There is one, and the provider has not verified that the address is theirs.
    EmailNotVerified,
    /// There is one, and nobody has verified that the address is its.
    AccountNotProven,
    /// There is one, which is linked to another person of this provider: the provider has given the address, or the account, to
    /// somebody else. An administrator deletes the account, or makes another one.
    LinkedToOther,
    /// There is one, of an owner of the site, who links it while signed in.
    Privileged,
    /// There is no account, and none is made.
    SignUpsOff,
}

impl std::error::Error for Refusal {}

/// What the visitor is told.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginType { has, wants } => {
                write!(f, "This account signs in with {}, not with {}.", shown(*has), shown(*wants))
            }
            Self::Suspended => f.write_str("This account is suspended. Ask an administrator."),
            // The same for all of these: it says that the address is taken, and nothing else about whose it is.
            Self::LinkingOff
            | Self::EmailNotVerified
            | Self::AccountNotProven
            | Self::LinkedToOther
            | Self::Privileged => f.write_str(
                "There is an account with this mail address already. Sign in the way you did before, or ask an administrator.",
            ),
            Self::SignUpsOff => f.write_str("Sign-ups are disabled. Ask an administrator for an account."),
        }
    }
}

const fn shown(login_type: LoginType) -> &'static str {
    match login_type {
        LoginType::Password => "a password",
        LoginType::Github => "GitHub",
        LoginType::Oidc => "OpenID Connect",
        LoginType::Token | LoginType::None | LoginType::Oauth2ProviderApp => "nothing",
    }
}

/// Decides which account it is.
///
/// ```
/// use doorward_domain::identity_providers::{AccountFacts, Decision, EmailTrust, LinkByEmail, LinkPolicy, Refusal, decide};
/// use doorward_domain::users::LoginType;
/// let nobody = AccountFacts {
///     login_type: LoginType::Oidc,
///     linked: None,
///     is_added: false,
///     by_external_id: None,
///     by_email: None,
///     email_trust: EmailTrust::Unverified,
///     is_first_user: false,
/// };
/// let policy = LinkPolicy { by_email: LinkByEmail::Verified, privileged: false, sign_ups: true };
/// assert_eq!(decide(&nobody, &policy), Decision::Create { is_first: false });
/// let closed = LinkPolicy { sign_ups: false, ..policy };
/// assert_eq!(decide(&nobody, &closed), Decision::Refuse(Refusal::SignUpsOff));
/// ```
#[must_use]
pub fn decide(facts: &AccountFacts, policy: &LinkPolicy) -> Decision {
    let alive = |account: Option<Account>| account.filter(|account| !account.is_deleted);
    if let Some(account) = alive(facts.linked) {
        // A link that the user has added lets in beside the way of the account.
        let signs_in = matches!(account.login_type, LoginType::Password | LoginType::Oidc | LoginType::Github);
        let wants = if facts.is_added && signs_in { account.login_type } else { facts.login_type };
        return enter(&account, wants, Decision::SignIn(account.user));
    }
    if let Some(account) = alive(facts.by_external_id) {
        let link = Decision::Link { user: account.user, by: LinkedBy::ExternalId };
        return enter(&account, facts.login_type, link);
    }
    let Some(account) = alive(facts.by_email) else {
        return if facts.is_first_user || policy.sign_ups {
            Decision::Create { is_first: facts.is_first_user }
        } else {
            Decision::Refuse(Refusal::SignUpsOff)
        };
    };
    // What is told about the account, such as how it signs in, is told only to those whose address it is.
    match refuse_by_email(&account, facts.email_trust, *policy) {
        Some(refusal) => Decision::Refuse(refusal),
        None => enter(&account, facts.login_type, Decision::Link { user: account.user, by: LinkedBy::Email }),
    }
}

/// The decision, unless the account is one that nobody enters in this way.
fn enter(account: &Account, wants: LoginType, decision: Decision) -> Decision {
    if account.login_type != wants {
        Decision::Refuse(Refusal::LoginType { has: account.login_type, wants })
    } else if account.is_suspended {
        Decision::Refuse(Refusal::Suspended)
    } else {
        decision
    }
}

/// Why an account is not given to somebody for its mail address.
fn refuse_by_email(account: &Account, trust: EmailTrust, policy: LinkPolicy) -> Option<Refusal> {
    match policy.by_email {
        LinkByEmail::Never => return Some(Refusal::LinkingOff),
        LinkByEmail::Verified if trust < EmailTrust::ForLinking => return Some(Refusal::EmailNotVerified),
        LinkByEmail::Verified if !account.is_email_proven => return Some(Refusal::AccountNotProven),
        LinkByEmail::Verified | LinkByEmail::Always => {}
    }
    if account.has_link {
        Some(Refusal::LinkedToOther)
    } else if account.is_owner && !policy.privileged {
        Some(Refusal::Privileged)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
