//! Who acts: one value for people, programs, machines, the operator and the server itself.
//!
//! Every use case gets a [`Principal`]. It carries the subject that access control judges, and what kind of caller it is.
//! Use cases that need an account (a user with its key) ask for it with [`Principal::account`].

use crate::error::Error;
use crate::origin::Origin;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{
    ActionMarker, Denied, Id, ORGANIZATION_MEMBER, OWNER, Object, Permit, PlacePermit, ResourceMarker, Role, Scope,
    Subject, System, SystemSubject,
};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::User;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// Who acts, as of one request or one piece of background work. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Principal {
    /// What access control judges.
    pub subject: Subject,
    /// What kind of caller it is, with its credential.
    pub who: Who,
    /// Where the request comes from.
    pub origin: Arc<Origin>,
    /// Who acts through the credential of this principal, if that is somebody else: the `act` claim of RFC 8693 4.1. The
    /// rights are those of this principal, never those of the one who acts.
    pub acted_by: Option<Arc<Self>>,
}

/// The kinds of principals.
#[derive(Clone, Debug)]
pub enum Who {
    /// A person, by a session, an API token, or the access token of an app.
    User(Account),
    /// An account for a program, which nobody can sign in to.
    ServiceAccount(Account),
    /// A directory that provisions users by SCIM (RFC 7644).
    ScimClient {
        /// Its token; the id of zeroes for the key of the settings.
        id: Uuid,
        /// The organization whose directory it is; `None` for that of the deployment.
        organization: Option<OrganizationId>,
    },
    /// A provisioner daemon, by its id.
    Provisioner {
        /// The daemon.
        id: Uuid,
        /// The organization whose jobs it takes.
        organization: OrganizationId,
        /// The tags of its key, which limit the jobs.
        tags: Arc<BTreeMap<String, String>>,
    },
    /// A workspace proxy, by its id.
    Proxy(Uuid),
    /// Another server of the same deployment, by its id.
    Replica(Uuid),
    /// Whoever runs the command line of the server: its settings reach the database too, so it may do everything.
    Operator,
    /// The server itself, for this reason.
    System(&'static str),
    /// Somebody who has not proved who they are.
    Anonymous,
}

/// A user with the key that was presented.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user, as of this request.
    pub user: Arc<User>,
    /// The memberships of the user.
    pub memberships: Arc<[Membership]>,
    /// The key that was presented.
    pub key: Arc<ApiKey>,
}

impl Principal {
    /// A user, or a service account, with its key.
    #[must_use]
    pub fn of_account(subject: Subject, account: Account, origin: Arc<Origin>) -> Self {
        let is_program = account.user.is_service_account();
        let who = if is_program { Who::ServiceAccount(account) } else { Who::User(account) };
        Self { subject, who, origin, acted_by: None }
    }

    /// The operator on the command line of the server.
    #[must_use]
    pub fn operator() -> Self {
        Self::machine(Who::Operator, almighty(), Origin::unknown())
    }

    /// The server itself.
    #[must_use]
    pub fn system(reason: &'static str) -> Self {
        Self::machine(Who::System(reason), almighty(), Origin::unknown())
    }

    /// Somebody who has not proved who they are, and may do nothing that access control is asked about.
    #[must_use]
    pub fn anonymous(origin: Arc<Origin>) -> Self {
        Self::machine(Who::Anonymous, powerless(), origin)
    }

    /// A caller without an account, with the rights of `subject`. Those of a daemon are one of the fixed
    /// [`SystemSubject`]s.
    #[must_use]
    pub const fn machine(who: Who, subject: Subject, origin: Arc<Origin>) -> Self {
        Self { subject, who, origin, acted_by: None }
    }

    /// A caller without an account, with the rights of the fixed subject of this name; `None` if there is none.
    #[must_use]
    pub fn fixed(who: Who, name: &str, origin: Arc<Origin>) -> Option<Self> {
        Some(Self::machine(who, SystemSubject::find(name)?.subject(), origin))
    }

    /// The same principal, through whose credential `actor` acts.
    #[must_use]
    pub fn acted_by(self, actor: Self) -> Self {
        Self { acted_by: Some(Arc::new(actor)), ..self }
    }

    /// The account. Errors: [`Error::Refused`] for callers without one.
    pub fn account(&self) -> Result<&Account, Error> {
        self.as_account().ok_or_else(|| Error::Refused("Only a user can do this.".to_owned()))
    }

