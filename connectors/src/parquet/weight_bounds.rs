//! Bounds of weights by instrument and date, from a separate file.

use betaflow_engine::dated::DatedValues;
use betaflow_engine::portfolio::{SizingSettings, WeightBounds};

use super::settings::Input;
use super::small_table::{SmallColumn, SmallKind, SmallTable};
use crate::DataError;

const COLUMNS: [SmallColumn<'static>; 4] = [
    SmallColumn::required("symbol", SmallKind::Text, "the instrument of each row"),
    SmallColumn::optional("from", SmallKind::Date, "the first date of the row"),
    SmallColumn::required("weight_min", SmallKind::Number, "the smallest weight, as a share of NAV"),
    SmallColumn::required("weight_max", SmallKind::Number, "the largest weight, as a share of NAV"),
];

/// Reads a file with the columns `symbol`, `weight_min`, `weight_max` and perhaps `from`; null stands for the setting.
///
/// # Errors
/// The file is missing or lacks a column, or it has bounds out of range or out of order, or that the cap method does not
/// allow, or two rows of a symbol with one date.
pub fn read_weight_bounds(
    input: &Input,
    settings: &SizingSettings,
) -> Result<DatedValues<WeightBounds>, DataError> {
    let table = SmallTable::read(input, "bounds of weights", &COLUMNS)?;
    let [least, most] = WeightBounds::RANGE;
    table.dated(0, 1, |row| {
        let bound = |column: usize| {
            let bound = table.number(column, row)?;
            match bound.is_some_and(|bound| !(least..=most).contains(&bound)) {
                true => Err(table.bad_cell(column, row, format!("{least} to {most}, or null"))),
                false => Ok(bound),
            }
        };
        let bounds = WeightBounds { weight_min: bound(2)?, weight_max: bound(3)? };
        if bounds.suit(settings) {
            return Ok(bounds);
        }
        let [lower, upper] = bounds.over(settings);
        let column = if bounds.weight_max.is_some() { 3 } else { 2 };
        let expected = match lower <= upper {
            true => "bounds that contain 0, because sizing.cap_method is \"scale\"".to_owned(),
            false => {
                format!("weight_min at most weight_max: they are {lower} and {upper}, null being the setting")
            }
        };
        Err(table.bad_cell(column, row, expected))
    })
}
