//! Sections 2 and 3 of the rule, on text alone.

#[derive(Debug, Clone)]
pub(crate) struct Permission {
    pub(crate) negate: bool,
    pub(crate) resource: String,
    pub(crate) action: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Role {
    pub(crate) built_in: Option<String>,
    pub(crate) site: Vec<Permission>,
    pub(crate) org: Vec<(String, Vec<Permission>)>,
    /// On what the holder owns in an organization.
    pub(crate) owned: Vec<(String, Vec<Permission>)>,
    pub(crate) user: Vec<Permission>,
}

#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) site: Vec<Permission>,
    pub(crate) allow_list: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) id: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) groups: Vec<String>,
    pub(crate) scope: Option<Scope>,
}

pub(crate) type List = Vec<(String, Vec<String>)>;

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) org: String,
    pub(crate) any_org: bool,
    pub(crate) user_list: List,
    pub(crate) group_list: List,
}

fn vote<'a>(list: impl IntoIterator<Item = &'a Permission>, action: &str, kind: &str) -> i8 {
    let matching: Vec<&Permission> = list
        .into_iter()
        .filter(|p| (p.resource == kind || p.resource == "*") && (p.action == action || p.action == "*"))
        .collect();
    if matching.iter().any(|p| p.negate) { -1 } else { i8::from(!matching.is_empty()) }
}

fn listed(list: &List, key: &str, action: &str) -> bool {
    list.iter().filter(|(id, _)| id == key).any(|(_, actions)| actions.iter().any(|a| a == action || a == "*"))
}

pub(crate) fn allow(subject: &Subject, action: &str, object: &Object) -> bool {
    let Some(scope) = &subject.scope else { return false };
    if subject.roles.is_empty() {
        return false;
    }
    let nil = "00000000-0000-0000-0000-000000000000";
    if object.any_org && !object.org.is_empty() && object.org != nil {
        return false;
    }
    let mut memberships: Vec<&str> =
        subject.roles.iter().flat_map(|role| role.org.iter().map(|(id, _)| id.as_str())).collect();
    memberships.sort_unstable();
    memberships.dedup();
    let org_list = |org: &str| -> Vec<&Permission> {
        let lists = subject.roles.iter().flat_map(|role| &role.org);
        lists.filter(|(id, _)| id == org).flat_map(|(_, list)| list).collect()
    };
    let vote = |list: Vec<&Permission>| vote(list, action, &object.kind);

    let site = vote(subject.roles.iter().flat_map(|role| &role.site).collect());
    let org = if object.any_org {
        i8::from(memberships.iter().any(|org| vote(org_list(org)) == 1))
    } else if memberships.contains(&object.org.as_str()) {
        vote(org_list(&object.org))
    } else {
        0
    };
    let owned_list = |org: &str| -> Vec<&Permission> {
        let lists = subject.roles.iter().flat_map(|role| &role.owned);
        lists.filter(|(id, _)| id == org && !id.is_empty()).flat_map(|(_, list)| list).collect()
    };

    let is_member = if object.any_org {
        !memberships.is_empty()
    } else {
        !object.org.is_empty() && memberships.contains(&object.org.as_str())
    };
    // The lists of an organization join those on all that the subject owns; any denial wins.
    let there = if object.any_org {
        i8::from(memberships.iter().any(|org| vote(owned_list(org)) == 1 && vote(org_list(org)) != -1))
    } else if is_member {
        vote(owned_list(&object.org))
    } else {
        0
    };
    let user = match vote(subject.roles.iter().flat_map(|role| &role.user).collect()) {
        _ if object.owner.is_empty() || object.owner != subject.id => 0,
        everywhere if everywhere == -1 || there == -1 => -1,
        everywhere => everywhere.max(there),
    };
    let in_org = is_member || (object.org.is_empty() && !object.any_org);
    let role_ok = site == 1 || (site != -1 && org == 1) || (site != -1 && org != -1 && in_org && user == 1);
    let acl_ok = listed(&object.user_list, &subject.id, action)
        || (is_member && subject.groups.iter().any(|group| listed(&object.group_list, group, action)))
        || (is_member && listed(&object.group_list, &object.org, action));
    let scope_ok =
        (scope.allow_list.iter().any(|id| id == "*" || *id == object.id)) && vote(scope.site.iter().collect()) == 1;
    scope_ok && (role_ok || acl_ok)
}
