//! What other services build on, named with its types: whoever changes one of these signatures breaks them, and learns it
//! here. Nothing is tested but that it compiles.

use doorward_domain::keys::{CryptoKey, DerivationKeys, KeyId, KeyRing, NoKeyError};
use doorward_domain::names::NameError;
use doorward_domain::oauth2::{
    App, Authorization, AuthorizationCode, CodeChallenge, CodeError, CodeVerifier, DerivationKey, Grant,
    OAuthErrorCode, OidcScope, OpaqueToken, OpaqueTokenError, PkceError, Redemption, RedirectMatch, RedirectUri,
    RedirectUriError, RefreshError, Resource, ResourceError, ScopeEntry, ScopeSyntaxError, Scopes, ScopesError,
    Successor, TargetError, UnknownScopes, alphanumeric_from, parse_scope_list,
};
use doorward_domain::roles::assign::{AssignError, AssignmentLevel, RoleChange, can_assign, plan};
use doorward_domain::roles::custom::{CustomRoleError, Draft};
use doorward_domain::roles::eval::{EvalError, evaluate};
use doorward_domain::roles::scope::{AllowEntryError, Topic, catalogue, covers, describe, join_names, parse_names};
use doorward_domain::roles::{
    Acl, AclClause, Action, Actor, AllowEntry, Because, CustomRole, CustomRoles, Decision, Denied, Id, ListFilter,
    Object, OwnerClause, Permission, PermissionSet, Permit, ResourceType, Role, RoleName, Scope, ScopeName, Subject,
    SubjectBuilder, System, SystemSubject, UnknownName, Vote, action, resource,
};
use doorward_domain::scim::{
    AttributePath, Condition, Difference, EntityTags, Filter, FilterError, Member, MembershipChanges, Patch, PatchPath,
    Patched, Projection, ResourceType as ScimResourceType, ScimError, Target, Version,
};
use doorward_domain::sessions::{Throttle, ThrottlePolicy};
use doorward_domain::{Digest, Instant, Secret, names, users};
use std::fmt::{Debug, Display};
use std::str::FromStr;
use time::Duration;
use uuid::Uuid;

/// What may cross threads and be kept in caches.
const fn shared<T: Send + Sync + Clone + Debug + 'static>() {}
/// What can be reported.
const fn error<T: std::error::Error + Send + Sync + Clone + PartialEq + 'static>() {}
/// What is read from text and written back.
const fn text<T: FromStr + Display + Debug + Clone + PartialEq>() {}
/// Says what type it is.
fn is<T>(_: T) {}

type CreateUser = Permit<action::Create, resource::User>;

