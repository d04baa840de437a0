//! Which scenarios compete to be the best: those that differ by choices alone, in the world of the configuration.

use anyhow::Result;
use betaflow_connectors::recorder::{Setting, SettingValue, Values};
use betaflow_engine::sweep::{self, Anchor, Axis, Robust, Sweep};
use serde_json::Value;

use super::Study;
use super::choices::is_choice;

/// What a value is called that neither a scenario nor the configuration sets.
const UNSET: &str = "unset";

/// The scenarios of a study as places on axes, and those of them that may be called best. Terminal, summary and report
/// all ask it, so that they agree.
pub(crate) struct Candidates {
    pub(crate) sweep: Sweep,
    /// The scenario of the configuration itself, or the nearest.
    pub(crate) base: Option<Anchor>,
    /// A scenario in the named world, and whether that is the world of the configuration or the nearest there is.
    pub(crate) world: Option<Anchor>,
    /// The axes of what happens to a trader: candidates have them as the named world has. None where nothing but
    /// choices varies.
    pub(crate) held: Vec<usize>,
    /// Whether the candidates are in one world. In a sample that draws a world for each scenario no two can be compared:
    /// then all are candidates, and the best is that of choice and world together.
    pub(crate) one_world: bool,
    rows: Vec<bool>,
    /// Scenarios that were ruined: they are no candidates, and nothing beside one is robust.
    ruined: Vec<bool>,
}

impl Candidates {
    /// Of the settings that vary, as the scenarios have them; `base`: what the configuration says of them; `level`: how a
    /// number is written where some scenarios leave it unset.
    pub(crate) fn of(settings: &[Setting], base: &Value, level: impl Fn(&str, f64) -> String) -> Self {
        let axes = settings.iter().map(|setting| axis(setting, &base[&setting.name], &level)).collect();
        let sweep = Sweep::new(axes);
        let said = settings.iter().zip(sweep.axes());
        let said: Vec<_> = said.map(|(setting, axis)| wanted(&base[&setting.name], axis)).collect();
        let varied = |axis: &usize| sweep.axes()[*axis].len() > 1;
        let is_world = |axis: &usize| !is_choice(&settings[*axis].name);
        let held: Vec<usize> = (0..settings.len()).filter(varied).filter(is_world).collect();
        let world = world(&sweep, &said, &held);
        let in_world = |row: usize| {
            world.is_none_or(|world| {
                held.iter().all(|axis| sweep.levels(row)[*axis] == sweep.levels(world.row)[*axis])
            })
        };
        let mut rows: Vec<bool> = (0..sweep.rows()).map(in_world).collect();
        let choices_vary = (0..settings.len()).filter(varied).any(|axis| !is_world(&axis));
        let one_world = !choices_vary || rows.iter().filter(|row| **row).count() > 1;
        if !one_world {
            rows.fill(true);
        }
        let held = if one_world { held } else { Vec::new() };
        let ruined = vec![false; rows.len()];
        Self { base: sweep.anchor(&said), world, held, one_world, rows, ruined, sweep }
    }

    /// The same, where some scenarios were ruined.
    pub(crate) fn without(self, ruined: impl Iterator<Item = bool>) -> Self {
        let ruined: Vec<bool> = ruined.chain(std::iter::repeat(false)).take(self.rows.len()).collect();
        let rows = self.rows.iter().zip(&ruined).map(|(may, ruined)| *may && !ruined).collect();
        Self { rows, ruined, ..self }
    }

    /// Of a study before its table is written.
    ///
    /// # Errors
    /// The configuration cannot be written as TOML.
    pub(crate) fn of_study(study: &Study) -> Result<Self> {
        let rows: Vec<_> = (0..study.grid.scenarios.len()).map(|row| study.grid.values(row)).collect();
        let setting = |(at, (name, is_number)): (usize, (String, bool))| {
            let values = rows.iter().map(|row| row[at].clone());
            let values = match is_number {
                true => Values::Numbers(values.map(number).collect()),
                false => Values::Texts(values.map(text).collect()),
            };
            Setting { name, values }
        };
        let settings: Vec<Setting> = study.grid.columns().into_iter().enumerate().map(setting).collect();
        Ok(Self::of(&settings, &study.base_values()?, |_, value| value.to_string()))
    }

    /// Whether a scenario is one of them.
    pub(crate) fn may(&self, row: usize) -> bool {
        self.rows[row]
    }

    /// The world that they are in.
    pub(crate) fn world_name(&self) -> &'static str {
        match self.world {
            Some(world) if !world.exact => "the world nearest to the configuration's",
            _ => "the configuration's world",
        }
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.rows.iter().filter(|row| **row).count()
    }

    /// That of the highest objective, the first of equals.
    pub(crate) fn best(&self, objective: &[f64]) -> Option<usize> {
        self.sweep.best(objective, |row| self.may(row))
    }

    /// That whose neighbourhood has the best worst case.
    pub(crate) fn robust(&self, objective: &[f64]) -> Option<Robust> {
        let of = |(value, ruined): (&f64, &bool)| if *ruined { f64::NAN } else { *value };
        let objective: Vec<f64> = objective.iter().zip(&self.ruined).map(of).collect();
        self.sweep.robust(&objective, |row| self.may(row))
    }
}

