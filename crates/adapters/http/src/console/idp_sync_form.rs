//! What the forms about identity providers ask for.

use super::form::says_nothing;
use crate::kit::call::Call;
use crate::kit::extract::form::Form;
use doorward_domain::idp_sync::{Filter, MappingChange, Pair, SyncClaims};
use doorward_domain::organizations::Organization;
use doorward_services::idp_sync::{self, DryRun, DryRunResult, Trial};
use doorward_services::organizations::OrganizationRef;
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde_json::{Map, Value};
use std::str::FromStr;

/// What follows a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Organizations,
    Groups,
    Roles,
}

impl Kind {
    /// What the form is about.
    pub(super) fn of(form: &Form) -> Option<Self> {
        match form.text("kind")?.as_str() {
            "organizations" => Some(Self::Organizations),
            "groups" => Some(Self::Groups),
            "roles" => Some(Self::Roles),
            _ => None,
        }
    }

    /// Its word, its title, and what is said of it.
    pub(super) const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Organizations => (
                "organizations",
                "Organizations",
                "At each sign-in people become members of what the claim says, and of nothing else.",
            ),
            Self::Groups => (
                "groups",
                "Groups",
                "At each sign-in people come into the groups that the claim says, and leave the others here. A value without a row is the name of a group.",
            ),
            Self::Roles => (
                "roles",
                "Roles",
                "At each sign-in people get the roles that the claim says, and lose the others here. A value without a row is the name of a role.",
            ),
        }
    }
}

/// Changes what the form asks for; answers what is done.
pub(super) async fn act(
    call: &Call,
    actor: &Principal,
    place: Option<&Organization>,
    form: &Form,
) -> Result<&'static str, Error> {
    let kind = Kind::of(form).ok_or_else(says_nothing)?;
    let reference = place.map(|place| OrganizationRef::Id(place.id));
    match (kind, &reference) {
        (Kind::Organizations, None) => organizations(call, actor, form).await,
        (Kind::Groups, Some(place)) => groups(call, actor, place, form).await,
        (Kind::Roles, Some(place)) => roles(call, actor, place, form).await,
        (Kind::Organizations, Some(_)) | (Kind::Groups | Kind::Roles, None) => Err(says_nothing()),
    }
}

async fn organizations(call: &Call, actor: &Principal, form: &Form) -> Result<&'static str, Error> {
    let ctx = call.context();
    if form.text("do").as_deref() == Some("config") {
        let stored = idp_sync::find_organization_sync(ctx, actor).await?;
        let config = Config::read(form, (&stored.field, stored.assign_default, ""))?;
        idp_sync::configure_organization_sync(ctx, actor, config.field, config.flag).await?;
        return Ok("saved");
    }
    let (change, done) = mapped(form)?;
    idp_sync::map_organization_sync(ctx, actor, change).await?;
    Ok(done)
}

async fn groups(call: &Call, actor: &Principal, place: &OrganizationRef, form: &Form) -> Result<&'static str, Error> {
    let ctx = call.context();
    if form.text("do").as_deref() == Some("config") {
        let stored = idp_sync::find_group_sync(ctx, actor, place).await?;
        let filter = stored.regex_filter.as_ref().map(Filter::as_str).unwrap_or_default();
        let config = Config::read(form, (&stored.field, stored.auto_create_missing_groups, filter))?;
        let filter = Some(config.filter).filter(|text| !text.is_empty());
        let filter = filter.map(|text| text.parse::<Filter>()).transpose();
        let filter = filter.map_err(|error| Error::invalid_field("regex_filter", error.to_string()))?;
        idp_sync::configure_group_sync(ctx, actor, place, (config.field, filter, config.flag)).await?;
        return Ok("saved");
    }
    let (change, done) = mapped(form)?;
    idp_sync::map_group_sync(ctx, actor, place, change).await?;
    Ok(done)
}

