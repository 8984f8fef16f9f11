//! The parts of a document, checked.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::{Acl, AllowEntry, Id, Permission, Role, Scope, Subject};
use super::EvalError;
use super::json::{At, Node};

const CUSTOM: &str = "custom:";

pub(super) struct Document<'n> {
    pub(super) questions: Vec<Question<'n>>,
}

/// A question, its texts as written.
pub(super) struct Question<'n> {
    pub(super) subject: Subject,
    pub(super) action: &'n str,
    pub(super) resource: &'n str,
    pub(super) id: &'n str,
    pub(super) owner: &'n str,
    pub(super) organization: &'n str,
    pub(super) any_organization: bool,
    pub(super) user_acl: Acl,
    pub(super) group_acl: Acl,
}

/// What the document defines, by name.
struct Names<'n> {
    roles: BTreeMap<&'n str, Role>,
    scopes: BTreeMap<&'n str, Scope>,
}

impl<'n> Document<'n> {
    pub(super) fn read(tree: &'n Node) -> Result<Self, EvalError> {
        let root = At::root(tree);
        let [roles, scopes, subjects, questions] = root.fields(["roles", "scopes", "subjects", "questions"])?;
        let names = Names { roles: named(&roles, read_role)?, scopes: named(&scopes, read_scope)? };
        let subjects = subjects.entries(|label, at| Ok((label, names.read_subject(at)?)))?;
        let subjects: BTreeMap<&str, Subject> = subjects.into_iter().collect();
        let questions = questions.required_list(|at| read_question(at, &subjects))?;
        Ok(Self { questions })
    }
}

/// A list of things that have a name each.
fn named<'n, T>(
    list: &At<'_, 'n>,
    read: fn(&At<'_, 'n>) -> Result<(&'n str, T), EvalError>,
) -> Result<BTreeMap<&'n str, T>, EvalError> {
    let mut all = BTreeMap::new();
    list.list(|at| {
        let (name, value) = read(at)?;
        match all.entry(name) {
            Entry::Occupied(_) => Err(at.error(format!("`{name}` is defined twice"))),
            Entry::Vacant(place) => {
                place.insert(value);
                Ok(())
            }
        }
    })?;
    Ok(all)
}

fn read_text<'n>(at: &At<'_, 'n>) -> Result<&'n str, EvalError> {
    at.text()
}

fn read_name<'n>(at: &At<'_, 'n>) -> Result<&'n str, EvalError> {
    match at.text()? {
        "" => Err(at.error("the name must not be empty")),
        name => Ok(name),
    }
}

fn read_role<'n>(at: &At<'_, 'n>) -> Result<(&'n str, Role), EvalError> {
    let keys = ["name", "site", "org", "org_member", "user"];
    let [name, site, organizations, owned, user] = at.fields(keys)?;
    let name = read_name(&name)?;
    let (organizations, owned) = (read_organizations(&organizations)?, read_organizations(&owned)?);
    let role = Role::custom(name, read_permissions(&site)?, organizations, read_permissions(&user)?);
    Ok((name, role.with_owned(owned)))
}

fn read_scope<'n>(at: &At<'_, 'n>) -> Result<(&'n str, Scope), EvalError> {
    let [name, site, organizations, user, allow_list] = at.fields(["name", "site", "org", "user", "allow_list"])?;
    let at = name;
    let name = read_name(&at)?;
    if Scope::built_in(name).is_ok() {
        return Err(at.error(format!("`{name}` is a built-in scope and cannot be defined")));
    }
    // Carried, but without effect in this release.
    read_organizations(&organizations)?;
    read_permissions(&user)?;
    let allow_list = allow_list.list(|entry| entry.text().map(AllowEntry::any_type))?;
    Ok((name, Scope::new(read_permissions(&site)?, allow_list)))
}

fn read_organizations(at: &At<'_, '_>) -> Result<Vec<(Id, Vec<Permission>)>, EvalError> {
    at.entries(|organization, list| Ok((Id::from(organization), read_permissions(list)?)))
}

fn read_permissions(at: &At<'_, '_>) -> Result<Vec<Permission>, EvalError> {
    let groups = at.list(|group| {
        let [negate, resource, actions] = group.fields(["negate", "resource", "actions"])?;
        let (negate, resource) = (negate.flag()?, resource.text()?);
        actions.required_list(|action| Ok(Permission::named(negate, resource, action.text()?)))
    })?;
    Ok(groups.into_iter().flatten().collect())
}

impl Names<'_> {
    fn read_subject(&self, at: &At<'_, '_>) -> Result<Subject, EvalError> {
        let [id, roles, groups, scope] = at.fields(["id", "roles", "groups", "scope"])?;
        let roles = roles.list(|role| self.read_role_name(role))?;
        let groups = groups.list(read_text)?;
        let subject = Subject::builder(id.text_or_empty()?).roles(roles).groups(groups);
        // Without a scope the subject is denied everything; that is an answer, not an error.
        Ok(match scope.text_or_empty()? {
            "" => subject.build(),
            name => subject.scope(self.find_scope(name, &scope)?).build(),
        })
    }

    fn read_role_name(&self, at: &At<'_, '_>) -> Result<Role, EvalError> {
        let text = at.text()?;
        if let Some(name) = text.strip_prefix(CUSTOM) {
            let role = self.roles.get(name).cloned();
            return role.ok_or_else(|| at.error(format!("unknown role `{text}`: `roles` has no `{name}`")));
        }
        let (name, organization) = text.split_once(':').unwrap_or((text, ""));
        Role::built_in(name, organization).ok_or_else(|| {
            let hint = match (Role::built_in(name, ""), Role::built_in(name, "any")) {
                (Some(_), _) => ": it is a site role and takes no organization",
                (_, Some(_)) => ": it is an organization role, written `name:organization`",
                (None, None) => "",
            };
            at.error(format!("unknown role `{text}`{hint}"))
        })
    }

    fn find_scope(&self, name: &str, at: &At<'_, '_>) -> Result<Scope, EvalError> {
        let scope = self.scopes.get(name).cloned().or_else(|| Scope::built_in(name).ok());
        scope.ok_or_else(|| at.error(format!("unknown scope `{name}`")))
    }
}

fn read_question<'n>(at: &At<'_, 'n>, subjects: &BTreeMap<&str, Subject>) -> Result<Question<'n>, EvalError> {
    let [label, action, object] = at.fields(["subject", "action", "object"])?;
    let name = label.text()?;
    let subject = subjects.get(name).ok_or_else(|| label.error(format!("unknown subject `{name}`")))?;
    let keys = ["type", "id", "owner", "org", "any_org", "acl_user_list", "acl_group_list"];
    let [resource, id, owner, organization, any_organization, users, groups] = object.fields(keys)?;
    Ok(Question {
        subject: subject.clone(),
        action: action.text()?,
        resource: resource.text()?,
        id: id.text_or_empty()?,
        owner: owner.text_or_empty()?,
        organization: organization.text_or_empty()?,
        any_organization: any_organization.flag()?,
        user_acl: read_acl(&users)?,
        group_acl: read_acl(&groups)?,
    })
}

fn read_acl(at: &At<'_, '_>) -> Result<Acl, EvalError> {
    Ok(at.entries(|id, actions| Ok((id, actions.list(read_text)?)))?.into_iter().collect())
}