    /// The account, if there is one.
    #[must_use]
    pub const fn as_account(&self) -> Option<&Account> {
        match &self.who {
            Who::User(account) | Who::ServiceAccount(account) => Some(account),
            Who::ScimClient { .. }
            | Who::Provisioner { .. }
            | Who::Proxy(_)
            | Who::Replica(_)
            | Who::Operator
            | Who::System(_)
            | Who::Anonymous => None,
        }
    }

    /// Changes what is known of the account, if there is one.
    pub(crate) fn renew(&mut self, change: impl FnOnce(&mut Account)) {
        if let Who::User(account) | Who::ServiceAccount(account) = &mut self.who {
            change(account);
        }
    }

    /// The id of the account, if there is one: whom audit records name.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        self.as_account().map(|account| account.user.id)
    }

    /// The organization whose directory this is; `None` for the directory of the deployment, and for all who are none.
    #[must_use]
    pub const fn directory(&self) -> Option<OrganizationId> {
        if let Who::ScimClient { organization, .. } = &self.who { *organization } else { None }
    }

    /// Whether this is the account with this id.
    #[must_use]
    pub fn is(&self, id: UserId) -> bool {
        self.user_id() == Some(id)
    }

    /// The proof that the principal may do this to the object; the operator and the server may do everything.
    pub fn permit<A: ActionMarker, R: ResourceMarker>(&self, object: &Object<'_>) -> Result<Permit<A, R>, Denied> {
        self.unlimited().map_or_else(|| self.subject.permit(object), |system| Ok(system.permit_on(object)))
    }

    /// The proof that the principal may do this to all of a kind in a place; `None` is the whole deployment.
    pub fn permit_in<A: ActionMarker, R: ResourceMarker>(
        &self,
        organization: Option<OrganizationId>,
    ) -> Result<PlacePermit<A, R>, Denied> {
        let place = organization.map(|id| id.0);
        self.unlimited().map_or_else(|| self.subject.permit_in(place), |system| Ok(system.permit_in(place)))
    }

    /// For those whom access control is not asked about: why they may do everything.
    const fn unlimited(&self) -> Option<System> {
        match &self.who {
            Who::Operator => Some(System::because("the operator asked on the command line")),
            Who::System(reason) => Some(System::because(reason)),
            Who::User(_)
            | Who::ServiceAccount(_)
            | Who::ScimClient { .. }
            | Who::Provisioner { .. }
            | Who::Proxy(_)
            | Who::Replica(_)
            | Who::Anonymous => None,
        }
    }

    /// The organizations in which the user has more than the implied role, sorted: roles of its own, or roles that every
    /// member has there.
    #[must_use]
    pub fn organizations_with_roles(&self) -> Vec<Uuid> {
        let roles = self.subject.roles().iter().filter(|role| role.name() != ORGANIZATION_MEMBER);
        let places: BTreeSet<Uuid> = roles.flat_map(Role::organizations).filter_map(|(id, _)| id.as_uuid()).collect();
        places.into_iter().collect()
    }

    /// What audit records say about who acted beside the user's id; `None` when the user is all there is to say.
    pub(crate) fn about(&self) -> Option<Value> {
        let kind = |kind: &str, id: &Uuid| json!({ "kind": kind, "id": id });
        let mut about = match &self.who {
            Who::User(_) | Who::ServiceAccount(_) | Who::Anonymous => None,
            Who::ScimClient { id, organization: None } => Some(kind("scim_client", id)),
            Who::ScimClient { id, organization: Some(place) } => {
                Some(json!({ "kind": "scim_client", "id": id, "organization_id": place }))
            }
            Who::Provisioner { id, organization, tags } => {
                Some(json!({ "kind": "provisioner", "id": id, "organization_id": organization, "tags": **tags }))
            }
            Who::Proxy(id) => Some(kind("proxy", id)),
            Who::Replica(id) => Some(kind("replica", id)),
            Who::Operator => Some(json!({ "kind": "operator" })),
            Who::System(reason) => Some(json!({ "kind": "system", "reason": reason })),
        };
        if let Some(actor) = &self.acted_by {
            let actor = match (actor.user_id(), actor.about()) {
                (Some(id), None) => json!({ "kind": "user", "id": id }),
                (_, about) => about.unwrap_or_default(),
            };
            about.get_or_insert_with(|| json!({})).as_object_mut()?.insert("acted_by".to_owned(), actor);
        }
        about
    }
}

/// May do everything that access control is asked about.
fn almighty() -> Subject {
    static ALMIGHTY: LazyLock<Subject> =
        LazyLock::new(|| Subject::builder(Id::EMPTY).site_roles([OWNER]).scope(Scope::all()).build());
    ALMIGHTY.clone()
}

