//! Making, changing and deleting organizations.

use super::{OrganizationRef, resolve};
use crate::Principal;
use crate::audit::{Audited, Diff, Snapshot};
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::sessions::in_person::InPerson;
use crate::users::caller::with_caller;
use crate::users::fields::Fields;
use crate::users::{access, member, refuse_assignment_of};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::OrganizationId;
use doorward_domain::names::{DisplayName, NameError, OrganizationName};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, DefaultRoles, Object, System, action, resource};

/// What is asked for an organization.
#[derive(Clone, Debug, Default)]
pub struct CreateOrganization {
    /// Name.
    pub name: String,
    /// What people see; empty means the name.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Built-in roles that every member is to have besides the implied one.
    pub default_roles: Vec<String>,
}

/// What is to change of an organization.
#[derive(Clone, Debug, Default)]
pub struct UpdateOrganization {
    /// Name; empty keeps it.
    pub name: String,
    /// What people see; empty keeps it.
    pub display_name: String,
    /// Free text; `None` keeps it.
    pub description: Option<String>,
    /// URL or path of an icon; `None` keeps it.
    pub icon: Option<String>,
    /// Built-in roles that every member is to have besides the implied one; `None` keeps them.
    pub default_roles: Option<Vec<String>>,
}

/// Makes an organization with its group Everyone. The caller becomes a member of it, without roles; a caller without an
/// account belongs nowhere.
///
/// Needs `organization:create`, and for default roles the right to give each of them. Errors: `Invalid` (`name`,
/// `display_name`, `description`, `icon`, `default_org_member_roles`), `Forbidden`, `Refused` (default roles from an
/// app by a grant), `Conflict` (`name`).
pub async fn create(ctx: &Context, actor: &Principal, command: CreateOrganization) -> Result<Organization, Error> {
    let mut fields = Fields::default();
    let parsed = command.name.parse::<OrganizationName>();
    spelling(&mut fields, &command.name, &parsed);
    let display_name = fields.value::<DisplayName>("display_name", DISPLAY_NAME, &command.display_name);
    let mut fields = fields.shown_text("description", &command.description).shown_name("icon", &command.icon);
    let name = fields.keep(not_reserved(&command.name, parsed))?;
    let default_roles = fields.keep(default_roles(&command.default_roles))?.unwrap_or_default();
    let (name, display_name) = fields.done_with(name.flatten().zip(display_name))?;
    access::may(actor, Action::Create, &Object::of::<resource::Organization>())?;

    ctx.act(actor, move |deed| {
        with_caller(deed, |deed, actor| {
            let object = Object::of::<resource::Organization>();
            let permit = access::permit::<action::Create, resource::Organization>(actor, &object)?;
            let organization = Organization {
                id: deed.new_id(),
                display_name: if display_name.is_empty() { DisplayName::from(&name) } else { display_name },
                name,
                description: command.description,
                icon: command.icon,
                created_at: deed.now,
                updated_at: deed.now,
                is_default: false,
                default_roles,
            };
            may_make_default(actor, organization.id, &DefaultRoles::default(), &organization.default_roles)?;
            deed.repos.organizations().insert(&permit, &organization)?;
            if let Some(me) = actor.user_id() {
                let because = System::because("who makes an organization belongs to it");
                let membership = member(organization.id, me, deed.now);
                deed.repos.organizations().insert_member(&because.permit(), &membership)?;
            }
            Ok(deed.made(&organization)?.answer(organization))
        })
    })
    .await
}

/// Changes an organization. Who can read it and not change it is told that nothing is there.
///
/// Needs `organization:update`, and for default roles the right to give and take each of them. Errors: `Invalid`
/// (`name`, `display_name`, `description`, `icon`, `default_org_member_roles`), `OrganizationNotFound` (missing or not
/// readable), `NotFound` (not to be changed), `Forbidden` (default roles, or only the scope is too short), `Refused`
/// (default roles from an app by a grant), `Conflict` (`name`).
pub async fn update(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    command: UpdateOrganization,
) -> Result<Organization, Error> {
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        if command.default_roles.is_some() {
            // They may be the right of the next one who sets them or defines roles.
            deed.repos.roles().lock_definitions()?;
        }
        let known = resolve(deed.repos, deed.by, &reference)?;
        let change = command.check()?;
        with_caller(deed, |deed, actor| {
            let object = access::organization(known.id);
            let permit = access::permit::<action::Update, resource::Organization>(actor, &object)
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            let gone = || Error::OrganizationNotFound(reference.to_string());
            let before = deed.repos.organizations().find_for_update(known.id)?.ok_or_else(gone)?;
            let after = Organization { updated_at: deed.now, ..change.apply(before.clone()) };
            may_make_default(actor, known.id, &before.default_roles, &after.default_roles)?;
            if !deed.repos.organizations().update(&permit, &after)? {
                return Err(gone());
            }
            Ok(deed.changed(&before, &after)?.answer(after))
        })
    })
    .await
}

