//! The order of lists, and their pages (RFC 7644 3.4.2.3 and 3.4.2.4).

use super::attribute_path::AttributePath;
use super::error::ScimError;
use super::filter::ordered;
use super::resource::Resource;
use super::schema::{Kind, ResourceType, Target};
use super::value::{has_value, preferred};
use crate::text_enum::text_enum;
use serde_json::Value;
use std::cmp::Ordering;

text_enum! {
    /// Which end of a list comes first.
    SortOrder {
        /// The least.
        Ascending = "ascending",
        /// The greatest.
        Descending = "descending",
    }
}

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The attribute; never complex. Of several values the primary one counts, or else the first.
    pub target: Target,
    /// Which end comes first.
    pub order: SortOrder,
}

impl Sort {
    /// Reads the parameters `sortBy` and `sortOrder`, which is ascending if it is not given.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`](super::ScimType::InvalidValue) if no schema knows the attribute, if it has parts of which none
    /// is named, or if the order is neither of both.
    pub fn read(kind: &'static ResourceType, by: &str, order: Option<&str>) -> Result<Self, ScimError> {
        let path = by.parse::<AttributePath>().map_err(|error| ScimError::value(format!("sortBy: {error}")))?;
        let Some(target) = kind.target(&path) else {
            return Err(ScimError::value(format!("sortBy: `{path}` is no attribute of {}", kind.name)));
        };
        let target = match target.attribute.sub_attribute("value") {
            Some(sub) if target.sub.is_none() => Target { sub: Some(sub), ..target },
            _ => target,
        };
        if target.leaf().kind == Kind::Complex {
            return Err(ScimError::value(format!("sortBy: `{target}` has parts, of which one must be named")));
        }
        let order = match order {
            None => SortOrder::Ascending,
            Some(order) => match order.to_ascii_lowercase().parse() {
                Ok(order) => order,
                Err(_) => return Err(ScimError::value("sortOrder: must be ascending or descending")),
            },
        };
        Ok(Self { target, order })
    }

    /// Which of two resources comes first. One without the attribute comes last in an ascending list, first in a descending
    /// one.
    #[must_use]
    pub fn compare(&self, one: &Resource, other: &Resource) -> Ordering {
        let ascending = match (self.key(one), self.key(other)) {
            (Some(one), Some(other)) => ordered(one, other, self.target.leaf()).unwrap_or(Ordering::Equal),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        match self.order {
            SortOrder::Ascending => ascending,
            SortOrder::Descending => ascending.reverse(),
        }
    }

    fn key<'r>(&self, resource: &'r Resource) -> Option<&'r Value> {
        let value = preferred(resource.find(self.target.extension, self.target.attribute.name)?)?;
        let value = match self.target.sub {
            None => value,
            Some(sub) => value.get(sub.name)?,
        };
        Some(value).filter(|value| has_value(value))
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The place of the first resource, counted from 1.
    pub start_index: u64,
    /// At most so many resources; 0 asks for their number alone.
    pub count: u32,
}

impl Paging {
    /// Reads the parameters `startIndex`, of which less than 1 is 1, and `count`, of which less than 0 is 0. At most `most`
    /// resources are shown, and so many if none are asked for.
    ///
    /// ```
    /// use doorward_domain::scim::Paging;
    /// assert_eq!(Paging::new(Some(-3), Some(1000), 200), Paging { start_index: 1, count: 200 });
    /// assert_eq!(Paging::new(None, Some(-1), 200).count, 0);
    /// ```
    #[must_use]
    pub fn new(start_index: Option<i64>, count: Option<i64>, most: u32) -> Self {
        let start_index = start_index.and_then(|index| u64::try_from(index).ok()).unwrap_or(1).max(1);
        let count = count.map_or(most, |count| u32::try_from(count.max(0)).unwrap_or(u32::MAX).min(most));
        Self { start_index, count }
    }

    /// How many resources are left out before the first.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.start_index.saturating_sub(1)
    }
}
