//! What is to be told, and how it becomes what somebody reads.

use super::Method;
use super::catalogue::NotificationTemplate;
use super::inbox::LinkedAction;
use super::render::{Form, Template, TemplateError};
use crate::Instant;
use crate::ids::{DeliveryId, NoticeId, NotificationTemplateId, OrganizationId, TemplateId, UserId};
use crate::users::User;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::Duration;
use uuid::Uuid;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::HOUR;
/// For how long deliveries are kept that were given up.
pub const DEAD_KEPT: Duration = Duration::days(30);

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// This user.
    User(UserId),
    /// All active users who look after accounts.
    UserAdmins,
    /// All active users who look after the templates of an organization.
    TemplateAdmins {
        /// Which.
        organization: OrganizationId,
        /// But not this one.
        except: Option<UserId>,
    },
    /// All users who have workspaces of a template.
    WorkspaceOwners(TemplateId),
}

/// Of what a one-time passcode is made, by the server's key: so that it stands nowhere, and can be told once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasscodeSeed {
    /// The id of the server's key.
    pub key: String,
    /// Random text.
    pub nonce: String,
}

/// What a notification is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matter {
    /// Short texts by their names.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// The ids of the things that it is about.
    #[serde(default)]
    pub targets: Vec<Uuid>,
    /// The passcode that it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<PasscodeSeed>,
    /// The mail address to which it goes, and nowhere else, where that is not the one of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Matter {
    /// The same with a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: impl Into<String>) -> Self {
        self.labels.insert(name.to_owned(), value.into());
        self
    }

    /// The same for this mail address alone.
    #[must_use]
    pub fn to_address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// The same about this, too.
    #[must_use]
    pub fn about(mut self, target: impl Into<Uuid>) -> Self {
        self.targets.push(target.into());
        self
    }
}

/// Something that is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id; larger than those of earlier ones.
    pub id: NoticeId,
    /// In which words.
    pub template_id: NotificationTemplateId,
    /// To whom.
    pub audience: Audience,
    /// About what.
    pub matter: Matter,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: Instant,
    /// When it is of no use any more.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<Instant>,
}

/// A notification on its way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, by which those who get it twice know it.
    pub id: DeliveryId,
    /// In which words.
    pub template_id: NotificationTemplateId,
    /// To whom.
    pub user_id: UserId,
    /// By which way.
    pub method: Method,
    /// About what.
    pub matter: Matter,
    /// When it happened.
    pub created_at: Instant,
    /// When it is of no use any more.
    pub expires_at: Option<Instant>,
    /// How often it was tried, the present attempt included: who writes about an attempt must say which one it is.
    pub attempts: u32,
}

/// Whether a user wants notifications of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationPreference {
    /// The template.
    pub template_id: NotificationTemplateId,
    /// Whether they do not.
    pub disabled: bool,
    /// When they said so.
    pub updated_at: Instant,
}

/// Whether somebody gets notifications of a template who has said this about it.
#[must_use]
pub fn wants(template: &NotificationTemplate, disabled: Option<bool>) -> bool {
    if template.can_be_refused() { disabled.map_or(template.enabled_by_default, |disabled| !disabled) } else { true }
}

/// The pause after so many attempts that failed: it doubles from the first one to an hour.
#[must_use]
pub fn pause_before_retry(attempts: u32, first: Duration) -> Duration {
    let doublings = attempts.saturating_sub(1).min(20);
    first.checked_mul(2_i32.pow(doublings)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE.max(first))
}

/// What a template may say of the one who reads it.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The user.
    pub user: &'a User,
    /// Where this server is, without trailing slash.
    pub base_url: &'a str,
}

/// What somebody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub title: String,
    /// The text.
    pub text: String,
    /// The same in HTML: paragraphs without anything around them.
    pub html: String,
    /// What can be done.
    pub actions: Vec<LinkedAction>,
}

/// The words of a template for somebody about something.
pub fn render(template: &NotificationTemplate, to: Recipient<'_>, matter: &Matter) -> Result<Rendered, TemplateError> {
    let User { id, username, name, .. } = to.user;
    let email = to.user.shown_email();
    let called = if name.as_str().is_empty() { username.as_str() } else { name.as_str() };
    let mut labels: Map<String, Value> =
        matter.labels.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    labels.insert("email_in_query".to_owned(), in_query(email).into());
    let values = json!({
        "UserID": id, "UserEmail": email, "UserName": called, "UserUsername": username.as_str(),
        "BaseUrl": to.base_url, "Labels": labels, "Data": matter.data,
    });
    let body = Template::parse(template.body)?;
    let actions = template.actions.iter().map(|action| {
        Ok(LinkedAction {
            label: action.label.to_owned(),
            url: Template::parse(action.url)?.render(&values, Form::Line).replace(' ', "%20"),
        })
    });
    Ok(Rendered {
        title: Template::parse(template.title)?.render(&values, Form::Line),
        text: body.render(&values, Form::Text),
        html: body.render(&values, Form::Html),
        actions: actions.collect::<Result<_, TemplateError>>()?,
    })
}

/// A text as it stands in a query.
fn in_query(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::{find, ids};

    #[test]
    fn pauses_double_up_to_an_hour() {
        let first = Duration::seconds(15);
        let pauses: Vec<i64> = (0..6).map(|attempts| pause_before_retry(attempts, first).whole_seconds()).collect();
        assert_eq!(pauses, [15, 15, 30, 60, 120, 240]);
        assert!((9..100).chain([u32::MAX]).all(|attempts| pause_before_retry(attempts, first) == Duration::HOUR));
        assert_eq!(pause_before_retry(3, Duration::DAY), Duration::DAY, "never shorter than the first");
    }

    #[test]
    fn what_is_off_by_default_is_for_those_who_asked_for_it() {
        let (on, off) = (find(ids::USER_CREATED).unwrap(), find(ids::WORKSPACE_CREATED).unwrap());
        assert_eq!([None, Some(false), Some(true)].map(|disabled| wants(on, disabled)), [true, true, false]);
        assert_eq!([None, Some(false), Some(true)].map(|disabled| wants(off, disabled)), [false, true, false]);
        assert!(wants(find(ids::ONE_TIME_PASSCODE).unwrap(), Some(true)), "who asks for it gets it");
    }

    #[test]
    fn a_notice_is_read_as_it_was_written() {
        let notice = Notice {
            id: NoticeId(Uuid::from_u128(1)),
            template_id: ids::TEST,
            audience: Audience::User(UserId(Uuid::from_u128(2))),
            matter: Matter::default().label("a", "b").about(Uuid::from_u128(3)).to_address("old@example.com"),
            created_at: Instant::UNIX_EPOCH,
            expires_at: Some(Instant::UNIX_EPOCH + Duration::MICROSECOND),
        };
        let text = serde_json::to_string(&notice).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), notice);
    }
}