#[test]
fn types_keep_their_traits() {
    shared::<(Subject, Scope, ScopeName, AllowEntry, Acl, Role)>();
    shared::<(Object<'static>, ListFilter, CustomRoles, RoleName, Id, Decision, Denied, SystemSubject)>();
    shared::<(App, AuthorizationCode, CodeChallenge, CodeVerifier, Grant, RedirectUri, Resource, OpaqueToken)>();
    shared::<(Filter, Condition, Target, Patch, Patched, Projection, MembershipChanges, Member, Version, EntityTags)>();
    error::<ScimError>();
    error::<FilterError>();
    error::<Denied>();
    error::<UnknownName>();
    error::<AllowEntryError>();
    error::<PkceError>();
    error::<CodeError>();
    error::<RedirectUriError>();
    error::<ResourceError>();
    error::<RefreshError>();
    error::<OpaqueTokenError>();
    error::<ScopeSyntaxError>();
    error::<ScopesError>();
    error::<UnknownScopes>();
    text::<ScopeName>();
    text::<Scopes>();
    text::<OidcScope>();
    text::<AllowEntry>();
    text::<Filter>();
    text::<PatchPath>();
    text::<AttributePath>();
    text::<Action>();
    text::<ResourceType>();
    is::<fn(&CustomRoleError) -> &dyn std::error::Error>(|error| error);
    is::<fn(&AssignError) -> &dyn std::error::Error>(|error| error);
}

#[test]
fn provisioning_keeps_its_signatures() {
    type Resource = doorward_domain::scim::Resource;
    type Json = serde_json::Value;
    is::<fn(&Filter, &'static ScimResourceType) -> Result<Condition, FilterError>>(Filter::resolve);
    is::<fn(&Condition, &Resource) -> bool>(Condition::matches);
    is::<fn(&'static ScimResourceType, &Json) -> Result<Resource, ScimError>>(ScimResourceType::read);
    is::<fn(&'static ScimResourceType, &Resource, &Json) -> Result<Resource, ScimError>>(ScimResourceType::replace);
    is::<fn(&Json) -> Result<Patch, ScimError>>(Patch::read);
    is::<fn(&Patch, &'static ScimResourceType, &Resource) -> Result<Patched, ScimError>>(Patch::apply);
    is::<fn(&MembershipChanges) -> Option<Difference>>(MembershipChanges::net);
    is::<fn(&MembershipChanges, &[Member]) -> Difference>(MembershipChanges::difference);
    is::<fn(&Projection, &Resource) -> Resource>(Projection::apply);
    is::<fn(&Resource) -> Version>(Version::of);
    is::<fn(&EntityTags, Option<&Version>) -> bool>(EntityTags::include);
}

#[test]
fn access_control_keeps_its_signatures() {
    is::<fn(Uuid) -> SubjectBuilder<'static>>(Subject::for_user);
    is::<fn(SubjectBuilder<'static>, Scope) -> SubjectBuilder<'static>>(SubjectBuilder::scope);
    is::<fn(SubjectBuilder<'static>, [&'static str; 1]) -> SubjectBuilder<'static>>(SubjectBuilder::site_roles);
    is::<fn(SubjectBuilder<'static>, Uuid, [&'static str; 1]) -> SubjectBuilder<'static>>(SubjectBuilder::membership);
    is::<fn(SubjectBuilder<'static>, [Uuid; 1]) -> SubjectBuilder<'static>>(SubjectBuilder::groups);
    is::<fn(SubjectBuilder<'static>, &'static CustomRoles) -> SubjectBuilder<'static>>(SubjectBuilder::custom_roles);
    is::<fn(SubjectBuilder<'static>) -> Subject>(SubjectBuilder::build);
    is::<fn(&Subject, Action, &Object<'_>) -> bool>(Subject::allows);
    is::<fn(&Subject, Action, &Object<'_>) -> Decision>(Subject::decide);
    is::<fn(&Subject, &str, &str, &Object<'_>) -> Decision>(Subject::decide_named);
    is::<fn(&Subject, Action, &Object<'_>) -> Result<(), Denied>>(Subject::check);
    is::<fn(&Subject, &Object<'_>) -> Result<CreateUser, Denied>>(Subject::permit);
    is::<fn(&Subject, Action, ResourceType) -> ListFilter>(Subject::list_filter);
    is::<fn(&Subject, Scope) -> Subject>(Subject::with_scope);
    is::<fn(Decision) -> Because>(Decision::because);
    is::<fn(&Denied) -> Option<ScopeName>>(Denied::missing_scope);
    is::<fn(&CreateUser) -> &Actor>(Permit::actor);
    is::<fn(&CreateUser, &Object<'_>) -> bool>(Permit::covers);
    is::<fn(System) -> CreateUser>(System::permit);

    is::<fn(ResourceType) -> Object<'static>>(Object::new);
    is::<fn(Object<'static>, Uuid) -> Object<'static>>(Object::id);
    is::<fn(Object<'static>, Uuid) -> Object<'static>>(Object::owner);
    is::<fn(Object<'static>, Uuid) -> Object<'static>>(Object::organization);
    is::<fn(Object<'static>, &'static Acl) -> Object<'static>>(Object::user_acl);
    is::<fn(Object<'static>, &'static Acl) -> Object<'static>>(Object::group_acl);

    is::<for<'f> fn(&'f ListFilter, &Object<'_>) -> bool>(ListFilter::matches);
    is::<fn(&ListFilter) -> bool>(ListFilter::is_never);
    is::<fn(&ListFilter) -> bool>(ListFilter::is_all);
    is::<fn(&ListFilter) -> Option<&[Id]>>(ListFilter::allowed_ids);
    is::<fn(&ListFilter) -> &[Id]>(ListFilter::organizations);
    is::<fn(&ListFilter) -> Option<&OwnerClause>>(ListFilter::owner);
    is::<fn(&ListFilter) -> &AclClause>(ListFilter::acl);

    is::<fn(RoleName, String, Vec<Permission>, Vec<Permission>, Vec<Permission>) -> CustomRole>(CustomRole::new);
    is::<fn(ResourceType, Action) -> Permission>(Permission::allow);
    is::<fn(ResourceType, Action) -> Permission>(Permission::deny);
    is::<fn(&PermissionSet, Action, ResourceType) -> Vote>(PermissionSet::vote);
    is::<fn(&Subject, &RoleName) -> bool>(can_assign);
    is::<fn(&Draft) -> Result<(), CustomRoleError>>(Draft::check);
    is::<fn(&RoleChange) -> &[RoleName]>(RoleChange::added);
    is::<fn(Uuid) -> AssignmentLevel>(AssignmentLevel::Organization);
    is::<fn(&str) -> Result<serde_json::Value, EvalError>>(evaluate);
    let _ = plan;
}

#[test]
fn scopes_keep_their_signatures() {
    is::<fn(&str) -> Result<ScopeName, UnknownName>>(ScopeName::parse);
    is::<fn(ResourceType, Action) -> ScopeName>(ScopeName::of);
    is::<fn(&ScopeName) -> &'static str>(ScopeName::describe);
    is::<fn(&ScopeName) -> Topic>(ScopeName::topic);
    is::<fn(Topic) -> &'static str>(Topic::title);
    is::<fn(&[ScopeName]) -> Scope>(Scope::from_names);
    is::<fn() -> Scope>(Scope::all);
    is::<fn(Scope, Vec<AllowEntry>) -> Scope>(Scope::limited_to);
    is::<fn(Scope, &[AllowEntry]) -> Scope>(Scope::cut);
    is::<fn(&Scope, &Scope) -> bool>(Scope::covers);
    is::<fn(&[String]) -> Result<Option<Vec<AllowEntry>>, AllowEntryError>>(AllowEntry::parse_list);
    is::<fn() -> Vec<ScopeName>>(catalogue);
    is::<fn(&[ScopeName], &ScopeName) -> bool>(covers);
    is::<fn(&str) -> Result<&'static str, UnknownName>>(describe);
    is::<fn(&str) -> Result<Vec<ScopeName>, UnknownName>>(parse_names);
    is::<fn(&[ScopeName]) -> String>(join_names);
}

type Bind = fn(&App, Option<&Resource>, Option<&[Resource]>, &Resource) -> Result<Option<Resource>, TargetError>;

#[test]
fn oauth2_keeps_its_signatures() {
    is::<fn(&str, Option<&str>) -> Result<CodeChallenge, PkceError>>(CodeChallenge::parse);
    is::<fn(Option<&str>, Option<&str>) -> Result<Option<CodeChallenge>, PkceError>>(CodeChallenge::from_request);
    is::<fn(&CodeChallenge, &CodeVerifier) -> bool>(CodeChallenge::is_met_by);
    is::<fn(&str) -> Result<CodeVerifier, PkceError>>(CodeVerifier::parse);
    is::<fn(&AuthorizationCode, &App, &Redemption<'_>, Instant) -> Result<(), CodeError>>(AuthorizationCode::check);
    is::<fn(CodeError) -> OAuthErrorCode>(CodeError::oauth_code);
    is::<fn(&str, bool) -> Result<RedirectUri, RedirectUriError>>(RedirectUri::register);
    is::<fn(&RedirectUri, &str, RedirectMatch) -> bool>(RedirectUri::matches);
    is::<fn(&RedirectUri, &[(&str, &str)]) -> String>(RedirectUri::with_response);
    is::<fn(&App, Option<&str>) -> Result<RedirectUri, OAuthErrorCode>>(App::redirect_uri);
    is::<fn(&App, &Resource, Option<&[Resource]>, &Resource) -> bool>(App::may_target);
    is::<Bind>(App::bind);
    is::<fn(&RedirectUri, bool) -> bool>(RedirectUri::is_acceptable);
    is::<fn(Scopes, Option<Resource>) -> Authorization>(|scopes, resource| Authorization { scopes, resource });
    is::<fn(&str) -> Result<Resource, ResourceError>>(Resource::parse);
    is::<fn(&Resource, &Resource) -> bool>(Resource::is_within);
    is::<fn(&str) -> Result<OpaqueToken, OpaqueTokenError>>(OpaqueToken::parse);
    is::<fn(&OpaqueToken) -> Digest>(OpaqueToken::digest);
    is::<fn(&OpaqueToken) -> Secret<String>>(OpaqueToken::to_wire);
    is::<fn(&[u8; 32]) -> DerivationKey>(DerivationKey::new);
    is::<fn(&DerivationKey, &OpaqueToken) -> Successor>(DerivationKey::successor);
    is::<fn(KeyId, &[u8; 32]) -> DerivationKey>(DerivationKey::named);
    is::<fn(&[u8; 32]) -> KeyRing>(KeyRing::single);
    is::<fn(&[(CryptoKey, Secret<[u8; 32]>)]) -> Result<KeyRing, NoKeyError>>(KeyRing::new);
    is::<fn(&DerivationKeys, &OpaqueToken, Instant) -> Successor>(DerivationKeys::successor);
    is::<fn(&DerivationKeys, &OpaqueToken, &Digest, Instant) -> Option<Successor>>(DerivationKeys::live_after);
    is::<fn(RefreshError) -> OAuthErrorCode>(RefreshError::oauth_code);
    is::<fn(&[u8], usize) -> Option<String>>(alphanumeric_from);
    is::<fn(&str) -> Result<Vec<&str>, ScopeSyntaxError>>(parse_scope_list);
    is::<fn(&str) -> Result<Scopes, ScopesError>>(Scopes::from_request);
    is::<fn(&[String]) -> Result<Scopes, UnknownScopes>>(Scopes::from_names);
    is::<fn(&str) -> Scopes>(Scopes::from_storage);
    is::<fn(&Scopes, &ScopeEntry) -> bool>(Scopes::covers);
    is::<fn(Scopes, Option<&Scopes>) -> Scopes>(Scopes::within);
    is::<fn(&Scopes) -> Scope>(Scopes::to_scope);
}

#[test]
fn small_rules_keep_their_signatures() {
    is::<[fn(&str) -> bool; 4]>([names::is_id, names::is_name, names::is_plain, names::is_spelled_like_a_name]);
    is::<fn(&str) -> Result<names::Username, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::OrganizationName, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::GroupName, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::TemplateName, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::WorkspaceName, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::Email, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::DisplayName, NameError>>(str::parse);
    is::<fn(&str) -> Result<names::RealName, NameError>>(str::parse);
    is::<fn(String) -> names::Username>(names::Username::from_storage);
    is::<fn(&names::Username, &str) -> Result<names::Username, NameError>>(names::Username::renamed);
    is::<fn(&names::Username) -> String>(names::Username::key);
    is::<fn(names::Named, &str) -> bool>(names::Named::is_reserved);
    is::<fn(&str) -> Option<names::Username>>(names::Username::suggested_by);
    is::<fn(&str) -> Result<(), users::PasswordRuleError>>(users::check_password);
    is::<fn(&Throttle, ThrottlePolicy, Instant) -> Duration>(Throttle::wait);
    is::<fn(&Throttle, ThrottlePolicy, Instant) -> Throttle>(Throttle::after_failure);
    is::<fn(&[u8]) -> Option<Digest>>(Digest::from_slice);
}
