//! The ids of the templates that use cases know.

use crate::ids::NotificationTemplateId;
use uuid::uuid;

/// Workspace Created.
pub const WORKSPACE_CREATED: NotificationTemplateId =
    NotificationTemplateId(uuid!("281fdf73-c6d6-4cbb-8ff5-888baf8a2fff"));

/// Workspace Manually Updated.
pub const WORKSPACE_MANUALLY_UPDATED: NotificationTemplateId =
    NotificationTemplateId(uuid!("d089fe7b-d5c5-4c0c-aaf5-689859f7d392"));

/// Workspace Deleted.
pub const WORKSPACE_DELETED: NotificationTemplateId =
    NotificationTemplateId(uuid!("f517da0b-cdc9-410f-ab89-a86107c420ed"));

/// Workspace Autobuild Failed.
pub const WORKSPACE_AUTOBUILD_FAILED: NotificationTemplateId =
    NotificationTemplateId(uuid!("381df2a9-c0c0-4749-420f-80a9280c66f9"));

/// Workspace Marked as Dormant.
pub const WORKSPACE_DORMANT: NotificationTemplateId =
    NotificationTemplateId(uuid!("0ea69165-ec14-4314-91f1-69566ac3c5a0"));

/// Workspace Updated Automatically.
pub const WORKSPACE_AUTO_UPDATED: NotificationTemplateId =
    NotificationTemplateId(uuid!("c34a0c09-0704-4cac-bd1c-0c0146811c2b"));

/// Workspace Marked for Deletion.
pub const WORKSPACE_MARKED_FOR_DELETION: NotificationTemplateId =
    NotificationTemplateId(uuid!("51ce2fdf-c9ca-4be1-8d70-628674f9bc42"));

/// Workspace Manual Build Failed.
pub const WORKSPACE_MANUAL_BUILD_FAILED: NotificationTemplateId =
    NotificationTemplateId(uuid!("2faeee0f-26cb-4e96-821c-85ccb9f71513"));

/// Workspace Out Of Memory.
pub const WORKSPACE_OUT_OF_MEMORY: NotificationTemplateId =
    NotificationTemplateId(uuid!("a9d027b4-ac49-4fb1-9f6d-45af15f64e7a"));

/// Workspace Out Of Disk.
pub const WORKSPACE_OUT_OF_DISK: NotificationTemplateId =
    NotificationTemplateId(uuid!("f047f6a3-5713-40f7-85aa-0394cce9fa3a"));

/// User account created.
pub const USER_CREATED: NotificationTemplateId = NotificationTemplateId(uuid!("4e19c0ac-94e1-4532-9515-d1801aa283b2"));

/// User account deleted.
pub const USER_DELETED: NotificationTemplateId = NotificationTemplateId(uuid!("f44d9314-ad03-4bc8-95d0-5cad491da6b6"));

/// User account suspended.
pub const USER_SUSPENDED: NotificationTemplateId =
    NotificationTemplateId(uuid!("b02ddd82-4733-4d02-a2d7-c36f3598997d"));

/// User account activated.
pub const USER_ACTIVATED: NotificationTemplateId =
    NotificationTemplateId(uuid!("9f5af851-8408-4e73-a7a1-c6502ba46689"));

/// Your account has been suspended.
pub const YOUR_ACCOUNT_SUSPENDED: NotificationTemplateId =
    NotificationTemplateId(uuid!("6a2f0609-9b69-4d36-a989-9f5925b6cbff"));

/// Your account has been activated.
pub const YOUR_ACCOUNT_ACTIVATED: NotificationTemplateId =
    NotificationTemplateId(uuid!("1a6a6bea-ee0a-43e2-9e7c-eabdb53730e4"));

/// One-Time Passcode.
pub const ONE_TIME_PASSCODE: NotificationTemplateId =
    NotificationTemplateId(uuid!("62f86a30-2330-4b61-a26d-311ff3b608cf"));

/// Template Deleted.
pub const TEMPLATE_DELETED: NotificationTemplateId =
    NotificationTemplateId(uuid!("29a09665-2a4c-403f-9648-54301670e7be"));

/// Template Deprecated.
pub const TEMPLATE_DEPRECATED: NotificationTemplateId =
    NotificationTemplateId(uuid!("f40fae84-55a2-42cd-99fa-b41c1ca64894"));

/// Report: Workspace Builds Failed.
pub const BUILDS_FAILED_REPORT: NotificationTemplateId =
    NotificationTemplateId(uuid!("34a20db2-e9cc-4a93-b0e4-8569699d7a00"));

/// Prebuilt Workspace Resource Replaced.
pub const PREBUILD_RESOURCE_REPLACED: NotificationTemplateId =
    NotificationTemplateId(uuid!("89d9745a-816e-4695-a17f-3d0a229e2b8d"));

/// Prebuild Failure Limit Reached.
pub const PREBUILD_FAILURE_LIMIT: NotificationTemplateId =
    NotificationTemplateId(uuid!("414d9331-c1fc-4761-b40c-d1f4702279eb"));

/// Troubleshooting Notification.
pub const TEST: NotificationTemplateId = NotificationTemplateId(uuid!("c425f63e-716a-4bf4-ae24-78348f706c3f"));

/// New sign-in.
pub const NEW_SIGN_IN: NotificationTemplateId = NotificationTemplateId(uuid!("d0a8b3b6-4f0e-4b52-9d0d-6a8f4f3f7c11"));

/// Mail address changed.
pub const EMAIL_CHANGED: NotificationTemplateId = NotificationTemplateId(uuid!("b8b0a6c1-3c55-4c5e-9a35-5f6f0d0c1e27"));

/// Custom Notification.
pub const CUSTOM: NotificationTemplateId = NotificationTemplateId(uuid!("9f3b6d7e-5a21-4d3c-8c5b-2e1f7a0b4c66"));
