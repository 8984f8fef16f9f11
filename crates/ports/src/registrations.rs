//! Clients that registered themselves, and those that are known by their documents.

use crate::StoreError;
use doorward_domain::ids::{AppId, RegistrationTokenId};
use doorward_domain::oauth2::{ClientUrl, InitialAccessToken, RegisteredClient, StoredDocument};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::{Digest, Instant};
use std::collections::BTreeSet;

/// Which clients nobody uses any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Now.
    pub now: Instant,
    /// Those that have had a grant go when nothing was heard of them since.
    pub idle_since: Instant,
    /// Those that have had none go when nothing was heard of them since.
    pub unused_since: Instant,
}

/// Stores what is kept of clients that registered themselves, besides their apps: with an app this goes too.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait RegistrationRepository {
    /// The client of this app; `None` when it did not register itself.
    fn find(&mut self, app: AppId) -> Result<Option<RegisteredClient>, StoreError>;
    /// The same with a row lock (`FOR NO KEY UPDATE`) until the transaction ends.
    fn find_for_update(&mut self, app: AppId) -> Result<Option<RegisteredClient>, StoreError>;
    /// Those of the apps that registered themselves and that an administrator answers for.
    fn adopted_among(&mut self, apps: &[AppId]) -> Result<BTreeSet<AppId>, StoreError>;
    /// Those of the apps that registered themselves.
    fn among(&mut self, apps: &[AppId]) -> Result<BTreeSet<AppId>, StoreError>;
    /// The client of this identity, with a row lock until the transaction ends. When there is none, nobody else adds any until then:
    /// of several who register the same client at once, one makes it, and the others find it.
    fn find_by_identity_for_update(&mut self, identity: &Digest) -> Result<Option<RegisteredClient>, StoreError>;
    /// Waits until nobody else adds clients; so it stays until the transaction ends.
    fn wait_for_turn(&mut self) -> Result<(), StoreError>;
    /// How many were registered since `since`: in all, and from this address.
    fn count_new(&mut self, since: Instant, address: &str) -> Result<(usize, usize), StoreError>;
    /// How many have no live grant, up to `enough`.
    fn count_idle(&mut self, now: Instant, enough: usize) -> Result<usize, StoreError>;
    /// The oldest that was last registered before `before`, has never had a grant, and waits for none.
    fn find_replaceable(&mut self, before: Instant, now: Instant) -> Result<Option<AppId>, StoreError>;
    /// Whether the client has a live grant, or a code of which one may still come.
    fn is_in_use(&mut self, app: AppId, now: Instant) -> Result<bool, StoreError>;
    /// Adds a client, whose app is there.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        client: &RegisteredClient,
    ) -> Result<(), StoreError>;
    /// Replaces all but when and from where it was registered first, and when it had a grant. `false` when it is gone.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        client: &RegisteredClient,
    ) -> Result<bool, StoreError>;
    /// Whether the token with this digest is of a registration of the client.
    fn has_token(&mut self, app: AppId, token: &Digest) -> Result<bool, StoreError>;
    /// Adds the token of a registration. Of the tokens of one client only the newest
    /// [`REGISTRATIONS_MAX`](doorward_domain::oauth2::REGISTRATIONS_MAX) stay.
    fn insert_token(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        token: &Digest,
        now: Instant,
    ) -> Result<(), StoreError>;
    /// Ends a registration; answers how many of the client are left, or `None` when it has no such token.
    fn delete_token(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        token: &Digest,
    ) -> Result<Option<usize>, StoreError>;
    /// Notes of all who have a live grant that they do; answers of how many it was not noted within the last hour.
    fn note_grants(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        now: Instant,
    ) -> Result<usize, StoreError>;
    /// Deletes at most `batch` clients that nobody uses, with their apps, and answers how many. It looks at each once more where it is
    /// deleted: one that is given a grant or a code meanwhile stays, and so does one that an administrator has adopted.
    fn delete_idle(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2App>,
        idle: &Idle,
        batch: u32,
    ) -> Result<usize, StoreError>;
}

/// Stores copies of the metadata documents of clients.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ClientDocumentRepository {
    /// The URLs of those of these apps that are known by a document, by app.
    fn list_urls(&mut self, apps: &[AppId]) -> Result<Vec<(AppId, ClientUrl)>, StoreError>;
    /// The copy for the app of this id.
    fn find(&mut self, app: AppId) -> Result<Option<StoredDocument>, StoreError>;
    /// Keeps a copy in the place of the one before. Of those whose app is not there only the newest
    /// [`DOCUMENTS_MAX`](doorward_domain::oauth2::DOCUMENTS_MAX) stay, and first of all go those without a copy.
    fn upsert(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        document: &StoredDocument,
    ) -> Result<(), StoreError>;
    /// Notes that the document could not be fetched, and until when nobody asks again: a copy that is there stays as it is.
    /// Of documents without a copy, those that may be asked for again by now are forgotten.
    fn note_failure(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        failed: &StoredDocument,
    ) -> Result<(), StoreError>;
}

/// Stores the tokens by which clients may be registered.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait InitialTokenRepository {
    /// All of them, in the order in which they were made.
    fn list(&mut self) -> Result<Vec<InitialAccessToken>, StoreError>;
    /// The token with this public part, with a row lock until the transaction ends: its uses are counted one after the other.
    fn find_by_prefix_for_update(&mut self, prefix: &str) -> Result<Option<InitialAccessToken>, StoreError>;
    /// Adds a token. May answer `Conflict::Random`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        token: &InitialAccessToken,
    ) -> Result<(), StoreError>;
    /// Counts a use. `false` when it is gone.
    fn count_use(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: RegistrationTokenId,
    ) -> Result<bool, StoreError>;
    /// Deletes a token. `false` when there is none.
    fn delete(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        id: RegistrationTokenId,
    ) -> Result<bool, StoreError>;
}
