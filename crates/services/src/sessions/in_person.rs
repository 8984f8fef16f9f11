//! Actions that are reserved for the resource owner in person: access tokens of apps are refused, whatever their scopes.
//!
//! An access token acts as its user, within its scopes. That is no reason to let an app reach further than its grant
//! goes, or longer than it lives: what is listed here is refused to tokens that were issued to an app, whatever their
//! scopes: to all of them by `Principal::in_person`, to those that act by the grant of a person by `Principal::not_by_grant`,
//! and where it is about the app's own service account by `Principal::not_for_own_account`.
//! Sessions, and API tokens that the person made, may do it as far as access control lets them.

use crate::Principal;
use crate::error::Error;
use doorward_domain::ids::{AppId, UserId};
use doorward_ports::Repositories;

/// Something that only a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InPerson {
    /// Let an app act for oneself: the decision is what the whole protocol asks a person for.
    AllowApp,
    /// Make a key: it would live on when the grant is revoked.
    MakeKey,
    /// End a key other than the one in use.
    EndKey,
    /// End what other apps hold.
    EndGrant,
    /// Set a password, by which the app could sign in as the user for ever.
    SetPassword,
    /// Change mail addresses: passcodes for new passwords go there.
    ChangeAddress,
    /// Change by what one proves oneself beside the password.
    ChangeFactors,
    /// Vouch for mail addresses: other servers link accounts by those that are verified.
    VouchForAddress,
    /// Change with which accounts at identity providers one signs in: the app could sign in as the user for ever.
    LinkAccount,
    /// Register or change apps and their secrets, or who may register some: an app with a service account and a secret needs
    /// no grant any more.
    ManageApps,
    /// Give, define or take away roles: an account that the app controls, such as its own service account, would keep them when the
    /// grant is revoked.
    GiveRoles,
    /// Decide where the service account of the app belongs and what it may do.
    PlaceOwnAccount,
}

impl InPerson {
    const fn words(self) -> &'static str {
        match self {
            Self::AllowApp => "allow an app to act for its user",
            Self::MakeKey => "make API keys and tokens",
            Self::EndKey => "end keys other than its own",
            Self::EndGrant => "withdraw other apps",
            Self::SetPassword => "set passwords",
            Self::ChangeAddress => "change mail addresses",
            Self::ChangeFactors => "change second factors, or show them",
            Self::VouchForAddress => "vouch for mail addresses",
            Self::LinkAccount => "change with which accounts at identity providers its user signs in",
            Self::ManageApps => "manage OAuth2 apps and their secrets",
            Self::GiveRoles => "give roles in the name of its user",
            Self::PlaceOwnAccount => {
                "change memberships, groups, roles or entries on access lists of its own service account"
            }
        }
    }

    /// The deed that this action is, whatever object it is about, and whether it is refused only to those who act by a grant.
    /// Actions by which an app may do something else too, such as ending its own key, are none.
    ///
    /// Whoever asks what it may do is answered by this table; a test asks, does, and compares.
    fn of(action: &str, resource_type: &str) -> Option<(Self, bool)> {
        let (deed, actions, by_grant_only): (Self, &[&str], bool) = match resource_type {
            "api_key" | "workspace_proxy" => (Self::MakeKey, &["create"], false),
            "oauth2_app" | "oauth2_app_secret" => (Self::ManageApps, &["create", "update", "delete"], false),
            "deployment_config" => (Self::ManageApps, &["update"], false),
            "oauth2_app_code_token" => (Self::AllowApp, &["create"], false),
            "assign_role" => (Self::GiveRoles, &["assign", "unassign"], true),
            "assign_org_role" => (Self::GiveRoles, &["assign", "unassign", "create", "update", "delete"], true),
            _ => return None,
        };
        (action == "*" || actions.contains(&action)).then_some((deed, by_grant_only))
    }
}

impl Principal {
    /// The app that this request comes from, if its credential was issued to one.
    #[must_use]
    pub fn app(&self) -> Option<AppId> {
        self.as_account()?.key.oauth2.as_ref().map(|binding| binding.app_id)
    }

    /// Refuses an app.
    pub(crate) fn in_person(&self, deed: InPerson) -> Result<(), Error> {
        match self.app() {
            None => Ok(()),
            Some(_) => Err(Error::Refused(refusal(deed))),
        }
    }

    /// Why an app is refused this action on all objects of a type, whatever access control says; `None` if it is not.
    pub(crate) fn refused_in_person(&self, action: &str, resource_type: &str) -> Option<String> {
        self.app()?;
        let (deed, by_grant_only) = InPerson::of(action, resource_type)?;
        (!by_grant_only || self.acts_by_grant()).then(|| refusal(deed))
    }

    fn acts_by_grant(&self) -> bool {
        let binding = self.as_account().and_then(|account| account.key.oauth2.as_ref());
        binding.is_some_and(|binding| binding.grant_id.is_some())
    }

    /// Refuses an app that acts by a grant of a person. The service account of an app may do it, for its rights are its own
    /// and do not end with a grant.
    pub(crate) fn not_by_grant(&self, deed: InPerson) -> Result<(), Error> {
        if self.acts_by_grant() { self.in_person(deed) } else { Ok(()) }
    }

    /// Refuses an app to decide where its own service account belongs and what it may do there: memberships, groups, roles
    /// and access lists that name one of these users. It would act as that account beyond its grant, and when the grant is
    /// over; so a person decides, also if the app asks as the account itself.
    pub(crate) fn not_for_own_account(
        &self,
        repos: &mut dyn Repositories,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<(), Error> {
        let Some(app) = self.app() else { return Ok(()) };
        let mut users = users.into_iter().peekable();
        if users.peek().is_none() {
            return Ok(());
        }
        let account = repos.apps().find(app)?.and_then(|app| app.service_account_id);
        if account.is_some_and(|account| users.any(|user| user == account)) {
            return Err(Error::Refused(refusal(InPerson::PlaceOwnAccount)));
        }
        Ok(())
    }

    /// Refuses an app, unless it is about the app itself.
    pub(crate) fn in_person_unless(&self, app: AppId, deed: InPerson) -> Result<(), Error> {
        if self.app() == Some(app) { Ok(()) } else { self.in_person(deed) }
    }
}

fn refusal(deed: InPerson) -> String {
    format!("An app cannot {}. Use a session, or an API token that you made yourself.", deed.words())
}
