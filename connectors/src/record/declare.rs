//! Declaration of tables.

/// Declares tables. A line declares a field: name, type, pattern of the column names if it has several columns, value
/// from the ledger, unit, documentation. Records that are filled elsewhere have no values here.
macro_rules! tables {
    () => {};
    (
        $(#[doc = $about:literal])+
        $record:ident in $table:literal from ($($source:ident: $type:ty),+) {
            $($field:ident: $kind:ty $(as $name:literal)? = $value:expr, $unit:literal, $doc:literal;)+
        }
        $($rest:tt)*
    ) => {
        tables! {
            $(#[doc = $about])+
            $record in $table { $($field: $kind $(as $name)?, $unit, $doc;)+ }
        }

        impl $record {
            /// Sets all fields from the ledger.
            pub fn take(&mut self, $($source: $type),+) {
                $($crate::record::field::Take::take(&mut self.$field, $value);)+
            }
        }

        tables! { $($rest)* }
    };
    (
        $(#[doc = $about:literal])+
        $record:ident in $table:literal {
            $($field:ident: $kind:ty $(as $name:literal)?, $unit:literal, $doc:literal;)+
        }
        $($rest:tt)*
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $record {
            $(#[doc = $doc] pub $field: $kind,)+
        }

        impl $crate::record::column::Record for $record {
            const TABLE: &'static str = $table;
            const ABOUT: &'static str = concat!($($about),+);

            fn columns(names: &$crate::record::column::RunNames) -> Vec<$crate::record::column::Column<Self>> {
                use $crate::record::field::{self, Field as _};
                let mut columns = Vec::new();
                $({
                    let name = [$($name,)? stringify!($field)][0];
                    field::add::<Self, $kind>(
                        &mut columns,
                        (name, $unit, $doc),
                        names,
                        |record, at| record.$field.value(at),
                        |record, at, value| record.$field.set(at, value),
                    );
                })+
                columns
            }
        }

        impl serde::Serialize for $record {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                $crate::record::column::serialize(self, to)
            }
        }

        tables! { $($rest)* }
    };
}

pub(super) use tables;
