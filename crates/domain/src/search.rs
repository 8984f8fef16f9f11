//! The search language of lists (`identity.md` 3.1, `enterprise-platform.md` 9.1): `key:value` terms and bare words,
//! separated by white space. Double quotes protect white space and colons; letter case does not matter.

/// Longest text of a search, in bytes.
pub(crate) const QUERY_MAX: usize = 16 * 1024;
/// How many values a term may list that names anything.
const LIST_MAX: usize = 100;

/// A term that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The key of the term, or `q`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A list that terms narrow.
pub(crate) trait Narrow: Default {
    /// The key for which bare words stand. They are taken as one, joined by spaces.
    const BARE: &'static str;

    /// Takes one term, or says what is wrong with it. Key and value are lower case.
    fn narrow(&mut self, key: &str, value: &str) -> Result<(), String>;
}

/// Reads the text of a search; every term that cannot be understood is reported.
pub(crate) fn parse<F: Narrow>(text: &str) -> Result<F, Vec<QueryError>> {
    let mut filter = F::default();
    let errors = each_term(text, F::BARE, |key, value| filter.narrow(key, value));
    if errors.is_empty() { Ok(filter) } else { Err(errors) }
}

/// Hands out each term, and the bare words as one with the key `bare`; every term that cannot be understood or is
/// refused is reported.
pub(crate) fn each_term(
    text: &str,
    bare: &'static str,
    mut narrow: impl FnMut(&str, &str) -> Result<(), String>,
) -> Vec<QueryError> {
    if let Err(error) = bounded(text) {
        return vec![error];
    }
    let mut errors = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let lower = text.to_lowercase();
    for term in split_quoted(&lower, char::is_whitespace) {
        let parts = split_quoted(&term, |c| c == ':');
        match parts.as_slice() {
            _ if term.starts_with(':') || term.ends_with(':') => errors.push(QueryError {
                field: "q".into(),
                detail: format!("Query element `{term}` cannot start or end with ':'"),
            }),
            [word] => words.push(unquote(word)),
            [key, value] => {
                if let Err(detail) = narrow(key, &unquote(value)) {
                    errors.push(QueryError { field: key.clone(), detail });
                }
            }
            _ => errors.push(QueryError {
                field: "q".into(),
                detail: format!("Query element `{term}` can only contain 1 ':'"),
            }),
        }
    }
    if !words.is_empty()
        && let Err(detail) = narrow(bare, &words.join(" "))
    {
        errors.push(QueryError { field: bare.into(), detail });
    }
    errors
}

/// The text of a search in which every character stands for itself, if it is not too long.
pub(crate) fn bounded(text: &str) -> Result<&str, QueryError> {
    if text.len() <= QUERY_MAX {
        return Ok(text);
    }
    Err(QueryError { field: "q".into(), detail: format!("must have at most {QUERY_MAX} bytes") })
}

/// Adds names to those that are looked for, each once. Every name is compared with every row.
pub(crate) fn add<'a>(key: &str, names: &mut Vec<String>, more: impl Iterator<Item = &'a str>) -> Result<(), String> {
    for name in more {
        if names.iter().any(|known| known == name) {
            continue;
        }
        if names.len() == LIST_MAX {
            return Err(format!("Query param `{key}` must have at most {LIST_MAX} values"));
        }
        names.push(name.to_owned());
    }
    Ok(())
}

/// A value that may be given once.
pub(crate) fn once<T>(key: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    if place.is_some() {
        return Err(repeated(key));
    }
    *place = Some(value);
    Ok(())
}

pub(crate) fn repeated(key: &str) -> String {
    format!("Query param `{key}` provided more than once")
}

pub(crate) fn unknown(key: &str) -> String {
    format!("\"{key}\" is not a valid query param")
}

/// Splits at separators that do not stand between double quotes; empty pieces are left out.
fn split_quoted(text: &str, is_separator: impl Fn(char) -> bool) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        if !quoted && is_separator(c) {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn unquote(text: &str) -> String {
    text.replace('"', "")
}
