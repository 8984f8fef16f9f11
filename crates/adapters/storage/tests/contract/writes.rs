//! Every repository call that writes, walked once: what it tells those who remember subjects, and that its permit is looked at.

mod declared;
mod pass;
mod world;

use crate::audit::record;
use crate::client_documents::document;
use crate::client_keys::key_set;
use crate::factors::pending;
use crate::files::{file, uploading};
use crate::idp_sync::sync_record;
use crate::keys::{first_key, second_key};
use crate::licenses::new_license;
use crate::notifications::{delivery, in_inbox, notice, passcode};
use crate::openid::{consent, identity};
use crate::provisioner_jobs::{line, provisioner_job, stored_resource, timing, worker};
use crate::provisioners::{provisioner_daemon, provisioner_key};
use crate::registrations::{initial_token, registered};
use crate::replays::seen;
use crate::replicas::heartbeat;
use crate::resource_servers::resource_server;
use crate::scim::scim_record;
use crate::scim_groups::scim_group_record;
use crate::scim_tokens::scim_token;
use crate::support::*;
use crate::template_versions::template_version;
use crate::user_links::{federated, user_link};
use crate::workspace_proxies::proxy;
use declared::declared;
use doorward_domain::audit::AuditRecord;
use doorward_domain::factors::{Failures, Proof};
use doorward_domain::files::File;
use doorward_domain::groups::Group;
use doorward_domain::ids::CustomRoleId;
use doorward_domain::keys::{CryptoKey, KeyPurpose, KeyRotation};
use doorward_domain::licenses::{LicenseId, NewLicense};
use doorward_domain::names::Email;
use doorward_domain::notifications::{Method, ids as templates};
use doorward_domain::oauth2::{
    App, AppSecret, AuthorizationCode, DeviceDecision, Grant, InitialAccessToken, RegisteredClient, ResourceServer,
    Scopes,
};
use doorward_domain::openid::{AppRules, Logo, LogoKind, LogoutNotice};
use doorward_domain::organizations::Organization;
use doorward_domain::provisioner_jobs::ProvisionerJob;
use doorward_domain::provisioners::{ProvisionerDaemon, ProvisionerKey};
use doorward_domain::roles::{CustomRole, ScopeName};
use doorward_domain::scim::ScimToken;
use doorward_domain::sessions::{ApiKey, KeyRefresh, ThrottlePolicy};
use doorward_domain::template_versions::TemplateVersion;
use doorward_domain::templates::Template;
use doorward_domain::users::{LoginType, PasswordHash, User, UserStatus};
use doorward_domain::workspace_proxies::WorkspaceProxy;
use doorward_domain::workspaces::{Build, Workspace};
use doorward_ports::changes::{Change, Slot};
use doorward_ports::jobs::Run;
use doorward_ports::oauth2::{ClientToken, Renewal};
use doorward_ports::registrations::Idle;
use doorward_ports::{Repositories, StoreError};
use pass::{Outcome as _, Pass, Theirs};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use time::Duration;
use world::{WHOSE, Whose, World};

/// A call, by name, with what it tells of, and whose it says that is what it writes: nobody else's permit does.
struct Write {
    name: &'static str,
    touches: Option<Whose>,
    theirs: &'static [Theirs],
    call: fn(&World, &mut dyn Repositories, Pass) -> Result<bool, StoreError>,
}

macro_rules! writes {
    ($($repository:ident::$method:ident($touches:expr $(, $theirs:ident)*): |$w:ident, $r:ident, $p:ident| $call:expr;)+) => {
        [$(Write {
            name: concat!(stringify!($repository), "::", stringify!($method)),
            touches: $touches,
            theirs: &[$(Theirs::$theirs),*],
            call: |$w, $r, $p| $call.map(|outcome| outcome.is_done()),
        }),+]
    };
}