/// Deletes an organization that is empty but for at most one member. The default one stays.
///
/// Needs `organization:delete`. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`, `Invalid` (the
/// default one, or not empty).
pub async fn delete(ctx: &Context, actor: &Principal, organization: &OrganizationRef) -> Result<(), Error> {
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        let known = resolve(deed.repos, deed.by, &reference)?;
        with_caller(deed, |deed, actor| {
            let object = access::organization(known.id);
            let permit = access::permit::<action::Delete, resource::Organization>(actor, &object)?;
            if known.is_default {
                return Err(Error::invalid("Default organization cannot be deleted."));
            }
            let gone = || Error::OrganizationNotFound(reference.to_string());
            // From here on nothing is added, so that what is counted is what is deleted.
            let known = deed.repos.organizations().find_for_update(known.id)?.ok_or_else(gone)?;
            let blockers: Vec<String> =
                deed.repos.organizations().delete_blockers(known.id)?.iter().map(ToString::to_string).collect();
            if !blockers.is_empty() {
                let detail = format!("The organization has {} that must be removed first.", blockers.join(" and "));
                return Err(Error::invalid_because("Organization cannot be deleted.", detail));
            }
            if !deed.repos.organizations().delete(&permit, known.id, deed.now)? {
                return Err(gone());
            }
            // It is only marked as deleted: nothing else of it changes.
            let diff = Diff::default().field("deleted", false, true).moment(
                "updated_at",
                Some(known.updated_at),
                Some(deed.now),
            );
            Ok(deed.entry().noted(AuditAction::Delete, 200, &known, diff)?.answer(()))
        })
    })
    .await
}

/// A change that keeps all rules; `None` keeps what is there.
struct Change {
    name: Option<OrganizationName>,
    display_name: Option<DisplayName>,
    description: Option<String>,
    icon: Option<String>,
    default_roles: Option<DefaultRoles>,
}

impl UpdateOrganization {
    fn check(self) -> Result<Change, Error> {
        let mut fields = Fields::default();
        let parsed = (!self.name.is_empty()).then(|| self.name.parse::<OrganizationName>());
        if let Some(parsed) = &parsed {
            spelling(&mut fields, &self.name, parsed);
        }
        let display_name = fields.value::<DisplayName>("display_name", DISPLAY_NAME, &self.display_name);
        fields = fields
            .shown_text("description", self.description.as_deref().unwrap_or_default())
            .shown_name("icon", self.icon.as_deref().unwrap_or_default());
        let name = parsed.map_or(Ok(None), |parsed| not_reserved(&self.name, parsed));
        let name = fields.keep(name)?.flatten();
        let roles = self.default_roles.as_deref().map(default_roles).transpose();
        let default_roles = fields.keep(roles)?.flatten();
        fields.done()?;
        let display_name = display_name.filter(|text| !text.is_empty());
        Ok(Change { name, display_name, description: self.description, icon: self.icon, default_roles })
    }
}

impl Change {
    fn apply(self, organization: Organization) -> Organization {
        Organization {
            name: self.name.unwrap_or(organization.name),
            display_name: self.display_name.unwrap_or(organization.display_name),
            description: self.description.unwrap_or(organization.description),
            icon: self.icon.unwrap_or(organization.icon),
            default_roles: self.default_roles.unwrap_or(organization.default_roles),
            ..organization
        }
    }
}

/// What clients know the rule of display names by.
const DISPLAY_NAME: &str = "organization_display_name";

/// The field that names them.
const DEFAULT_ROLES: &str = "default_org_member_roles";

/// The roles that every member is to have, if all of them can be that.
fn default_roles(names: &[String]) -> Result<DefaultRoles, Error> {
    DefaultRoles::new(names).or_else(|errors| {
        Fields::default().defects(DEFAULT_ROLES, errors).done()?;
        Ok(DefaultRoles::default())
    })
}

