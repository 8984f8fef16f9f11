//! One type per kind of id, so that a group's id cannot be passed where a user's is wanted.

use std::fmt;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(pub Uuid);

        impl $name {
            /// The all-zero id, which names nothing.
            pub const NIL: Self = Self(Uuid::nil());
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::parse_str(text).map(Self) }
        }
    )*};
}

uuid_ids! {
    /// Id of a user.
    UserId;
    /// Id of an organization; also the id of its group Everyone.
    OrganizationId;
    /// Id of a custom role.
    CustomRoleId;
    /// Id of a group.
    GroupId;
    /// Id of an OAuth2 app: its `client_id`.
    AppId;
    /// Id of a client secret of an app.
    AppSecretId;
    /// Id of a registered resource.
    ResourceServerId;
    /// Id of an authorization code.
    CodeId;
    /// Id of what a device asks for.
    DeviceAuthorizationId;
    /// Id of a token by which clients may be registered.
    RegistrationTokenId;
    /// Id of a grant: one user's consent to one app, with its refresh and access token.
    GrantId;
    /// Id of an audit record.
    AuditId;
    /// Id of a sync with an identity provider.
    SyncId;
    /// Id of a token of the directory of an organization.
    ScimTokenId;
    /// Id of a key with which provisioner daemons come in.
    ProvisionerKeyId;
    /// Id of a provisioner daemon.
    ProvisionerDaemonId;
    /// Id of a template.
    TemplateId;
    /// Id of a workspace.
    WorkspaceId;
    /// Id of a build of a workspace.
    BuildId;
    /// Id of a file that somebody uploaded.
    FileId;
    /// Id of a version of a template.
    TemplateVersionId;
    /// Id of a job of provisioner daemons.
    ProvisionerJobId;
    /// Id of a replica: one server, from its start to its end.
    ReplicaId;
    /// Id of a workspace proxy.
    WorkspaceProxyId;
    /// Id of a template of notifications.
    NotificationTemplateId;
    /// Id of a notice: something that is to be told, before it is known to whom.
    NoticeId;
    /// Id of a notification that is on its way to somebody.
    DeliveryId;
    /// Id of a notification in the inbox of somebody.
    InboxNotificationId;
}