/// All of them, in an order in which each has something to do.
fn writes() -> Vec<Write> {
    use Whose::{Access, App, Group, Licenses, Organization, Policy, Server, Session, User};
    writes! {
        UserRepository::insert_first(None): |w, r, p| r.users().insert_first(&p.permit(), &w.first);
        UserRepository::insert(None, Ann): |w, r, p| r.users().insert(&p.permit(), &w.ann);
        OrganizationRepository::insert(None, Acme): |w, r, p| r.organizations().insert(&p.permit(), &w.acme);
        OrganizationRepository::insert_member(Some(User), Ann, Acme): |w, r, p| {
            r.organizations().insert_member(&p.permit(), &membership(w.acme.id, w.ann.id))
        };
        OrganizationRepository::insert_members(Some(User), Ann): |w, r, p| {
            let zoo = organization("zoo");
            r.organizations().insert(&permit(), &zoo)?;
            r.organizations().insert_members(&[(p.permit(), membership(zoo.id, w.ann.id))])
        };
        RoleRepository::insert(Some(Organization), Acme): |w, r, p| r.roles().insert(&p.permit(), w.role_id, &w.role, NOW);
        RoleRepository::update(Some(Organization), Acme): |w, r, p| r.roles().update(&p.permit(), w.role_id, &w.role, NOW);
        MemberRepository::update_roles(Some(User), Acme): |w, r, p| {
            r.members().update_roles(&p.permit(), w.acme.id, w.ann.id, &role_names(&["helper"]), NOW)
        };
        GroupRepository::insert(None, Acme): |w, r, p| r.groups().insert(&p.permit(), &w.devs);
        GroupRepository::update(None, Acme): |w, r, p| r.groups().update(&p.permit(), &w.devs);
        GroupRepository::insert_members(Some(User), Acme): |w, r, p| {
            r.groups().insert_members(&p.permit(), &w.devs, &[w.ann.id])
        };
        GroupRepository::delete_members(Some(User), Acme): |w, r, p| {
            r.groups().delete_members(&p.permit(), &w.devs, &[w.ann.id])
        };
        GroupRepository::insert_missing(None): |w, r, p| {
            r.groups().insert_missing(&p.permit(), &[group(w.acme.id, "missing", 0)])
        };
        GroupRepository::insert_memberships(Some(User)): |w, r, p| {
            r.groups().insert_memberships(&p.permit(), w.ann.id, &[w.devs.id])
        };
        GroupRepository::delete_memberships(Some(User)): |w, r, p| {
            r.groups().delete_memberships(&p.permit(), w.ann.id, &[w.devs.id])
        };
        MemberRepository::update_roles_of(Some(User)): |w, r, p| {
            r.members().update_roles_of(&p.permit(), w.ann.id, &[(w.acme.id, role_names(&["helper"]))], NOW)
        };
        MemberRepository::delete_of(Some(User), Ann): |w, r, p| {
            let pond = organization("pond");
            r.organizations().insert(&permit(), &pond)?;
            r.organizations().insert_members(&[(permit(), membership(pond.id, w.ann.id))])?;
            r.members().delete_of(&p.permit(), w.ann.id, &[pond.id])
        };
        SyncLogRepository::insert(None, Ann): |w, r, p| r.sync_log().insert(&p.permit(), &sync_record(w.ann.id), 1);
        TemplateRepository::insert(None, Acme): |w, r, p| r.templates().insert(&p.permit(), &w.dev);
        TemplateRepository::update(None, Acme): |w, r, p| r.templates().update(&p.permit(), &w.dev);
        WorkspaceRepository::insert(None, Ann, Acme): |w, r, p| r.workspaces().insert(&p.permit(), &w.workspace);
        WorkspaceRepository::insert_build(None): |w, r, p| r.workspaces().insert_build(&p.permit(), &w.build);
        WorkspaceRepository::update_dormancy(None): |w, r, p| {
            r.workspaces().update_dormancy(&p.permit(), w.workspace.id, Some(NOW), NOW)
        };
        WorkspaceRepository::touch(None): |w, r, p| {
            r.workspaces().touch(&p.permit(), &[w.workspace.id], NOW + Duration::HOUR)
        };
        FileRepository::begin(None, Ann): |w, r, p| {
            r.files().begin(&p.permit(), w.file.id, w.file.created_by, NOW, NOW + Duration::HOUR)
        };
        FileRepository::append(None, Ann): |w, r, p| r.files().append(&p.permit(), w.file.id, w.ann.id, 0, b"tar");
        FileRepository::finish(None, Ann): |w, r, p| r.files().finish(&p.permit(), &w.file, NOW + Duration::HOUR);
        FileRepository::abandon(None, Ann): |w, r, p| {
            let other = uploading(r, w.ann.id)?;
            r.files().abandon(&p.permit(), other, w.ann.id)
        };
        ProvisionerJobRepository::insert(None, Acme): |w, r, p| {
            r.provisioner_jobs().insert(&p.permit(), &w.job, b"sealed", None)
        };
        TemplateVersionRepository::insert(None, Acme): |w, r, p| r.template_versions().insert(&p.permit(), &w.version);
        TemplateVersionRepository::update(None, Acme): |w, r, p| r.template_versions().update(&p.permit(), &w.version);
        TemplateVersionRepository::update_variables(None): |w, r, p| {
            r.template_versions().update_variables(&p.permit(), w.version.id, b"sealed")
        };
        TemplateVersionRepository::archive_unused(None): |w, r, p| {
            r.template_versions().archive_unused(&p.permit(), w.dev.id, true, NOW)
        };
        ProvisionerJobRepository::claim(None, Acme): |w, r, p| r.provisioner_jobs().claim(&p.permit(), &worker(&w.daemon), NOW);
        ProvisionerJobRepository::update(None, Acme): |w, r, p| r.provisioner_jobs().update(&p.permit(), &w.job);
        ProvisionerJobRepository::append_logs(None, Acme): |w, r, p| {
            r.provisioner_jobs().append_logs(&p.permit(), &w.job, NOW, &[line("hello")]).map(|last| last > 0)
        };
        ProvisionerJobRepository::insert_resources(None, Acme): |w, r, p| {
            r.provisioner_jobs().insert_resources(&p.permit(), &w.job, &[stored_resource(&w.job, "box")])
        };
        ProvisionerJobRepository::update_timings(None, Acme): |w, r, p| {
            r.provisioner_jobs().update_timings(&p.permit(), &w.job, &[timing("plan")])
        };
        WorkspaceRepository::insert_build_input(None): |w, r, p| {
            r.workspaces().insert_build_input(&p.permit(), &w.build, &BTreeMap::new(), None)
        };
        WorkspaceRepository::update_build_state(None): |w, r, p| {
            r.workspaces().update_build_state(&p.permit(), &w.build, b"sealed")
        };
        WorkspaceRepository::update_build(None): |w, r, p| r.workspaces().update_build(&p.permit(), &w.build, NOW);
        TemplateRepository::delete(None): |w, r, p| r.templates().delete(&p.permit(), w.dev.id, NOW);
        AppRepository::insert(None): |w, r, p| r.apps().insert(&p.permit(), &w.app);
        ClientDocumentRepository::upsert(None): |w, r, p| {
            let _ = w;
            r.client_documents().upsert(&p.permit(), &document("https://app.example/c"))
        };
        ClientDocumentRepository::note_failure(None): |w, r, p| {
            let _ = w;
            r.client_documents().note_failure(&p.permit(), &document("https://app.example/c"))
        };
        InitialTokenRepository::insert(None): |w, r, p| r.initial_tokens().insert(&p.permit(), &w.initial_token);
        InitialTokenRepository::count_use(None): |w, r, p| r.initial_tokens().count_use(&p.permit(), w.initial_token.id);
        InitialTokenRepository::delete(None): |w, r, p| r.initial_tokens().delete(&p.permit(), w.initial_token.id);
        RegistrationRepository::insert(None): |w, r, p| r.registrations().insert(&p.permit(), &registered(&w.app, None));
        RegistrationRepository::update(None): |w, r, p| r.registrations().update(&p.permit(), &registered(&w.app, None));
        RegistrationRepository::insert_token(None): |w, r, p| {
            r.registrations().insert_token(&p.permit(), w.app.id, &doorward_domain::Digest::of("token"), NOW)
        };
        RegistrationRepository::delete_token(None): |w, r, p| {
            let token = doorward_domain::Digest::of("token");
            r.registrations().delete_token(&p.permit(), w.app.id, &token).map(|left| left.is_some())
        };
        RegistrationRepository::delete_idle(None): |w, r, p| {
            let app = public_app("idle");
            r.apps().insert(&permit(), &app)?;
            let old = RegisteredClient { matched_at: NOW - Duration::DAY, ..registered(&app, None) };
            r.registrations().insert(&permit(), &old)?;
            let _ = w;
            r.registrations().delete_idle(&p.permit(), &Idle { now: NOW, idle_since: NOW, unused_since: NOW }, 1)
        };
        AppRepository::insert_secret(None): |w, r, p| r.apps().insert_secret(&p.permit(), &w.secret);
        AppRepository::touch_secret(None): |w, r, p| r.apps().touch_secret(&p.permit(), w.secret.id, NOW);
        CodeRepository::delete_of_user_and_app(None, Ann): |w, r, p| r.codes().delete_of_user_and_app(&p.permit(), w.ann.id, w.app.id);
        CodeRepository::insert(None, Ann): |w, r, p| r.codes().insert(&p.permit(), &w.codes[0]);
        CodeRepository::replace(None, Ann): |w, r, p| r.codes().replace(&p.permit(), &w.codes[1]);
        CodeRepository::redeem(None): |w, r, p| r.codes().redeem(&p.permit(), w.codes[1].id, w.grant.id, NOW);
        ClientKeyRepository::upsert(None): |_w, r, p| {
            r.client_keys().upsert(&p.permit(), &key_set("https://app.example/jwks"))
        };
        PushedRequestRepository::insert(None): |w, r, p| r.pushed_requests().insert(&p.permit(), &w.pushed);
        PushedRequestRepository::open(None): |w, r, p| {
            let browser = doorward_domain::Digest::of("browser");
            r.pushed_requests().open(&p.permit(), &w.pushed.digest, &browser, NOW, NOW + Duration::HOUR)
        };
        PushedRequestRepository::consume(None): |w, r, p| r.pushed_requests().consume(&p.permit(), &w.pushed.digest, NOW);
        DeviceAuthorizationRepository::insert(None): |w, r, p| r.device_authorizations().insert(&p.permit(), &w.device);
        DeviceAuthorizationRepository::note_poll(None): |w, r, p| {
            r.device_authorizations().note_poll(&p.permit(), w.device.id, 10, NOW)
        };
        DeviceAuthorizationRepository::decide(None): |w, r, p| {
            r.device_authorizations().decide(&p.permit(), w.device.id, DeviceDecision::Approved(w.ann.id), NOW)
        };
        OpenIdRepository::insert_of_device(None): |w, r, p| {
            r.openid().insert_of_device(&p.permit(), w.device.id, &identity(w.grant.id.0))
        };
        DeviceAuthorizationRepository::consume(None): |w, r, p| {
            r.device_authorizations().consume(&p.permit(), w.device.id, w.ann.id)
        };
        GrantRepository::insert(None, Ann): |w, r, p| r.grants().insert(&p.permit(), &w.grant, &w.access);
        RegistrationRepository::note_grants(None): |w, r, p| {
            let _ = w;
            r.registrations().note_grants(&p.permit(), NOW)
        };
        OpenIdRepository::insert_session(None): |w, r, p| {
            r.openid().insert_session(&p.permit(), &w.access.id, w.grant.id.0)
        };
        OpenIdRepository::insert_of_code(None): |w, r, p| {
            r.openid().insert_of_code(&p.permit(), w.codes[1].id, &identity(w.grant.id.0))
        };
        OpenIdRepository::insert_of_grant(None): |w, r, p| {
            r.openid().insert_of_grant(&p.permit(), w.grant.id, &identity(w.grant.id.0))
        };
        OpenIdRepository::update_rules(None): |w, r, p| {
            let listens = Some("https://app.example/l".to_owned());
            let rules = AppRules { backchannel_logout_uri: listens, ..AppRules::default() };
            r.openid().update_rules(&p.permit(), w.app.id, &rules)
        };
        OpenIdRepository::update_verified_email(None, Ann): |w, r, p| {
            r.openid().update_verified_email(&p.permit(), w.ann.id, Some("ann@example.com"))
        };
        OpenIdRepository::replace_logo(None): |w, r, p| {
            let logo = Logo { kind: LogoKind::Gif, bytes: b"GIF89a".to_vec() };
            r.openid().replace_logo(&p.permit(), w.app.id, Some(&logo))
        };
        OpenIdRepository::upsert_consent(None, Ann): |w, r, p| r.openid().upsert_consent(&p.permit(), &consent(&w.app, &w.ann));
        OpenIdRepository::delete_consents(None, Ann): |w, r, p| r.openid().delete_consents(&p.permit(), w.ann.id, w.app.id);
        GrantRepository::rotate(Some(Access)): |w, r, p| {
            r.grants().rotate(&p.permit(), &rotation(client(&w.secret), &w.grant, 0))
        };
        ApiKeyRepository::mark_used(None): |w, r, p| {
            r.api_keys().mark_used(&p.permit(), &[(w.access.id.clone(), w.access.secret_digest)])
        };
        GrantRepository::renew_access(Some(Access)): |w, r, p| {
            let renewal = Renewal {
                grant_id: w.grant.id,
                live: rotation(client(&w.secret), &w.grant, 0).next,
                now: NOW,
                access_expires_at: NOW + Duration::HOUR,
                access_lifetime_seconds: 3600,
            };
            r.grants().renew_access(&p.permit(), &renewal)
        };
        GrantRepository::reconcile(None): |w, r, p| r.grants().reconcile(&p.permit(), w.grant.id, &Scopes::default(), 0);
        GrantRepository::narrow_access(Some(Access)): |w, r, p| {
            r.grants().narrow_access(&p.permit(), &w.access.id, &Scopes::default())
        };
        GrantRepository::issue_client_token(None): |w, r, p| {
            r.grants().issue_client_token(&p.permit(), &w.client_token)
        };
        // The session of which the app was told ends.
        ApiKeyRepository::expire(Some(Access)): |w, r, p| r.api_keys().expire(&p.permit(), &w.access.id, NOW);
        LogoutRepository::claim(None): |_w, r, p| r.logouts().claim(&p.permit(), 9, Duration::ZERO);
        LogoutRepository::postpone(None): |w, r, p| {
            let notice = logout(w, r)?;
            r.logouts().postpone(&p.permit(), &notice, Duration::ZERO, "no")
        };
        LogoutRepository::remove(None): |w, r, p| {
            let notice = logout(w, r)?;
            r.logouts().remove(&p.permit(), &notice)
        };
        GrantRepository::delete(Some(Access)): |w, r, p| r.grants().delete(&p.permit(), w.grant.id);
        GrantRepository::delete_of_user_and_app(Some(User), Ann): |w, r, p| {
            r.grants().delete_of_user_and_app(&p.permit(), w.ann.id, w.app.id).map(|_none_left| true)
        };
        GrantRepository::delete_of_app(Some(App)): |w, r, p| {
            r.grants().delete_of_app(&p.permit(), w.app.id).map(|_none_left| true)
        };
        AppRepository::update(Some(App)): |w, r, p| r.apps().update(&p.permit(), &w.app);
        AppRepository::delete_secret(Some(App)): |w, r, p| r.apps().delete_secret(&p.permit(), w.secret.id);
        AppRepository::delete(Some(App)): |w, r, p| r.apps().delete(&p.permit(), w.app.id);
        ApiKeyRepository::insert(None, Ann): |w, r, p| {
            r.api_keys().insert(&p.permit(), &w.session)?;
            r.api_keys().insert(&p.permit(), &w.token)
        };
        FederatedSessionRepository::insert(None): |w, r, p| {
            r.federated_sessions().insert(&p.permit(), &federated(&w.session), None)
        };
        ApiKeyRepository::refresh(Some(Session), Ann): |w, r, p| {
            let refresh = KeyRefresh { last_used: Some(NOW), expires_at: w.session.expires_at };
            r.api_keys().refresh(&p.permit(), &w.session, refresh, "", NOW)
        };
        ApiKeyRepository::shorten_tokens(Some(User), Ann): |w, r, p| {
            r.api_keys().shorten_tokens(&p.permit(), w.ann.id, Duration::SECOND, NOW)
        };
        ApiKeyRepository::expire(Some(Session)): |w, r, p| r.api_keys().expire(&p.permit(), &w.session.id, NOW);
        ApiKeyRepository::delete(Some(Session)): |w, r, p| r.api_keys().delete(&p.permit(), &w.session.id);
        ApiKeyRepository::delete_of_scope(Some(User), Ann): |w, r, p| {
            r.api_keys().delete_of_scope(&p.permit(), w.ann.id, ScopeName::ALL)
        };
        SessionRepository::describe(None, Ann): |w, r, p| r.sessions().describe(&p.permit(), &session(&w.ann), "Firefox on Linux");
        SessionRepository::delete_of_user(Some(User), Ann): |w, r, p| {
            r.api_keys().insert(&permit(), &session(&w.ann))?;
            r.sessions().delete_of_user(&p.permit(), w.ann.id, None)
        };
        SessionRepository::delete_all(Some(User)): |w, r, p| {
            r.api_keys().insert(&permit(), &session(&w.ann))?;
            r.sessions().delete_all(&p.permit(), None)
        };
        UserRepository::update_profile(Some(User), Ann): |w, r, p| {
            r.users().update_profile(&p.permit(), w.ann.id, &username("anna"), &real_name("Anna"), NOW)
        };
        UserRepository::update_contact(Some(User), Ann): |w, r, p| {
            r.users().update_contact(&p.permit(), w.ann.id, &Email::from_storage("anna@example.com".to_owned()), &real_name("Anna"), "", NOW)
        };
        ReplayRepository::insert(None): |_w, r, p| r.replays().insert(&p.permit(), &seen("1"));
        UserLinkRepository::insert(None, Ann): |w, r, p| r.user_links().insert(&p.permit(), &user_link(w.ann.id, "1"));
        UserLinkRepository::update(None, Ann): |w, r, p| r.user_links().update(&p.permit(), &user_link(w.ann.id, "1"));
        UserLinkRepository::delete(None, Ann): |w, r, p| {
            let link = user_link(w.ann.id, "1");
            r.user_links().delete(&p.permit(), link.user_id, &link.issuer, &link.subject)
        };
        ScimTokenRepository::insert(None, Acme): |w, r, p| {
            r.scim_tokens().insert(&p.permit(), &w.scim_token)
        };
        ScimTokenRepository::touch(None): |w, r, p| r.scim_tokens().touch(&p.permit(), w.scim_token.id, NOW);
        ScimTokenRepository::expire(None, Acme): |w, r, p| {
            r.scim_tokens().expire(&p.permit(), w.acme.id, w.scim_token.id, NOW)
        };
        ScimTokenRepository::delete(None, Acme): |w, r, p| r.scim_tokens().delete(&p.permit(), w.acme.id, w.scim_token.id);
        ProvisionerKeyRepository::insert(None, Acme): |w, r, p| {
            r.provisioner_keys().insert(&p.permit(), &w.daemon_key)
        };
        ProvisionerDaemonRepository::upsert(None, Acme): |w, r, p| {
            r.provisioner_daemons().upsert(&p.permit(), &w.daemon).map(|known| known.id == w.daemon.id)
        };
        ProvisionerDaemonRepository::touch(None): |w, r, p| r.provisioner_daemons().touch(&p.permit(), w.daemon.id, NOW);
        ProvisionerDaemonRepository::make_room(None, Acme): |w, r, p| {
            let owner = w.daemon.tags.owner();
            r.provisioner_daemons().make_room(&p.permit(), w.acme.id, owner, 0, NOW + Duration::DAY).map(|gone| gone > 0)
        };
        ProvisionerKeyRepository::delete(None, Acme): |w, r, p| {
            r.provisioner_keys().delete(&p.permit(), w.acme.id, w.daemon_key.id)
        };
        ScimRepository::insert_user(None, Ann): |w, r, p| {
            r.scim().insert_user(&p.permit(), None, w.ann.id, &scim_record("anna", None, &[]))
        };
        ScimRepository::store_user(None, Ann): |w, r, p| {
            r.scim().store_user(&p.permit(), None, w.ann.id, &scim_record("anna", None, &[]))
        };
        ScimRepository::store_group(None, Acme): |w, r, p| {
            r.scim().store_group(&p.permit(), None, &w.devs, &scim_group_record("Devs", None))
        };
        UserRepository::update_appearance(Some(User), Ann): |w, r, p| {
            r.users().update_appearance(&p.permit(), w.ann.id, "dark", "", NOW)
        };
        QuietHoursRepository::update(None, Ann): |w, r, p| {
            r.quiet_hours().update(&p.permit(), w.ann.id, Some(&"0 0 * * *".parse().unwrap()))
        };
        NotificationRepository::update_method(None): |w, r, p| {
            let _ = w;
            r.notifications().update_method(&p.permit(), templates::TEST, Method::Inbox)
        };
        NotificationRepository::update_preferences(None, Ann): |w, r, p| {
            r.notifications().update_preferences(&p.permit(), w.ann.id, &[(templates::TEST, true)], NOW)
        };
        NotificationRepository::enqueue(None): |w, r, p| r.notifications().enqueue(&p.permit(), &[notice(1, w.ann.id)]);
        NotificationRepository::take(None): |w, r, p| {
            let _ = w;
            r.notifications().take(&p.permit(), 9)
        };
        NotificationRepository::insert_deliveries(None): |w, r, p| {
            r.notifications().insert_deliveries(&p.permit(), &[delivery(1, w.ann.id), delivery(2, w.ann.id)])
        };
        NotificationRepository::claim(None): |w, r, p| {
            let _ = w;
            r.notifications().claim(&p.permit(), 9, Duration::HOUR)
        };
        NotificationRepository::let_go(None): |w, r, p| {
            let _ = w;
            let left = r.notifications().let_go(&p.permit());
            left.and_then(|left| r.notifications().claim(&permit(), 9, Duration::HOUR).map(|_again| left))
        };
        NotificationRepository::hand_over(None): |w, r, p| {
            r.notifications().hand_over(&p.permit(), delivery(1, w.ann.id).id, 2)
        };
        NotificationRepository::postpone(None): |w, r, p| {
            r.notifications().postpone(&p.permit(), delivery(1, w.ann.id).id, 2, Duration::HOUR, "away")
        };
        NotificationRepository::bury(None): |w, r, p| {
            r.notifications().bury(&p.permit(), delivery(1, w.ann.id).id, 2, "refused")
        };
        NotificationRepository::bury_lost(None): |w, r, p| {
            let _ = w;
            r.notifications().bury_lost(&p.permit(), "lost").map(|_none| ())
        };
        NotificationRepository::revive(None): |w, r, p| {
            let _ = w;
            r.notifications().revive(&p.permit(), None)
        };
        NotificationRepository::finish(None): |w, r, p| {
            r.notifications().finish(&p.permit(), delivery(2, w.ann.id).id, 2)
        };
        InboxRepository::insert(None): |w, r, p| r.inbox().insert(&p.permit(), &[in_inbox(1, w.ann.id)]);
        InboxRepository::mark(None, Ann): |w, r, p| {
            r.inbox().mark(&p.permit(), w.ann.id, in_inbox(1, w.ann.id).id, Some(NOW))
        };
        InboxRepository::mark_all(None, Ann): |w, r, p| r.inbox().mark_all(&p.permit(), w.ann.id, NOW);
        PasscodeRepository::upsert(None, Ann): |w, r, p| r.passcodes().upsert(&p.permit(), &passcode(w.ann.id, "x"));
        PasscodeRepository::consume(None, Ann): |w, r, p| r.passcodes().consume(&p.permit(), &passcode(w.ann.id, "x"));
        FactorRepository::begin_totp(None, Ann): |w, r, p| r.factors().begin_totp(&p.permit(), w.ann.id, &pending(1));
        FactorRepository::confirm_totp(None, Ann): |w, r, p| {
            r.factors().confirm_totp(&p.permit(), w.ann.id, &pending(1), 1, NOW)
        };
        FactorRepository::use_step(None, Ann): |w, r, p| r.factors().use_step(&p.permit(), w.ann.id, 2, None);
        FactorRepository::update_failures(None, Ann): |w, r, p| {
            r.factors().update_failures(&p.permit(), w.ann.id, Failures::default().and_one(NOW), None)
        };
        FactorRepository::replace_recovery_codes(None, Ann): |w, r, p| {
            r.factors().replace_recovery_codes(&p.permit(), w.ann.id, &[doorward_domain::Digest::of("code")])
        };
        FactorRepository::use_recovery_code(None, Ann): |w, r, p| {
            r.factors().use_recovery_code(&p.permit(), w.ann.id, &doorward_domain::Digest::of("code"))
        };
        FactorRepository::delete(None, Ann): |w, r, p| r.factors().delete(&p.permit(), w.ann.id);
        FactorRepository::upsert_proof(None): |w, r, p| {
            let session = session(&w.ann);
            r.api_keys().insert(&permit(), &session)?;
            r.factors().upsert_proof(&p.permit(), &Proof::by_code(session.id, NOW))
        };
        ThrottleRepository::remember_device(None): |w, r, p| {
            let device = doorward_domain::Digest::of("device");
            r.throttles().remember_device(&p.permit(), w.ann.id, &device, NOW)
        };
        // Before the user signs in otherwise: who does gets no password.
        UserRepository::update_password(Some(User), Ann): |w, r, p| {
            r.users().update_password(&p.permit(), w.ann.id, &PasswordHash::new("hash".to_owned()), NOW)
        };
        UserRepository::follow_login_type(Some(User), Ann): |w, r, p| {
            r.users().follow_login_type(&p.permit(), w.ann.id, LoginType::Github, NOW)
        };
        UserRepository::update_login_type(Some(User), Ann): |w, r, p| {
            r.users().update_login_type(&p.permit(), w.ann.id, LoginType::Oidc, NOW)
        };
        UserRepository::update_roles(Some(User)): |w, r, p| r.users().update_roles(&p.permit(), w.ann.id, &role_names(&[]), NOW);
        UserRepository::touch(Some(User), Ann): |w, r, p| r.users().touch(&p.permit(), w.ann.id, NOW);
        UserRepository::update_status(Some(User), Ann): |w, r, p| {
            r.users().update_status(&p.permit(), w.ann.id, UserStatus::Suspended, NOW)
        };
        RoleRepository::delete(Some(Organization), Acme): |w, r, p| r.roles().delete(&p.permit(), w.role.name(), NOW);
        GroupRepository::delete(Some(Group)): |w, r, p| r.groups().delete(&p.permit(), w.devs.id);
        MemberRepository::delete(Some(User), Ann, Acme): |w, r, p| r.members().delete(&p.permit(), w.acme.id, w.ann.id);
        OrganizationRepository::update(Some(Organization), Acme): |w, r, p| r.organizations().update(&p.permit(), &w.acme);
        OrganizationRepository::delete(Some(Organization), Acme): |w, r, p| {
            r.organizations().delete(&p.permit(), w.acme.id, NOW)
        };
        UserRepository::delete(Some(User), Ann): |w, r, p| r.users().delete(&p.permit(), w.ann.id, NOW);
        ThrottleRepository::record_failure(None): |_w, r, p| {
            r.throttles().record_failure(&p.permit(), &[("a".to_owned(), ThrottlePolicy::ACCOUNT)], NOW)
        };
        ThrottleRepository::bring_back(None): |_w, r, p| r.throttles().bring_back(&p.permit(), &["a".to_owned()], NOW);
        ThrottleRepository::clear(None): |_w, r, p| r.throttles().clear(&p.permit(), "a");
        ThrottleRepository::remember_place(None): |w, r, p| {
            r.throttles().remember_place(&p.permit(), w.first.id, "192.0.2.7", NOW)
        };
        AuditRepository::insert(None): |w, r, p| r.audit().insert(&p.permit(), &w.record);
        AuditRepository::purge(None): |_w, r, p| r.audit().purge(&p.permit(), NOW + Duration::SECOND, 9);
        KeyRepository::insert_first(None): |w, r, p| r.keys().insert_first(&p.permit(), &w.first_key);
        KeyRepository::rotate(Some(Server)): |w, r, p| {
            r.keys().rotate(&p.permit(), &w.second_key.0, &w.second_key.1)
        };
        KeyRepository::reseal(None): |w, r, p| r.keys().reseal(&p.permit(), &w.second_key.1, &[1; 69]);
        KeyRepository::purge(None): |w, r, p| r.keys().purge(&p.permit(), w.second_key.0.old_ends_at);
        KeyRepository::delete(Some(Server)): |w, r, p| {
            r.keys().delete(&p.permit(), w.second_key.1.purpose, w.second_key.1.id)
        };
        LicenseRepository::insert(Some(Licenses)): |w, r, p| r.licenses().insert(&p.permit(), &w.license);
        LicenseRepository::delete(Some(Licenses)): |_w, r, p| r.licenses().delete(&p.permit(), LicenseId(1));
        MaintenanceRepository::server_key(None): |_w, r, p| {
            r.maintenance().server_key(&p.permit(), "key", b"value", NOW)
        };
        MaintenanceRepository::purge(None): |_w, r, p| r.maintenance().purge(&p.permit(), NOW, 9);
        MaintenanceRepository::renew_counts(None): |_w, r, p| {
            r.maintenance().renew_counts(&p.permit()).map(|_few_changes| true)
        };
        JobRepository::ensure(None): |_w, r, p| r.jobs().ensure(&p.permit(), "job");
        JobRepository::claim(None): |w, r, p| {
            r.jobs().claim(&p.permit(), "job", w.run.holder, Duration::HOUR, false)
        };
        JobRepository::extend(None): |w, r, p| r.jobs().extend(&p.permit(), &w.run, Duration::HOUR);
        JobRepository::finish(None): |w, r, p| r.jobs().finish(&p.permit(), &w.run, Duration::HOUR, None);
        JobRepository::release(None): |w, r, p| {
            let run = r.jobs().claim(&permit(), "job", w.run.holder, Duration::HOUR, true)?;
            r.jobs().release(&p.permit(), &run.unwrap_or_else(|| w.run.clone()))
        };
        ResourceServerRepository::insert(Some(Policy)): |w, r, p| {
            r.resource_servers().insert(&p.permit(), &ResourceServer { id: w.role_id.0.into(), ..resource_server("https://a.example") })
        };
        ResourceServerRepository::update(Some(Policy)): |w, r, p| {
            let server = ResourceServer { id: w.role_id.0.into(), ..resource_server("https://a.example") };
            r.resource_servers().update(&p.permit(), &server)
        };
        ResourceServerRepository::delete(Some(Policy)): |w, r, p| {
            r.resource_servers().delete(&p.permit(), w.role_id.0.into())
        };
        OutboxRepository::announce(None): |_w, r, p| {
            r.outbox().announce(&p.permit(), "topic", "{}", NOW).map(|id| id > 0)
        };
        OutboxRepository::postpone(None): |_w, r, p| {
            let first = r.outbox().first("topic", 1)?;
            r.outbox().postpone(&p.permit(), first[0].id, Duration::HOUR, "no")
        };
        OutboxRepository::remove(None): |_w, r, p| {
            let first = r.outbox().first("topic", 1)?;
            r.outbox().remove(&p.permit(), &[first[0].id])
        };
        WorkspaceProxyRepository::insert(None): |w, r, p| r.workspace_proxies().insert(&p.permit(), &w.proxy);
        WorkspaceProxyRepository::update(None): |w, r, p| r.workspace_proxies().update(&p.permit(), &w.proxy);
        WorkspaceProxyRepository::delete(None): |w, r, p| r.workspace_proxies().delete(&p.permit(), w.proxy.id, NOW);
        ReplicaRepository::beat(None): |w, r, p| r.replicas().beat(&p.permit(), &heartbeat(w.run.holder.into()));
        ReplicaRepository::stop(None): |w, r, p| r.replicas().stop(&p.permit(), None, w.run.holder.into());
        MaintenanceRepository::prove_writable(None): |_w, r, p| r.maintenance().prove_writable(&p.permit(), NOW);
    }
    .into()
}

