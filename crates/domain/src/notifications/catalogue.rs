//! The templates that there are. Their ids are known to clients; their words are ours.

use super::{Method, TemplateKind};
use crate::ids::NotificationTemplateId;

pub mod ids;

/// Something that can be done about a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateAction {
    /// What it says.
    pub label: &'static str,
    /// Where it leads: a template.
    pub url: &'static str,
}

/// A template of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationTemplate {
    /// Its id.
    pub id: NotificationTemplateId,
    /// What people call it.
    pub name: &'static str,
    /// One line: a template.
    pub title: &'static str,
    /// The text: a template.
    pub body: &'static str,
    /// What can be done.
    pub actions: &'static [TemplateAction],
    /// Beside which others it is shown.
    pub group: &'static str,
    /// Who has made it.
    pub kind: TemplateKind,
    /// Whether people get it who have not said that they want it.
    pub enabled_by_default: bool,
}

impl NotificationTemplate {
    /// Whether it may stand in an inbox. A passcode is for somebody who cannot look there, and must not be kept.
    #[must_use]
    pub fn goes_to_inbox(&self) -> bool {
        self.id != ids::ONE_TIME_PASSCODE
    }

    /// Whether people may refuse it. Whoever has forgotten the password has asked for the passcode, and whoever takes an account away
    /// would refuse to be told.
    #[must_use]
    pub fn can_be_refused(&self) -> bool {
        self.id != ids::ONE_TIME_PASSCODE && self.id != ids::EMAIL_CHANGED
    }

    /// The way by which it goes out besides the inbox: the one that somebody chose for it, or else the usual one.
    #[must_use]
    pub fn way(&self, chosen: Option<Method>, usual: Option<Method>) -> Option<Method> {
        chosen.or(usual).filter(|method| *method != Method::Inbox)
    }
}

/// The template of this id.
#[must_use]
pub fn find(id: NotificationTemplateId) -> Option<&'static NotificationTemplate> {
    ALL.iter().find(|template| template.id == id)
}

