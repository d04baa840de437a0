//! Numbers that may be null: NaN in memory, null in JSON.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Number or null.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub(super) struct Number(pub(super) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The shortest decimal that reads back as the same bits; null if not finite.
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.serialize_none() }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN)))
    }
}

/// List of numbers, for serialisation.
pub(super) struct Numbers<'a>(pub(super) &'a [f64]);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| Number(*value)))
    }
}

/// List of numbers, for deserialisation.
pub(super) struct NumberList(pub(super) Vec<f64>);

impl<'de> Deserialize<'de> for NumberList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = NumberList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers and nulls")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NumberList, A::Error> {
                let mut numbers = Vec::new();
                while let Some(Number(number)) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(NumberList(numbers))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// `#[serde(with)]` for a list of numbers and nulls.
pub(super) mod list {
    use super::{NumberList, Numbers};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(in crate::live) fn serialize<S: Serializer>(
        numbers: &Option<Vec<f64>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        numbers.as_deref().map(Numbers).serialize(serializer)
    }

    pub(in crate::live) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<f64>>, D::Error> {
        Ok(Option::<NumberList>::deserialize(deserializer)?.map(|read| read.0))
    }
}

/// `#[serde(with)]` for rows of numbers.
pub(super) mod rows {
    use super::{NumberList, Numbers};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::live) fn serialize<S: Serializer>(
        rows: &[Vec<f64>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(rows.iter().map(|row| Numbers(row)))
    }

    pub(in crate::live) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<f64>>, D::Error> {
        Ok(Vec::<NumberList>::deserialize(deserializer)?.into_iter().map(|read| read.0).collect())
    }
}

/// `#[serde(with)]` for the columns of a message, keyed by field name.
pub(super) mod columns {
    use std::borrow::Cow;
    use std::fmt;

    use betaflow_engine::frame::Field;
    use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use super::{NumberList, Numbers};

    pub(in crate::live) fn serialize<S: Serializer>(
        columns: &[(Field, Vec<f64>)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(columns.iter().map(|(field, numbers)| (field.names()[0], Numbers(numbers))))
    }

    pub(in crate::live) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Field, Vec<f64>)>, D::Error> {
        struct Columns;
        impl<'de> Visitor<'de> for Columns {
            type Value = Vec<(Field, Vec<f64>)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("columns by name, such as {\"close\":[67.85,null]}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut columns = Self::Value::new();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    // Columns of later protocol versions are ignored.
                    let Some(field) = super::field(&name) else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    if columns.iter().any(|(known, _)| *known == field) {
                        return Err(A::Error::custom(format_args!("duplicate column `{name}`")));
                    }
                    columns.push((field, map.next_value::<NumberList>()?.0));
                }
                Ok(columns)
            }
        }
        deserializer.deserialize_map(Columns)
    }
}

/// Returns the field with this column name.
pub(super) fn field(name: &str) -> Option<betaflow_engine::frame::Field> {
    betaflow_engine::frame::Field::ALL.into_iter().find(|field| field.names()[0] == name)
}
