//! Fields of a record: one column, or several that belong together.

use std::borrow::Cow;
use std::sync::Arc;

use betaflow_engine::execution::{ChargedOn, CostItem, Costs};
use betaflow_engine::time::TimestampNs;

use super::column::{Column, Kind, Place, RunNames, Value};

/// Value of a setting in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Name, kind and documentation of a column, without access to a record.
pub(super) struct ColumnFacts {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) doc: &'static str,
}

impl ColumnFacts {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, kind: Kind, doc: &'static str) -> Self {
        Self { name: name.into(), kind, doc }
    }
}

/// Field of a record: one column, or several that belong together.
pub(super) trait Field {
    /// Where its columns are recorded.
    const PLACE: Place = Place::Everywhere;

    /// Columns of the field. `name`: name of the field, or the pattern of the columns' names.
    fn columns(name: &'static str, doc: &'static str, names: &RunNames) -> Vec<ColumnFacts>;

    /// Value of one of its columns.
    fn value(&self, at: usize) -> Value<'_>;

    /// Sets one of its columns. A value of another kind is ignored.
    fn set(&mut self, at: usize, value: Value<'_>);
}

/// Takes a field's value from the ledger, without allocation.
pub(super) trait Take<From> {
    /// Sets the field.
    fn take(&mut self, from: From);
}

/// Implements [`Field`] for a type of one column, and [`Take`] from the type itself.
macro_rules! scalar {
    ($type:ty, $kind:ident, |$of:ident| $value:expr, |$read:ident| $set:expr) => {
        impl Field for $type {
            fn columns(name: &'static str, doc: &'static str, _: &RunNames) -> Vec<ColumnFacts> {
                vec![ColumnFacts::new(name, Kind::$kind, doc)]
            }

            fn value(&self, _: usize) -> Value<'_> {
                let $of = self;
                $value
            }

            fn set(&mut self, _: usize, $read: Value<'_>) {
                *self = $set;
            }
        }

        impl Take<$type> for $type {
            fn take(&mut self, from: $type) {
                *self = from;
            }
        }
    };
}

scalar!(TimestampNs, Time, |time| Value::Time(*time), |value| match value {
    Value::Time(time) => time,
    _ => TimestampNs::default(),
});
scalar!(u64, Integer, |whole| Value::Integer(*whole), |value| match value {
    Value::Integer(whole) => whole,
    _ => 0,
});
scalar!(Option<u64>, Integer, |whole| whole.map_or(Value::Null, Value::Integer), |value| match value {
    Value::Integer(whole) => Some(whole),
    _ => None,
});
scalar!(f64, Number, |number| number_or_null(*number), |value| number_of(value));
scalar!(bool, Truth, |truth| Value::Truth(*truth), |value| value == Value::Truth(true));
scalar!(Arc<str>, Text, |text| Value::Text(text), |value| match value {
    Value::Text(text) => text.into(),
    _ => "".into(),
});
scalar!(Option<Arc<str>>, OptionalText, |text| text.as_deref().map_or(Value::Null, Value::Text), |value| {
    match value {
        Value::Text(text) => Some(text.into()),
        _ => None,
    }
});

fn number_or_null(number: f64) -> Value<'static> {
    if number.is_nan() { Value::Null } else { Value::Number(number) }
}

fn number_of(value: Value<'_>) -> f64 {
    match value {
        Value::Number(number) => number,
        _ => f64::NAN,
    }
}

/// Numbers of the columns of a pattern, in order.
impl Field for Vec<f64> {
    fn columns(pattern: &'static str, doc: &'static str, names: &RunNames) -> Vec<ColumnFacts> {
        let described = |name: String| ColumnFacts::new(name, Kind::Number, doc);
        names.expand(pattern).into_iter().map(described).collect()
    }

    fn value(&self, at: usize) -> Value<'_> {
        number_or_null(self.get(at).copied().unwrap_or(f64::NAN))
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        if self.len() <= at {
            self.resize(at + 1, f64::NAN);
        }
        self[at] = number_of(value);
    }
}

impl<I: IntoIterator<Item = f64>> Take<I> for Vec<f64> {
    fn take(&mut self, from: I) {
        self.clear();
        self.extend(from);
    }
}

/// A column for each setting that varies; null where a scenario leaves it unset. Texts in a column of numbers are null,
/// numbers in a column of texts are written out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingValues(Vec<(Option<SettingValue>, bool, String)>);

