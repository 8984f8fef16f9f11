//! What is still to be done after the set-up.

use super::may_read_config;
use crate::{Context, Error, Principal};
use doorward_domain::notifications::Method;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::users::{UserFilter, UserStatus};

/// What is done, and what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that is done or not")]
pub struct Checklist {
    /// Whether the access URL begins with `https`.
    pub is_encrypted: bool,
    /// Whether mail can be sent.
    pub has_mail: bool,
    /// Whether somebody else could help if the only owner is locked out.
    pub has_second_owner: bool,
    /// Whether people sign in at an identity provider.
    pub has_provider: bool,
}

/// The site role that may do everything.
const OWNER: &str = "owner";

/// What is still to be done after the set-up.
///
/// Needs `deployment_config:read`: most of it are settings. Errors: `Forbidden`.
pub async fn checklist(ctx: &Context, by: &Principal) -> Result<Checklist, Error> {
    may_read_config(by)?;
    let settings = &ctx.settings;
    let is_encrypted = settings.access_url.scheme() == "https";
    let has_mail = ctx.outlets.can(Method::Smtp, settings);
    let has_provider = !settings.oidc.providers.is_empty() || !settings.github.client_id.is_empty();
    ctx.look(by, move |look| {
        let everybody = Principal::system("how many owners there are is about all of the deployment").subject;
        let visible = everybody.list_filter(Action::Read, ResourceType::User);
        let filter = UserFilter {
            roles: vec![OWNER.to_owned()],
            statuses: vec![UserStatus::Active, UserStatus::Dormant],
            ..UserFilter::default()
        };
        let owners = look.repos.users().list(&filter, &visible, Page { limit: Some(1), ..Page::default() })?.count;
        Ok(Checklist { is_encrypted, has_mail, has_second_owner: owners > 1, has_provider })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{actor, context, owner};
    use doorward_ports::mocks::MockRepositories;
    use doorward_ports::users::UserPage;

    fn town(owners: u64) -> MockRepositories {
        let mut repos = MockRepositories::default();
        let found = move || UserPage { count: owners, ..UserPage::default() };
        repos.users.expect_list().withf(|filter, _, _| filter.roles == [OWNER]).returning(move |_, _, _| Ok(found()));
        repos
    }

    #[tokio::test]
    async fn a_second_owner_is_one_that_is_not_suspended() {
        for (owners, has_second_owner) in [(1, false), (2, true)] {
            let found = checklist(&context(town(owners)), &owner().build()).await.unwrap();
            assert_eq!(found.has_second_owner, has_second_owner, "{owners}");
            assert!(!found.has_mail && !found.has_provider);
        }
    }

    #[tokio::test]
    async fn who_may_not_see_the_settings_does_not_see_what_they_lack() {
        let refused = checklist(&context(MockRepositories::default()), &actor().build()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    }
}
