//! What has just been done, told by the page after it.

use crate::kit::extract::credential::query_parameter;
use actix_web::HttpRequest;

/// What has just been done, as the query says of the page to which the browser is sent. Whoever makes up a link can have a page say one
/// of these texts, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Another password was chosen.
    Password,
    /// The account signs in at a provider from now on.
    Converted,
    /// An account at a provider was linked.
    Linked,
    /// One is not linked any more.
    Unlinked,
    /// Access of an application was taken back.
    Revoked,
    /// The second factor was shown.
    FactorShown,
    /// It was removed.
    FactorRemoved,
}

impl Done {
    const ALL: [Self; 7] = [
        Self::Password,
        Self::Converted,
        Self::Linked,
        Self::Unlinked,
        Self::Revoked,
        Self::FactorShown,
        Self::FactorRemoved,
    ];

    /// The name of the parameter.
    pub(crate) const PARAMETER: &'static str = "done";

    /// Its value.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Converted => "converted",
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
            Self::Revoked => "revoked",
            Self::FactorShown => "factor_shown",
            Self::FactorRemoved => "factor_removed",
        }
    }

    /// What the page says.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Password => "Your password is changed. Sign in with the new one.",
            Self::Converted => "Your account signs in at its identity provider from now on. Its password is gone.",
            Self::Linked => "The account is linked. You can sign in with it from now on.",
            Self::Unlinked => "The account is not linked any more.",
            Self::Revoked => "The application has no access to your account any more.",
            Self::FactorShown => "You have shown your second factor. For ten minutes you may change how you sign in.",
            Self::FactorRemoved => "Your second factor is removed. Your password alone signs you in.",
        }
    }

    /// A path of ours, which may have a query, of a page that says so.
    pub(crate) fn at(self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{path}{sign}{}={}", Self::PARAMETER, self.code())
    }

    /// What the request says, if it is something that this page tells of.
    pub(crate) fn read(request: &HttpRequest, told_here: &[Self]) -> Option<Self> {
        let code = query_parameter(request, Self::PARAMETER)?;
        Self::ALL.into_iter().find(|done| done.code() == code && told_here.contains(done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_page_tells_of_what_it_knows_and_of_nothing_else() {
        let read =
            |uri: &str| Done::read(&TestRequest::with_uri(uri).to_http_request(), &[Done::Linked, Done::Unlinked]);
        for done in Done::ALL {
            let is_told = matches!(done, Done::Linked | Done::Unlinked);
            assert_eq!(read(&done.at("/account/links")), is_told.then_some(done), "{done:?}");
        }
        assert_eq!(read("/account/links?done=Your+account+is+stolen"), None);
        assert_eq!(read("/account/links"), None);
        assert_eq!(Done::Converted.at("/login?redirect=%2F"), "/login?redirect=%2F&done=converted");
    }
}
