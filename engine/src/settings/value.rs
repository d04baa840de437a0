//! Types that a setting can have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::description::{Kind, Range};
use crate::time::Date;

/// Largest number of values in a list of numbers.
pub const LIST_MAX: usize = 32;

/// Value of a setting, to be checked against its range.
pub trait SettingValue {
    /// Text of the first part of the value that is outside the range. `None` if there is no such part.
    fn outside(&self, range: &Range) -> Option<String> {
        let _ = range;
        None
    }
}

/// Type of a setting.
pub trait SettingType: SettingValue {
    /// Form in a configuration.
    const KIND: Kind;
    /// True if the setting may be unset.
    const OPTIONAL: bool = false;
}

/// Implements both traits for types without a range.
macro_rules! plain {
    ($($type:ty: $kind:ident),+) => {$(
        impl SettingValue for $type {}

        impl SettingType for $type {
            const KIND: Kind = Kind::$kind;
        }
    )+};
}

plain!(bool: Truth, String: Text, PathBuf: Text, Date: Date, Vec<String>: Texts);

/// Implements both traits for numbers.
macro_rules! numbers {
    ($($type:ty: $kind:ident),+) => {$(
        impl SettingValue for $type {
            fn outside(&self, range: &Range) -> Option<String> {
                (!range.contains(*self as f64)).then(|| self.to_string())
            }
        }

        impl SettingType for $type {
            const KIND: Kind = Kind::$kind;
        }
    )+};
}

numbers!(f64: Number, u32: Whole, u64: Whole, usize: Whole);

impl<T: SettingValue> SettingValue for Option<T> {
    fn outside(&self, range: &Range) -> Option<String> {
        self.as_ref()?.outside(range)
    }
}

impl<T: SettingType> SettingType for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One text.
    One(String),
    /// List of texts.
    More(Vec<String>),
}

impl OneOrMore {
    /// Returns all texts.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }

    /// Returns all texts, to be changed.
    pub fn all_mut(&mut self) -> &mut [String] {
        match self {
            Self::One(text) => std::slice::from_mut(text),
            Self::More(texts) => texts,
        }
    }
}

impl SettingValue for OneOrMore {}

impl SettingType for OneOrMore {
    const KIND: Kind = Kind::TextOrTexts;
}

impl SettingValue for Vec<f64> {
    fn outside(&self, range: &Range) -> Option<String> {
        let valid = (1..=LIST_MAX).contains(&self.len()) && self.iter().all(|number| range.contains(*number));
        (!valid).then(|| format!("{self:?}"))
    }
}

impl SettingType for Vec<f64> {
    const KIND: Kind = Kind::Numbers;
}

impl SettingValue for BTreeMap<String, f64> {
    fn outside(&self, range: &Range) -> Option<String> {
        let (name, number) = self.iter().find(|(_, number)| !range.contains(**number))?;
        Some(format!("{name} = {number}"))
    }
}

impl SettingType for BTreeMap<String, f64> {
    const KIND: Kind = Kind::NumberByName;
}

impl SettingValue for BTreeMap<String, [f64; 2]> {
    fn outside(&self, range: &Range) -> Option<String> {
        let valid =
            |[lower, upper]: &[f64; 2]| lower <= upper && range.contains(*lower) && range.contains(*upper);
        let (name, [lower, upper]) = self.iter().find(|(_, bounds)| !valid(bounds))?;
        Some(format!("{name} = [{lower}, {upper}]"))
    }
}

impl SettingType for BTreeMap<String, [f64; 2]> {
    const KIND: Kind = Kind::BoundsByName;
}
