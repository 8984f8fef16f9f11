//! Changing groups (`identity.md` 6.5).

use super::access::{self, OfMembers};
use super::record::{self, DISPLAY_NAME, Members, bad_users, refuse_users};
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::idp_sync::owned;
use crate::users::fields::Fields;
use doorward_domain::groups::{AVATAR_URL_MAX, Group, GroupChange, GroupRuleError};
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::roles::{Denied, Permit, action, resource};
use doorward_ports::Repositories;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is asked of a group; what is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateGroup {
    /// A new name; empty is as good as none.
    pub name: Option<String>,
    /// A new display name; empty clears it.
    pub display_name: Option<String>,
    /// A new picture; empty clears it.
    pub avatar_url: Option<String>,
    /// A new allowance; must fit into 32 bits.
    pub quota_allowance: Option<i64>,
    /// Ids of users to add.
    pub add_users: Vec<String>,
    /// Whether users to add are passed over who were put into the group already; else they are an error.
    pub passes_members: bool,
    /// Ids of users to remove, after the others were added.
    pub remove_users: Vec<String>,
}

/// Changes fields and members of a group: all of it or nothing.
///
/// Needs `group:update`, or to look after the members of the group for changing these alone, though not for adding oneself. Errors:
/// `NotFound` (missing or not readable), `Forbidden`, `Invalid` (`name`, `display_name`, `avatar_url`, `quota_allowance`, `add_users`,
/// `remove_users`), `Refused` (members of the group of all; the service account of the app that asks), `Conflict` (`name`). `Invalid` too, without a field, for a user to be added whose groups follow a
/// claim.
pub async fn update(ctx: &Context, actor: &Principal, id: GroupId, command: UpdateGroup) -> Result<(), Error> {
    let sync = ctx.settings.idp_sync.clone();
    ctx.act(actor, move |deed| {
        let OfMembers { permit, denied } = authorize(deed.repos, deed.by, id)?;
        let old = deed.repos.groups().find_for_update(id)?.ok_or(Error::NotFound)?;
        let about = as_manager(denied, &old, &command)?;
        let mut fields = Fields::default();
        let change = fields.keep(check(&old, &command))?.unwrap_or_default();
        let new = fields.keep(old.changed(&change, deed.now).map_err(refusal))?;
        let (mut added, removed) = fields.keep(users(deed.repos, &old, &command))?.unwrap_or_default();
        fields.done()?;
        if command.passes_members {
            let there = deed.repos.users().list_group_ids_of(&added)?;
            let nested = deed.repos.groups().members_by_nesting(id, &added)?;
            added.retain(|user| nested.contains(user) || !there.contains(&(*user, id)));
        }
        if about.is_some() && added.iter().any(|user| deed.by.is(*user)) {
            return Err(bad_users("add_users", NOT_ONESELF.to_owned()));
        }
        deed.by.not_for_own_account(deed.repos, added.iter().chain(&removed).copied())?;
        owned::refuse_group_members(deed.repos, &sync, &old, &added)?;
        let new = new.unwrap_or_else(|| old.clone());
        if new.name != old.name && deed.repos.groups().find_by_name(old.organization_id, new.name.as_str())?.is_some() {
            return Err(record::name_taken(&new.name));
        }
        if !deed.repos.groups().update(&permit, &new)? {
            return Err(Error::NotFound);
        }
        let mut moved = Diff::default();
        if change.moves_members {
            let before = Members::read(deed.repos, &old)?;
            add(deed.repos, &permit, &new, &added)?;
            let removed = deed.repos.groups().delete_members(&permit, &new, &removed)?;
            moved = before.became(Members::read(deed.repos, &new)?, &added, &removed);
        }
        Ok::<_, Error>(deed.entry().with(about.unwrap_or_default()).plus(moved).changed(&old, &new)?.answer(()))
    })
    .await
}

/// Whether the caller may change the group at all.
///
/// Needs `group:update`, or to look after its members. Errors: `NotFound` (missing or not readable), `Forbidden`.
pub async fn may_update(ctx: &Context, actor: &Principal, id: GroupId) -> Result<(), Error> {
    ctx.look(actor, move |look| authorize(look.repos, look.by, id).map(drop)).await
}

fn authorize(repos: &mut dyn Repositories, actor: &Principal, id: GroupId) -> Result<OfMembers, Error> {
    let found = repos.groups().find(id)?.ok_or(Error::NotFound)?;
    access::readable(repos, actor, &found.group)?;
    access::permit_members(repos, actor, &found.group)
}

