//! The grammar of filters and paths (RFC 7644 figures 1 and 7).
//!
//! More lenient than the grammar where nothing else could be meant: several spaces, spaces within parentheses, `not(`,
//! and `TRUE`.

use super::{DEPTH_MAX, FILTER_MAX, Filter, FilterError, Literal, Operator, TERMS_MAX};
use crate::scim::attribute_path::{AttributePath, is_name, is_path_character};
use crate::scim::patch::PatchPath;
use std::str::FromStr;
use winnow::ModalResult;
use winnow::Parser;
use winnow::ascii::{Caseless, alpha1, space0, space1};
use winnow::combinator::{alt, delimited, eof, opt, peek, repeat, separated, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::token::{any, one_of, take_till, take_while};

/// What was expected, and how many bytes were left.
#[derive(Debug)]
struct Missed {
    left: usize,
    expected: &'static str,
}

impl ParserError<&str> for Missed {
    type Inner = Self;

    fn from_input(input: &&str) -> Self {
        Self { left: input.len(), expected: "something else" }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}

type Parsed<T> = ModalResult<T, Missed>;

/// Where in a filter the parser is.
#[derive(Clone, Copy)]
struct Level {
    /// How many parentheses and brackets are open.
    depth: usize,
    /// Within brackets, where no others may open.
    in_values: bool,
}

impl Level {
    const TOP: Self = Self { depth: 0, in_values: false };

    fn deeper(self, input: &str, in_values: bool) -> Parsed<Self> {
        if self.depth == DEPTH_MAX {
            return missed(input, "at most 32 levels of parentheses");
        }
        Ok(Self { depth: self.depth + 1, in_values: self.in_values || in_values })
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        whole(text, |input: &mut &str| {
            let filter = delimited(space0, |i: &mut _| alternatives(i, Level::TOP), space0).parse_next(input)?;
            ended(input, "`and`, `or` or the end")?;
            Ok(filter)
        })
    }
}

impl FromStr for PatchPath {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        whole(text, |input: &mut &str| {
            let path = delimited(space0, patch_path, space0).parse_next(input)?;
            ended(input, "the end of the path")?;
            Ok(path)
        })
    }
}

/// Parses all of a text within the limits.
fn whole<T: Terms>(text: &str, parser: impl FnOnce(&mut &str) -> Parsed<T>) -> Result<T, FilterError> {
    if text.len() > FILTER_MAX {
        return Err(FilterError::TooLong);
    }
    let mut input = text;
    match parser(&mut input) {
        Ok(parsed) if parsed.terms() > TERMS_MAX => Err(FilterError::TooManyTerms),
        Ok(parsed) => Ok(parsed),
        Err(error) => {
            let missed = error.into_inner().ok();
            let (left, expected) = missed.map_or((input.len(), "something else"), |m| (m.left, m.expected));
            let (before, rest) = text.split_at_checked(text.len() - left).unwrap_or((text, ""));
            let beginning: String = rest.chars().take(20).collect();
            let found = if rest.is_empty() { "the end".to_owned() } else { format!("`{beginning}`") };
            Err(FilterError::Syntax { position: before.chars().count() + 1, expected, found })
        }
    }
}

trait Terms {
    fn terms(&self) -> usize;
}

impl Terms for Filter {
    fn terms(&self) -> usize {
        Self::terms(self)
    }
}

impl Terms for PatchPath {
    fn terms(&self) -> usize {
        match self {
            Self::Attribute(_) => 0,
            Self::Values { filter, .. } => filter.terms(),
        }
    }
}

fn missed<T>(input: &str, expected: &'static str) -> Parsed<T> {
    Err(ErrMode::Cut(Missed { left: input.len(), expected }))
}

fn ended(input: &str, expected: &'static str) -> Parsed<()> {
    if input.is_empty() { Ok(()) } else { missed(input, expected) }
}

/// `a or b or c`.
fn alternatives(input: &mut &str, level: Level) -> Parsed<Filter> {
    let all: Vec<Filter> = separated(1.., |i: &mut _| conjunction(i, level), joint("or")).parse_next(input)?;
    Ok(several(all, Filter::Or))
}

/// `a and b and c`, which binds closer than `or`.
fn conjunction(input: &mut &str, level: Level) -> Parsed<Filter> {
    let all: Vec<Filter> = separated(1.., |i: &mut _| term(i, level), joint("and")).parse_next(input)?;
    Ok(several(all, Filter::And))
}

fn several(mut filters: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(only) if filters.is_empty() => only,
        Some(last) => {
            filters.push(last);
            join(filters)
        }
        None => join(filters),
    }
}

/// A word between two filters.
fn joint<'i>(word: &'static str) -> impl Parser<&'i str, (), ErrMode<Missed>> {
    let end = alt((one_of([' ', '(']).void(), eof.void()));
    delimited(space0, terminated(Caseless(word), peek(end)), space0).void()
}

