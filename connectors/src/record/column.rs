//! Columns of a table: name, kind, unit, documentation, and access to their values in a typed record.

use std::borrow::Cow;
use std::sync::Arc;

use betaflow_engine::execution::{ChargedOn, CostItem, Costs};
use betaflow_engine::time::TimestampNs;
use serde::Serializer;
use serde::ser::SerializeMap as _;

/// Type of a column. Numbers, integers and optional texts may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nanoseconds since 1970, UTC.
    Time,
    /// Whole number.
    Integer,
    /// Text.
    Text,
    /// Text that may be null.
    OptionalText,
    /// Floating-point number; NaN is null.
    Number,
    /// True or false.
    Truth,
}

impl Kind {
    /// Name in the documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "timestamp[ns, UTC]",
            Self::Integer => "int64",
            Self::Text => "string",
            Self::OptionalText => "string or null",
            Self::Number => "float64",
            Self::Truth => "bool",
        }
    }
}

/// Where a column is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Run folders and state folders.
    Everywhere,
    /// State folders only.
    State,
}

/// Value of one column in one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null.
    Null,
    /// A time.
    Time(TimestampNs),
    /// A whole number.
    Integer(u64),
    /// A text.
    Text(&'a str),
    /// A number that is not NaN.
    Number(f64),
    /// True or false.
    Truth(bool),
}

/// Value of a setting in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Names that the columns of a run depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunNames {
    /// Factors.
    pub factors: Vec<String>,
    /// Dotted name of each setting that varies, and whether all its values are numbers.
    pub settings: Vec<(String, bool)>,
    /// Figures of a scenario.
    pub figures: Vec<String>,
}

impl RunNames {
    /// Names of a run with these factors.
    #[must_use]
    pub fn of_factors(factors: &[String]) -> Self {
        Self { factors: factors.to_vec(), ..Self::default() }
    }

    /// Alpha and the factors.
    fn coefficients(&self) -> Vec<String> {
        std::iter::once("alpha".to_owned()).chain(self.factors.iter().cloned()).collect()
    }

    /// Names that a pattern stands for, in order: `{factor}`, `{coefficient}`, `{pair}` (upper triangle of a matrix of
    /// the coefficients, by rows), `{figure}`.
    fn expand(&self, pattern: &str) -> Vec<String> {
        let pairs = || {
            let names = self.coefficients();
            let row = |(at, left): (usize, &String)| -> Vec<String> {
                names[at..].iter().map(|right| format!("{left}_{right}")).collect()
            };
            names.iter().enumerate().flat_map(row).collect::<Vec<_>>()
        };
        let (place, names) = match () {
            () if pattern.contains("{factor}") => ("{factor}", self.factors.clone()),
            () if pattern.contains("{coefficient}") => ("{coefficient}", self.coefficients()),
            () if pattern.contains("{pair}") => ("{pair}", pairs()),
            () => ("{figure}", self.figures.clone()),
        };
        names.iter().map(|name| pattern.replace(place, name)).collect()
    }
}

/// Name, kind and documentation of a column, before it belongs to a record.
pub(super) struct Described {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) doc: &'static str,
}

impl Described {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, kind: Kind, doc: &'static str) -> Self {
        Self { name: name.into(), kind, doc }
    }
}

/// Field of a record: one column, or several that belong together.
pub(super) trait Field {
    /// Where its columns are recorded.
    const PLACE: Place = Place::Everywhere;

    /// Columns of the field. `name`: name of the field, or the pattern of the columns' names.
    fn columns(name: &'static str, doc: &'static str, names: &RunNames) -> Vec<Described>;

    /// Value of one of its columns.
    fn value(&self, at: usize) -> Value<'_>;