fn number(value: Option<SettingValue>) -> Option<f64> {
    match value? {
        SettingValue::Number(number) => Some(number),
        SettingValue::Text(_) => None,
    }
}

fn text(value: Option<SettingValue>) -> Option<String> {
    Some(match value? {
        SettingValue::Number(number) => number.to_string(),
        SettingValue::Text(text) => text,
    })
}

/// The scenario whose world is nearest to that of the configuration, choices aside.
fn world(sweep: &Sweep, said: &[Option<sweep::Value>], held: &[usize]) -> Option<Anchor> {
    let values: Vec<_> =
        said.iter().enumerate().map(|(axis, value)| value.clone().filter(|_| held.contains(&axis))).collect();
    let row = sweep.anchor(&values)?.row;
    let same = |axis: &usize| {
        let nearest = values[*axis].as_ref().map(|value| sweep.axes()[*axis].nearest(value));
        nearest == Some((sweep.levels(row)[*axis], true))
    };
    Some(Anchor { row, exact: held.iter().all(same) })
}

/// The levels of a setting, and each scenario's. One that leaves it unset has it as the configuration has.
fn axis(setting: &Setting, base: &Value, level: impl Fn(&str, f64) -> String) -> (Axis, Vec<usize>) {
    let unset = name(base);
    match &setting.values {
        Values::Texts(values) => {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| unset.clone());
            Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
        }
        Values::Numbers(values) => {
            let numbers: Option<Vec<f64>> = values.iter().map(|value| value.or(base.as_f64())).collect();
            numbers.map_or_else(
                || {
                    let text = |value: &Option<f64>| {
                        value.map_or_else(|| unset.clone(), |value| level(&setting.name, value))
                    };
                    Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
                },
                |numbers| Axis::of_numbers(&numbers),
            )
        }
    }
}

/// The value of the configuration as one of the axis.
fn wanted(value: &Value, axis: &Axis) -> Option<sweep::Value> {
    match (axis, value) {
        (Axis::Numbers(_), value) => value.as_f64().map(sweep::Value::Number),
        (Axis::Names(_), value) => Some(sweep::Value::Name(name(value))),
    }
}

/// A value of the configuration as the table of scenarios has it, where a list is written as TOML.
fn name(value: &Value) -> String {
    match value {
        Value::Null => UNSET.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CAP: &str = "sizing.turnover_cap";
    const SPREAD: &str = "execution.half_spread_bps";
    const DELAY: &str = "execution.delay_bars";

    fn candidates(settings: &[(&str, &[Option<f64>])]) -> Candidates {
        let setting = |(name, values): &(&str, &[Option<f64>])| Setting {
            name: (*name).to_owned(),
            values: Values::Numbers(values.to_vec()),
        };
        let settings: Vec<Setting> = settings.iter().map(setting).collect();
        Candidates::of(&settings, &json!({CAP: 0.08, SPREAD: 4.0, DELAY: 1}), |_, value| value.to_string())
    }

    fn rows(candidates: &Candidates) -> Vec<usize> {
        (0..candidates.sweep.rows()).filter(|row| candidates.may(*row)).collect()
    }

    #[test]
    fn only_choices_in_the_world_of_the_configuration_compete() {
        let some = |values: [f64; 4]| values.map(Some);
        let (caps, spreads) = (some([0.02, 0.02, 0.3, 0.3]), some([4.0, 9.0, 4.0, 9.0]));
        let product = candidates(&[(CAP, &caps), (SPREAD, &spreads)]);
        assert_eq!((rows(&product), &product.held[..]), (vec![0, 2], &[1][..]));
        assert_eq!(product.world, Some(Anchor { row: 0, exact: true }));
        assert_eq!(product.best(&[0.1, 9.0, 0.3, 9.0]), Some(2));

        let far = candidates(&[(CAP, &caps), (SPREAD, &some([5.0, 9.0, 5.0, 9.0]))]);
        assert_eq!((rows(&far), far.world), (vec![0, 2], Some(Anchor { row: 0, exact: false })));

        let world = candidates(&[(SPREAD, &some([0.0, 4.0, 8.0, 9.0]))]);
        assert_eq!((rows(&world), world.one_world), (vec![1], true), "nothing was chosen");

        let choice = candidates(&[(CAP, &some([0.1, 0.2, 0.3, 0.4]))]);
        assert_eq!((rows(&choice), choice.held.len()), (vec![0, 1, 2, 3], 0));

        let sample = candidates(&[(CAP, &caps), (SPREAD, &some([1.0, 2.0, 3.0, 5.5]))]);
        assert_eq!((rows(&sample), sample.one_world), (vec![0, 1, 2, 3], false));
    }

    #[test]
    fn what_a_list_leaves_unset_is_as_the_configuration_has_it() {
        let caps = [Some(0.02), None, None, Some(0.3)];
        let spreads = [None, Some(9.0), None, Some(4.0)];
        let delays = [None, None, None, Some(2.0)];
        let list = candidates(&[(CAP, &caps), (SPREAD, &spreads), (DELAY, &delays)]);
        assert_eq!(list.base, Some(Anchor { row: 2, exact: true }));
        assert_eq!(rows(&list), [0, 2]);
    }
}
