//! The features that licences give.

use crate::text_enum::text_enum;

text_enum! {
    /// A feature, in the order in which warnings speak of them.
    Feature {
        /// How many users may be active.
        UserLimit = "user_limit",
        /// The audit log is written.
        AuditLog = "audit_log",
        /// Workspaces are reached by browser only.
        BrowserOnly = "browser_only",
        /// Directories provision users.
        Scim = "scim",
        /// Groups, access lists of templates, quotas.
        TemplateRbac = "template_rbac",
        /// Several servers.
        HighAvailability = "high_availability",
        /// Several external providers of tokens for workspaces.
        MultipleExternalAuth = "multiple_external_auth",
        /// Provisioner daemons outside of the server.
        ExternalProvisionerDaemons = "external_provisioner_daemons",
        /// Names, logos and banners of one's own.
        Appearance = "appearance",
        /// Quiet hours and schedules of templates.
        AdvancedTemplateScheduling = "advanced_template_scheduling",
        /// Workspace proxies.
        WorkspaceProxy = "workspace_proxy",
        /// Roles that follow an identity provider.
        UserRoleManagement = "user_role_management",
        /// Secrets in the database are sealed.
        ExternalTokenEncryption = "external_token_encryption",
        /// Actions on many workspaces at once.
        WorkspaceBatchActions = "workspace_batch_actions",
        /// Templates that require their active version.
        AccessControl = "access_control",
        /// Limits on shared ports.
        ControlSharedPorts = "control_shared_ports",
        /// Roles of one's own.
        CustomRoles = "custom_roles",
        /// More than one organization.
        MultipleOrganizations = "multiple_organizations",
        /// Workspaces that are built before anybody asks.
        WorkspacePrebuilds = "workspace_prebuilds",
    }
}

impl Feature {
    /// Whether it is enabled as soon as a licence gives it, whatever the settings say.
    #[must_use]
    pub const fn is_always_enabled(self) -> bool {
        matches!(
            self,
            Self::MultipleExternalAuth
                | Self::ExternalProvisionerDaemons
                | Self::Appearance
                | Self::WorkspaceBatchActions
                | Self::HighAvailability
                | Self::CustomRoles
                | Self::MultipleOrganizations
                | Self::WorkspacePrebuilds
        )
    }

    /// As people read it.
    ///
    /// ```
    /// use doorward_domain::entitlements::Feature;
    /// assert_eq!(Feature::MultipleExternalAuth.title(), "Multiple External Auth");
    /// assert_eq!((Feature::Scim.title(), Feature::TemplateRbac.title()), ("SCIM".to_owned(), "Template RBAC".to_owned()));
    /// ```
    #[must_use]
    pub fn title(self) -> String {
        let capital = |word: &str| match word {
            "scim" | "rbac" => word.to_ascii_uppercase(),
            _ => word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect(),
        };
        self.as_str().split('_').map(capital).collect::<Vec<String>>().join(" ")
    }

    /// Its bit in a set.
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features(u32);

impl Features {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << Feature::ALL.len()) - 1);

    /// The same with one more.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | feature.bit())
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// As bits.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// From bits.
    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        features.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What a licence gives as a whole. None gives the user limit, which a licence says in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FeatureSet {
    /// Only what the licence lists.
    #[default]
    None,
    /// All but what is for large deployments.
    Enterprise,
    /// All.
    Premium,
}

impl FeatureSet {
    /// The set of this name, in any letter case; an unknown one gives nothing.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "enterprise" => Self::Enterprise,
            "premium" => Self::Premium,
            _ => Self::None,
        }
    }

    /// As a licence writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Enterprise => "enterprise",
            Self::Premium => "premium",
        }
    }

    /// Whether the feature is part of it.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        match self {
            Self::None => false,
            Self::Enterprise => {
                !matches!(feature, Feature::UserLimit | Feature::MultipleOrganizations | Feature::CustomRoles)
            }
            Self::Premium => !matches!(feature, Feature::UserLimit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_nineteen_and_each_has_a_bit_of_its_own() {
        assert_eq!(Feature::ALL.len(), 19);
        let all: Features = Feature::ALL.iter().copied().collect();
        assert_eq!(all, Features::ALL);
        for feature in Feature::ALL {
            let one = Features::NONE.with(*feature);
            assert_eq!(Feature::ALL.iter().filter(|other| one.contains(**other)).collect::<Vec<_>>(), [feature]);
            assert_eq!(Features::from_bits(one.bits() | 1 << 31), one);
        }
    }

    #[test]
    fn sets_are_named_in_any_case_and_give_no_users() {
        for (name, set) in [
            ("", FeatureSet::None),
            ("Premium", FeatureSet::Premium),
            ("ENTERPRISE", FeatureSet::Enterprise),
            ("ultimate", FeatureSet::None),
            ("premium ", FeatureSet::None),
        ] {
            assert_eq!(FeatureSet::named(name), set, "{name}");
            assert!(!set.contains(Feature::UserLimit));
        }
        let given = |set: FeatureSet| Feature::ALL.iter().filter(|feature| set.contains(**feature)).count();
        assert_eq!([FeatureSet::None, FeatureSet::Enterprise, FeatureSet::Premium].map(given), [0, 16, 18]);
        assert!(!FeatureSet::Enterprise.contains(Feature::CustomRoles));
        assert_eq!(Feature::ALL.iter().filter(|feature| feature.is_always_enabled()).count(), 8);
    }
}
