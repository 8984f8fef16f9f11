//! Field rules of commands: every failing field is named, each with the first rule that it breaks.

use crate::error::{Error, FieldError, VALIDATION_FAILED};
use doorward_domain::names;
use doorward_domain::users::check_password;
use doorward_domain::{Secret, users::PasswordRuleError};

/// Most bytes of a free text: a description, the URL of an icon.
const TEXT_MAX: usize = 4096;

/// Collects the failing fields of one command, in the order in which they are checked.
#[derive(Debug, Default)]
#[must_use = "call `done`, or nothing is refused"]
pub(crate) struct Fields(Vec<FieldError>);

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
        self.required(field, value).rule(field, "username", value, names::is_name(value))
    }

    /// The field must be the name of an organization.
    pub(crate) fn organization_name(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "organization_name", value, names::is_name(value))
    }

    /// The field must be the name of a custom role.
    pub(crate) fn role_name(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "username", value, names::is_name(value))
    }

    /// The field must be the display name of an organization, or empty.
    pub(crate) fn organization_display_name(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "organization_display_name", value, names::is_display_name(value))
    }

    /// The field is free text of at most [`TEXT_MAX`] bytes.
    pub(crate) fn text(mut self, field: &'static str, value: &str) -> Self {
        if value.len() > TEXT_MAX && self.0.iter().all(|known| known.field != field) {
            let detail = format!("Must have at most {TEXT_MAX} bytes, and has {}.", value.len());
            self.0.push(FieldError::new(field, detail));
        }
        self
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
    pub(crate) fn that(mut self, field: &'static str, holds: bool, rule: &str) -> Self {
        if !holds {
            self.0.push(FieldError::new(field, rule));
        }
        self
    }

    /// The field must not be longer, in bytes. A value that is too long is not repeated.
    pub(crate) fn at_most(mut self, field: &'static str, value: &str, max: usize) -> Self {
        if value.len() > max {
            self.0.push(FieldError::new(field, format!("must be at most {max} bytes, and is {}", value.len())));
        }
        self
    }

    /// The field must fit into 32 bits. As the last rule of a command, it hands the number out.
    pub(crate) fn fitting(mut self, field: &'static str, value: i64) -> Result<i32, Error> {
        let fitting = i32::try_from(value).map_err(|error| {
            self.0.push(FieldError::new(field, format!("must fit into 32 bits: {error}")));
        });
        self.done()?;
        Ok(fitting.unwrap_or_default())
    }

    /// The field must be the name of a template.
    pub(crate) fn template_name(self, field: &'static str, value: &str) -> Self {
        self.required(field, value).rule(field, "template_name", value, names::is_name(value))
    }

    /// The field must be the display name of a template, or empty.
    pub(crate) fn template_display_name(self, field: &'static str, value: &str) -> Self {
        self.rule(field, "template_display_name", value, names::is_display_name(value))
    }

    fn rule(mut self, field: &'static str, tag: &str, value: &str, holds: bool) -> Self {
        if !holds && self.0.iter().all(|known| known.field != field) {
            let detail = format!("Validation failed for tag \"{tag}\" with value: \"{value}\"");
            self.0.push(FieldError::new(field, detail));
        }
        self
    }

    /// Refuses the command if any field failed, and names a weak password then too, so that nothing comes up only later.
    /// A weak password alone is left to [`strong_password`].
    pub(crate) fn with_password(mut self, field: &'static str, password: &Secret<String>) -> Result<(), Error> {
        if let Err(broken) = check_password(password.expose())
            && !self.0.is_empty()
            && self.0.iter().all(|known| known.field != field)
        {
            self.0.push(FieldError::new(field, broken.to_string()));
        }
        self.done()
    }

    /// Refuses the command if any field failed.
    pub(crate) fn done(self) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::invalid_fields(VALIDATION_FAILED, self.0))
    }
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
    fn a_weak_password_is_named_beside_other_defects() {
        let told = |email: &str, password: &str| {
            let refused = Fields::default().email("email", email).with_password("password", &Secret::from(password));
            match refused {
                Err(Error::Invalid { fields, .. }) => {
                    fields.into_iter().map(|field| field.field.into_owned()).collect()
                }
                _ => Vec::new(),
            }
        };
        assert_eq!(told("x", "weak"), ["email", "password"]);
        assert_eq!(told("x", "SomeSecurePassword!"), ["email"]);
        assert_eq!(told("a@example.com", "weak"), Vec::<String>::new());
    }

    #[test]
    fn a_weak_password_is_refused_without_being_repeated() {
        let refused = strong_password(&Secret::from("newpassword"));
        assert!(!format!("{refused:?}").contains("newpassword"));
        assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "password"));
    }
}
