//! The groups of somebody at Microsoft Entra who is in more of them than a token has room for, as Microsoft Graph answers them. The
//! address in the token is never asked: it is of a service that is gone, and a token does not say where to send another one.

use super::groups::GROUPS_MAX;
use crate::jws::{Claims, ClaimsError, WrongTypeError};

/// Where the first page is. It is asked with the access token of the person, which needs the scope `GroupMember.Read.All`.
pub const GRAPH_GROUPS_URL: &str =
    "https://graph.microsoft.com/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id";
/// What every page begins with.
const ORIGIN: &str = "https://graph.microsoft.com/";
/// The longest address of a page, in bytes.
const NEXT_MAX: usize = 4096;

/// Why a page is refused. Memberships stay then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphDefect {
    /// It cannot be read.
    #[error("the groups cannot be read: {0}")]
    Unreadable(#[from] ClaimsError),
    /// A member is of another type.
    #[error("in the answer about groups: {0}")]
    Type(#[from] WrongTypeError),
    /// There is no list.
    #[error("the answer about groups has no `value`")]
    NoList,
    /// The next page is on another server, which would get the access token.
    #[error("the next page of groups is on another server")]
    OtherServer,
}

/// A page of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphPage {
    /// The ids.
    pub groups: Vec<String>,
    /// Where the next page is; `None`: this is the last one.
    pub next: Option<String>,
}

/// Reads a page. Who reads them all stops after [`GROUPS_MAX`] groups: [`GraphPage::is_enough`].
///
/// ```
/// use doorward_domain::identity_providers::{GraphDefect, read_graph_page};
/// let page = read_graph_page(br#"{"value": [{"id": "g1"}, {"id": "g2"}]}"#)?;
/// assert_eq!((page.groups, page.next), (vec!["g1".to_owned(), "g2".to_owned()], None));
/// let elsewhere = br#"{"value": [], "@odata.nextLink": "https://evil.example/"}"#;
/// assert_eq!(read_graph_page(elsewhere), Err(GraphDefect::OtherServer));
/// # Ok::<(), GraphDefect>(())
/// ```
pub fn read_graph_page(json: &[u8]) -> Result<GraphPage, GraphDefect> {
    let page = Claims::parse(json)?;
    let entries = page.list("value")?.ok_or(GraphDefect::NoList)?;
    let groups = entries.iter().filter_map(|entry| entry.get("id")?.as_str()).filter(|id| !id.is_empty());
    let next = page.text("@odata.nextLink")?;
    if next.is_some_and(|next| !next.starts_with(ORIGIN) || next.len() > NEXT_MAX || next.contains(char::is_control)) {
        return Err(GraphDefect::OtherServer);
    }
    Ok(GraphPage { groups: groups.map(str::to_owned).collect(), next: next.map(str::to_owned) })
}

impl GraphPage {
    /// Whether no other page is asked, for so many groups are known already.
    #[must_use]
    pub const fn is_enough(known: usize) -> bool {
        known >= GROUPS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(page: &Value) -> Result<GraphPage, GraphDefect> {
        read_graph_page(page.to_string().as_bytes())
    }

    #[test]
    fn a_page_says_where_the_next_one_is() {
        let next = "https://graph.microsoft.com/v1.0/me/transitiveMemberOf?$skiptoken=x";
        let page = read(&json!({ "@odata.context": "x", "value": [{ "id": "g1" }], "@odata.nextLink": next })).unwrap();
        assert_eq!((page.groups, page.next.as_deref()), (vec!["g1".to_owned()], Some(next)));
        assert!(GraphPage::is_enough(GROUPS_MAX) && !GraphPage::is_enough(GROUPS_MAX - 1));
    }

    #[test]
    fn the_access_token_goes_to_no_other_server() {
        for next in [
            "https://graph.windows.net/me",
            "https://graph.microsoft.com.evil.example/",
            "https://graph.microsoft.com@evil.example/",
            "https://graph.microsoft.com:444/",
            "http://graph.microsoft.com/",
            "//graph.microsoft.com/",
            "/v1.0/me",
            "https://graph.microsoft.com/\n",
        ] {
            let page = json!({ "value": [], "@odata.nextLink": next });
            assert_eq!(read(&page), Err(GraphDefect::OtherServer), "{next}");
        }
        assert!(GRAPH_GROUPS_URL.starts_with(ORIGIN));
    }

    #[test]
    fn an_error_is_never_no_groups() {
        let error = json!({ "error": { "code": "Authorization_RequestDenied" } });
        assert_eq!(read(&error), Err(GraphDefect::NoList));
        assert!(matches!(read(&json!({ "value": {} })), Err(GraphDefect::Type(_))));
        assert!(matches!(read_graph_page(b"<html>"), Err(GraphDefect::Unreadable(_))));
        let odd = read(&json!({ "value": [1, {}, { "id": 1 }, { "id": "" }, { "id": "g" }] })).unwrap();
        assert_eq!(odd.groups, ["g"]);
    }
}
