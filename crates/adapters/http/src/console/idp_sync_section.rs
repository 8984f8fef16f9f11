//! What follows one claim: organizations, groups or roles, with the values that give them.

use super::idp_sync_form::Kind;
use super::shell::shown_name;
use crate::kit::call::Call;
use crate::kit::error::Failure;
use crate::kit::extract::form::Form;
use doorward_domain::idp_sync::Mapping;
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::page::Page;
use doorward_services::organizations::{self, OrganizationRef};
use doorward_services::{Error, Principal, groups, idp_sync, roles};
use std::collections::BTreeMap;

/// So many pairs of a mapping are shown.
const PAIRS_SHOWN: usize = 200;
/// So many groups can be chosen from, and named.
const GROUPS_SHOWN: u32 = 500;

/// A value of a claim, and one thing that it gives.
#[derive(Clone, Debug)]
pub(crate) struct PairRow {
    pub(crate) given: String,
    pub(crate) gets: String,
    pub(crate) text: String,
}

/// What follows one claim.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    /// What the claim is, and what it was when the form was first shown.
    pub(crate) field: String,
    pub(crate) shown_field: String,
    /// A yes or no beside it: its words, whether it is on, and whether it was.
    pub(crate) flag: Option<(&'static str, bool, bool)>,
    /// Which values count, and which did.
    pub(crate) filter: Option<(String, String)>,
    pub(crate) rows: Vec<PairRow>,
    /// How many more pairs there are.
    pub(crate) more: usize,
    /// What can be given: value and text.
    pub(crate) choices: Vec<(String, String)>,
    /// What was typed for a new pair.
    pub(crate) given: String,
    pub(crate) gets: String,
}

impl Section {
    /// The claim as the form has it, if it is about this; and the pairs of the mapping.
    fn of<T: PartialEq + ToString>(
        kind: Kind,
        form: &Form,
        (field, mapping): (&str, Option<&Mapping<T>>),
        choices: Vec<(String, String)>,
    ) -> Self {
        let is_again = Kind::of(form) == Some(kind);
        let sent = |name: &str, stored: &str| {
            let sent = form.all(name).next().filter(|_| is_again);
            sent.unwrap_or(stored).to_owned()
        };
        let names: BTreeMap<&str, &str> = choices.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
        let pairs = mapping.into_iter().flat_map(|mapping| {
            mapping.values().flat_map(|given| {
                let gets = mapping.get(given).unwrap_or_default().iter();
                gets.map(move |gets| (given, gets.to_string()))
            })
        });
        let mut rows: Vec<PairRow> = pairs
            .map(|(given, gets)| PairRow {
                given: given.to_owned(),
                text: names.get(gets.as_str()).map_or_else(|| gets.clone(), |name| (*name).to_owned()),
                gets,
            })
            .collect();
        let more = rows.len().saturating_sub(PAIRS_SHOWN);
        rows.truncate(PAIRS_SHOWN);
        let (id, title, lead) = kind.words();
        Self {
            id,
            title,
            lead,
            field: sent("field", field),
            shown_field: sent("shown_field", field),
            flag: None,
            filter: None,
            rows,
            more,
            choices,
            given: sent("given", ""),
            gets: sent("gets", ""),
        }
    }

    fn flagged(mut self, kind: Kind, form: &Form, words: &'static str, stored: bool) -> Self {
        let is_again = Kind::of(form) == Some(kind) && form.text("do").as_deref() == Some("config");
        let on = |name: &str| form.text(name).as_deref() == Some("on");
        let (is_on, was_on) = if is_again { (on("flag"), on("shown_flag")) } else { (stored, stored) };
        self.flag = Some((words, is_on, was_on));
        self
    }
}

pub(super) async fn of_organizations(call: &Call, actor: &Principal, form: &Form) -> Result<Section, Failure> {
    let sync = idp_sync::find_organization_sync(call.context(), actor).await?;
    let known = organizations::list(call.context(), actor).await?;
    let choices = known.iter().map(|place| (place.id.to_string(), shown_name(place))).collect();
    let section =
        Section::of::<OrganizationId>(Kind::Organizations, form, (&sync.field, sync.mapping.as_ref()), choices);
    Ok(section.flagged(Kind::Organizations, form, "Everybody belongs to the default organization", sync.assign_default))
}

pub(super) async fn of_groups(
    call: &Call,
    actor: &Principal,
    place: &OrganizationRef,
    form: &Form,
) -> Result<Section, Failure> {
    let sync = idp_sync::find_group_sync(call.context(), actor, place).await?;
    let page = Page { limit: Some(GROUPS_SHOWN), ..Page::default() };
    let choices = match groups::page(call.context(), actor, place, "", page).await {
        Ok(found) => {
            found.groups.iter().map(|(found, _)| (found.group.id.to_string(), found.group.name.to_string())).collect()
        }
        Err(Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let section = Section::of::<GroupId>(Kind::Groups, form, (&sync.field, sync.mapping.as_ref()), choices);
    let mut section = section.flagged(
        Kind::Groups,
        form,
        "Make groups that are named and not there",
        sync.auto_create_missing_groups,
    );
    let stored = sync.regex_filter.as_ref().map(|filter| filter.as_str().to_owned()).unwrap_or_default();
    let is_again = Kind::of(form) == Some(Kind::Groups);
    let sent = |name: &str| form.all(name).next().filter(|_| is_again).map_or_else(|| stored.clone(), str::to_owned);
    section.filter = Some((sent("filter"), sent("shown_filter")));
    Ok(section)
}

pub(super) async fn of_roles(
    call: &Call,
    actor: &Principal,
    place: &OrganizationRef,
    form: &Form,
) -> Result<Section, Failure> {
    let sync = idp_sync::find_role_sync(call.context(), actor, place).await?;
    let choices = match roles::list_organization(call.context(), actor, place).await {
        Ok(found) => {
            found.iter().map(|entry| (entry.role.name.name().to_owned(), entry.role.name.name().to_owned())).collect()
        }
        Err(Error::NotFound | Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(Section::of::<String>(Kind::Roles, form, (&sync.field, sync.mapping.as_ref()), choices))
}
