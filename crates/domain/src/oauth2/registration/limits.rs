//! What clients may be that are registered by a token.

use crate::ids::OrganizationId;

/// Most entries of a list of limits.
pub const LIMITS_MAX: usize = 64;

/// What an owner says of the clients that are registered by a token. They keep it when they change themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(default))]
pub struct RegistrationLimits {
    /// For whom they are: the same software is another client for another organization.
    pub organization_id: Option<OrganizationId>,
    /// The scopes that they have at most; empty: any. Names of OpenID Connect and of resources, which people are asked about, are no
    /// part of it.
    pub scopes: Vec<String>,
    /// Where their redirect URIs may lead; empty: anywhere.
    pub redirect_hosts: Vec<String>,
    /// How they may authenticate; empty: in any way.
    pub auth_methods: Vec<String>,
}