/// Asks whether the caller may make this of the roles that every member has: only who may give a role to a member, and
/// take it, may do so for all of them. An app cannot, in the name of its user.
///
/// Who adds a member needs no more than that. In an organization one needs to be a member oneself, and has these roles;
/// on the site one is an administrator of users.
fn may_make_default(
    actor: &Principal,
    organization: OrganizationId,
    before: &DefaultRoles,
    after: &DefaultRoles,
) -> Result<(), Error> {
    let change = before
        .plan(&actor.subject, organization.0, after)
        .map_err(|refusals| refuse_assignment_of(DEFAULT_ROLES, refusals))?;
    if change.added().is_empty() && change.removed().is_empty() {
        return Ok(());
    }
    actor.not_by_grant(InPerson::GiveRoles)
}

/// Tells what is wrong with a name but that it is reserved, of which [`not_reserved`] speaks.
fn spelling(fields: &mut Fields, text: &str, parsed: &Result<OrganizationName, NameError>) {
    if let Err(broken) = parsed
        && *broken != NameError::Reserved
    {
        fields.checked::<OrganizationName>("name", "organization_name", text, Err(*broken));
    }
}

/// The name, unless it is a word that means something else where an organization is named in a path. `None` if it is no name
/// at all.
fn not_reserved(text: &str, parsed: Result<OrganizationName, NameError>) -> Result<Option<OrganizationName>, Error> {
    if parsed == Err(NameError::Reserved) {
        let message = format!("Organization name {text:?} is reserved.");
        return Err(Error::invalid_fields(message, vec![FieldError::new("name", "is reserved")]));
    }
    Ok(parsed.ok())
}

