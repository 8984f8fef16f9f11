//! What is wrong with a command, all of it at once: every failing field is named, each with the first rule that it breaks.

use crate::error::{Error, FieldError, VALIDATION_FAILED};
use doorward_domain::names::{self, Named};
use doorward_domain::users::check_password;
use doorward_domain::{Secret, users::PasswordRuleError};
use std::fmt::Display;

/// Most bytes of a free text: a description, the URL of an icon.
const TEXT_MAX: usize = 4096;

/// Collects the defects of one command, in the order in which they are looked for. Whatever can be seen without asking for
/// permission is collected before the first of it is told, so that nobody learns of one defect after the other.
#[derive(Debug, Default)]
#[must_use = "call `done`, or nothing is refused"]
pub(crate) struct Fields(Vec<Complaint>);

/// Defects that go under one message.
#[derive(Debug)]
struct Complaint {
    message: String,
    detail: String,
    fields: Vec<FieldError>,
}

impl Fields {
    /// The field must not be empty.
    pub(crate) fn required(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "required", value, !value.is_empty())
    }

    /// The secret must not be empty. Its value is never repeated.
    pub(crate) fn required_secret(self, field: &'static str, value: &Secret<String>) -> Self {
        self.rule(field, "required", "", !value.expose().is_empty())
    }

    /// The field must be a mail address.
    pub(crate) fn email(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "email", value, names::is_email(value))
    }

    /// The field must be a user name.
    pub(crate) fn username(self, field: &'static str, value: &str) -> Self {
        self.name(field, "username", value, Named::User)
    }

    /// The field must be spelled like a user name, whether or not one may take it.
    pub(crate) fn spelled_like_a_username(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "username", value, names::is_spelled_like_a_name(value))
    }

    /// The field must be the name of a workspace.
    pub(crate) fn workspace_name(self, field: &'static str, value: &str) -> Self {
        self.name(field, "username", value, Named::Workspace)
    }

    /// The field must be the name of an organization.
    pub(crate) fn organization_name(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "organization_name", value, names::is_name(value))
    }

    /// The field must be the name of a custom role.
    pub(crate) fn role_name(self, field: &'static str, value: &str) -> Self {
        self.name(field, "username", value, Named::Role)
    }

    /// The field must be the display name of an organization, or empty.
    pub(crate) fn organization_display_name(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "organization_display_name", value, names::is_display_name(value))
    }

    /// The field is a name that people see, or the address of a picture: at most [`TEXT_MAX`] bytes that hide nothing.
    pub(crate) fn shown_name(self, field: &'static str, value: &str) -> Self {
        self.text(field, value).plain(field, value)
    }

    /// The field is a text that people see, of several lines: at most [`TEXT_MAX`] bytes that hide nothing.
    pub(crate) fn shown_text(self, field: &'static str, value: &str) -> Self {
        self.text(field, value).plain_text(field, value)
    }

    /// The field hides nothing.
    pub(crate) fn plain(self, field: &'static str, value: &str) -> Self {
        self.defect(field, names::hidden_in_name(value).map(hides))
    }

    /// The field hides nothing; it may have several lines.
    pub(crate) fn plain_text(self, field: &'static str, value: &str) -> Self {
        self.defect(field, names::hidden_in_text(value).map(hides))
    }

    /// The field is free text of at most [`TEXT_MAX`] bytes.
    fn text(self, field: &'static str, value: &str) -> Self {
        let too_long = value.len() > TEXT_MAX;
        self.defect(field, too_long.then(|| format!("Must have at most {TEXT_MAX} bytes, and has {}.", value.len())))
    }

    /// The field must be the real name of a person, or empty.
    pub(crate) fn real_name(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "user_real_name", value, names::is_real_name(value))
    }

    /// The field must be the name of a group.
    pub(crate) fn group_name(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "group_name", value, names::is_group_name(value))
    }

    /// The field must be the display name of a group, or empty.
    pub(crate) fn group_display_name(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "group_display_name", value, names::is_display_name(value))
    }

    /// The field must be as `rule` says, and is.
    pub(crate) fn that(self, field: &'static str, holds: bool, rule: &str) -> Self {
        self.defect(field, (!holds).then(|| rule.to_owned()))
    }

    /// The field must not be longer, in bytes. A value that is too long is not repeated.
    pub(crate) fn at_most(self, field: &'static str, value: &str, max: usize) -> Self {
        let too_long = value.len() > max;
        self.defect(field, too_long.then(|| format!("must be at most {max} bytes, and is {}", value.len())))
    }

    /// The field must fit into 32 bits. As the last rule of a command, it hands the number out.
    pub(crate) fn fitting(self, field: &'static str, value: i64) -> Result<i32, Error> {
        let fitting = i32::try_from(value);
        let defect = fitting.as_ref().err().map(|error| format!("must fit into 32 bits: {error}"));
        self.defect(field, defect).done()?;
        Ok(fitting.unwrap_or_default())
    }

    /// The field must be the name of a template.
    pub(crate) fn template_name(self, field: &'static str, value: &str) -> Self {
        self.name(field, "template_name", value, Named::Template)
    }

    /// The field must be the display name of a template, or empty.
    pub(crate) fn template_display_name(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "template_display_name", value, names::is_display_name(value))
    }

    /// The field must be a name, and none of the words that stand in paths where such a name can.
    fn name(self, field: &'static str, tag: &str, value: &str, named: Named) -> Self {
        self.required(field, value).rule(field, tag, value, names::is_name(value) && !named.is_reserved(value))
    }

    fn rule(self, field: &'static str, tag: &str, value: &str, holds: bool) -> Self {
        let detail = || format!("Validation failed for tag \"{tag}\" with value: \"{value}\"");
        self.defect(field, (!holds).then(detail))
    }

    /// Says what is wrong with a field, if anything is.
    pub(crate) fn defect(mut self, field: &'static str, defect: Option<String>) -> Self {
        if let Some(detail) = defect {
            self.add(Complaint {
                message: VALIDATION_FAILED.to_owned(),
                detail: String::new(),
                fields: vec![FieldError::new(field, detail)],
            });
        }
        self
    }

    /// Says what is wrong with the items of a list, each by itself.
    pub(crate) fn defects<D: Display>(mut self, field: &'static str, defects: impl IntoIterator<Item = D>) -> Self {
        let fields = defects.into_iter().map(|defect| FieldError::new(field, defect.to_string())).collect::<Vec<_>>();
        if !fields.is_empty() {
            self.add(Complaint { message: VALIDATION_FAILED.to_owned(), detail: String::new(), fields });
        }
        self
    }

    /// The value that some check made, or what it finds wrong, which is told with the rest: `None` means that
    /// [`done`](Self::done) will refuse. Errors of other kinds end everything.
    pub(crate) fn keep<T>(&mut self, checked: Result<T, Error>) -> Result<Option<T>, Error> {
        self.take(checked, Self::add)
    }

    /// The same for one item of many, each of which may fail by the same field.
    pub(crate) fn keep_item<T>(&mut self, checked: Result<T, Error>) -> Result<Option<T>, Error> {
        self.take(checked, Self::append)
    }

    fn take<T>(&mut self, checked: Result<T, Error>, add: fn(&mut Self, Complaint)) -> Result<Option<T>, Error> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid { message, detail, fields }) => {
                add(self, Complaint { message, detail, fields });
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Adds a complaint without the fields of which the first defect is known.
    fn add(&mut self, mut complaint: Complaint) {
        let blamed = !complaint.fields.is_empty();
        complaint.fields.retain(|new| self.0.iter().flat_map(|old| &old.fields).all(|old| old.field != new.field));
        if !blamed || !complaint.fields.is_empty() {
            self.append(complaint);
        }
    }

    fn append(&mut self, mut complaint: Complaint) {
        match self.0.last_mut().filter(|last| last.message == complaint.message) {
            Some(last) => {
                last.fields.append(&mut complaint.fields);
                join(&mut last.detail, &complaint.detail);
            }
            None => self.0.push(complaint),
        }
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses the command if anything is wrong with it. What all defects have in common is the message.
    pub(crate) fn done(self) -> Result<(), Error> {
        let mut complaints = self.0.into_iter();
        let Some(Complaint { mut message, mut detail, mut fields }) = complaints.next() else { return Ok(()) };
        for mut other in complaints {
            // A message that blames no field would be lost otherwise.
            if fields.is_empty() {
                join(&mut detail, &message);
            }
            if other.fields.is_empty() {
                join(&mut detail, &other.message);
            }
            join(&mut detail, &other.detail);
            VALIDATION_FAILED.clone_into(&mut message);
            fields.append(&mut other.fields);
        }
        Err(Error::Invalid { message, detail, fields })
    }
}

/// Why a text is refused that has this character.
pub(crate) fn hides(hidden: char) -> String {
    format!(
        "Must not have characters that do not show, or that change how others are read, such as U+{:04X}.",
        u32::from(hidden)
    )
}

/// Adds one more sentence.
fn join(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("; ");
    }
    text.push_str(more);
}

