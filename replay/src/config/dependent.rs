//! Settings that have no effect unless another setting has a certain value.

use betaflow_engine::execution::SpreadModel;
use betaflow_engine::model::EstimatorKind;

use super::Settings;
use super::layers::Layers;
use super::setting_error::{SettingError, SettingProblem};

/// Settings of a table, and the setting without which they have no effect.
struct Dependent {
    table: &'static str,
    keys: &'static [&'static str],
    /// Key of the other setting, in the same table.
    needs: &'static str,
    /// Value with which they have an effect, as in `estimator.kind = "given"`.
    value: &'static str,
    acts: fn(&Settings) -> bool,
}

const DEPENDENT: [Dependent; 5] = [
    Dependent {
        table: "estimator",
        keys: &["betas", "factor_cov"],
        needs: "kind",
        value: "\"given\"",
        acts: |settings| settings.estimator.kind == EstimatorKind::Given,
    },
    Dependent {
        table: "estimator",
        keys: &["transition_variance", "alpha_transition_variance"],
        needs: "kind",
        value: "\"fixed\"",
        acts: |settings| settings.estimator.kind == EstimatorKind::Fixed,
    },
    Dependent {
        table: "execution",
        keys: &["half_spreads", "spread_file"],
        needs: "spread_model",
        value: "\"constant\"",
        acts: |settings| settings.execution.spread_model == SpreadModel::Constant,
    },
    Dependent {
        table: "world",
        keys: &["gap_from"],
        needs: "gap_frames",
        value: "the number of frames",
        acts: |settings| settings.world.gap_frames > 0,
    },
    Dependent {
        table: "world",
        keys: &["reverse_from"],
        needs: "reverse_factor",
        value: "the name of a factor",
        acts: |settings| settings.world.reverse_factor.is_some(),
    },
];

/// Refuses a setting that has no effect, because the other setting does not have the value that it needs.
///
/// One in a file stays idle if the other is set: `--set` may have replaced the value of the file, and the `run.toml` of
/// such a run must be accepted. So does a date beside a number that is set to 0. `varying`: dotted names of the settings
/// that a grid varies.
///
/// # Errors
/// A setting has no effect; the error names where it was set, and both settings.
pub(super) fn check(typed: &Layers, settings: &Settings, varying: &[String]) -> Result<(), SettingError> {
    for Dependent { table, keys, needs, value, acts } in &DEPENDENT {
        let varies = |key: &str| varying.iter().any(|name| *name == format!("{table}.{key}"));
        if acts(settings) || varies(needs) {
            continue;
        }
        let chosen = typed.value(table, needs);
        for key in keys.iter().filter(|key| !varies(key)) {
            let Some(found) = typed.value(table, key) else { continue };
            let is_zero = chosen.is_some_and(|value| value.as_integer() == Some(0));
            if is_zero || chosen.is_some() && typed.is_in_file(table, key) {
                continue;
            }
            let other = chosen.map_or_else(
                || format!("`{table}.{needs}` is not set to {value}"),
                |chosen| format!("`{table}.{needs}` is {chosen}, set by {}", typed.origin(table, needs)),
            );
            let expected = format!(
                "no value, because {other}; set {table}.{needs} to {value}, without which `{table}.{key}` has no effect, or \
                 leave it out"
            );
            return Err(SettingError {
                setting: format!("{table}.{key}"),
                origin: typed.origin(table, key),
                problem: SettingProblem::Value { found: found.to_string(), expected },
            });
        }
    }
    Ok(())
}
