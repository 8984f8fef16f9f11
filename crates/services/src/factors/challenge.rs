//! What somebody is asked for who has given the right password.

use doorward_domain::Secret;

/// What somebody is asked for who has given the right password.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// With what the sign-in goes on: good for five minutes, and for one success.
    pub token: Secret<String>,
    /// How it can go on.
    pub methods: &'static [&'static str],
    /// Whether the user has no second factor yet, or has lost it, and must set one up.
    pub enroll: bool,
}
