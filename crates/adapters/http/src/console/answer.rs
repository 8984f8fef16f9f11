//! Answers about access, in words with links.

use super::path;
use crate::conventions::page::paths;
use doorward_domain::roles::{BuiltIn, Level, RoleName, Vote};
use doorward_services::authcheck::{
    AccessView, AskedView, Capable, Change, ChangeKind, Entry, Explained, Names, StepView,
};
use std::borrow::Cow;
use uuid::Uuid;

/// A piece of a sentence, which may lead somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// A path of this server, without the base.
    pub(crate) href: Option<String>,
}

/// A sentence.
pub(crate) type Words = Vec<Piece>;

fn plain(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), href: None }
}

fn link(text: &str, href: String) -> Piece {
    Piece { text: text.to_owned(), href: Some(href) }
}

/// What one level says.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// `yes`, `no` or `silent`.
    pub(crate) sign: &'static str,
    /// What the sign means, for those who do not see it.
    pub(crate) meaning: &'static str,
    pub(crate) title: Cow<'static, str>,
    pub(crate) words: Words,
    pub(crate) level: &'static str,
}

/// The words of one answer.
pub(crate) struct Teller<'a> {
    names: &'a Names,
    asked: &'a AskedView,
    username: &'a str,
}

impl<'a> Teller<'a> {
    pub(crate) const fn new(view: &'a AccessView, username: &'a str) -> Self {
        Self { names: &view.names, asked: &view.asked, username }
    }

    pub(crate) const fn of_others(names: &'a Names, asked: &'a AskedView) -> Self {
        Self { names, asked, username: "" }
    }

