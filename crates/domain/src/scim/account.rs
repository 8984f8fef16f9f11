//! Users of a directory and accounts of this server: what the one says of the other.

use super::error::{ScimError, ScimType};
use super::resource::Resource;
use super::schema::USER;
use crate::Instant;
use crate::names::{self, Email, REAL_NAME_MAX, RealName};
use crate::users::{User, UserStatus};
use serde_json::{Value, json};

/// Most bytes of a user name or an external id, which indexes hold.
pub const IDENTIFIER_MAX: usize = 512;
/// Most bytes of a mail address.
const EMAIL_MAX: usize = 320;
/// What stands elsewhere than in [`UserRecord::attributes`].
const ELSEWHERE: [&str; 7] = ["schemas", "id", "meta", "groups", "userName", "externalId", "active"];

/// What a directory has stored about an account.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRecord {
    /// How the directory calls the user; unique in it without regard to letter case. The name of the account is made of it.
    pub user_name: String,
    /// The id that the directory gave; unique in it.
    pub external_id: Option<String>,
    /// All other attributes that the directory may change, but `active`, which is the state of the account.
    pub attributes: Resource,
    /// When the directory made the user, or first wrote to it.
    pub created_at: Instant,
    /// When the directory wrote to it last.
    pub updated_at: Instant,
}

impl UserRecord {
    /// The form under which the user name is unique.
    #[must_use]
    pub fn user_name_key(&self) -> String {
        names::key(&self.user_name)
    }

    /// Whether the directory says what the user is called, so that the account follows.
    #[must_use]
    pub fn has_name(&self) -> bool {
        real_name(&self.attributes).is_some()
    }

    /// All mail addresses, in lower case, each once.
    #[must_use]
    pub fn email_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = emails(&self.attributes).map(names::key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// An account as a directory sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvisionedUser {
    /// The account.
    pub account: User,
    /// What the directory has stored; `None` for an account that it has not written to yet.
    pub record: Option<UserRecord>,
}

impl ProvisionedUser {
    /// The resource, without `groups` and `meta`. Of an account without a record it is made of the account.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let account = &self.account;
        let mut resource = match &self.record {
            Some(record) => {
                let mut resource = record.attributes.clone();
                resource.insert("userName", record.user_name.as_str());
                if let Some(id) = &record.external_id {
                    resource.insert("externalId", id.as_str());
                }
                resource
            }
            None => unrecorded(account),
        };
        resource.insert("id", account.id.to_string());
        resource.insert("active", account.status != UserStatus::Suspended);
        resource.name_schemas(&USER);
        resource
    }

    /// When something of it changed last.
    #[must_use]
    pub fn last_modified(&self) -> Instant {
        let recorded = self.record.as_ref().map_or(self.account.updated_at, |record| record.updated_at);
        recorded.max(self.account.updated_at)
    }

    /// How the directory calls the user.
    #[must_use]
    pub fn user_name(&self) -> &str {
        self.record.as_ref().map_or(self.account.username.as_str(), |record| &record.user_name)
    }
}

fn unrecorded(account: &User) -> Resource {
    let mut resource = Resource::default();
    resource.insert("userName", account.username.as_str());
    if !account.name.as_str().is_empty() {
        resource.insert("displayName", account.name.as_str());
        resource.insert("name", json!({ "formatted": account.name.as_str() }));
    }
    if let Some(email) = &account.email {
        resource.insert("emails", json!([{ "value": email.as_str(), "type": "work", "primary": true }]));
    }
    resource
}

/// What a resource says of the account behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountFields {
    /// How the directory calls the user.
    pub user_name: String,
    /// The id that the directory gave.
    pub external_id: Option<String>,
    /// The address: the primary one, or else the first.
    pub email: Option<Email>,
    /// The real name: `displayName`, `name.formatted`, or given and family name, whichever is there first; at most 128 bytes of it.
    pub name: Option<RealName>,
    /// Whether the user may sign in; `None` leaves the account as it is.
    pub active: Option<bool>,
    /// All that a [`UserRecord`] keeps besides.
    pub attributes: Resource,
}

