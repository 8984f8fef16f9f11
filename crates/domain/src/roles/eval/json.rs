//! JSON as written: keys in order, none twice, and a path to every value.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::EvalError;

#[derive(Debug, Default)]
pub(super) enum Node {
    #[default]
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

static NULL: Node = Node::Null;

pub(super) fn parse(text: &str) -> Result<Node, EvalError> {
    serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        // The position is told apart from the message.
        let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
        EvalError { place: String::new(), position: Some((error.line(), error.column())), message }
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Number)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Number)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Number)
            }

            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
                let mut map: Vec<(String, Node)> = Vec::new();
                let mut keys = std::collections::HashSet::new();
                while let Some((key, value)) = entries.next_entry::<String, Node>()? {
                    if !keys.insert(key.clone()) {
                        return Err(A::Error::custom(format_args!("key `{key}` stands twice")));
                    }
                    map.push((key, value));
                }
                Ok(Node::Map(map))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// A value (`'n`: as long as the tree) and the way to it. The path is written out only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) struct At<'p, 'n> {
    node: &'n Node,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Key(&'p At<'p, 'p>, &'p str),
    Index(&'p At<'p, 'p>, usize),
}

impl<'n> At<'_, 'n> {
    pub(super) const fn root(node: &'n Node) -> Self {
        Self { node, step: Step::Root }
    }

    fn path(&self) -> String {
        match self.step {
            Step::Root => String::new(),
            Step::Index(parent, index) => format!("{}[{index}]", parent.path()),
            Step::Key(parent, key) => {
                let path = parent.path();
                let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
                match (plain, path.is_empty()) {
                    (false, _) => format!("{path}[{key:?}]"),
                    (true, true) => key.to_owned(),
                    (true, false) => format!("{path}.{key}"),
                }
            }
        }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> EvalError {
        EvalError { place: self.path(), position: None, message: message.into() }
    }

    fn expected(&self, what: &str) -> EvalError {
        let found = match self.node {
            Node::Null => "nothing",
            Node::Bool(_) => "a boolean",
            Node::Number => "a number",
            Node::Text(_) => "a string",
            Node::List(_) => "an array",
            Node::Map(_) => "an object",
        };
        self.error(format!("expected {what}, found {found}"))
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self.node, Node::Null)
    }

    pub(super) fn text(&self) -> Result<&'n str, EvalError> {
        if let Node::Text(text) = self.node { Ok(text) } else { Err(self.expected("a string")) }
    }

    /// Text that may be left out.
    pub(super) fn text_or_empty(&self) -> Result<&'n str, EvalError> {
        if self.is_null() { Ok("") } else { self.text() }
    }

    /// A boolean that may be left out.
    pub(super) fn flag(&self) -> Result<bool, EvalError> {
        match self.node {
            Node::Null => Ok(false),
            Node::Bool(value) => Ok(*value),
            Node::Number | Node::Text(_) | Node::List(_) | Node::Map(_) => Err(self.expected("a boolean")),
        }
    }

    /// A list that may be left out.
    pub(super) fn list<T>(&self, read: impl FnMut(&At<'_, 'n>) -> Result<T, EvalError>) -> Result<Vec<T>, EvalError> {
        if self.is_null() { Ok(Vec::new()) } else { self.required_list(read) }
    }

    pub(super) fn required_list<T>(
        &self,
        mut read: impl FnMut(&At<'_, 'n>) -> Result<T, EvalError>,
    ) -> Result<Vec<T>, EvalError> {
        let Node::List(items) = self.node else { return Err(self.expected("an array")) };
        let items = items.iter().enumerate();
        items.map(|(index, node)| read(&At { node, step: Step::Index(self, index) })).collect()
    }

    /// A map with free keys that may be left out.
    pub(super) fn entries<T>(
        &self,
        mut read: impl FnMut(&'n str, &At<'_, 'n>) -> Result<T, EvalError>,
    ) -> Result<Vec<T>, EvalError> {
        match self.node {
            Node::Null => Ok(Vec::new()),
            Node::Map(entries) => {
                entries.iter().map(|(key, node)| read(key, &At { node, step: Step::Key(self, key) })).collect()
            }
            Node::Bool(_) | Node::Number | Node::Text(_) | Node::List(_) => Err(self.expected("an object")),
        }
    }

    /// The values of the keys of an object; null for a key that is left out. Any other key is an error.
    pub(super) fn fields<'s, const N: usize>(&'s self, keys: [&'s str; N]) -> Result<[At<'s, 'n>; N], EvalError> {
        let Node::Map(entries) = self.node else { return Err(self.expected("an object")) };
        if let Some((key, node)) = entries.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
            let at = At { node, step: Step::Key(self, key) };
            return Err(at.error(format!("unknown key `{key}`, expected one of {}", keys.join(", "))));
        }
        Ok(keys.map(|key| {
            let node = entries.iter().find_map(|(known, node)| (known == key).then_some(node));
            At { node: node.unwrap_or(&NULL), step: Step::Key(self, key) }
        }))
    }
}