/// The tracked fields are those of `enterprise-platform.md` 9.2.
impl Audited for Organization {
    fn kind(&self) -> AuditResource {
        AuditResource::Organization
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.id)
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("name", self.name.as_str())
            .field("display_name", self.display_name.as_str())
            .field("description", self.description.as_str())
            .field("icon", self.icon.as_str())
            .field("is_default", self.is_default)
            .field(DEFAULT_ROLES, self.default_roles.names())
            .moment("updated_at", Some(self.updated_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::*;
    use doorward_domain::organizations::Blocker;
    use doorward_ports::mocks::MockRepositories;
    use doorward_ports::{Conflict, StoreError};
    use serde_json::json;
    use time::Duration;

    fn town() -> MockRepositories {
        let mut repos = repos_of(&owner().build(), &[]);
        let acme = || Organization { is_default: false, updated_at: NOW - Duration::HOUR, ..organization() };
        repos.organizations.expect_find_by_name().returning(move |_| Ok(Some(acme())));
        repos.organizations.expect_find_for_update().returning(move |_| Ok(Some(acme())));
        repos
    }

    fn expect_record(
        repos: &mut MockRepositories,
        action: &'static str,
        status: u16,
        name: &'static str,
        diff: serde_json::Value,
    ) {
        repos.audit.expect_insert().times(1).returning(move |_, record| {
            assert_eq!((record.action.as_str(), record.status_code), (action, status));
            assert_eq!((record.resource_type.as_str(), record.resource_target.as_str()), ("organization", name));
            assert_eq!(record.organization_id.unwrap().to_string(), record.resource_id);
            assert_eq!(record.diff, diff);
            Ok(())
        });
    }

    fn change(old: impl Into<serde_json::Value>, new: impl Into<serde_json::Value>) -> serde_json::Value {
        json!({ "old": old.into(), "new": new.into(), "secret": false })
    }

    #[tokio::test]
    async fn who_makes_an_organization_is_a_plain_member_of_it() {
        let mut repos = town();
        repos.organizations.expect_insert().times(1).returning(|_, _| Ok(()));
        let maker = owner_of_site().id;
        repos
            .organizations
            .expect_insert_member()
            .times(1)
            .withf(move |_, member| member.user_id == maker && member.roles.is_empty())
            .returning(|_, _| Ok(()));
        let diff = json!({
            "name": change("", "zoo"),
            "display_name": change("", "zoo"),
            "updated_at": change("0001-01-01T00:00:00Z", "2026-03-04T05:06:07Z"),
        });
        expect_record(&mut repos, "create", 201, "zoo", diff);
        let command = CreateOrganization { name: "zoo".to_owned(), ..CreateOrganization::default() };
        let made = create(&context(repos), &owner().build(), command).await.unwrap();
        assert!(!made.is_default && made.display_name == "zoo");
    }

    #[tokio::test]
    async fn roles_for_every_member_are_checked_one_by_one() {
        let asked = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>();
        let place = OrganizationRef::Name("acme".to_owned());
        let command = UpdateOrganization {
            default_roles: Some(asked(&["chef", "organization-auditor", "owner"])),
            ..UpdateOrganization::default()
        };
        let mut repos = town();
        repos.roles.expect_lock_definitions().returning(|| Ok(()));
        let refused = update(&context(repos), &owner().build(), &place, command).await;
        let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
        let details: Vec<&str> = fields.iter().map(|field| field.detail.split(' ').next().unwrap()).collect();
        assert!(fields.iter().all(|field| field.field == "default_org_member_roles"));
        assert_eq!(details, ["\"chef\"", "\"owner\""]);
        let command = CreateOrganization {
            name: "zoo".to_owned(),
            default_roles: asked(&["organization-workspace-access", "chef"]),
            ..CreateOrganization::default()
        };
        assert!(matches!(create(&context(town()), &owner().build(), command).await, Err(Error::Invalid { .. })));
    }

    #[tokio::test]
    async fn who_may_not_give_a_role_to_a_member_may_not_give_it_to_all() {
        let place = OrganizationRef::Name("acme".to_owned());
        let command = |roles: &[&str]| UpdateOrganization {
            default_roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
            ..UpdateOrganization::default()
        };
        let repos = |actor: &Principal, before: &'static [&'static str]| {
            let mut repos = repos_of(actor, &[]);
            let acme = move || Organization { default_roles: DefaultRoles::new(before).unwrap(), ..organization() };
            repos.organizations.expect_find_by_name().returning(move |_| Ok(Some(acme())));
            repos.organizations.expect_find_for_update().returning(move |_| Ok(Some(acme())));
            repos.organizations.expect_update().returning(|_, _| Ok(true));
            repos.audit.expect_insert().returning(|_, _| Ok(()));
            repos.roles.expect_lock_definitions().times(1).returning(|| Ok(()));
            repos
        };
        // An organization whose members are its administrators: this one is by that alone.
        let admin = actor().default_role("organization-admin").build();
        let wanted = command(&["organization-admin", "organization-auditor"]);
        let context_of = |actor: &Principal, before| context(repos(actor, before));
        let done = update(&context_of(&admin, &["organization-admin"]), &admin, &place, wanted).await.unwrap();
        assert_eq!(done.default_roles.names(), ["organization-admin", "organization-auditor"]);
        // Who is but an auditor by it, and whoever lacks the scope, may not.
        for actor in [
            actor().default_role("organization-auditor").build(),
            actor().default_role("organization-admin").scopes(&["organization:*"]).build(),
        ] {
            let wanted = command(&["organization-template-admin"]);
            assert!(update(&context_of(&actor, &[]), &actor, &place, wanted).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_taken_name_is_blamed() {
        let mut repos = town();
        let taken = || StoreError::Conflict(Conflict::OrganizationName);
        repos.organizations.expect_update().returning(move |_, _| Err(taken()));
        let command = UpdateOrganization { name: "zoo".to_owned(), ..UpdateOrganization::default() };
        let refused = update(&context(repos), &owner().build(), &OrganizationRef::Name("acme".into()), command).await;
        assert!(matches!(refused, Err(Error::Conflict { fields, .. }) if fields[0].field == "name"));
    }

    #[tokio::test]
    async fn what_is_in_the_way_of_a_deletion_is_told() {
        let place = OrganizationRef::Name("acme".to_owned());
        let mut repos = town();
        let blockers = || vec![Blocker::Members(3), Blocker::Groups(1)];
        repos.organizations.expect_delete_blockers().returning(move |_| Ok(blockers()));
        let refused = delete(&context(repos), &owner().build(), &place).await;
        let Err(Error::Invalid { detail, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(detail, "The organization has 3 members and 1 group that must be removed first.");

        let mut repos = town();
        repos.organizations.expect_delete_blockers().returning(|_| Ok(Vec::new()));
        repos.organizations.expect_delete().times(1).returning(|_, _, _| Ok(true));
        let diff = json!({
            "deleted": change(false, true),
            "updated_at": change("2026-03-04T04:06:07Z", "2026-03-04T05:06:07Z"),
        });
        expect_record(&mut repos, "delete", 200, "acme", diff);
        delete(&context(repos), &owner().build(), &place).await.unwrap();
    }
}