impl SettingValues {
    /// Values in the order of `names.settings`.
    #[must_use]
    pub fn new(values: &[Option<SettingValue>], names: &RunNames) -> Self {
        let text = |value: &Option<SettingValue>| match value {
            Some(SettingValue::Number(number)) => number.to_string(),
            Some(SettingValue::Text(text)) => text.clone(),
            None => String::new(),
        };
        let values = values.iter().zip(&names.settings);
        Self(values.map(|(value, (_, is_number))| (value.clone(), *is_number, text(value))).collect())
    }
}

impl Field for SettingValues {
    fn columns(_: &'static str, doc: &'static str, names: &RunNames) -> Vec<ColumnFacts> {
        let kind = |number: bool| if number { Kind::Number } else { Kind::OptionalText };
        let described = |(name, number): &(String, bool)| ColumnFacts::new(name.clone(), kind(*number), doc);
        names.settings.iter().map(described).collect()
    }

    fn value(&self, at: usize) -> Value<'_> {
        match self.0.get(at) {
            Some((Some(SettingValue::Number(number)), true, _)) => number_or_null(*number),
            Some((Some(_), false, text)) => Value::Text(text),
            _ => Value::Null,
        }
    }

    /// Does nothing: `read_scenarios` reads the settings of a table.
    fn set(&mut self, _: usize, _: Value<'_>) {}
}

impl Take<SettingValues> for SettingValues {
    fn take(&mut self, from: SettingValues) {
        *self = from;
    }
}

/// Cost of a table: 0 for null, as in a run of a version without the item.
fn cost_of(value: Value<'_>) -> f64 {
    match value {
        Value::Number(number) => number,
        _ => 0.0,
    }
}

/// A column for each item of the costs.
impl Field for Costs {
    fn columns(_: &'static str, _: &'static str, _: &RunNames) -> Vec<ColumnFacts> {
        CostItem::ALL.map(|item| ColumnFacts::new(item.name(), Kind::Number, item.about())).into()
    }

    fn value(&self, at: usize) -> Value<'_> {
        number_or_null(self[CostItem::ALL[at]])
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        self[CostItem::ALL[at]] = cost_of(value);
    }
}

impl Take<Costs> for Costs {
    fn take(&mut self, from: Costs) {
        *self = from;
    }
}

/// A column for each cost item charged on fills.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FillCosts(pub Costs);

impl FillCosts {
    /// Items in the order of their columns.
    pub fn items() -> impl Iterator<Item = CostItem> {
        CostItem::on(ChargedOn::Fills)
    }

    /// Sum of the items.
    #[must_use]
    pub fn total(&self) -> f64 {
        Self::items().map(|item| self.0[item]).sum()
    }
}

impl Field for FillCosts {
    fn columns(_: &'static str, _: &'static str, _: &RunNames) -> Vec<ColumnFacts> {
        Self::items().map(|item| ColumnFacts::new(item.name(), Kind::Number, item.about())).collect()
    }

    fn value(&self, at: usize) -> Value<'_> {
        Self::items().nth(at).map_or(Value::Null, |item| number_or_null(self.0[item]))
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        if let Some(item) = Self::items().nth(at) {
            self.0[item] = cost_of(value);
        }
    }
}

impl Take<Costs> for FillCosts {
    fn take(&mut self, from: Costs) {
        self.0 = from;
    }
}

/// A column that only state folders have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InState<T>(pub T);

impl<T: Field> Field for InState<T> {
    const PLACE: Place = Place::State;

    fn columns(name: &'static str, doc: &'static str, names: &RunNames) -> Vec<ColumnFacts> {
        T::columns(name, doc, names)
    }

    fn value(&self, at: usize) -> Value<'_> {
        self.0.value(at)
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        self.0.set(at, value);
    }
}

impl<E, T: Take<E>> Take<E> for InState<T> {
    fn take(&mut self, from: E) {
        self.0.take(from);
    }
}

/// Adds the columns of a field.
pub(super) fn add<R, F: Field>(
    columns: &mut Vec<Column<R>>,
    (name, unit, doc): (&'static str, &'static str, &'static str),
    names: &RunNames,
    value: fn(&R, usize) -> Value<'_>,
    set: fn(&mut R, usize, Value<'_>),
) {
    let described = F::columns(name, doc, names).into_iter().enumerate();
    columns.extend(described.map(|(at, ColumnFacts { name, kind, doc })| Column {
        name,
        kind,
        unit,
        doc,
        place: F::PLACE,
        at,
        value,
        set,
    }));
}
