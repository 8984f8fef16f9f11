//! Statements written out, for what the query builder cannot say in one.

/// Declares a statement: its parameters, the SQL type of a row, and its text, in which `?` is the next of the
/// parameters and `$n` the n-th once more.
///
/// Each is a type of its own, for diesel keeps a prepared statement per connection for every type of query, and for no
/// text that comes along.
macro_rules! statement {
    (
        $(#[$doc:meta])*
        $name:ident { $($field:ident: $rust:ty as $sql:ty,)+ } -> $row:ty {
            $text:expr
        }
    ) => {
        $(#[$doc])*
        struct $name<'a> {
            $($field: $rust,)+
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $row;
        }

        impl diesel::RunQueryDsl<diesel::PgConnection> for $name<'_> {}

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut text = $text.split('?');
                $(
                    out.push_sql(text.next().unwrap_or_default());
                    out.push_bind_param::<$sql, _>(&self.$field)?;
                )+
                out.push_sql(text.next().unwrap_or_default());
                Ok(())
            }
        }
    };
}

pub(super) use statement;
