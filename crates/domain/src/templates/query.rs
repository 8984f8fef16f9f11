//! The search language of template lists.

use crate::ids::OrganizationId;
use crate::users::QueryError;
use crate::users::query::{each_term, once, repeated, unknown};

/// What a list of templates is narrowed to; `None` and empty narrow nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Of this organization.
    pub organization: Option<OrganizationId>,
    /// Of exactly this name, without regard to letter case.
    pub exact_name: Option<String>,
    /// With this in the name, lower case.
    pub name: String,
    /// Deprecated ones only, or all others only.
    pub deprecated: Option<bool>,
}

/// A query as it was written: the organization is still a name or an id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateQuery {
    /// The organization as it was named.
    pub organization: Option<String>,
    /// All the rest.
    pub filter: TemplateFilter,
}

/// Reads the query text of a template list: `organization:`, `exact_name:`, `name:` (or a bare word), `deprecated:`.
/// Every term that cannot be understood is reported.
pub fn parse_template_query(text: &str) -> Result<TemplateQuery, Vec<QueryError>> {
    let mut query = TemplateQuery::default();
    let errors = each_term(text, "name", |key, value| {
        match key {
            "organization" => once(key, &mut query.organization, value.to_owned())?,
            "exact_name" => once(key, &mut query.filter.exact_name, value.to_owned())?,
            "name" if query.filter.name.is_empty() => value.clone_into(&mut query.filter.name),
            "name" => return Err(repeated(key)),
            "deprecated" => once(key, &mut query.filter.deprecated, truth(key, value)?)?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    });
    if errors.is_empty() { Ok(query) } else { Err(errors) }
}

fn truth(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(format!("Query param `{key}` must be a valid boolean: `{value}` is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_narrow_and_free_words_are_a_part_of_the_name() {
        let query = parse_template_query("Dev box organization:Acme deprecated:false").unwrap();
        assert_eq!(query.organization.as_deref(), Some("acme"));
        assert_eq!((query.filter.name.as_str(), query.filter.deprecated), ("dev box", Some(false)));
        assert_eq!(parse_template_query("exact_name:a").unwrap().filter.exact_name.as_deref(), Some("a"));
        assert_eq!(parse_template_query("").unwrap(), TemplateQuery::default());
    }

    #[test]
    fn every_bad_term_is_reported() {
        let errors = parse_template_query("author:me a:b:c x: deprecated:maybe name:a name:b").unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["author", "q", "q", "deprecated", "name"]);
    }
}
