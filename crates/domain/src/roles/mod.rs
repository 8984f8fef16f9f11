//! Role-based access control: who may do what, on what.
//!
//! A [`Subject`] is built once per request, or kept while nothing changes. It answers questions about an [`Action`] on
//! an [`Object`] by a few bit tests and without allocating.
//!
//! ```
//! use doorward_domain::roles::{Acl, Action, Object, ResourceType, Scope, Subject};
//! use uuid::Uuid;
//!
//! let (alice, acme, designers) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
//! let subject = Subject::for_user(alice)
//!     .membership(acme, ["organization-auditor"])
//!     .groups([designers])
//!     .scope(Scope::all())
//!     .build();
//!
//! // Own workspaces, by the implied role `member`.
//! let workspace = Object::new(ResourceType::Workspace).organization(acme).owner(alice);
//! assert!(subject.allows(Action::Ssh, &workspace));
//!
//! // A template that is shared with a group.
//! let shared = Acl::new().grant(designers, Action::Use);
//! let template = Object::new(ResourceType::Template).organization(acme).group_acl(&shared);
//! let decision = subject.decide(Action::Use, &template);
//! assert!(decision.allow());
//! assert_eq!(decision.because().code(), "group_listed");
//! ```
//!
//! The rule, in one sentence: the scope of the credential must permit it, and then either the roles do (site level
//! first, then the object's organization, then the subject's own objects; the highest level that has an opinion
//! decides, and a deny beats any allow of the same level) or an access list of the object does.
//!
//! - [`Permit`] is the proof of an answer, which write ports ask for.
//! - [`ListFilter`] is the answer for all rows of a list.
//! - [`Scope`] and [`ScopeName`] limit what a credential may do, and have words for a consent page.
//! - [`RoleNames`] are the roles that somebody holds, as they are stored.
//! - [`assign`] says who may give which role, [`custom`] what a custom role may grant.
//! - [`eval`] answers the questions of a JSON document.
//!
//! Built-in roles, scopes and types come from JSON in `data/`; the build turns them into tables.

mod acl;
pub mod assign;
mod builder;
mod builtin;
mod chain;
pub mod custom;
mod decision;
mod defaults;
mod engine;
#[cfg(feature = "eval")]
pub mod eval;
mod explain;
mod id;
mod list_filter;
mod members;
mod names;
mod object;
mod permission;
mod permit;
mod role;
mod role_name;
mod role_names;
pub mod scope;
mod subject;
mod subject_data;
mod system;

pub use acl::Acl;
pub use builder::SubjectBuilder;
pub use builtin::{
    BuiltIn, MEMBER, ORGANIZATION_ADMIN, ORGANIZATION_MEMBER, ORGANIZATION_TEMPLATE_ADMIN, OWNER, TEMPLATE_ADMIN,
    USER_ADMIN, reserved_names,
};
pub use chain::Step;
pub use custom::{CustomRole, CustomRoles};
pub use decision::{Because, Decision, Denied};
pub use defaults::{DefaultRoleError, DefaultRoles, WORKSPACE_ACCESS};
pub use explain::{Explanation, Grounds, Level, Listed};
pub use id::Id;
pub use list_filter::{AclClause, ListFilter, OwnerClause};
pub use names::{Action, ActionMarker, ResourceMarker, ResourceType, UnknownName, action, resource};
pub use object::Object;
pub use permission::{Pattern, Permission, PermissionSet, Vote};
pub use permit::{Actor, Permit, PlacePermit, System};
pub use role::{Role, RoleSet, implied_in};
pub use role_name::{Kind, RoleName, RoleNameError};
pub use role_names::RoleNames;
pub use scope::{AllowEntry, AllowEntryError, Scope, ScopeName};
pub use subject::Subject;
pub use system::SystemSubject;
