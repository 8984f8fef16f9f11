//! What a role gives, as a table of types and actions.

use doorward_domain::roles::{Action, Permission, ResourceType, ScopeName};
use doorward_services::roles::Granted;
use std::collections::BTreeSet;

/// One type.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// One cell for each action, in their order.
    pub(crate) cells: Vec<Cell>,
}

/// Whether an action on a type is given.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) action: &'static str,
    /// `template:read`, what a form sends.
    pub(crate) value: String,
    /// Whether there is such an action on this type.
    pub(crate) is_there: bool,
    pub(crate) is_given: bool,
    /// Whether it is taken, whatever else gives it.
    pub(crate) is_denied: bool,
}

/// A table, and where its permissions count.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    /// Name of its fields in a form, and part of its ids.
    pub(crate) field: &'static str,
    pub(crate) title: String,
    pub(crate) hint: &'static str,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
    /// How many pairs are given.
    pub(crate) given: usize,
    /// What is given and not in the table: names of no release that is known here.
    pub(crate) others: Vec<String>,
}

impl Matrix {
    /// The table of these permissions: with the rows that give something, or (`all`) with every row.
    pub(crate) fn of(
        field: &'static str,
        title: impl Into<String>,
        hint: &'static str,
        list: &[Permission],
        all: bool,
    ) -> Self {
        let (yes, no): (Vec<&Permission>, Vec<&Permission>) = list.iter().partition(|one| !one.negate);
        let says = |list: &[&Permission], resource: ResourceType, action: Action| {
            list.iter().any(|one| {
                let is_type = matches!(one.resource_name(), "*") || one.resource_name() == resource.as_str();
                is_type && (one.action_name() == "*" || one.action_name() == action.as_str())
            })
        };
        let cell = |resource: ResourceType, action: Action| {
            let is_there = resource.defines(action);
            let is_denied = is_there && says(&no, resource, action);
            Cell {
                action: action.as_str(),
                value: format!("{resource}:{action}"),
                is_there,
                is_given: is_there && !is_denied && says(&yes, resource, action),
                is_denied,
            }
        };
        let rows = ResourceType::ALL.map(|resource| Row {
            name: resource.as_str(),
            cells: Action::ALL.map(|action| cell(resource, action)).into(),
        });
        let is_shown = |row: &Row| all || row.cells.iter().any(|cell| cell.is_given || cell.is_denied);
        let mut rows: Vec<Row> = rows.into_iter().filter(is_shown).collect();
        // No column that is empty from top to bottom.
        let used: BTreeSet<&'static str> =
            rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.is_there).map(|cell| cell.action).collect();
        for row in &mut rows {
            row.cells.retain(|cell| used.contains(cell.action));
        }
        let known = |name: &str| ResourceType::parse(name).is_some() || name == "*";
        let others = list.iter().filter(|one| {
            !known(one.resource_name()) || (Action::parse(one.action_name()).is_none() && one.action_name() != "*")
        });
        Self {
            field,
            title: title.into(),
            hint,
            actions: Action::ALL.map(Action::as_str).into_iter().filter(|action| used.contains(action)).collect(),
            given: rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.is_given).count(),
            rows,
            others: others.map(ToString::to_string).collect(),
        }
    }
}

/// A permission as a form sends it: `template:read`.
pub(crate) fn parsed(text: &str) -> Permission {
    let (resource, action) = text.split_once(':').unwrap_or((text, ""));
    Permission::named(false, resource, action)
}

/// A permission in words: `template:read`, and what it lets somebody do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) name: String,
    pub(crate) words: String,
}

impl Said {
    pub(crate) fn of(granted: &Granted) -> Self {
        let name = granted.permission.to_string();
        let words =
            granted.permission.defined().map_or("", |(resource, action)| ScopeName::of(resource, action).describe());
        // These words speak to the holder of a token, of what is theirs.
        let words = words.replace(" your ", " ");
        let words = if granted.owned { format!("{words} (only their own)") } else { words };
        Self { name, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_what_is_given_what_is_denied_and_what_there_is_not() {
        let list = [
            parsed("template:read"),
            Permission::named(false, "group", "*"),
            Permission::named(true, "workspace", "create"),
        ];
        let table = Matrix::of("org", "Here", "", &list, false);
        let names: Vec<&str> = table.rows.iter().map(|row| row.name).collect();
        assert_eq!(names, ["group", "template", "workspace"]);
        assert_eq!(table.given, 5, "four of groups, one of templates");
        let cell =
            |row: usize, action: &str| table.rows[row].cells.iter().find(|cell| cell.action == action).unwrap().clone();
        assert!(cell(0, "delete").is_given && !cell(0, "use").is_there);
        assert!(cell(1, "read").is_given && !cell(1, "update").is_given && cell(1, "update").is_there);
        assert!(cell(2, "create").is_denied && !cell(2, "create").is_given);
        assert!(!table.actions.contains(&"assign"), "a column of nothing");
        assert!(table.rows.iter().all(|row| row.cells.len() == table.actions.len()));
        let all = Matrix::of("org", "Here", "", &list, true);
        assert_eq!((all.rows.len(), all.given), (ResourceType::COUNT, 5));
        let odd = Matrix::of("org", "Here", "", &[parsed("spaceship:fly")], false);
        assert_eq!((odd.rows.len(), odd.others), (0, vec!["spaceship:fly".to_owned()]));
    }

    #[test]
    fn a_permission_is_told_in_words() {
        let granted = Granted { owned: true, permission: parsed("template:read") };
        let said = Said::of(&granted);
        assert!(said.name == "template:read" && said.words.ends_with("(only their own)"), "{said:?}");
        assert_eq!(parsed("odd").to_string(), "odd:");
    }
}
