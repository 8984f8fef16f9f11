//! Lists in pages: what is searched for, how many there are, and where the list goes on.

use super::with_query;
use crate::kit::extract::query::StrictQuery;
use doorward_domain::page::Page;
use uuid::Uuid;

/// Rows of a page.
pub(super) const ROWS: u32 = 25;

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// What is searched for.
    pub(super) text: String,
    /// Only what comes after this one.
    after: Option<Uuid>,
}

impl Asked {
    /// Reads `q` and `after`.
    pub(super) fn read(query: &mut StrictQuery) -> Self {
        Self { text: query.text("q").unwrap_or_default(), after: query.parsed::<Uuid>("after", "UUID") }
    }

    /// The first page of what is found by a text.
    pub(super) const fn of(text: String) -> Self {
        Self { text, after: None }
    }

    /// Whether this is not the first page.
    pub(super) const fn is_later(&self) -> bool {
        self.after.is_some()
    }

    /// The page that is asked for.
    pub(super) const fn page(&self) -> Page {
        Page { limit: Some(ROWS), offset: 0, after_id: self.after }
    }

    /// The same and one more, for lists that do not tell how many come after the page.
    pub(super) const fn page_and_one(&self) -> Page {
        Page { limit: Some(ROWS + 1), ..self.page() }
    }

    /// Cuts off that one; answers whether there was one.
    pub(super) fn cut<T>(rows: &mut Vec<T>) -> bool {
        let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
        let is_more = rows.len() > most;
        rows.truncate(most);
        is_more
    }
}

/// What stands below a list.
#[derive(Clone, Debug)]
pub(crate) struct Pager {
    /// How many there are.
    pub(crate) summary: String,
    pub(crate) first: Option<String>,
    pub(crate) next: Option<String>,
}

/// How many a list has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    /// In all, and whether there are more than those of the page.
    All(u64, bool),
    /// From the first of the page on.
    FromHere(u64),
}

impl Pager {
    /// Below these ones, each of which is called `what`.
    pub(super) fn of(here: &str, asked: &Asked, ids: &[String], count: Count, what: &str) -> Self {
        let shown = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let is_later = asked.after.is_some();
        let (is_more, summary) = match count {
            Count::All(count, is_more) => (is_more, summary(shown, count, false, what)),
            Count::FromHere(count) => (shown < count, summary(shown, count, is_later, what)),
        };
        let next = ids.last().filter(|_| is_more);
        Self {
            summary,
            first: is_later.then(|| with_query(here, &[("q", &asked.text)])),
            next: next.map(|last| with_query(here, &[("q", &asked.text), ("after", last)])),
        }
    }

    /// Below rows from here on, whose pages are told by their addresses: the first, unless this is it, and the next.
    pub(super) fn at((first, next): (Option<String>, Option<String>), shown: usize, count: u64, what: &str) -> Self {
        let shown = u64::try_from(shown).unwrap_or(u64::MAX);
        let summary = summary(shown, count, first.is_some(), what);
        Self { summary, first, next: next.filter(|_| shown < count) }
    }

    /// The same where the number may be greater than was counted.
    pub(super) fn or_more(mut self, is_bounded: bool) -> Self {
        if is_bounded {
            self.summary.push_str(", or more");
        }
        self
    }
}

/// How many there are, in words.
fn summary(shown: u64, count: u64, is_later: bool, what: &str) -> String {
    let things = |count: u64| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    match (count, is_later) {
        (0, true) => format!("No more {what}s"),
        (0, false) => format!("No {what}s"),
        (count, true) if shown >= count => format!("The last {}", things(count)),
        (count, true) => format!("{shown} of the {} from here on", things(count)),
        (count, false) => things(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_fills_its_page_ends_there() {
        let page = |count: usize| {
            let mut ids: Vec<String> = (0..count).map(|id| id.to_string()).collect();
            let is_more = Asked::cut(&mut ids);
            Pager::of("/groups", &Asked::default(), &ids, Count::All(60, is_more), "group").next
        };
        assert_eq!(page(25), None);
        assert_eq!(page(26).as_deref(), Some("/groups?after=24"));
    }

    #[test]
    fn a_list_by_addresses_goes_on_while_there_are_more() {
        let links = |first: Option<&str>| (first.map(str::to_owned), Some("/x?after=b".to_owned()));
        let page = Pager::at(links(None), 2, 3, "session").or_more(true);
        assert_eq!((page.summary.as_str(), page.next.is_some()), ("3 sessions, or more", true));
        let last = Pager::at(links(Some("/x")), 2, 2, "session").or_more(false);
        assert_eq!((last.summary.as_str(), last.next), ("The last 2 sessions", None));
    }

    #[test]
    fn the_number_is_told_as_it_is() {
        assert_eq!(summary(0, 0, false, "user"), "No users");
        assert_eq!(summary(1, 1, false, "user"), "1 user");
        assert_eq!(summary(25, 60, false, "user"), "60 users");
        assert_eq!(summary(25, 35, true, "user"), "25 of the 35 users from here on");
        assert_eq!(summary(10, 10, true, "user"), "The last 10 users");
        assert_eq!(summary(0, 0, true, "user"), "No more users");
    }
}
