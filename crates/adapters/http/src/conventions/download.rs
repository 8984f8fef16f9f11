//! Where other servers have command lines to download. There are none here, which the programs that look for them are told as text.

use super::Page;
use crate::kit::answer;
use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use doorward_services::Error;

/// Where the command line is.
const WORDS: &str = "There is nothing to download here. The command line of Coder works with this server: install it from \
                     https://github.com/coder/coder/releases.\n";

/// Addresses of command lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Download {
    /// Programs, for each system.
    Programs,
    /// A script that installs one.
    Script,
}

impl Convention for Download {
    fn territory(&self) -> Option<&'static str> {
        Some(match self {
            Self::Programs => "/bin",
            Self::Script => "/install.sh",
        })
    }

    fn limit(&self) -> Limit {
        Limit::Off
    }

    fn refuse(&self, _asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        let text = if refusal.status == StatusCode::NOT_FOUND { WORDS } else { refusal.sentence.as_ref() };
        answer::bytes(refusal.status, answer::TEXT, Bytes::copy_from_slice(text.as_bytes()))
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        Page.failed(asked, error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        Page.dress(headers, site);
    }

    fn family(&self) -> Family {
        Family::Page
    }
}
