//! Tags of jobs that build from a version.

use crate::ids::UserId;
use crate::provisioners::{TagError, Tags};
use std::collections::BTreeMap;

/// Why a build has no tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagsDefect {
    /// What a tag is cannot be told here.
    #[error("the value of the workspace tag `{0}` is neither a text in quotes nor the value of a parameter")]
    Expression(String),
    /// They are not tags.
    #[error("{0}")]
    Tags(#[from] TagError),
}

/// The tags of a job that builds for `owner`: those of the import, and those that the source names for workspaces. Values of the latter are
/// expressions, of which two forms are understood: a text in quotes, and `data.coder_parameter.NAME.value`.
///
/// ```
/// use doorward_domain::{ids::UserId, provisioners::Tags, template_versions::workspace_tags};
/// use std::collections::BTreeMap;
/// let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>();
/// let named = map(&[("zone", "\"eu\""), ("size", "data.coder_parameter.size.value")]);
/// let tags = workspace_tags(&Tags::default(), &named, &map(&[("size", "big")]), UserId::NIL).unwrap();
/// assert_eq!((tags.get("zone"), tags.get("size"), tags.get("scope")), (Some("eu"), Some("big"), Some("organization")));
/// ```
pub fn workspace_tags(
    import: &Tags,
    named: &BTreeMap<String, String>,
    values: &BTreeMap<String, String>,
    owner: UserId,
) -> Result<Tags, TagsDefect> {
    let mut tags = import.all().clone();
    for (name, expression) in named {
        let text = expression.trim();
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|text| {
            // Nothing that would have to be worked out.
            !text.contains(['"', '\\']) && !text.contains("${") && !text.contains("%{")
        });
        let parameter = text.strip_prefix("data.coder_parameter.").and_then(|text| text.strip_suffix(".value"));
        let value = match (quoted, parameter) {
            (Some(quoted), _) => Some(quoted.to_owned()),
            (None, Some(parameter)) => values.get(parameter).cloned(),
            (None, None) => None,
        };
        tags.insert(name.clone(), value.ok_or_else(|| TagsDefect::Expression(name.clone()))?);
    }
    Ok(Tags::new(Tags::from_storage(tags).of_daemon(owner).all().clone())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_is_refused() {
        for expression in ["\"a${b}\"", "var.zone", "data.coder_parameter.gone.value", "\"", "", "\"a\" + \"b\""] {
            let named = BTreeMap::from([("zone".to_owned(), expression.to_owned())]);
            let refused = workspace_tags(&Tags::default(), &named, &BTreeMap::new(), UserId::NIL);
            assert_eq!(refused, Err(TagsDefect::Expression("zone".to_owned())), "{expression}");
        }
    }
}
