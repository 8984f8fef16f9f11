//! Who asks for access with an app, and what is known of both, read in the call of the store that finds the app.

use crate::Principal;
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::oauth2::App;
use doorward_domain::sessions::ApiKeyId;
use doorward_ports::openid::Known;
use doorward_ports::{Repositories, StoreError};

/// Who is signed in, if anybody is.
#[derive(Clone, Debug, Default)]
pub struct Asking(Option<(UserId, ApiKeyId)>);

impl Asking {
    /// Who asks: `actor` is who is signed in.
    #[must_use]
    pub fn new(actor: Option<&Principal>) -> Self {
        let account = actor.and_then(Principal::as_account);
        Self(account.map(|account| (account.user.id, account.key.id.clone())))
    }

    /// The app and what is known, in one statement; `None` if there is no such app.
    pub(crate) fn look(self, repos: &mut dyn Repositories, app: AppId) -> Result<Option<(App, Known)>, StoreError> {
        repos.openid().find_asking(app, self.0)
    }
}