fn term(input: &mut &str, level: Level) -> Parsed<Filter> {
    let negated = opt((Caseless("not"), space0, peek('('))).parse_next(input)?.is_some();
    if opt('(').parse_next(input)?.is_none() {
        return attribute(input, level);
    }
    let inner = level.deeper(input, false)?;
    let filter = delimited(space0, |i: &mut _| alternatives(i, inner), space0).parse_next(input)?;
    if opt(')').parse_next(input)?.is_none() {
        return missed(input, "`and`, `or` or `)`");
    }
    Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
}

/// A test of an attribute, or of its values.
fn attribute(input: &mut &str, level: Level) -> Parsed<Filter> {
    let path = attribute_path(input)?;
    if level.in_values || !input.starts_with('[') {
        return test(input, path);
    }
    let filter = bracketed(input, level)?;
    let filter = match sub_attribute(input)? {
        None => filter,
        Some(sub) => Filter::And(vec![filter, test(input, AttributePath::of(sub))?]),
    };
    Ok(Filter::Values { path, filter: Box::new(filter) })
}

/// `[type eq "work"]`.
fn bracketed(input: &mut &str, level: Level) -> Parsed<Filter> {
    let inner = level.deeper(input, true)?;
    let filter = delimited(('[', space0), |i: &mut _| alternatives(i, inner), space0).parse_next(input)?;
    if opt(']').parse_next(input)?.is_none() {
        return missed(input, "`and`, `or` or `]`");
    }
    Ok(filter)
}

/// `.value`, behind brackets.
fn sub_attribute<'i>(input: &mut &'i str) -> Parsed<Option<&'i str>> {
    if opt('.').parse_next(input)?.is_none() {
        return Ok(None);
    }
    let start = *input;
    let name: &str = take_while(0.., is_path_character).parse_next(input)?;
    if is_name(name) { Ok(Some(name)) } else { missed(start, "the name of a sub-attribute") }
}

/// `pr`, or an operator and a value.
fn test(input: &mut &str, path: AttributePath) -> Parsed<Filter> {
    const OPERATORS: &str = "an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr)";
    let Some(_) = opt(space1).parse_next(input)? else { return missed(input, OPERATORS) };
    let start = *input;
    let word = opt(alpha1).parse_next(input)?.unwrap_or_default().to_ascii_lowercase();
    if word == "pr" {
        return Ok(Filter::Present(path));
    }
    let Ok(operator) = word.parse::<Operator>() else { return missed(start, OPERATORS) };
    let Some(_) = opt(space1).parse_next(input)? else { return missed(input, "a space and a value") };
    Ok(Filter::Compare { path, operator, value: literal(input)? })
}

fn literal(input: &mut &str) -> Parsed<Literal> {
    const VALUES: &str = "a value (text in double quotes, a number, true, false or null)";
    let start = *input;
    if start.starts_with('"') {
        let part = alt((take_till(1.., ['"', '\\']).void(), ('\\', any).void()));
        let quoted = opt(('"', repeat::<_, _, (), _, _>(0.., part), '"').take()).parse_next(input)?;
        let text = quoted.and_then(|quoted: &str| serde_json::from_str::<String>(quoted).ok());
        return match text {
            // No text that is stored has one, and PostgreSQL cannot even be asked for it.
            Some(text) if text.contains('\0') => missed(start, "text without NUL"),
            Some(text) => Ok(Literal::Text(text)),
            None => missed(start, "text in double quotes with the escapes of JSON"),
        };
    }
    let word = take_while(0.., |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c)).parse_next(input)?;
    match word.to_ascii_lowercase().as_str() {
        "true" => Ok(Literal::Boolean(true)),
        "false" => Ok(Literal::Boolean(false)),
        "null" => Ok(Literal::Null),
        _ => serde_json::from_str(word).map_or_else(|_| missed(start, VALUES), |number| Ok(Literal::Number(number))),
    }
}

fn attribute_path(input: &mut &str) -> Parsed<AttributePath> {
    let start = *input;
    let text = take_while(0.., is_path_character).parse_next(input)?;
    text.parse().or_else(|_| missed(start, "the path of an attribute"))
}

fn patch_path(input: &mut &str) -> Parsed<PatchPath> {
    let attribute = attribute_path(input)?;
    if !input.starts_with('[') {
        return Ok(PatchPath::Attribute(attribute));
    }
    if attribute.sub.is_some() {
        return missed(input, "no brackets behind a sub-attribute");
    }
    let filter = bracketed(input, Level::TOP)?;
    let sub = sub_attribute(input)?.map(str::to_owned);
    Ok(PatchPath::Values { attribute, filter, sub })
}