    /// The name of the organization that the question is about.
    fn place(&self) -> Option<&'a str> {
        self.asked.organization.as_ref().map(|(_, name)| name.as_str())
    }

    fn user(&self) -> Piece {
        link(self.username, path(paths::USER, &[self.username]))
    }

    fn organization(&self, id: &str) -> Cow<'a, str> {
        let known = self.names.organizations.get(id).map(String::as_str);
        known.map_or_else(|| Cow::Owned(id.to_owned()), Cow::Borrowed)
    }

    fn role(&self, name: &str, organization: Option<&str>) -> Piece {
        let id = match organization.and_then(|id| Uuid::parse_str(id).ok()) {
            Some(id) => RoleName::organization(name, id),
            None => RoleName::site(name),
        };
        let shown = BuiltIn::find(&id).map(BuiltIn::display_name).filter(|shown| !shown.is_empty());
        let is_listed = BuiltIn::find(&id).is_none_or(BuiltIn::listed);
        let text = shown.unwrap_or(name);
        if !is_listed {
            return plain(text);
        }
        match organization {
            Some(id) => link(text, path(paths::ROLE, &[&self.organization(id), name])),
            None => link(text, path(paths::SITE_ROLE, &[name])),
        }
    }

    fn group(&self, id: &str) -> Piece {
        let name = self.names.groups.get(id).map_or(id, String::as_str);
        match self.place() {
            Some(place) => link(name, path(paths::GROUP, &[place, name])),
            None => plain(name),
        }
    }

    /// The thing that the question is about: `the template base in acme`.
    pub(crate) fn object(&self) -> String {
        let kind = self.asked.resource_type.as_str().replace('_', " ");
        let thing = match &self.asked.thing {
            Some((_, name)) => format!("the {kind} {name}"),
            None => format!("any {kind}"),
        };
        match self.place() {
            Some(place) => format!("{thing} in {place}"),
            None => thing,
        }
    }

    /// Why the answer is as it is, in one sentence.
    pub(crate) fn because(&self, why: &Explained) -> Words {
        let mut words = Words::new();
        if let Some(entry) = &why.entry {
            words.extend(self.entry(entry));
            words.push(plain(if entry.is_group { " is on the access list." } else { " are on the access list." }));
            return words;
        }
        if why.roles.is_empty() {
            let text = match why.code {
                "nothing_allows" => "No role and no access list gives it.".to_owned(),
                "scope_silent" | "scope_denies" => "The scopes of the token do not permit it.".to_owned(),
                "not_member" => "It is theirs, but they are no member of its organization.".to_owned(),
                "suspended" => "The account is suspended.".to_owned(),
                _ => format!("{}.", why.text),
            };
            return vec![plain(text)];
        }
        words.push(plain(if why.allowed { "By " } else { "Denied by " }));
        words.extend(self.roles(&why.roles));
        words.push(plain(if why.code == "user_allows" { ", for it is theirs." } else { "." }));
        words
    }

    /// Roles, joined.
    fn roles(&self, roles: &[(String, Option<String>)]) -> Words {
        let mut words = Words::new();
        for (at, (name, organization)) in roles.iter().enumerate() {
            if at > 0 {
                words.push(plain(if at + 1 == roles.len() { " and " } else { ", " }));
            }
            words.push(self.role(name, organization.as_deref()));
        }
        words
    }

    fn entry(&self, entry: &Entry) -> Words {
        if !entry.is_group {
            return vec![plain("They themselves")];
        }
        let place = self.asked.organization.as_ref().map(|(id, _)| id.to_string());
        if place.as_ref() == Some(&entry.id) {
            return vec![plain(format!("Everyone in {}", self.place().unwrap_or_default()))];
        }
        vec![plain("The group "), self.group(&entry.id)]
    }

    /// What each level says.
    pub(crate) fn lines(&self, view: &AccessView, scopes: &str) -> Vec<Line> {
        view.steps.iter().map(|step| self.line(step, scopes)).collect()
    }

    fn line(&self, step: &StepView, scopes: &str) -> Line {
        let (sign, meaning) = match step.vote {
            Vote::Allow if step.heard => ("yes", "Allows"),
            Vote::Deny if step.heard => ("no", "Denies"),
            Vote::Silent if step.level == Level::Scope => ("no", "Does not permit"),
            Vote::Allow | Vote::Deny => ("silent", "Not asked"),
            Vote::Silent => ("silent", "Says nothing"),
        };
        let mut words = match step.level {
            Level::Scope => vec![plain(credential(step.vote, scopes))],
            Level::AccessList if step.entries.is_empty() => vec![plain("Nothing on an access list is for them.")],
            Level::AccessList => {
                let mut words = Words::new();
                for (at, entry) in step.entries.iter().enumerate() {
                    words.extend((at > 0).then(|| plain("; ")));
                    words.extend(self.entry(entry));
                }
                words.push(plain(match step.entries.as_slice() {
                    [only] if only.is_group => " is on the list.",
                    _ => " are on the list.",
                }));
                words
            }
            Level::Site | Level::Organization | Level::User if step.roles.is_empty() => vec![plain(self.silence(step))],
            Level::Site | Level::Organization | Level::User => {
                let mut words = self.roles(&step.roles);
                let one = step.roles.len() == 1;
                words.push(plain(match (step.vote, one) {
                    (Vote::Deny, true) => " denies it.",
                    (Vote::Deny, false) => " deny it.",
                    (_, true) => " allows it.",
                    (_, false) => " allow it.",
                }));
                words
            }
        };
        if !step.heard && step.vote != Vote::Silent {
            words.push(plain(" It is not asked, for it was decided before."));
        }
        Line { sign, meaning, title: self.title(step.level), words, level: level(step.level) }
    }

    fn title(&self, level: Level) -> Cow<'static, str> {
        match (level, self.place()) {
            (Level::Scope, _) => "Credential".into(),
            (Level::Site, _) => "Site roles".into(),
            (Level::Organization, Some(place)) => format!("Roles in {place}").into(),
            (Level::Organization, None) => "Organization roles".into(),
            (Level::User, _) => "What they own".into(),
            (Level::AccessList, _) => "Access lists".into(),
        }
    }

    fn silence(&self, step: &StepView) -> &'static str {
        match (step.level, self.asked.organization.is_some(), self.asked.owner.is_some()) {
            (Level::Organization, false, _) => "It is in no organization.",
            (Level::Organization, true, _) => "No role there says anything about it.",
            (Level::User, _, false) => "It belongs to nobody in particular.",
            (Level::User, _, true) => "It belongs to somebody else, or no role gives it on what is theirs.",
            (Level::Scope | Level::Site | Level::AccessList, _, _) => "No site role says anything about it.",
        }
    }

    /// A change, as something to do.
    pub(crate) fn change(&self, change: &Change) -> Words {
        let place = change.organization.map(|id| self.organization(&id.to_string()).into_owned());
        let place = place.or_else(|| self.place().map(str::to_owned)).unwrap_or_default();
        let role = || {
            let (name, shown) = change.role.clone().unwrap_or_default();
            let id = change.organization.map(|id| id.to_string());
            Piece { text: shown, ..self.role(&name, id.as_deref()) }
        };
        let group = || self.group(&change.group.map(|id| id.to_string()).unwrap_or_default());
        let groups_there = || link(&place, path(paths::GROUPS, &[&place]));
        if change.member_first {
            let mut words =
                vec![plain("Make "), self.user(), plain(" a member of "), groups_there(), plain(". Then: ")];
            words.extend(self.change(&Change { member_first: false, ..change.clone() }));
            return words;
        }
        match change.kind {
            ChangeKind::Activate => vec![plain("Activate "), self.user()],
            ChangeKind::Suspend => {
                vec![plain("Every user may do this: suspend "), self.user(), plain(", or change nothing")]
            }
            ChangeKind::AddScope => {
                vec![plain(format!("Ask for the scope {}", change.scope.as_deref().unwrap_or_default()))]
            }
            ChangeKind::GiveSiteRole => vec![plain("Give "), self.user(), plain(" the site role "), role()],
            ChangeKind::TakeSiteRole => vec![plain("Take the site role "), role(), plain(" from "), self.user()],
            ChangeKind::AddMember => vec![plain("Make "), self.user(), plain(" a member of "), groups_there()],
            ChangeKind::RemoveMember => vec![plain("Remove "), self.user(), plain(" from "), groups_there()],
            ChangeKind::GiveOrganizationRole => {
                vec![plain("Give "), self.user(), plain(" the role "), role(), plain(format!(" in {place}"))]
            }
            ChangeKind::TakeOrganizationRole => {
                vec![plain("Take the role "), role(), plain(format!(" in {place} from ")), self.user()]
            }
            ChangeKind::TakeDefaultRole => {
                vec![plain("Take the role "), role(), plain(format!(" from all members of {place}"))]
            }
            ChangeKind::AddToGroup => vec![plain("Add "), self.user(), plain(" to the group "), group()],
            ChangeKind::RemoveFromGroup => {
                vec![
                    plain("Remove "),
                    self.user(),
                    plain(" from the group "),
                    group(),
                    plain(", or the group from the access list"),
                ]
            }
            ChangeKind::AddToList => {
                vec![plain("Put "), self.user(), plain(format!(" on the access list of {}", self.object()))]
            }
            ChangeKind::RemoveFromList => {
                vec![plain("Take "), self.user(), plain(format!(" off the access list of {}", self.object()))]
            }
            ChangeKind::RemoveEveryone => {
                vec![plain(format!("Take everyone of {place} off the access list of {}", self.object()))]
            }
        }
    }

    /// Somebody else who can, and why.
    pub(crate) fn capable(&self, capable: &Capable) -> Words {
        let name = capable.user.username.as_str();
        let mut words = vec![link(name, path(paths::USER, &[name])), plain(": ")];
        let because = self.because(&capable.why);
        words.extend(because);
        words
    }
}

fn credential(vote: Vote, scopes: &str) -> String {
    match (scopes.is_empty(), vote) {
        (true, _) => "A session may do all that its user may.".to_owned(),
        (false, Vote::Allow) => format!("A token with {scopes} may do this."),
        (false, _) => format!("A token with {scopes} may not do this."),
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Scope => "scope",
        Level::Site => "site",
        Level::Organization => "organization",
        Level::User => "own",
        Level::AccessList => "access list",
    }
}