/// A mail address as it was meant: blanks around it come from copying and from keyboards that add them.
pub(crate) fn trimmed(email: &str) -> String {
    email.trim().to_owned()
}

/// Refuses a password that breaks the rule, blaming the field `password`.
pub(crate) fn strong_password(password: &Secret<String>) -> Result<(), Error> {
    check_password(password.expose()).map_err(|broken: PasswordRuleError| {
        Error::invalid_fields("Password not strong enough!", vec![FieldError::new("password", broken.to_string())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failing_field_is_named_once_and_in_order() {
        let refused = Fields::default()
            .email("email", "")
            .username("username", "a_b")
            .required_secret("password", &Secret::from(""))
            .real_name("name", "Ann")
            .done();
        let Err(Error::Invalid { message, fields, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(message, "Validation failed.");
        let told: Vec<(&str, &str)> = fields.iter().map(|f| (f.field.as_ref(), f.detail.as_str())).collect();
        assert_eq!(
            told,
            [
                ("email", "Validation failed for tag \"required\" with value: \"\""),
                ("username", "Validation failed for tag \"username\" with value: \"a_b\""),
                ("password", "Validation failed for tag \"required\" with value: \"\""),
            ]
        );
    }

    #[test]
    fn defects_of_one_kind_keep_their_message_and_those_of_several_are_told_together() {
        let weak = || strong_password(&Secret::from("weak"));
        let mut fields = Fields::default();
        assert_eq!(fields.keep(weak()).unwrap(), None);
        assert_eq!(fields.keep(Ok::<_, Error>(7)).unwrap(), Some(7));
        let Err(Error::Invalid { message, fields, .. }) = fields.done() else { panic!() };
        assert_eq!((message.as_str(), fields.len()), ("Password not strong enough!", 1));

        let mut fields = Fields::default().email("email", "");
        fields.keep(weak()).unwrap();
        fields.keep(weak()).unwrap();
        fields.keep(Err::<(), _>(Error::invalid_because("Nothing fits.", "not at all"))).unwrap();
        let fields = fields.defects("scopes", ["one", "two"]);
        let Err(Error::Invalid { message, detail, fields }) = fields.done() else { panic!() };
        assert_eq!((message.as_str(), detail.as_str()), (VALIDATION_FAILED, "Nothing fits.; not at all"));
        let told: Vec<&str> = fields.iter().map(|field| field.field.as_ref()).collect();
        assert_eq!(told, ["email", "password", "scopes", "scopes"], "and each only once");

        let mut fields = Fields::default();
        for reason in ["`a` is unknown", "`b` is unknown"] {
            fields.keep(Err::<(), _>(Error::invalid_because("No such thing", reason))).unwrap();
        }
        let Err(Error::Invalid { message, detail, .. }) = fields.done() else { panic!() };
        assert_eq!((message.as_str(), detail.as_str()), ("No such thing", "`a` is unknown; `b` is unknown"));
    }

    #[test]
    fn what_is_no_defect_of_the_command_ends_everything() {
        let mut fields = Fields::default().email("email", "");
        assert!(matches!(fields.keep(Err::<(), _>(Error::NotFound)), Err(Error::NotFound)));
    }

    #[test]
    fn a_weak_password_is_refused_without_being_repeated() {
        let refused = strong_password(&Secret::from("newpassword"));
        assert!(!format!("{refused:?}").contains("newpassword"));
        assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "password"));
    }
}
