//! Requests of this server to other servers, behind the port [`Fetch`](doorward_ports::Fetch): the only way out.
//!
//! A name is resolved once, all of its addresses are judged, and the connection goes to one of those that were judged. So no
//! answer of a name server that changes in between leads anywhere else. TLS and `Host` keep the original name. No redirect is
//! followed, nothing is sent but what the caller asks for, and proxies of the environment do not count.
//!
//! ```
//! use doorward_outbound::{FetchSettings, Outbound};
//! use doorward_ports::fetch::{FailureClass, Fetch as _, Request};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), doorward_outbound::OutboundError> {
//! let settings: FetchSettings = doorward_testkit::settings::defaults("fetch");
//! let outbound = Outbound::new(&settings)?;
//! let refused = outbound.fetch(Request::get("https://169.254.169.254/latest/meta-data", 1024)).await;
//! assert_eq!(refused.unwrap_err().class, FailureClass::ForbiddenAddress);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod addresses;
mod answer;
mod dial;
mod flights;
mod network;
mod outbound;
mod resolver;
mod settings;
mod slots;
mod tally;
mod target;
mod tls;

pub use addresses::is_forbidden;
pub use network::{Connection, Network, SystemNetwork};
pub use outbound::Outbound;
pub use settings::{AllowedHost, AllowedHostError, FetchSettings, Proxy, ProxyError};
pub use tally::{Counted, FetchOutcome, Tally};
pub use tls::OutboundError;
