//! What there is to be written, and what may be told to have changed.

use super::*;
use crate::device_authorizations::asked;
use crate::pushed_requests::pushed;
use doorward_domain::oauth2::{DeviceAuthorization, PushedRequest};
use uuid::Uuid;

/// What is written.
pub(super) struct World {
    pub(super) first: User,
    pub(super) ann: User,
    pub(super) acme: Organization,
    pub(super) role_id: CustomRoleId,
    pub(super) role: CustomRole,
    pub(super) devs: Group,
    pub(super) dev: Template,
    pub(super) workspace: Workspace,
    pub(super) build: Build,
    pub(super) file: File,
    pub(super) job: ProvisionerJob,
    pub(super) version: TemplateVersion,
    pub(super) app: App,
    pub(super) secret: AppSecret,
    pub(super) codes: [AuthorizationCode; 2],
    pub(super) device: DeviceAuthorization,
    pub(super) pushed: PushedRequest,
    pub(super) grant: Grant,
    pub(super) access: ApiKey,
    pub(super) session: ApiKey,
    pub(super) token: ApiKey,
    pub(super) client_token: ClientToken,
    pub(super) scim_token: ScimToken,
    pub(super) daemon_key: ProvisionerKey,
    pub(super) daemon: ProvisionerDaemon,
    pub(super) proxy: WorkspaceProxy,
    pub(super) record: AuditRecord,
    pub(super) run: Run,
    pub(super) first_key: CryptoKey,
    pub(super) second_key: (KeyRotation, CryptoKey),
    pub(super) initial_token: InitialAccessToken,
    pub(super) license: NewLicense,
}

impl World {
    pub(super) fn new() -> Self {
        let (first, ann, acme) = (user("first"), user("ann"), organization("acme"));
        let dev = template(acme.id, ann.id, "Dev");
        let workspace = workspace(&dev, "one");
        let app = App { service_account_id: Some(first.id), ..app("app") };
        let secret = secret(&app);
        let (grant, access) = grant(&app, Some(&secret), &ann);
        let client_token = ClientToken {
            jkt: None,
            client: client(&secret),
            key_id: key_id(),
            key_digest: doorward_domain::Digest::of("client token"),
            scopes: Scopes::all(),
            ip: String::new(),
            now: NOW,
            expires_at: NOW + Duration::HOUR,
        };
        let daemon_key = provisioner_key(acme.id, "rack");
        let file = file(ann.id, "tar");
        let job = provisioner_job(acme.id, ann.id, file.id);
        Self {
            version: TemplateVersion { template_id: Some(dev.id), ..template_version(&job, "v1") },
            job,
            file,
            daemon: provisioner_daemon(acme.id, daemon_key.id, "host"),
            daemon_key,
            role_id: id(),
            role: custom("helper", Some(acme.id), &[]),
            devs: group(acme.id, "devs", 0),
            build: build(&workspace, 1, 0),
            codes: [code(&app, &ann), code(&app, &ann)],
            device: asked(&app),
            pushed: pushed("one"),
            session: session(&ann),
            token: token(&ann, "ci"),
            scim_token: scim_token(acme.id, "entra"),
            proxy: proxy("sydney", 1),
            record: record(),
            run: Run { job: "job".to_owned(), holder: id(), number: 1 },
            first_key: first_key(KeyPurpose::Forms),
            second_key: second_key(KeyPurpose::Forms),
            license: new_license("one"),
            initial_token: initial_token("one"),
            first,
            ann,
            acme,
            dev,
            workspace,
            app,
            secret,
            grant,
            access,
            client_token,
        }
    }

    pub(super) fn id_of(&self, whose: Theirs) -> Uuid {
        match whose {
            Theirs::Ann => self.ann.id.0,
            Theirs::Acme => self.acme.id.0,
        }
    }

    pub(super) fn change(&self, whose: Whose) -> Change {
        match whose {
            Whose::User => Change::User(self.ann.id),
            Whose::Access => Change::Key(self.access.id.clone()),
            Whose::Session => Change::Key(self.session.id.clone()),
            Whose::App => Change::App(self.app.id),
            Whose::Group => Change::Group(self.devs.id),
            Whose::Organization => Change::Organization(self.acme.id),
            Whose::Server => Change::CryptoKeys,
            Whose::Licenses => Change::Licenses,
            Whose::Policy => Change::ClientPolicy,
        }
    }
}

/// What may be told to have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    User,
    Access,
    Session,
    App,
    Group,
    Organization,
    Server,
    Licenses,
    Policy,
}

pub(super) const WHOSE: [Whose; 9] = [
    Whose::User,
    Whose::Access,
    Whose::Session,
    Whose::App,
    Whose::Group,
    Whose::Organization,
    Whose::Server,
    Whose::Licenses,
    Whose::Policy,
];