/// May do nothing that access control is asked about.
fn powerless() -> Subject {
    static POWERLESS: LazyLock<Subject> = LazyLock::new(|| Subject::builder(Id::EMPTY).build());
    POWERLESS.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::*;
    use doorward_domain::roles::{action, resource};
    use doorward_ports::mocks::MockRepositories;
    use std::sync::Mutex;

    const ID: Uuid = Uuid::from_u128(0x51);

    /// The record that is left when this principal makes a user.
    async fn record_of(by: &Principal) -> doorward_domain::audit::AuditRecord {
        let written = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&written);
        let mut repos = MockRepositories::default();
        repos.audit.expect_insert().times(1).returning(move |_, record| {
            *seen.lock().unwrap() = Some(record.clone());
            Ok(())
        });
        let ctx = context(repos);
        ctx.act(by, |deed| Ok::<_, Error>(deed.made(&bob())?.answer(()))).await.unwrap();
        let record = written.lock().unwrap().take();
        record.unwrap()
    }

    fn machines() -> Vec<(Principal, Value)> {
        let tags = Arc::new(BTreeMap::from([("scope".to_owned(), "organization".to_owned())]));
        let provisioner = Who::Provisioner { id: ID, organization: ORGANIZATION, tags };
        let machine = |who| Principal::machine(who, powerless(), origin());
        let directory = |organization| machine(Who::ScimClient { id: ID, organization });
        vec![
            (directory(None), json!({ "kind": "scim_client", "id": ID })),
            (
                directory(Some(ORGANIZATION)),
                json!({ "kind": "scim_client", "id": ID, "organization_id": ORGANIZATION }),
            ),
            (
                machine(provisioner),
                json!({ "kind": "provisioner", "id": ID, "organization_id": ORGANIZATION, "tags": { "scope": "organization" } }),
            ),
            (machine(Who::Proxy(ID)), json!({ "kind": "proxy", "id": ID })),
            (machine(Who::Replica(ID)), json!({ "kind": "replica", "id": ID })),
            (Principal::operator(), json!({ "kind": "operator" })),
            (Principal::system("it is time"), json!({ "kind": "system", "reason": "it is time" })),
        ]
    }

    #[tokio::test]
    async fn a_record_says_which_machine_acted() {
        for (machine, about) in machines() {
            let record = record_of(&machine).await;
            assert_eq!((record.user_id, &record.additional_fields["actor"]), (None, &about));
            assert!(matches!(machine.account(), Err(Error::Refused(_))) && !machine.is(ANN));
        }
        let record = record_of(&actor().build()).await;
        assert_eq!((record.user_id, record.additional_fields), (Some(ANN), json!({})));
    }

    #[tokio::test]
    async fn a_record_says_who_acted_through_the_credential_of_another() {
        let tool = Principal::machine(Who::ScimClient { id: ID, organization: None }, powerless(), origin());
        let record = record_of(&actor().build().acted_by(tool)).await;
        assert_eq!(record.user_id, Some(ANN));
        assert_eq!(record.additional_fields["actor"], json!({ "acted_by": { "kind": "scim_client", "id": ID } }));

        let record = record_of(&actor().build().acted_by(as_user(bob()).build())).await;
        assert_eq!(record.additional_fields["actor"]["acted_by"], json!({ "kind": "user", "id": BOB }));
    }

    #[test]
    fn rights_are_those_of_the_subject_but_operator_and_server_may_do_everything() {
        let keys = Object::of::<resource::CryptoKey>();
        let may = |by: &Principal| by.permit::<action::Delete, resource::CryptoKey>(&keys).is_ok();
        for (machine, _) in machines() {
            let unlimited = matches!(machine.who, Who::Operator | Who::System(_));
            assert_eq!(may(&machine), unlimited, "{machine:?}");
        }
        assert!(!may(&Principal::anonymous(origin())) && !may(&actor().build()));

        let daemon = Who::Provisioner { id: ID, organization: ORGANIZATION, tags: Arc::default() };
        let daemon = Principal::fixed(daemon, "Provisioner Daemon", origin()).unwrap();
        let template = Object::of::<resource::Template>();
        assert!(daemon.permit::<action::Read, resource::Template>(&template).is_ok());
        assert!(daemon.permit::<action::Delete, resource::Template>(&template).is_err());
        assert!(Principal::fixed(Who::Proxy(ID), "Nobody", origin()).is_none());
    }

    #[test]
    fn a_service_account_is_told_from_a_person() {
        let printer = User { email: None, ..bob() };
        assert!(matches!(as_user(printer).build().who, Who::ServiceAccount(_)));
        assert!(matches!(as_user(bob()).build().who, Who::User(_)));
    }
}
