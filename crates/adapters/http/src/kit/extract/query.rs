//! Query strings (`identity.md` 1.5): every defect is found and reported at once.

use super::credential::ACCESS_TOKEN;
use super::form;
use crate::kit::error::Failure;
use actix_web::HttpRequest;
use doorward_domain::page::Page;
use doorward_domain::wire;
use doorward_services::{Error, FieldError};
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;
use uuid::Uuid;

/// Reads the parameters that an endpoint knows; whatever is left over is unknown.
///
/// ```ignore
/// let mut query = StrictQuery::new(&request);
/// let (q, page) = (query.text("q"), query.page());
/// query.done()?;
/// ```
#[must_use = "call `done` or `done_loosely`, or defects pass"]
pub(crate) struct StrictQuery {
    /// `None` for a value that is not UTF-8.
    pairs: Vec<(String, Option<String>)>,
    errors: Vec<FieldError>,
}

impl StrictQuery {
    pub(crate) fn new(request: &HttpRequest) -> Self {
        Self::of(request.query_string())
    }

    fn of(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = url::form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned());
            (name.unwrap_or_default(), form::decode(value.as_bytes()).ok())
        });
        // A credential may stand in any query.
        let pairs = pairs.filter(|(name, _)| name != wire::SESSION_COOKIE && name != ACCESS_TOKEN);
        Self { pairs: pairs.collect(), errors: Vec::new() }
    }

    /// The value of a parameter that may come once; empty is as good as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.pairs.extract_if(.., |(known, _)| known == name).map(|(_, value)| value);
        let first = values.next();
        let more = values.count();
        if more > 0 {
            self.refuse(name, format!("Query param {name:?} provided more than once, found {} times", more + 1));
        }
        if first.as_ref().is_some_and(Option::is_none) {
            self.refuse(name, format!("Query param {name:?} must be UTF-8"));
        }
        first.flatten().filter(|value| !value.is_empty())
    }

    /// A parameter of another type than text; `what` names the type in the error.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str, what: &str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, format!("Query param {name:?} must be a valid {what}: {error}"));
                None
            }
        }
    }

    /// A list of another type than text: separated by commas, and the parameter may come more than once. Without any value
    /// it is as good as absent.
    pub(crate) fn list<T: FromStr<Err: Display>>(&mut self, name: &'static str, what: &str) -> Option<Vec<T>> {
        let texts: Vec<Option<String>> =
            self.pairs.extract_if(.., |(known, _)| known == name).map(|(_, value)| value).collect();
        let mut values = Vec::new();
        for text in texts {
            let Some(text) = text else {
                self.refuse(name, format!("Query param {name:?} must be UTF-8"));
                continue;
            };
            for part in text.split(',').filter(|_| !text.is_empty()).map(str::trim) {
                match part.parse() {
                    Ok(value) => values.push(value),
                    Err(error) => {
                        let detail = format!("must be a valid {what}, each of them: `{part}` is none: {error}");
                        self.refuse(name, format!("Query param {name:?} {detail}"));
                    }
                }
            }
        }
        Some(values).filter(|values| !values.is_empty())
    }

    /// A yes or no, in any spelling that Go's `strconv.ParseBool` takes; absent is no.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.flag_or(name, false)
    }

    /// A yes or no as of [`flag`](Self::flag), with the meaning of its absence.
    pub(crate) fn flag_or(&mut self, name: &'static str, absent: bool) -> bool {
        self.said_flag(name).unwrap_or(absent)
    }

    /// A yes or no as of [`flag`](Self::flag); `None` when it is absent.
    pub(crate) fn said_flag(&mut self, name: &'static str) -> Option<bool> {
        Some(match self.text(name)?.as_str() {
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            other => {
                let detail = format!("Query param {name:?} must be a valid boolean: `{other}` is none");
                self.refuse(name, detail);
                false
            }
        })
    }

    /// `limit`, `offset` and `after_id` (`identity.md` 1.6).
    pub(crate) fn page(&mut self) -> Page {
        let after_id = self.parsed::<Uuid>("after_id", "UUID");
        let limit = self.count("limit").filter(|limit| *limit > 0);
        Page { limit, offset: self.count("offset").unwrap_or(0), after_id }
    }

    /// A number that is not negative.
    pub(crate) fn count(&mut self, name: &'static str) -> Option<u32> {
        let count = self.parsed::<i32>(name, "32-bit integer")?;
        u32::try_from(count)
            .map_err(|error| self.refuse(name, format!("Query param {name:?} must be >= 0: {error}")))
            .ok()
    }

    fn refuse(&mut self, name: impl Into<Cow<'static, str>>, detail: String) {
        self.errors.push(FieldError::new(name, detail));
    }

    /// Refuses the request if anything was wrong; what is left over is ignored.
    pub(crate) fn done_loosely(mut self) -> Result<(), Failure> {
        self.pairs.clear();
        self.done()
    }

    /// Refuses the request if anything was wrong or is left over: for endpoints that are marked "strict".
    pub(crate) fn done(mut self) -> Result<(), Failure> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            let detail = format!("{name:?} is not a valid query param");
            if self.errors.iter().all(|known| known.field != name) {
                self.refuse(name, detail);
            }
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Error::invalid_fields("Query parameters have invalid values.", self.errors).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, Page, bool, Vec<String>) {
        let mut query = StrictQuery::of(text);
        let read = (query.text("q"), query.page(), query.flag("all"));
        let fields = match query.done() {
            Ok(()) => Vec::new(),
            Err(Failure::Api(Error::Invalid { fields, .. })) => {
                fields.into_iter().map(|f| f.field.into_owned()).collect()
            }
            Err(other) => panic!("{other:?}"),
        };
        (read.0, read.1, read.2, fields)
    }

    #[test]
    fn values_are_read() {
        let id = Uuid::from_u128(7);
        let (q, page, all, errors) = read(&format!("q=a%20b+c&limit=10&offset=3&after_id={id}&all=true"));
        assert_eq!((q.as_deref(), all, errors.len()), (Some("a b c"), true, 0));
        assert_eq!(page, Page { limit: Some(10), offset: 3, after_id: Some(id) });
    }

    #[test]
    fn empty_is_absent_and_no_limit_is_no_limit() {
        assert_eq!(read("q=&limit=&offset=&after_id=&all="), (None, Page::default(), false, vec![]));
        assert_eq!(read("limit=0").1, Page::default());
    }

    #[test]
    fn credentials_are_no_parameters() {
        assert_eq!(read("coder_session_token=a&q=b&access_token=%FF&access_token=c").3, [""; 0]);
    }

    #[test]
    fn lists_are_separated_by_commas_and_may_be_repeated() {
        let read = |text: &str| {
            let mut query = StrictQuery::of(text);
            let ids = query.list::<Uuid>("id", "UUID");
            query.done().ok().map(|()| ids.map(|ids| ids.iter().map(Uuid::as_u128).collect::<Vec<_>>()))
        };
        let id = |n| Uuid::from_u128(n).to_string();
        assert_eq!(read(&format!("id={},%20{}&id={}&id=", id(3), id(1), id(2))), Some(Some(vec![3, 1, 2])));
        assert_eq!(read("id=&id="), Some(None));
        for bad in ["id=x".to_owned(), format!("id={},", id(1)), format!("id={}&id=%FF", id(1))] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn every_item_of_a_list_that_is_none_is_told() {
        let mut query = StrictQuery::of("id=x,7&id=%FF&id=y");
        query.list::<u8>("id", "number");
        let Err(Failure::Api(Error::Invalid { fields, .. })) = query.done() else { panic!() };
        let told: Vec<&str> = fields.iter().map(|field| field.detail.as_str()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("`x`") && told[1].contains("UTF-8") && told[2].contains("`y`"), "{told:?}");
    }

    #[test]
    fn what_is_unknown_may_be_ignored() {
        let loosely = |text: &str| {
            let mut query = StrictQuery::of(text);
            query.text("q");
            query.done_loosely().is_ok()
        };
        assert!(loosely("q=a&x=1&x=2&%FF=%FF"));
        assert!(!loosely("q=a&q=b") && !loosely("q=%FF"));
    }

    #[test]
    fn every_defect_is_reported() {
        for (text, fields) in [
            ("x=1&x=2&y=", &["x", "y"][..]),
            ("q=1&q=2", &["q"]),
            ("limit=-1", &["limit"]),
            ("limit=2147483648", &["limit"]),
            ("offset=1.5", &["offset"]),
            ("after_id=me", &["after_id"]),
            ("all=yes", &["all"]),
            ("limit=a&offset=b&after_id=c&all=d&e=f", &["after_id", "limit", "offset", "all", "e"]),
            ("LIMIT=1", &["LIMIT"]),
            ("q=%FF", &["q"]),
            ("q=a&q=%FF", &["q"]),
            ("%FF=1", &["\u{fffd}"]),
        ] {
            assert_eq!(read(text).3, fields, "{text}");
        }
    }
}
