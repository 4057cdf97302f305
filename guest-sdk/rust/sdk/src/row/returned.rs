//! What the function of a transform may return, besides rows: a reason to reject, and tuples of rows for several tables.

use super::{Rows, Tables};
use crate::{description::Table, outcome::TableRows, reject::Reject};

/// What a transform may return: [`Rows`], or `Result` of them.
#[diagnostic::on_unimplemented(
    message = "a transform cannot return `{Self}`",
    note = "return a struct with `#[derive(Row)]`, an enum with `#[derive(Rows)]`, an `Option`, `Vec` or tuple of them, \
            or `Result<_, Reject>` of any of these"
)]
pub trait IntoRows {
    /// The rows.
    type Rows: Rows;

    /// The rows, or the reason to reject the record.
    ///
    /// # Errors
    /// The reason.
    fn into_rows(self) -> Result<Self::Rows, Reject>;
}

impl<R: Rows, E: Into<Reject>> IntoRows for Result<R, E> {
    type Rows = R;

    #[inline]
    fn into_rows(self) -> Result<R, Reject> {
        self.map_err(Into::into)
    }
}

macro_rules! returned_as_they_are {
    ($(<$($generic:ident),+> $rows:ty),* $(,)?) => {$(
        impl<$($generic: Rows),+> IntoRows for $rows {
            type Rows = Self;

            #[inline]
            fn into_rows(self) -> Result<Self, Reject> {
                Ok(self)
            }
        }
    )*};
}

returned_as_they_are! { <R> Option<R>, <R> Vec<R> }

macro_rules! several_tables {
    ($(($($member:ident $index:tt),+)),* $(,)?) => {$(
        impl<$($member: Tables),+> Tables for ($($member,)+) {
            fn reserve(&mut self, records: usize) {
                $(self.$index.reserve(records);)+
            }

            fn finish(self, table: &mut u32, rows: &mut Vec<TableRows>) {
                $(self.$index.finish(table, rows);)+
            }
        }

        impl<$($member: Rows),+> Rows for ($($member,)+) {
            type Tables = ($($member::Tables,)+);

            fn describe(tables: &mut Vec<Table>) {
                $($member::describe(tables);)+
            }

            #[inline]
            fn write(self, tables: &mut Self::Tables, record: u32) -> usize {
                0 $(+ self.$index.write(&mut tables.$index, record))+
            }
        }

        returned_as_they_are! { <$($member),+> ($($member,)+) }
    )*};
}

several_tables! {
    (A 0),
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3),
    (A 0, B 1, C 2, D 3, E 4),
    (A 0, B 1, C 2, D 3, E 4, F 5),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7),
}
