//! Signing in through providers of OpenID Connect, and through GitHub: what is believed of their answers, who an account belongs
//! to, and what is refused (`identity.md` 2.9). Signatures, requests and storage are elsewhere: what comes in here was fetched and
//! verified, and what goes out is a decision.
//!
//! The order in which a server meets them:
//!
//! 1. A [`Provider`] stands in the settings: [`Provider::check`]. Its [`Discovery`] document says where it is.
//! 2. The visitor is sent there; [`return_target`] says where to afterwards. The answer is a
//!    [`Callback`].
//! 3. The tokens come: a [`TokenHeader`] and a [`KeySet`] say which keys may have signed, [`check_id_token`] what the ID token
//!    must say.
//! 4. [`merge`] joins the claims of the userinfo endpoint, and [`read_profile`], [`read_groups`] and [`session_facts`] read them.
//!    GitHub has [`read_github`]. Groups of Entra that are elsewhere come by [`read_graph_page`].
//! 5. [`decide`] says which account it is. Somebody who is signed in links one by [`check_own_link`] and loses one by
//!    [`check_unlink`].
//! 6. The provider ends sessions by a logout token: [`check_logout_token`].

mod acr;
mod address;
mod assertion;
mod conversion;
mod discovery;
mod endpoint;
mod github;
mod graph;
mod groups;
mod id_token;
mod issuer;
mod jwks;
mod link_request;
mod linking;
mod logout_token;
mod merge;
mod own_link;
mod own_token;
mod profile;
mod provider;
mod session;
mod state;
mod userinfo;

pub use crate::jws::{
    CLAIMS_MAX, Claims, ClaimsError, Compact, CompactDefect, DEPTH_MAX, HeaderDefect, PublicKeyMaterial,
    SignatureAlgorithm, TokenHeader, WrongTypeError, access_token_hash, parse_list,
};
pub use acr::Acr;
pub use address::{AddressClaims, AddressDefect, EmailTrust, same_address};
pub use assertion::{CLIENT_ASSERTION_TYPE, ClientAssertion};
pub use conversion::{CONVERSION_LIFETIME, Conversion};
pub use discovery::{DISCOVERY_MAX, Discovery, DiscoveryDefect, discovery_url};
pub use github::{GithubDefect, GithubProfile, GithubRules, read_github};
pub use graph::{GRAPH_GROUPS_URL, GraphDefect, GraphPage, read_graph_page};
pub use groups::{GROUPS_MAX, GroupClaim, KeptBecause, read_groups};
pub use id_token::{AudienceDefect, Expected, IdToken, IdTokenDefect, MaxAge, check_id_token};
pub use issuer::IssuerDefect;
pub use jwks::{KEY_SET_MAX, KeySet, KeySetDefect, PublicKey};
pub use link_request::{LINK_REQUEST_LIFETIME, LinkRequest};
pub use linking::{Account, AccountFacts, Decision, LinkByEmail, LinkPolicy, LinkedBy, Refusal, decide};
pub use logout_token::{LOGOUT_TOKEN_AGE, LogoutToken, LogoutTokenDefect, check_logout_token};
pub use merge::{MergeDefect, MergedClaims, merge};
pub use own_link::{LastWayError, OwnLinkError, Remaining, check_own_link, check_unlink, is_fresh};
pub use profile::{AVATAR_MAX, Profile, ProfileDefect, name_said, read_profile};
pub use provider::{
    AssertionAudience, ClaimsSource, ClientAuthentication, GroupSeparator, GroupsMissing, NonceRule, Provider,
    ProviderDefect, ProviderKind,
};
pub use session::{SessionFacts, session_facts};
pub use state::{Callback, CallbackError, ProviderError, check_response_issuer, return_target};
pub use userinfo::{UserinfoDefect, check_userinfo};
