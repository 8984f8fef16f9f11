//! What a group has besides members, on its page: groups within it, and those who look after its members.

use super::path;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::extract::form::Form;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::organizations::Organization;
use doorward_services::groups::{self, GroupRef, GroupView};
use doorward_services::organizations::OrganizationRef;
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use uuid::Uuid;

/// A group or somebody, with a link.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) href: String,
}

/// Both lists, and what was typed to make them longer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) nested: Vec<Part>,
    pub(crate) managers: Vec<Part>,
    pub(crate) nested_typed: String,
    pub(crate) manager_typed: String,
}

impl Parts {
    /// Those that the caller may see.
    pub(super) async fn of(
        call: &Call,
        actor: &Principal,
        place: &Organization,
        group: &Group,
        form: &Form,
    ) -> Result<Self, Error> {
        if group.is_everyone() {
            return Ok(Self::default());
        }
        let reference = GroupRef::Id(group.id);
        let nested = groups::nested(call.context(), actor, &reference).await?.into_iter().map(|(found, _)| Part {
            id: found.group.id.to_string(),
            href: path(paths::GROUP, &[place.name.as_str(), found.group.name.as_str()]),
            name: found.group.name.to_string(),
        });
        let managers = groups::managers(call.context(), actor, &reference).await?.into_iter().map(|user| Part {
            id: user.id.to_string(),
            href: path(paths::USER, &[user.username.as_str()]),
            name: user.username.to_string(),
        });
        Ok(Self {
            nested: nested.collect(),
            managers: managers.collect(),
            nested_typed: form.text("nested").unwrap_or_default(),
            manager_typed: form.text("manager").unwrap_or_default(),
        })
    }
}

/// Does what a form asks for about these; `None` if it is about something else.
pub(super) async fn act(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    group: &Group,
    form: &Form,
) -> Result<Option<&'static str>, Error> {
    let text = |name: &str| form.text(name).unwrap_or_default();
    let ctx = call.context();
    Ok(Some(match text("do").as_str() {
        "nest" => {
            let name = text("nested").trim().to_owned();
            let unknown =
                || Error::invalid_field("nested", format!("There is no group `{name}` here that you can see."));
            let reference = GroupRef::Name(OrganizationRef::Id(place.id), name.clone());
            let found = match groups::find(ctx, actor, &reference, false, Vec::<GroupView>::new()).await {
                Ok(found) => found.into_iter().next().ok_or_else(unknown)?,
                Err(Error::NotFound) => return Err(unknown()),
                Err(error) => return Err(error),
            };
            groups::nest(ctx, actor, group.id, found.group.id).await?;
            "nested"
        }
        "part" => {
            groups::part(ctx, actor, group.id, GroupId(id(&text("inner"))?)).await?;
            "parted"
        }
        "appoint" => {
            let name = text("manager").trim().to_owned();
            let unknown = || Error::invalid_field("manager", format!("There is no user `{name}` that you can see."));
            match groups::add_manager(ctx, actor, group.id, &UserRef::parse(&name)).await {
                Err(Error::UserNotFound) => return Err(unknown()),
                done => done?,
            }
            "appointed"
        }
        "dismiss" => {
            groups::remove_manager(ctx, actor, group.id, &UserRef::Id(UserId(id(&text("appointed"))?))).await?;
            "dismissed"
        }
        _ => return Ok(None),
    }))
}

fn id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_not_an_id| Error::NotFound)
}

/// What the page says when it is done.
pub(super) fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "nested" => "The members of the group are in this one now.",
        "parted" => "The group is no longer within this one.",
        "appointed" => "They can add and remove members now.",
        "dismissed" => "They no longer look after the members.",
        _ => return None,
    })
}
