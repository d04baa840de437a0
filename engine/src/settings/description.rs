//! Facts of one setting: key, type, range, unit, description. Errors, help, JSON schema and reference follow from them.

use super::invalid::{Invalid, require};
use super::value::{LIST_MAX, SettingValue};

/// Type of a setting's value, as a user writes it in TOML.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Floating-point number.
    Number,
    /// Whole number, at least 0.
    Whole,
    /// `true` or `false`.
    Truth,
    /// Text.
    Text,
    /// UTC date.
    Date,
    /// One of several words.
    Choice(&'static [Choice]),
    /// Number, or one of several words.
    NumberOrWord(&'static [Choice]),
    /// One of several words, or a list of whole numbers.
    WordOrWholes(&'static [Choice]),
    /// List of texts.
    Texts,
    /// Text, or list of texts.
    TextOrTexts,
    /// List of 1 to [`LIST_MAX`] numbers.
    Numbers,
    /// Table with a number for each name.
    NumberByName,
    /// Table with a lower and an upper bound for each name.
    BoundsByName,
    /// Table with bounds of net and gross exposure for each name.
    GroupBoundsByName,
}

/// One of the words that a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Word in a configuration.
    pub name: &'static str,
    /// Lines of documentation.
    pub doc: &'static [&'static str],
}

/// Range of a number, with its ends as declared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Smallest number.
    pub least: f64,
    /// Largest number.
    pub most: f64,
    /// Both ends as text.
    pub text: (&'static str, &'static str),
    /// A number outside the range that is accepted as well.
    pub or: Option<f64>,
}

impl Range {
    /// True if the range has the number. It never has NaN.
    #[must_use]
    pub fn contains(&self, number: f64) -> bool {
        (self.least..=self.most).contains(&number) || self.or == Some(number)
    }

    /// Text such as `0.01 to 1`.
    #[must_use]
    pub fn text(&self) -> String {
        let either = self.or.map_or_else(String::new, |number| format!("{number}, or "));
        either + &self.ends()
    }

    fn ends(&self) -> String {
        let end = |text: &str| text.replace('_', "");
        format!("{} to {}", end(self.text.0), end(self.text.1))
    }

    /// Text such as `a number from 0.01 to 1`, with `what` for the number.
    fn expected(&self, what: &str) -> String {
        let either = self.or.map_or_else(String::new, |number| format!("{number}, or "));
        format!("{either}{what} from {}", self.ends())
    }
}

/// Declaration of one setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Name in its table.
    pub key: &'static str,
    /// Type of its value.
    pub kind: Kind,
    /// True if it may be unset.
    pub optional: bool,
    /// Range of its number or numbers.
    pub range: Option<Range>,
    /// Unit of its number; empty without one.
    pub unit: &'static str,
    /// Form of its text, such as `a date such as 2015-01-31`; empty for any text.
    pub form: &'static str,
    /// Lines of documentation. The first paragraph describes the setting.
    pub doc: &'static [&'static str],
}

impl Setting {
    /// Description: the first paragraph of the documentation.
    #[must_use]
    pub fn about(&self) -> String {
        paragraph(self.doc)
    }

    /// Accepted values, for error messages and the reference.
    #[must_use]
    pub fn expected(&self) -> String {
        if !self.form.is_empty() {
            return self.form.to_owned();
        }
        let from = |what: &str| self.range.map_or_else(|| what.to_owned(), |range| range.expected(what));
        let each = |what: &str| {
            self.range.map_or_else(|| what.to_owned(), |range| format!("{what}, each from {}", range.text()))
        };
        let text = match self.kind {
            Kind::Number => from("a number"),
            Kind::Whole => from("a whole number"),
            Kind::Truth => "true or false".to_owned(),
            Kind::Text => "a text".to_owned(),
            Kind::Date => "a date such as 2015-01-31, from 1678 to 2261".to_owned(),
            Kind::Choice(choices) => format!("one of {}", words(choices).join(", ")),
            Kind::NumberOrWord(choices) => format!("{}, or {}", words(choices).join(", "), from("a number")),
            Kind::WordOrWholes(choices) => {
                format!("{}, or a list of whole numbers", words(choices).join(", "))
            }
            Kind::TextOrTexts => "a text, or a list such as [\"A\", \"B\"]".to_owned(),
            Kind::Texts => "a list such as [\"A\", \"B\"]".to_owned(),
            Kind::Numbers => each(&format!("a list of 1 to {LIST_MAX} numbers")),
            Kind::NumberByName => each("a number for each name"),
            Kind::BoundsByName => each("a lower and an upper bound for each name, in this order"),
            Kind::GroupBoundsByName => each(
                "`{ net = [least, largest], gross = largest, relative = true }` for each name, net, gross or both",
            ),
        };
        if self.unit.is_empty() { text } else { format!("{text} ({})", self.unit) }
    }

    /// Error of this setting with a value that is not accepted.
    ///
    /// # Errors
    /// `valid` is false.
    pub fn require(&self, valid: bool, found: impl std::fmt::Display) -> Result<(), Invalid> {
        require(valid, self.key, found, self.expected())
    }
}

/// Table of settings, declared with [`settings!`](crate::settings!).
pub trait SettingsTable: Default {
    /// Name of the table in a configuration.
    const TABLE: &'static str;
    /// Lines of documentation.
    const DOC: &'static [&'static str];
    /// Settings in the order of the table.
    const SETTINGS: &'static [Setting];

    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    fn check_ranges(&self) -> Result<(), Invalid>;

    /// Checks a condition on the setting `key` that is not a range.
    ///
    /// # Errors
    /// `valid` is false; the error has the accepted values of the declaration.
    fn require(key: &'static str, valid: bool, found: impl std::fmt::Display) -> Result<(), Invalid> {
        let expected = Self::SETTINGS.iter().find(|setting| setting.key == key).map(Setting::expected);
        require(valid, key, found, expected.unwrap_or_default())
    }
}

/// Checks values against the ranges of their settings, in order.
///
/// # Errors
/// The first value with a part outside its range.
pub fn check_ranges(settings: &[Setting], values: &[&dyn SettingValue]) -> Result<(), Invalid> {
    settings.iter().zip(values).try_for_each(|(setting, value)| {
        let found = setting.range.as_ref().and_then(|range| value.outside(range));
        found.map_or(Ok(()), |found| setting.require(false, found))
    })
}

/// First paragraph of the lines of a documentation comment.
#[must_use]
pub fn paragraph(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Words in quotes.
fn words(choices: &[Choice]) -> Vec<String> {
    choices.iter().map(|choice| format!("{:?}", choice.name)).collect()
}
