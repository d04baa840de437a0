//! Parts of `summary.json` that may be missing: a number, and groups of keys.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number. NaN is null in JSON, and a missing key is read as NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl Number {
    /// Returns the number if it is finite.
    pub(crate) fn get(self) -> Option<f64> {
        self.0.is_finite().then_some(self.0)
    }
}

/// Reads a group of keys of an object: the group exists if `key` does.
pub(super) fn read_if_present<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    key: &str,
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let keys = serde_json::Map::deserialize(deserializer)?;
    let part = keys.contains_key(key).then(|| serde_json::from_value(serde_json::Value::Object(keys)));
    part.transpose().map_err(serde::de::Error::custom)
}

impl Default for Number {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<Option<f64>> for Number {
    fn from(value: Option<f64>) -> Self {
        Self(value.unwrap_or(f64::NAN))
    }
}

impl From<Number> for f64 {
    fn from(Number(value): Number) -> Self {
        value
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<f64>::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<f64>::json_schema(generator)
    }
}
