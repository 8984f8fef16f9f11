//! Calls that need no transaction around them.

use crate::jobs::Run;
use crate::oauth2::{ClientToken, Rotated, Rotation};
use crate::{Repositories, StoreError};
use doorward_domain::ids::AppSecretId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::{Digest, Instant};
use time::Duration;

/// One repository call that is atomic by itself, for [`Store::at_once`](crate::Store::at_once). Each method consumes this, so
/// that there is no second call, which would need a transaction.
pub struct AtOnce<'a>(&'a mut dyn Repositories);

impl<'a> AtOnce<'a> {
    pub(crate) fn new(repos: &'a mut dyn Repositories) -> Self {
        Self(repos)
    }

    /// See [`GrantRepository::rotate`](crate::oauth2::GrantRepository::rotate).
    pub fn rotate(
        self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        rotation: &Rotation,
    ) -> Result<Option<Rotated>, StoreError> {
        self.0.grants().rotate(permit, rotation)
    }

    /// See [`GrantRepository::issue_client_token`](crate::oauth2::GrantRepository::issue_client_token).
    pub fn issue_client_token(
        self,
        permit: &Permit<action::Create, resource::ApiKey>,
        token: &ClientToken,
    ) -> Result<Option<(AppSecretId, Option<Instant>)>, StoreError> {
        self.0.grants().issue_client_token(permit, token)
    }

    /// See [`AppRepository::touch_secret`](crate::oauth2::AppRepository::touch_secret).
    pub fn touch_secret(
        self,
        permit: &Permit<action::Update, resource::Oauth2AppSecret>,
        id: AppSecretId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.0.apps().touch_secret(permit, id, now)
    }

    /// See [`ApiKeyRepository::mark_used`](crate::sessions::ApiKeyRepository::mark_used).
    pub fn mark_used(
        self,
        permit: &Permit<action::Update, resource::ApiKey>,
        keys: &[(ApiKeyId, Digest)],
    ) -> Result<(), StoreError> {
        self.0.api_keys().mark_used(permit, keys)
    }

    /// See [`MaintenanceRepository::prove_writable`](crate::maintenance::MaintenanceRepository::prove_writable).
    pub fn prove_writable(
        self,
        permit: &Permit<action::Update, resource::System>,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.0.maintenance().prove_writable(permit, now)
    }

    /// See [`JobRepository::extend`](crate::jobs::JobRepository::extend).
    pub fn extend(
        self,
        permit: &Permit<action::Update, resource::System>,
        run: &Run,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        self.0.jobs().extend(permit, run, lease)
    }

    /// See [`JobRepository::finish`](crate::jobs::JobRepository::finish).
    pub fn finish(
        self,
        permit: &Permit<action::Update, resource::System>,
        run: &Run,
        pause: Duration,
        error: Option<String>,
    ) -> Result<bool, StoreError> {
        self.0.jobs().finish(permit, run, pause, error)
    }

    /// See [`JobRepository::release`](crate::jobs::JobRepository::release).
    pub fn release(self, permit: &Permit<action::Update, resource::System>, run: &Run) -> Result<bool, StoreError> {
        self.0.jobs().release(permit, run)
    }

    /// Any one call, for tests of stores. The mock store panics at a second one.
    #[cfg(feature = "mocks")]
    #[must_use]
    pub fn any(self) -> &'a mut dyn Repositories {
        self.0
    }
}

impl std::fmt::Debug for AtOnce<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtOnce(..)")
    }
}
