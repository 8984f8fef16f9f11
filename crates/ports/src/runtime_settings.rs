//! Settings that people change while the server runs.

use crate::StoreError;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{PlacePermit, action};
use doorward_domain::runtime_settings::RuntimeSetting;

/// Stores settings by name, for the deployment (`organization` is `None`) or for one organization.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait RuntimeSettingRepository {
    /// The JSON document of a setting; `None` while it has never been stored. See [`read`].
    fn find(&mut self, name: &str, organization: Option<OrganizationId>) -> Result<Option<String>, StoreError>;
    /// The settings of these names that are stored for these organizations, in any order.
    fn list(
        &mut self,
        names: &[&'static str],
        organizations: &[OrganizationId],
    ) -> Result<Vec<StoredSetting>, StoreError>;
    /// The same as [`find`](Self::find) with a lock until the transaction ends: of several who change settings, each sees what those before it stored,
    /// also while nothing is stored yet.
    fn find_for_update(
        &mut self,
        name: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Option<String>, StoreError>;
    /// Stores a setting in the place of the former one.
    fn update(&mut self, change: &SettingChange) -> Result<(), StoreError>;
}

/// A stored setting of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSetting {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The value as a JSON document. See [`read`].
    pub document: String,
}

/// A setting that may be stored: only the permit of its resource makes one, for the place that the permit is about. A permit for
/// one object is of another type.
///
/// ```compile_fail,E0308
/// use doorward_domain::idp_sync::RoleSync;
/// use doorward_domain::roles::{Object, System, resource};
/// use doorward_ports::runtime_settings::SettingChange;
/// use uuid::Uuid;
///
/// let one = Object::of::<resource::IdpsyncSettings>().id(Uuid::NAMESPACE_URL);
/// let change = SettingChange::new(&System::because("a look").permit_on(&one), &RoleSync::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    name: &'static str,
    organization: Option<OrganizationId>,
    document: String,
}

impl SettingChange {
    /// The new value of a setting. Errors: the value is no document.
    pub fn new<S: RuntimeSetting>(
        permit: &PlacePermit<action::Update, S::Resource>,
        value: &S,
    ) -> Result<Self, StoreError> {
        let document = value.to_document().map_err(StoreError::other)?;
        Ok(Self { name: S::NAME, organization: permit.organization().map(OrganizationId), document })
    }

    /// The name of the setting.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whose it is; `None` is the deployment.
    #[must_use]
    pub const fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    /// The value as a JSON document.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }
}

/// Reads a stored document. What cannot be read is a fault of the database or of a later version, and is named.
pub fn read<S: RuntimeSetting>(document: Option<&str>) -> Result<Option<S>, StoreError> {
    let read = |text| {
        S::from_document(text).map_err(|error| {
            StoreError::other(format!("the table `runtime_settings` has a bad value in row `{}`: {error}", S::NAME))
        })
    };
    document.map(read).transpose()
}