/// All templates.
pub const ALL: &[NotificationTemplate] = &[
    NotificationTemplate {
        id: ids::WORKSPACE_CREATED,
        name: "Workspace Created",
        title: "Workspace '{{.Labels.workspace}}' has been created",
        body: "The workspace **{{.Labels.workspace}}** has been created from the template **{{.Labels.template}}** with version **{{.Labels.version}}**.",
        actions: &[TemplateAction {
            label: "View workspace",
            url: "{{.BaseUrl}}/@{{.Labels.workspace_owner_username}}/{{.Labels.workspace}}",
        }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: false,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_MANUALLY_UPDATED,
        name: "Workspace Manually Updated",
        title: "Workspace '{{.Labels.workspace}}' has been updated by hand",
        body: "A new build of the workspace **{{.Labels.workspace}}** has been started by **{{.Labels.initiator}}**, which brings it to version **{{.Labels.version}}** of the template **{{.Labels.template}}**.",
        actions: &[TemplateAction {
            label: "View workspace",
            url: "{{.BaseUrl}}/@{{.Labels.workspace_owner_username}}/{{.Labels.workspace}}",
        }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: false,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_DELETED,
        name: "Workspace Deleted",
        title: "Workspace '{{.Labels.name}}' has been deleted",
        body: "Your workspace **{{.Labels.name}}** has been deleted{{if .Labels.initiator}} by **{{.Labels.initiator}}**{{end}}.{{if .Labels.reason}}\n\nThe reason given is: {{.Labels.reason}}{{end}}",
        actions: &[
            TemplateAction { label: "View workspaces", url: "{{.BaseUrl}}/workspaces" },
            TemplateAction { label: "View templates", url: "{{.BaseUrl}}/templates" },
        ],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_AUTOBUILD_FAILED,
        name: "Workspace Autobuild Failed",
        title: "An automatic build of workspace '{{.Labels.name}}' failed",
        body: "The automatic build of your workspace **{{.Labels.name}}** failed.{{if .Labels.reason}}\n\nThe reason given is: {{.Labels.reason}}{{end}}",
        actions: &[TemplateAction { label: "View workspace", url: "{{.BaseUrl}}/@{{.UserUsername}}/{{.Labels.name}}" }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_DORMANT,
        name: "Workspace Marked as Dormant",
        title: "Workspace '{{.Labels.name}}' has been marked as dormant",
        body: "Your workspace **{{.Labels.name}}** has been marked as dormant, for it was not used for long.{{if .Labels.timeTilDormant}}\n\nIt will be deleted after {{.Labels.timeTilDormant}} unless it is used.{{end}}",
        actions: &[TemplateAction { label: "View workspace", url: "{{.BaseUrl}}/@{{.UserUsername}}/{{.Labels.name}}" }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_AUTO_UPDATED,
        name: "Workspace Updated Automatically",
        title: "Workspace '{{.Labels.name}}' has been updated automatically",
        body: "Your workspace **{{.Labels.name}}** has been updated automatically to version **{{.Labels.template_version_name}}** of its template.{{if .Labels.template_version_message}}\n\nThe message of the version is: {{.Labels.template_version_message}}{{end}}",
        actions: &[TemplateAction { label: "View workspace", url: "{{.BaseUrl}}/@{{.UserUsername}}/{{.Labels.name}}" }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_MARKED_FOR_DELETION,
        name: "Workspace Marked for Deletion",
        title: "Workspace '{{.Labels.name}}' has been marked for deletion",
        body: "Your workspace **{{.Labels.name}}** will be deleted{{if .Labels.timeTilDormant}} after {{.Labels.timeTilDormant}}{{end}} unless it is used.{{if .Labels.reason}}\n\nThe reason given is: {{.Labels.reason}}{{end}}",
        actions: &[TemplateAction { label: "View workspace", url: "{{.BaseUrl}}/@{{.UserUsername}}/{{.Labels.name}}" }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_MANUAL_BUILD_FAILED,
        name: "Workspace Manual Build Failed",
        title: "A build of workspace '{{.Labels.name}}' failed",
        body: "Build {{.Labels.workspace_build_number}} of the workspace **{{.Labels.name}}**, which **{{.Labels.initiator}}** has started, failed. The template is **{{.Labels.template_name}}** with version **{{.Labels.template_version_name}}**.",
        actions: &[TemplateAction {
            label: "View build",
            url: "{{.BaseUrl}}/@{{.Labels.workspace_owner_username}}/{{.Labels.name}}/builds/{{.Labels.workspace_build_number}}",
        }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_OUT_OF_MEMORY,
        name: "Workspace Out Of Memory",
        title: "Workspace '{{.Labels.workspace}}' is low on memory",
        body: "Your workspace **{{.Labels.workspace}}** uses more than **{{.Labels.threshold}}** of its memory.",
        actions: &[TemplateAction {
            label: "View workspace",
            url: "{{.BaseUrl}}/@{{.UserUsername}}/{{.Labels.workspace}}",
        }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::WORKSPACE_OUT_OF_DISK,
        name: "Workspace Out Of Disk",
        title: "Workspace '{{.Labels.workspace}}' is low on disk space",
        body: "Volumes of your workspace **{{.Labels.workspace}}** are nearly full:\n{{range .Data.volumes}}\n- {{.path}}: more than {{.threshold}}{{end}}",
        actions: &[TemplateAction {
            label: "View workspace",
            url: "{{.BaseUrl}}/@{{.UserUsername}}/{{.Labels.workspace}}",
        }],
        group: "Workspace Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::USER_CREATED,
        name: "User account created",
        title: "User account '{{.Labels.created_account_name}}' has been created",
        body: "The user account **{{.Labels.created_account_name}}**{{if .Labels.created_account_user_name}} ({{.Labels.created_account_user_name}}){{end}} has been created by **{{.Labels.initiator}}**.",
        actions: &[TemplateAction {
            label: "View accounts",
            url: "{{.BaseUrl}}/deployment/users?filter=status%3Aactive",
        }],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::USER_DELETED,
        name: "User account deleted",
        title: "User account '{{.Labels.deleted_account_name}}' has been deleted",
        body: "The user account **{{.Labels.deleted_account_name}}**{{if .Labels.deleted_account_user_name}} ({{.Labels.deleted_account_user_name}}){{end}} has been deleted by **{{.Labels.initiator}}**.",
        actions: &[TemplateAction {
            label: "View accounts",
            url: "{{.BaseUrl}}/deployment/users?filter=status%3Aactive",
        }],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::USER_SUSPENDED,
        name: "User account suspended",
        title: "User account '{{.Labels.suspended_account_name}}' has been suspended",
        body: "The user account **{{.Labels.suspended_account_name}}**{{if .Labels.suspended_account_user_name}} ({{.Labels.suspended_account_user_name}}){{end}} has been suspended by **{{.Labels.initiator}}**.",
        actions: &[TemplateAction {
            label: "View suspended accounts",
            url: "{{.BaseUrl}}/deployment/users?filter=status%3Asuspended",
        }],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::USER_ACTIVATED,
        name: "User account activated",
        title: "User account '{{.Labels.activated_account_name}}' has been activated",
        body: "The user account **{{.Labels.activated_account_name}}**{{if .Labels.activated_account_user_name}} ({{.Labels.activated_account_user_name}}){{end}} has been activated by **{{.Labels.initiator}}**.",
        actions: &[TemplateAction {
            label: "View accounts",
            url: "{{.BaseUrl}}/deployment/users?filter=status%3Aactive",
        }],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::YOUR_ACCOUNT_SUSPENDED,
        name: "Your account has been suspended",
        title: "Your account '{{.Labels.suspended_account_name}}' has been suspended",
        body: "Your account **{{.Labels.suspended_account_name}}** has been suspended by **{{.Labels.initiator}}**. You cannot sign in any more.",
        actions: &[],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::YOUR_ACCOUNT_ACTIVATED,
        name: "Your account has been activated",
        title: "Your account '{{.Labels.activated_account_name}}' has been activated",
        body: "Your account **{{.Labels.activated_account_name}}** has been activated by **{{.Labels.initiator}}**. You can sign in again.",
        actions: &[TemplateAction { label: "Sign in", url: "{{.BaseUrl}}/login" }],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::ONE_TIME_PASSCODE,
        name: "One-Time Passcode",
        title: "Your one-time passcode",
        body: "Somebody, perhaps you, has asked for a new password for your account **{{.UserUsername}}**. To choose one, use this one-time passcode:\n\n**{{.Labels.one_time_passcode}}**\n\nIt can be used once, and for a short time only. If it was not you who asked, do nothing: your password stays as it is.",
        actions: &[TemplateAction {
            label: "Reset password",
            url: "{{.BaseUrl}}/reset-password/change?otp={{.Labels.one_time_passcode}}&email={{.Labels.email_in_query}}",
        }],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::TEMPLATE_DELETED,
        name: "Template Deleted",
        title: "Template '{{.Labels.name}}' has been deleted",
        body: "The template **{{.Labels.name}}** has been deleted by **{{.Labels.initiator}}**.",
        actions: &[TemplateAction { label: "View templates", url: "{{.BaseUrl}}/templates" }],
        group: "Template Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::TEMPLATE_DEPRECATED,
        name: "Template Deprecated",
        title: "Template '{{.Labels.template}}' is not to be used any more",
        body: "The template **{{.Labels.template}}** has been deprecated. New workspaces cannot be made from it.{{if .Labels.message}}\n\nThe message is: {{.Labels.message}}{{end}}",
        actions: &[TemplateAction { label: "View templates", url: "{{.BaseUrl}}/templates" }],
        group: "Template Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::BUILDS_FAILED_REPORT,
        name: "Report: Workspace Builds Failed",
        title: "Failed workspace builds",
        body: "These templates had builds of workspaces that failed in the last {{.Data.report_frequency}}:\n{{range .Data.templates}}\n- {{.name}}: {{.failed_builds}} of {{.total_builds}}{{end}}",
        actions: &[],
        group: "Template Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::PREBUILD_RESOURCE_REPLACED,
        name: "Prebuilt Workspace Resource Replaced",
        title: "A resource of a prebuilt workspace was replaced",
        body: "When **{{.Labels.claimant}}** claimed the prebuilt workspace **{{.Labels.workspace}}** of the template **{{.Labels.template}}** (version **{{.Labels.template_version}}**, preset **{{.Labels.preset}}**), resources were replaced, which costs the time that prebuilding was to save.",
        actions: &[],
        group: "Template Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::PREBUILD_FAILURE_LIMIT,
        name: "Prebuild Failure Limit Reached",
        title: "Prebuilds of '{{.Labels.template}}' have failed too often",
        body: "Prebuilt workspaces of the template **{{.Labels.template}}** (version **{{.Labels.template_version}}**, preset **{{.Labels.preset}}**) have failed so often that no more are built until there is a new version.",
        actions: &[],
        group: "Template Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::TEST,
        name: "Troubleshooting Notification",
        title: "A test notification",
        body: "This is a test notification.",
        actions: &[TemplateAction {
            label: "View notification settings",
            url: "{{.BaseUrl}}/deployment/notifications?tab=settings",
        }],
        group: "Notification Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::NEW_SIGN_IN,
        name: "New sign-in",
        title: "A new sign-in to your account",
        body: "Somebody has signed in to your account **{{.UserUsername}}** from a device that was not used before:\n\n- Device: {{.Labels.device}}\n- Address: {{.Labels.address}}\n- Time: {{.Labels.time}}\n\nIf it was you, there is nothing to do. If not, change your password at once, and tell an administrator.",
        actions: &[],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::EMAIL_CHANGED,
        name: "Mail address changed",
        title: "The mail address of your account has been changed",
        body: "The mail address of your account **{{.UserUsername}}** has been changed from {{.Labels.old_email}} to {{.Labels.new_email}} by **{{.Labels.initiator}}**.\n\nIf you know of it, there is nothing to do. If not, tell an administrator at once.",
        actions: &[],
        group: "User Events",
        kind: TemplateKind::System,
        enabled_by_default: true,
    },
    NotificationTemplate {
        id: ids::CUSTOM,
        name: "Custom Notification",
        title: "{{.Labels.custom_title}}",
        body: "{{.Labels.custom_message}}",
        actions: &[],
        group: "Custom Events",
        kind: TemplateKind::Custom,
        enabled_by_default: true,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::{Form, Template};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn every_template_can_be_read_and_is_there_once() {
        let ids: BTreeSet<_> = ALL.iter().map(|template| template.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for template in ALL {
            let texts = [template.title, template.body].into_iter();
            for text in texts.chain(template.actions.iter().map(|action| action.url)) {
                let read = Template::parse(text).unwrap_or_else(|error| panic!("{}: {error}", template.name));
                assert!(!read.render(&json!({}), Form::Line).contains("{{"));
            }
            // Emphasis ends in the paragraph where it begins.
            for paragraph in template.body.split("\n\n") {
                assert_eq!(paragraph.matches("**").count() % 2, 0, "{}", template.name);
            }
            assert_eq!(find(template.id), Some(template));
        }
        assert_eq!(ALL.iter().filter(|template| !template.enabled_by_default).count(), 2);
    }

    #[test]
    fn a_way_that_was_chosen_comes_before_the_usual_one() {
        let template = find(ids::TEST).unwrap();
        for (chosen, usual, way) in [
            (None, None, None),
            (None, Some(Method::Smtp), Some(Method::Smtp)),
            (Some(Method::Webhook), Some(Method::Smtp), Some(Method::Webhook)),
            (Some(Method::Inbox), Some(Method::Smtp), None),
        ] {
            assert_eq!(template.way(chosen, usual), way);
        }
    }
}
