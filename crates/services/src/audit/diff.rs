//! What changed.

use super::Audited;
use super::tracked::moment;
use doorward_domain::Instant;
use serde_json::{Map, Value, json};

/// Changed fields with their old and new values; those of secrets stay empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diff(Map<String, Value>);

impl Diff {
    /// A field whose value went from `old` to `new`; nothing when they are equal. What is null is left out.
    pub(crate) fn field(mut self, name: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let (old, new) = (old.into(), new.into());
        if old != new {
            let mut change = Map::new();
            let sides = [("old", old), ("new", new)].into_iter().filter(|(_, value)| !value.is_null());
            change.extend(sides.map(|(side, value)| (side.to_owned(), value)));
            change.insert("secret".to_owned(), Value::Bool(false));
            self.0.insert(name.to_owned(), Value::Object(change));
        }
        self
    }

    /// A secret that changed. What it was and is, nobody learns.
    pub(crate) fn secret(mut self, name: &str) -> Self {
        self.0.insert(name.to_owned(), json!({ "old": "", "new": "", "secret": true }));
        self
    }

    /// What makes the one the other.
    pub(crate) fn between<T: Audited>(old: &T, new: &T) -> Self {
        old.tracked().until(&new.tracked())
    }

    /// What makes nothing into this.
    pub(crate) fn created<T: Audited>(new: &T) -> Self {
        let new = new.tracked();
        new.zero().until(&new)
    }

    /// What makes this into nothing.
    pub(crate) fn deleted<T: Audited>(old: &T) -> Self {
        let old = old.tracked();
        old.until(&old.zero())
    }

    /// A point in time that went from `old` to `new`; `None` is when there was or will be nothing.
    pub(crate) fn moment(self, name: &'static str, old: Option<Instant>, new: Option<Instant>) -> Self {
        self.field(name, moment(old), moment(new))
    }

    /// Both; of a field that both have, what `other` says.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// As it is stored.
    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_holds_what_changed_and_no_secret() {
        let diff = Diff::default().field("a", 1, 1).field("b", "x", "y").secret("password").field("c", Value::Null, 2);
        assert_eq!(
            diff.into_json(),
            json!({
                "b": { "old": "x", "new": "y", "secret": false },
                "password": { "old": "", "new": "", "secret": true },
                "c": { "new": 2, "secret": false },
            })
        );
    }
}