/// The next attempt to tell the app.
fn logout(w: &World, r: &mut dyn Repositories) -> Result<LogoutNotice, StoreError> {
    let claimed = r.logouts().claim(&permit(), 9, Duration::ZERO)?;
    Ok(claimed.into_iter().find(|notice| notice.app_id == w.app.id).unwrap())
}

/// Whether this was because of the permit.
fn is_refused(tried: &Result<bool, StoreError>) -> bool {
    matches!(tried, Err(StoreError::Other(why)) if why.to_string().contains("permit"))
}

#[test]
fn every_call_that_takes_a_permit_is_walked() {
    let walked: BTreeSet<String> = writes().iter().map(|write| write.name.to_owned()).collect();
    assert_eq!(walked, declared());
}

contract! {
    async fn every_write_looks_at_its_permit_and_tells_what_it_touches(db) {
        let (server, _watch) = crate::changes::server(&db).await;
        let (log, world) = (server.changes(), Arc::new(World::new()));
        let places = WHOSE.map(|whose| (whose, log.slot(&world.change(whose))));
        let place_of = |wanted: Whose| places.iter().find(|(whose, _)| *whose == wanted).unwrap().1;
        let told = |before, place: Slot| !log.is_unchanged(before, &[place]);
        let mut wrong = Vec::new();
        for Write { name, touches, theirs, call } in writes() {
            let run = |pass: Pass| {
                let world = Arc::clone(&world);
                server.store.write(move |repos| call(&world, repos, pass))
            };
            let before = log.now();
            for pass in [Pass::Other, Pass::OtherOwner, Pass::OtherOrganization] {
                let refused = run(pass).await;
                assert!(is_refused(&refused), "{name} with {pass:?}: {refused:?}");
            }
            let reader = Arc::clone(&world);
            let read = server.store.read(move |repos| call(&reader, repos, Pass::All)).await;
            assert!(matches!(&read, Err(StoreError::Other(why)) if why.to_string().contains("only reads")), "{name}: {read:?}");
            for whose in Theirs::ALL {
                let world = Arc::clone(&world);
                let tried = server
                    .store
                    .write(move |repos| {
                        let pass = Pass::Of(whose, world.id_of(whose));
                        call(&world, repos, pass)?;
                        Err::<bool, _>(StoreError::other(std::fmt::Error))
                    })
                    .await;
                if is_refused(&tried) == theirs.contains(&whose) {
                    wrong.push((name, whose, is_refused(&tried)));
                }
            }
            assert!(places.iter().all(|(_, place)| !told(before, *place)), "{name}: nothing was written");

            let before = log.now();
            assert!(matches!(run(Pass::All).await, Ok(true)), "{name}");
            let expected = touches.map(place_of);
            for (whose, place) in places {
                // Things may share a place.
                assert_eq!(told(before, place), expected == Some(place), "{name} and {whose:?}");
            }
        }
        assert_eq!(wrong, [], "refused what is for theirs only");
    }
}