async fn roles(call: &Call, actor: &Principal, place: &OrganizationRef, form: &Form) -> Result<&'static str, Error> {
    let ctx = call.context();
    if form.text("do").as_deref() == Some("config") {
        let stored = idp_sync::find_role_sync(ctx, actor, place).await?;
        let config = Config::read(form, (&stored.field, false, ""))?;
        idp_sync::configure_role_sync(ctx, actor, place, config.field).await?;
        return Ok("saved");
    }
    let (change, done) = mapped(form)?;
    idp_sync::map_role_sync(ctx, actor, place, change).await?;
    Ok(done)
}

/// The claim and what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Config {
    field: String,
    flag: bool,
    filter: String,
}

impl Config {
    /// What somebody chose who was shown what is stored; if that is something else by now, nothing is done.
    fn read(form: &Form, (field, flag, filter): (&str, bool, &str)) -> Result<Self, Error> {
        let text = |name: &str, stored: &str| form.all(name).next().unwrap_or(stored).to_owned();
        let on = |name: &str| form.text(name).as_deref() == Some("on");
        let is_same =
            text("shown_field", field) == field && text("shown_filter", filter) == filter && on("shown_flag") == flag;
        if !is_same {
            return Err(Error::WrongState("This has been changed meanwhile, so nothing was done.".to_owned()));
        }
        Ok(Self { field: text("field", field).trim().to_owned(), flag: on("flag"), filter: text("filter", filter) })
    }
}

/// The pair that the form adds or removes, and the word for it.
fn mapped<T: FromStr + Clone>(form: &Form) -> Result<(MappingChange<T>, &'static str), Error> {
    let text = |name: &str| form.text(name).unwrap_or_default();
    let is_added = match text("do").as_str() {
        "add" => true,
        "remove" => false,
        _ => return Err(says_nothing()),
    };
    let given = text("given");
    if given.is_empty() && is_added {
        return Err(Error::invalid_field("given", "Name a value of the claim."));
    }
    if is_added && text("gets").is_empty() {
        return Err(Error::invalid_field("gets", "Say what the value gives."));
    }
    let unreadable = |_unreadable| Error::invalid_field("gets", "What the value gives is not to be read.");
    let pair = Pair { given, gets: text("gets").parse::<T>().map_err(unreadable)? };
    let (add, remove) = if is_added { (vec![pair], Vec::new()) } else { (Vec::new(), vec![pair]) };
    Ok((MappingChange { add, remove }, if is_added { "added" } else { "removed" }))
}

/// Says what a sign-in would change.
pub(super) async fn try_out(call: &Call, actor: &Principal, form: &Form) -> Result<DryRunResult, Error> {
    let claims = form.text("claims").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let claims = claims.map(|text| serde_json::from_str::<Map<String, Value>>(&text)).transpose();
    let claims =
        claims.map_err(|error| Error::invalid_field("claims", format!("The claims are no JSON object: {error}")))?;
    let user = form.text("user").map(|name| UserRef::parse(name.trim()));
    let trial = DryRun { claims: claims.map(SyncClaims::new), user, settings: Trial::default() };
    idp_sync::dry_run(call.context(), actor, trial).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_changed_meanwhile_is_not_changed_back() {
        let stored = ("groups", true, "^a");
        let read = |text: &str| Config::read(&form(text), stored);
        let same = read("field=+teams+&shown_field=groups&shown_flag=on&shown_filter=%5Ea&filter=").unwrap();
        assert_eq!(same, Config { field: "teams".into(), flag: false, filter: String::new() });
        for text in ["shown_field=roles&shown_flag=on", "shown_field=groups", "shown_flag=on&shown_filter=b"] {
            assert!(matches!(read(text), Err(Error::WrongState(_))), "{text}");
        }
    }

    #[test]
    fn a_pair_is_read_or_it_is_said_what_it_lacks() {
        let read = |text: &str| mapped::<uuid::Uuid>(&form(text));
        let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let (change, done) = read(&format!("do=add&given=a&gets={id}")).unwrap();
        assert_eq!((change.add.len(), change.remove.len(), done), (1, 0, "added"));
        assert_eq!(read(&format!("do=remove&given=&gets={id}")).unwrap().1, "removed");
        for text in ["do=add&given=&gets=x", "do=add&given=a", "do=add&given=a&gets=x", "do=fly", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
