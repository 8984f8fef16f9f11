//! Regular expressions that values of a claim must match.

use super::FILTER_MAX;
use quick_cache::sync::Cache;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// The expressions built so far. Building one takes as long as matching thousands of values, and each sign-in reads those of all
/// organizations anew. When there are too many, those that are seldom asked for go.
static BUILT: LazyLock<Cache<String, Regex>> = LazyLock::new(|| Cache::new(BUILT_MAX));

/// So many are kept, of one mebibyte at most each; typical ones take a hundredth of that.
const BUILT_MAX: usize = 128;

/// A regular expression that takes time in proportion to the text, whatever it is: it has no back-references and no look-around.
/// It is kept as it was written; an empty one lets everything pass.
///
/// ```
/// use doorward_domain::idp_sync::Filter;
/// let filter: Filter = "^eng-".parse().unwrap();
/// assert!(filter.passes("eng-backend") && !filter.passes("sales"));
/// assert!("(".parse::<Filter>().is_err() && r"(a)\1".parse::<Filter>().is_err());
/// assert!("(a{1000}){1000}".parse::<Filter>().is_err(), "it would take too much memory");
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter(Regex);

impl Filter {
    /// Whether it is found anywhere in the value.
    #[must_use]
    pub fn passes(&self, value: &str) -> bool {
        self.0.is_match(value)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Why a text is no filter, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_MAX {
            return Err(FilterError(format!("a regular expression has at most {FILTER_MAX} bytes")));
        }
        if let Some(built) = BUILT.get(text) {
            return Ok(Self(built));
        }
        let built = RegexBuilder::new(text).size_limit(1 << 20).dfa_size_limit(1 << 20).build();
        let built = built.map_err(|error| {
            // The last line says what is wrong; those before it point at the place.
            let told = error.to_string();
            let reason = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
            FilterError(format!("the regular expression cannot be read: {reason}"))
        })?;
        BUILT.insert(text.to_owned(), built.clone());
        Ok(Self(built))
    }
}

impl TryFrom<String> for Filter {
    type Error = FilterError;

    fn try_from(text: String) -> Result<Self, FilterError> {
        text.parse()
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.as_str().to_owned()
    }
}

/// As it was written.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Filter {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_stays_right() {
        for number in 0..=BUILT_MAX * 2 {
            let filter: Filter = format!("^kept-{number}$").parse().unwrap();
            assert!(filter.passes(&format!("kept-{number}")) && !filter.passes("kept-x"));
            assert!(BUILT.len() <= BUILT_MAX);
            assert!(number < BUILT_MAX || BUILT.len() > BUILT_MAX / 2, "those before are kept: {}", BUILT.len());
        }
        let again: Filter = "^kept-0$".parse().unwrap();
        assert!(again.passes("kept-0") && again.as_str() == "^kept-0$");
    }
}