impl AccountFields {
    /// Reads a user.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`] for a user name or external id that is too long, and for addresses and names that no account can
    /// have.
    pub fn of(resource: &Resource) -> Result<Self, ScimError> {
        let user_name = resource.text("userName").unwrap_or_default().trim().to_owned();
        if user_name.is_empty() {
            return Err(ScimError::value("userName: is required"));
        }
        let external_id = resource.text("externalId").map(str::to_owned);
        for (name, text) in [("userName", Some(&user_name)), ("externalId", external_id.as_ref())] {
            if text.is_some_and(|text| text.len() > IDENTIFIER_MAX) {
                return Err(ScimError::value(format!("{name}: must have at most {IDENTIFIER_MAX} bytes")));
            }
        }
        if emails(resource).any(|address| address.len() > EMAIL_MAX) {
            return Err(ScimError::value(format!("emails: an address must have at most {EMAIL_MAX} bytes")));
        }
        let primary = resource.primary("emails").and_then(|email| email.get("value")).and_then(Value::as_str);
        let email = primary.or_else(|| emails(resource).next()).map(str::trim);
        let email = email.map(|text| text.parse::<Email>().map_err(|error| refused("emails", &error))).transpose()?;
        let name =
            real_name(resource).map(|text| text.parse::<RealName>().map_err(|error| refused("displayName", &error)));
        let mut attributes = resource.clone();
        for known in ELSEWHERE {
            attributes.fields_mut().remove(known);
        }
        Ok(Self {
            user_name,
            external_id,
            email,
            name: name.transpose()?,
            active: resource.get("active").and_then(Value::as_bool),
            attributes,
        })
    }

    /// The address of a new account: that of the user, or the user name if it is one.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`] if there is none.
    pub fn email_of_new(&self) -> Result<Email, ScimError> {
        let email = self.email.clone().or_else(|| self.user_name.parse().ok());
        email.ok_or_else(|| ScimError::value("emails: is required, for userName is no mail address"))
    }

    /// The state of the account: one who may not sign in is suspended, and one who may again is dormant until the next sign-in.
    #[must_use]
    pub fn status_after(&self, now: UserStatus) -> UserStatus {
        match (self.active, now) {
            (Some(false), _) => UserStatus::Suspended,
            (Some(true), UserStatus::Suspended) => UserStatus::Dormant,
            (Some(true) | None, now) => now,
        }
    }
}

fn refused(place: &str, error: &dyn std::fmt::Display) -> ScimError {
    ScimError::new(ScimType::InvalidValue, format!("{place}: {error}"))
}

/// The addresses of a user.
fn emails(resource: &Resource) -> impl Iterator<Item = &str> {
    let emails = resource.get("emails").and_then(Value::as_array).into_iter().flatten();
    emails.filter_map(|email| email.get("value")?.as_str()).filter(|text| !text.is_empty())
}

