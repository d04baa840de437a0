//! Settings: their declaration, their errors, and the calendar that converts rates per day into rates per frame.
//!
//! | file | content |
//! |---|---|
//! | `declare` | [`settings!`](crate::settings!) and [`choices!`](crate::choices!), which declare tables of settings and lists of values |
//! | `description` | facts of one setting, from which errors, help, JSON schema and reference follow |
//! | `value` | types that a setting can have |
//! | `invalid` | error of a setting with an invalid value |
//! | `calendar` | frames per day and days per year |

mod calendar;
mod declare;
mod description;
mod invalid;
mod value;

pub use calendar::Calendar;
pub use description::{Choice, Kind, Range, Setting, SettingsTable, check_ranges, paragraph};
pub use invalid::{Invalid, require};
pub use value::{LIST_MAX, OneOrMore, SettingType, SettingValue};
