//! Signing in through identity providers: OpenID Connect and GitHub (`identity.md` 2.9).
//!
//! A sign-in has two parts. [`begin`] sends the visitor to the provider; [`finish`] takes what the provider sent back: it gets the
//! tokens, believes what the rules of the domain let it believe, and then, in one transaction, finds or makes the account, writes what the
//! provider says of it, and makes a session.
//!
//! Who is signed in links further accounts by [`begin_link`], and removes links by [`unlink`].

mod account;
mod begin;
mod conversions;
mod convert;
mod end_sessions;
mod exchange;
mod finish;
mod flow;
mod graph;
mod identity;
mod link;
mod link_requests;
mod links;
mod own_links;
pub(crate) mod owned_name;
pub(crate) mod settings;
mod sign_out;
mod signed;
mod upstream;
mod ways;

pub use begin::{Beginning, Begun, begin};
pub use convert::{Convert, Converting, begin_conversion};
pub use end_sessions::end_sessions;
pub use finish::{Arrival, CANCELLED, FLOW_LIFETIME, Finished, SessionThen, finish};
pub use flow::Errand;
pub(crate) use link::prove;
pub use link::{AskedLink, Linking, begin_link, proves_by_password};
pub use own_links::{OwnLink, list_links, unlink};
pub use settings::{GithubSettings, OidcSettings};
pub use sign_out::{SignOutThere, sign_out_there};
pub use upstream::Upstreams;
pub use ways::{OnOffer, Way, on_offer};
