//! Whom a directory may mean: one condition, however many ways there are to name a user.

use super::Conn;
use super::one_of::OneOf;
use super::scim_groups::place;
use crate::types::{Id, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::scim::Lookup;

type Backend = <Conn as Connection>::Backend;

/// What the directory has stored of users, or of their addresses.
const RECORDED: &str = "SELECT scim_users.user_id FROM scim_users WHERE scim_users.directory = ";
const ADDRESSES: &str = "SELECT scim_emails.user_id FROM scim_emails WHERE scim_emails.directory = ";
/// The accounts: with the conditions of the indexes of names and addresses, word for word.
const ACCOUNTS: &str = "SELECT users.id FROM users WHERE NOT users.deleted AND users.email_key <> '' AND ";

/// The user is one of those who are looked up. Each way to be found is answered by an index of its own.
#[derive(Debug)]
pub(super) struct Meant {
    directory: Id<OrganizationId>,
    recorded: Vec<(&'static str, OneOf)>,
    accounts: Vec<OneOf>,
}

impl Meant {
    /// Who is looked up, or is one of `found`. `None` when nothing is looked up.
    pub(super) fn by(directory: Option<OrganizationId>, lookup: &Lookup, found: Vec<UserId>) -> Option<Self> {
        let (mut recorded, mut accounts) = (Vec::new(), Vec::new());
        let texts = |column: &'static str, texts: &[String]| OneOf::texts(column, texts.iter().map(String::as_str));
        if !lookup.ids.is_empty() || !found.is_empty() {
            accounts.push(OneOf::ids("users.id", lookup.ids.iter().copied().map(UserId).chain(found)));
        }
        if !lookup.external_ids.is_empty() {
            recorded.push((RECORDED, texts("scim_users.external_id", &lookup.external_ids)));
        }
        if !lookup.user_names.is_empty() {
            recorded.push((RECORDED, texts("scim_users.user_name_key", &lookup.user_names)));
            accounts.push(texts("users.username_key", &lookup.user_names));
        }
        if !lookup.emails.is_empty() {
            recorded.push((ADDRESSES, texts("scim_emails.email_key", &lookup.emails)));
            accounts.push(texts("users.email_key", &lookup.emails));
        }
        let is_empty = recorded.is_empty() && accounts.is_empty();
        (!is_empty).then(|| Self { directory: place(directory), recorded, accounts })
    }
}

condition!(Meant);

impl QueryFragment<Backend> for Meant {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let mut before = "users.id IN (";
        for (select, one_of) in &self.recorded {
            out.push_sql(before);
            out.push_sql(select);
            out.push_bind_param::<sql::Uuid, Id<OrganizationId>>(&self.directory)?;
            out.push_sql(" AND ");
            one_of.walk_ast(out.reborrow())?;
            before = " UNION ALL ";
        }
        for one_of in &self.accounts {
            out.push_sql(before);
            out.push_sql(ACCOUNTS);
            one_of.walk_ast(out.reborrow())?;
            before = " UNION ALL ";
        }
        out.push_sql(")");
        Ok(())
    }
}