/// What a record tells of a change by somebody who looks after the members only; `None` for all others. Who does may change nothing
/// else.
fn as_manager(
    denied: Option<Denied>,
    group: &Group,
    command: &UpdateGroup,
) -> Result<Option<Map<String, Value>>, Error> {
    let Some(denied) = denied else { return Ok(None) };
    let keeps = |asked: &Option<String>, stored: &str| asked.as_ref().is_none_or(|text| text == stored);
    let moves = !command.add_users.is_empty() || !command.remove_users.is_empty();
    let keeps_all = (keeps(&command.name, group.name.as_str()) || command.name.as_deref() == Some(""))
        && keeps(&command.display_name, group.display_name.as_str())
        && keeps(&command.avatar_url, &group.avatar_url)
        && command.quota_allowance.is_none_or(|quota| quota == i64::from(group.quota_allowance));
    if !moves || !keeps_all {
        return Err(denied.into());
    }
    Ok(Some(Map::from_iter([("as_manager".to_owned(), Value::Bool(true))])))
}

/// Else a manager would get what the group is given.
const NOT_ONESELF: &str = "Who only manages the members of a group cannot add themselves.";

/// The rules of the fields. A name that the group has already is not looked at: it need not be one that people may give.
fn check(group: &Group, command: &UpdateGroup) -> Result<GroupChange, Error> {
    let name = command.name.as_ref().filter(|name| !name.is_empty() && group.name != name.as_str());
    let mut fields = Fields::default();
    let name = name.and_then(|name| fields.group_name("name", name));
    let display_name = command.display_name.as_ref();
    let display_name = display_name.and_then(|text| fields.value("display_name", DISPLAY_NAME, text));
    if let Some(url) = &command.avatar_url {
        fields = fields.at_most("avatar_url", url, AVATAR_URL_MAX).plain("avatar_url", url);
    }
    let quota_allowance = command.quota_allowance.and_then(|number| fields.fitting("quota_allowance", number));
    fields.done()?;
    Ok(GroupChange {
        name,
        display_name,
        avatar_url: command.avatar_url.clone(),
        quota_allowance,
        moves_members: !command.add_users.is_empty() || !command.remove_users.is_empty(),
    })
}

/// What a broken rule means to the one who asked.
fn refusal(broken: GroupRuleError) -> Error {
    let message = broken.to_string();
    let blame = |field| Error::invalid_fields(message.clone(), vec![FieldError::new(field, message.clone())]);
    match broken {
        GroupRuleError::EveryoneName | GroupRuleError::ReservedName => blame("name"),
        GroupRuleError::EveryoneDisplayName => blame("display_name"),
        GroupRuleError::EveryoneMembers => Error::Refused(message),
    }
}

/// Whom to add and whom to remove. All of them belong to the organization, and stay in it until the transaction ends.
fn users(
    repos: &mut dyn Repositories,
    group: &Group,
    command: &UpdateGroup,
) -> Result<(Vec<UserId>, Vec<UserId>), Error> {
    let parse = |field: &'static str, texts: &[String], errors: &mut Vec<FieldError>| {
        let mut ids = Vec::with_capacity(texts.len());
        for text in texts {
            match text.parse::<UserId>() {
                Ok(id) => ids.push(id),
                Err(error) => {
                    let text: String = text.chars().take(QUOTED).collect();
                    let detail = format!("User ID {text:?} must be a valid user UUID: {error}.");
                    errors.push(FieldError::new(field, detail));
                }
            }
        }
        ids
    };
    let mut errors = Vec::new();
    let added = parse("add_users", &command.add_users, &mut errors);
    let removed = parse("remove_users", &command.remove_users, &mut errors);
    let all: Vec<UserId> = added.iter().chain(&removed).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let members = repos.groups().members_for_key_share(group.organization_id, &all)?;
    for (field, users) in [("add_users", &added), ("remove_users", &removed)] {
        let strangers = users.iter().filter(|user| members.binary_search(user).is_err());
        let detail = |user: &UserId| format!("User {user} must be a member of the organization.");
        errors.extend(strangers.map(|user| FieldError::new(field, detail(user))));
    }
    let nested = repos.groups().members_by_nesting(group.id, &removed)?;
    let elsewhere =
        |user: &UserId| format!("User {user} is a member by a group within this one, and can only be removed there.");
    errors.extend(nested.iter().map(|user| FieldError::new("remove_users", elsewhere(user))));
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&UserId> = added.iter().filter(|user| !seen.insert(**user)).collect();
    errors.extend(twice.into_iter().map(|user| named_twice(*user)));
    refuse_users(errors)?;
    Ok((added, removed))
}

fn named_twice(user: UserId) -> FieldError {
    FieldError::new("add_users", format!("User {user} is named more than once."))
}

/// Adds members, none of whom may be in the group already.
fn add(
    repos: &mut dyn Repositories,
    permit: &Permit<action::Update, resource::Group>,
    group: &Group,
    users: &[UserId],
) -> Result<(), Error> {
    if repos.groups().insert_members(permit, group, users)? < users.len() {
        return Err(bad_users("add_users", "A user is not a member of the organization any more.".to_owned()));
    }
    Ok(())
}

/// How much of a bad id is repeated.
const QUOTED: usize = 100;