    /// Sets one of its columns, as it was read. A value of another kind is passed over.
    fn set(&mut self, at: usize, value: Value<'_>);
}

/// Takes a field's value from the ledger, in the memory that is there.
pub(super) trait Take<From> {
    /// Sets the field.
    fn take(&mut self, from: From);
}

/// Implements [`Field`] for a type of one column, and [`Take`] from the type itself.
macro_rules! scalar {
    ($type:ty, $kind:ident, |$of:ident| $value:expr, |$read:ident| $set:expr) => {
        impl Field for $type {
            fn columns(name: &'static str, doc: &'static str, _: &RunNames) -> Vec<Described> {
                vec![Described::new(name, Kind::$kind, doc)]
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

/// Numbers of a pattern's columns, in their order.
impl Field for Vec<f64> {
    fn columns(pattern: &'static str, doc: &'static str, names: &RunNames) -> Vec<Described> {
        let described = |name: String| Described::new(name, Kind::Number, doc);
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
    fn columns(_: &'static str, doc: &'static str, names: &RunNames) -> Vec<Described> {
        let kind = |number: bool| if number { Kind::Number } else { Kind::OptionalText };
        let described = |(name, number): &(String, bool)| Described::new(name.clone(), kind(*number), doc);
        names.settings.iter().map(described).collect()
    }

    fn value(&self, at: usize) -> Value<'_> {
        match self.0.get(at) {
            Some((Some(SettingValue::Number(number)), true, _)) => number_or_null(*number),
            Some((Some(_), false, text)) => Value::Text(text),
            _ => Value::Null,
        }
    }

    /// Settings of a table are read by `read_scenarios`.
    fn set(&mut self, _: usize, _: Value<'_>) {}
}

impl Take<SettingValues> for SettingValues {
    fn take(&mut self, from: SettingValues) {
        *self = from;
    }
}

/// A column for each item of the costs.
impl Field for Costs {
    fn columns(_: &'static str, _: &'static str, _: &RunNames) -> Vec<Described> {
        CostItem::ALL.map(|item| Described::new(item.name(), Kind::Number, item.about())).into()
    }

    fn value(&self, at: usize) -> Value<'_> {
        number_or_null(self[CostItem::ALL[at]])
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        self[CostItem::ALL[at]] = number_of(value);
    }
}

impl Take<Costs> for Costs {
    fn take(&mut self, from: Costs) {
        *self = from;
    }
}

/// A column for each item that fills are charged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FillCosts(pub Costs);

impl FillCosts {
    /// Items in the order of their columns.
    pub fn items() -> impl Iterator<Item = CostItem> {
        CostItem::on(ChargedOn::Fills)
    }

    /// Sum of the items; one that is null counts as 0.
    #[must_use]
    pub fn total(&self) -> f64 {
        Self::items().map(|item| self.0[item]).filter(|cost| !cost.is_nan()).sum()
    }
}

impl Field for FillCosts {
    fn columns(_: &'static str, _: &'static str, _: &RunNames) -> Vec<Described> {
        Self::items().map(|item| Described::new(item.name(), Kind::Number, item.about())).collect()
    }

    fn value(&self, at: usize) -> Value<'_> {
        Self::items().nth(at).map_or(Value::Null, |item| number_or_null(self.0[item]))
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        if let Some(item) = Self::items().nth(at) {
            self.0[item] = number_of(value);
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

    fn columns(name: &'static str, doc: &'static str, names: &RunNames) -> Vec<Described> {
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

/// Column of the records `R`.
pub struct Column<R> {
    /// Name in every table and file.
    pub name: Cow<'static, str>,
    /// Type.
    pub kind: Kind,
    /// Unit; empty where it has none.
    pub unit: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Where it is recorded.
    pub place: Place,
    at: usize,
    value: fn(&R, usize) -> Value<'_>,
    set: fn(&mut R, usize, Value<'_>),
}

impl<R> Column<R> {
    /// Value in a record.
    pub fn value<'r>(&self, record: &'r R) -> Value<'r> {
        (self.value)(record, self.at)
    }

    /// Sets the value that was read.
    pub fn set(&self, record: &mut R, value: Value<'_>) {
        (self.set)(record, self.at, value);
    }
}

/// Typed record of a table: one row.
pub trait Record: Default {
    /// Name of the table: that of the Parquet file without its ending, and of the table in `state.db`.
    const TABLE: &'static str;
    /// Documentation of the table.
    const ABOUT: &'static str;

    /// Columns in order.
    fn columns(names: &RunNames) -> Vec<Column<Self>>;
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
    columns.extend(described.map(|(at, Described { name, kind, doc })| Column {
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

/// Serialises a record as a map from the names of its columns to their values; not finite is null.
pub(super) fn serialize<R: Record, S: Serializer>(record: &R, to: S) -> Result<S::Ok, S::Error> {
    let columns = R::columns(&RunNames::default());
    let mut map = to.serialize_map(Some(columns.len()))?;
    for column in &columns {
        match column.value(record) {
            Value::Null => map.serialize_entry(&column.name, &())?,
            Value::Time(time) => map.serialize_entry(&column.name, &time.0)?,
            Value::Integer(whole) => map.serialize_entry(&column.name, &whole)?,
            Value::Text(text) => map.serialize_entry(&column.name, text)?,
            Value::Number(number) => map.serialize_entry(&column.name, &number)?,
            Value::Truth(truth) => map.serialize_entry(&column.name, &truth)?,
        }
    }
    map.end()
}

/// Declares tables. A line is a column: field, type, the pattern of its columns' names where the field has several, how
/// its value is taken from the ledger, unit, documentation. Records that are made elsewhere have no values here.
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
            /// Takes the values of the ledger.
            pub fn take(&mut self, $($source: $type),+) {
                $($crate::record::column::Take::take(&mut self.$field, $value);)+
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
                use $crate::record::column::{self, Field as _};
                let mut columns = Vec::new();
                $({
                    let name = [$($name,)? stringify!($field)][0];
                    column::add::<Self, $kind>(
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