/// What people call the user.
fn real_name(resource: &Resource) -> Option<String> {
    let part = |name: &str| resource.get("name").and_then(|parts| parts.get(name)?.as_str());
    let joined = || {
        let parts: Vec<&str> = [part("givenName"), part("familyName")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let whole = resource.text("displayName").or_else(|| part("formatted")).map(str::to_owned);
    let whole = whole.or_else(joined)?;
    let whole = whole.trim();
    let mut end = whole.len().min(REAL_NAME_MAX);
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    whole.get(..end).map(|text| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::names::Username;
    use crate::roles::RoleNames;
    use crate::users::LoginType;

    fn read(body: &Value) -> Result<AccountFields, ScimError> {
        AccountFields::of(&USER.read(body)?)
    }

    fn account() -> User {
        User {
            id: UserId::NIL,
            email: Some("ann@example.com".parse().unwrap()),
            username: Username::from_storage("ann".to_owned()),
            name: "Ann Lee".parse().unwrap(),
            avatar_url: String::new(),
            password_hash: None,
            status: UserStatus::Active,
            login_type: LoginType::Oidc,
            roles: RoleNames::default(),
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
            last_seen_at: None,
            deleted: false,
            is_system: false,
            theme_preference: String::new(),
            terminal_font: String::new(),
        }
    }

    #[test]
    fn an_account_without_a_record_is_told_by_its_own_fields() {
        let user = ProvisionedUser { account: account(), record: None };
        let resource = user.resource();
        assert_eq!(resource.text("userName"), Some("ann"));
        assert_eq!(resource.get("active"), Some(&json!(true)));
        assert_eq!(resource.get("emails").unwrap()[0]["value"], "ann@example.com");
        let fields = AccountFields::of(&resource).unwrap();
        assert_eq!((fields.email, fields.name), (account().email, Some(account().name)));
    }

    #[test]
    fn what_a_directory_stored_comes_back() {
        let body = json!({
            "userName": "Ann@Example.com", "externalId": "00u1", "title": "Boss", "active": true,
            "emails": [{ "value": "home@x.example" }, { "value": "Work@x.example", "primary": true }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R" },
        });
        let fields = read(&body).unwrap();
        let record = UserRecord {
            user_name: fields.user_name.clone(),
            external_id: fields.external_id.clone(),
            attributes: fields.attributes.clone(),
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        };
        assert_eq!(record.email_keys(), ["home@x.example", "work@x.example"]);
        assert_eq!(fields.email.as_ref().map(Email::as_str), Some("Work@x.example"));
        assert!(record.attributes.get("active").is_none() && record.attributes.get("userName").is_none());
        let suspended = User { status: UserStatus::Suspended, ..account() };
        let resource = ProvisionedUser { account: suspended, record: Some(record) }.resource();
        for (name, value) in body.as_object().unwrap().iter().filter(|(name, _)| *name != "active") {
            assert_eq!(resource.get(name), Some(value), "{name}");
        }
        assert_eq!(resource.get("active"), Some(&json!(false)));
        assert_eq!(resource.get("schemas").unwrap().as_array().unwrap().len(), 2);
    }

    #[test]
    fn the_real_name_is_the_first_that_is_there_and_is_cut() {
        let name = |body: Value| read(&body).unwrap().name.map(String::from);
        assert_eq!(name(json!({ "userName": "a", "displayName": " A B " })).as_deref(), Some("A B"));
        let parts = json!({ "userName": "a", "name": { "givenName": "Ann", "familyName": "Lee" } });
        assert_eq!(name(parts).as_deref(), Some("Ann Lee"));
        assert_eq!(name(json!({ "userName": "a" })), None);
        let long = format!("{}\u{e9}", "x".repeat(127));
        assert_eq!(name(json!({ "userName": "a", "displayName": long })).unwrap().len(), 127);
    }

    #[test]
    fn what_no_account_can_have_is_refused() {
        let long = "x".repeat(IDENTIFIER_MAX + 1);
        for body in [
            json!({ "userName": "  " }),
            json!({ "userName": long }),
            json!({ "userName": "a", "externalId": long }),
            json!({ "userName": "a", "emails": [{ "value": "no address" }] }),
            json!({ "userName": "a", "emails": [{ "value": long }] }),
            json!({ "userName": "a", "displayName": "a\u{202e}b" }),
        ] {
            assert_eq!(read(&body).unwrap_err().kind, ScimType::InvalidValue, "{body}");
        }
    }

    #[test]
    fn a_new_account_needs_an_address() {
        let email = |body: Value| read(&body).unwrap().email_of_new();
        assert_eq!(email(json!({ "userName": "a@x.example" })).unwrap().as_str(), "a@x.example");
        let first = json!({ "userName": "a@x.example", "emails": [{ "value": "b@x.example" }] });
        assert_eq!(email(first).unwrap().as_str(), "b@x.example");
        assert_eq!(email(json!({ "userName": "a" })).unwrap_err().kind, ScimType::InvalidValue);
    }

    #[test]
    fn who_may_sign_in_again_is_dormant_at_first() {
        use UserStatus::{Active, Dormant, Suspended};
        for (active, now, then) in [
            (Some(false), Active, Suspended),
            (Some(false), Suspended, Suspended),
            (Some(true), Active, Active),
            (Some(true), Dormant, Dormant),
            (Some(true), Suspended, Dormant),
            (None, Suspended, Suspended),
            (None, Active, Active),
        ] {
            let fields = AccountFields { active, ..read(&json!({ "userName": "a" })).unwrap() };
            assert_eq!(fields.status_after(now), then, "{active:?} {now:?}");
        }
    }
}
