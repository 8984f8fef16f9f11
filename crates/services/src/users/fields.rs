//! Validation of commands: every failing field is named at once, each with the first rule that it breaks. The rules of names are
//! those of the value types of the domain; here they get the words that clients know.

use crate::error::{Error, FieldError, VALIDATION_FAILED};
use doorward_domain::names::{
    self, Email, GroupName, NameError, Named, RealName, TemplateName, Username, WorkspaceName,
};
use doorward_domain::users::check_password;
use doorward_domain::{Secret, users::PasswordRuleError};
use std::fmt::Display;
use std::str::FromStr;

/// Most bytes of a free text: a description, the URL of an icon.
const FREE_TEXT_MAX: usize = 4096;

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

impl Complaint {
    fn of(field: &'static str, detail: String) -> Self {
        let fields = vec![FieldError::new(field, detail)];
        Self { message: VALIDATION_FAILED.to_owned(), detail: String::new(), fields }
    }
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

    /// The mail address that the field is.
    pub(crate) fn email(&mut self, field: &'static str, text: &str) -> Option<Email> {
        self.value(field, "email", text)
    }

    /// The user name that the field is.
    pub(crate) fn username(&mut self, field: &'static str, text: &str) -> Option<Username> {
        self.value(field, "username", text)
    }

    /// The real name of a person that the field is, or nothing.
    pub(crate) fn real_name(&mut self, field: &'static str, text: &str) -> Option<RealName> {
        self.value(field, "user_real_name", text)
    }

    /// The name of a group that the field is.
    pub(crate) fn group_name(&mut self, field: &'static str, text: &str) -> Option<GroupName> {
        self.value(field, "group_name", text)
    }

    /// The name of a template that the field is.
    pub(crate) fn template_name(&mut self, field: &'static str, text: &str) -> Option<TemplateName> {
        self.value(field, "template_name", text)
    }

    /// The name of a workspace that the field is.
    pub(crate) fn workspace_name(&mut self, field: &'static str, text: &str) -> Option<WorkspaceName> {
        self.value(field, "username", text)
    }

    /// The value that the field is, or else a defect: by `tag` clients know the rule.
    pub(crate) fn value<T>(&mut self, field: &'static str, tag: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err = NameError>,
    {
        self.checked(field, tag, text, text.parse())
    }

    /// The same of a text that was parsed.
    pub(crate) fn checked<T>(
        &mut self,
        field: &'static str,
        tag: &str,
        text: &str,
        parsed: Result<T, NameError>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(broken) => {
                let tag = if broken == NameError::Empty { "required" } else { tag };
                self.add(Complaint::of(field, failed(tag, text)));
                None
            }
        }
    }

    /// The field must be the name of a custom role.
    pub(crate) fn role_name(self, field: &'static str, value: &str) -> Self {
        let is_free = names::is_name(value) && !Named::Role.is_reserved(value);
        self.required(field, value).rule(field, "username", value, is_free)
    }

    /// The field is a name that people see, or the address of a picture: at most [`FREE_TEXT_MAX`] bytes that hide nothing.
    pub(crate) fn shown_name(self, field: &'static str, value: &str) -> Self {
        self.text(field, value).plain(field, value)
    }

    /// The field is a text that people see, of several lines: at most [`FREE_TEXT_MAX`] bytes that hide nothing.
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

    /// The field is free text of at most [`FREE_TEXT_MAX`] bytes.
    fn text(self, field: &'static str, value: &str) -> Self {
        let too_long = value.len() > FREE_TEXT_MAX;
        self.defect(
            field,
            too_long.then(|| format!("Must have at most {FREE_TEXT_MAX} bytes, and has {}.", value.len())),
        )
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

    /// The number that the field is, which must fit into 32 bits.
    pub(crate) fn fitting(&mut self, field: &'static str, value: i64) -> Option<i32> {
        match i32::try_from(value) {
            Ok(number) => Some(number),
            Err(error) => {
                self.add(Complaint::of(field, format!("must fit into 32 bits: {error}")));
                None
            }
        }
    }

    fn rule(self, field: &'static str, tag: &str, value: &str, holds: bool) -> Self {
        self.defect(field, (!holds).then(|| failed(tag, value)))
    }

    /// Says what is wrong with a field, if anything is.
    pub(crate) fn defect(mut self, field: &'static str, defect: Option<String>) -> Self {
        if let Some(detail) = defect {
            self.add(Complaint::of(field, detail));
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

    /// The values that were checked, unless [`done`](Self::done) refuses; `None` stands for one that has a defect.
    pub(crate) fn done_with<T>(self, checked: Option<T>) -> Result<T, Error> {
        self.done()?;
        checked.ok_or_else(|| Error::Internal("a value is missing, and none of its defects was told".into()))
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

/// That a rule is broken, in the words of Coder.
fn failed(tag: &str, value: &str) -> String {
    format!("Validation failed for tag \"{tag}\" with value: \"{value}\"")
}

/// Adds one more sentence.
fn join(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("; ");
    }
    text.push_str(more);
}

/// A mail address as it was meant: blanks around it come from copying and from keyboards that add them.
pub(crate) fn trimmed(email: &str) -> &str {
    email.trim()
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
        let mut fields = Fields::default();
        assert_eq!((fields.email("email", ""), fields.username("username", "a_b")), (None, None));
        let mut fields = fields.required_secret("password", &Secret::from(""));
        let name = fields.real_name("name", "Ann");
        assert_eq!(name.as_ref().map(RealName::as_str), Some("Ann"));
        let refused = fields.done_with(name);
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

        let mut fields = Fields::default().required("email", "");
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
    fn values_are_handed_out_once_nothing_is_wrong() {
        let mut fields = Fields::default();
        let names = fields.username("username", "ann").zip(fields.group_name("name", "Devs"));
        let (user, group) = fields.done_with(names).unwrap();
        assert_eq!((user.as_str(), group.as_str()), ("ann", "Devs"));
        for (text, tag) in [("", "required"), ("a b", "username"), ("me", "username"), ("new", "username")] {
            let mut fields = Fields::default();
            let name = fields.username("username", text);
            let Err(Error::Invalid { fields, .. }) = fields.done_with(name) else { panic!("{text}") };
            assert_eq!(fields[0].detail, format!("Validation failed for tag \"{tag}\" with value: \"{text}\""));
        }
    }

    #[test]
    fn what_is_no_defect_of_the_command_ends_everything() {
        let mut fields = Fields::default().required("email", "");
        assert!(matches!(fields.keep(Err::<(), _>(Error::NotFound)), Err(Error::NotFound)));
    }

    #[test]
    fn a_weak_password_is_refused_without_being_repeated() {
        let refused = strong_password(&Secret::from("newpassword"));
        assert!(!format!("{refused:?}").contains("newpassword"));
        assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "password"));
    }
}
