//! Random settings of a run, and smaller ones.

use std::collections::BTreeMap;
use std::fmt;

use betaflow_replay::CallSetting;
use toml::Value;

use crate::declared::{Declared, Form, declared};
use crate::market::{Feature, Shape};
use crate::support::Random;

/// Further draws of random numbers.
pub(crate) trait Draw {
    /// Uniform whole number below `end`.
    fn below(&mut self, end: usize) -> usize;
    /// Uniform between two numbers.
    fn between(&mut self, least: f64, most: f64) -> f64;
}

impl Draw for Random {
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.share()
    }
}

/// Settings by dotted name, all others at their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings(BTreeMap<String, Value>);

impl Settings {
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Removes the settings whose names are not kept.
    pub(crate) fn keep(&mut self, kept: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| kept(name));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Values of a table by key.
    pub(crate) fn table(&self, name: &str) -> toml::Table {
        let of = |(key, value): (&str, &Value)| {
            let (table, key) = key.split_once('.')?;
            (table == name).then(|| (key.to_owned(), value.clone()))
        };
        self.iter().filter_map(of).collect()
    }

    /// Settings as a caller passes them.
    pub(crate) fn calls(&self) -> Vec<CallSetting> {
        let call = |(name, value): (&str, &Value)| {
            let (table, key) = name.split_once('.').unwrap();
            CallSetting {
                table: table.to_owned(),
                value: Some((key.to_owned(), value.clone())),
                origin: name.to_owned(),
            }
        };
        self.iter().map(call).collect()
    }

    /// Sets or removes the settings that features of the market bring.
    pub(crate) fn follow(&mut self, shape: &Shape) {
        let mut path = |feature, name: &str, value: Value| match shape.has(feature) {
            true => self.set(name, value),
            false => self.remove(name),
        };
        path(Feature::Intraday, "data.frames_per_day", Value::Integer(4));
        path(Feature::Borrow, "execution.borrow_file", "memory:borrow".into());
        path(Feature::Membership, "universe.membership", "memory:membership".into());
        path(Feature::Groups, "universe.groups", "memory:groups".into());
        let bounds: toml::Table = "sector = { net = [-0.3, 0.6], gross = 0.9 }".parse().unwrap();
        path(Feature::Groups, "sizing.group_bounds", Value::Table(bounds));
        if shape.factors == 0 {
            self.remove("sizing.exposure_bounds");
        }
    }

    /// Settings with fewer or rounder values.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        // Settings without which the market or the strategy cannot run.
        const KEPT: [&str; 7] = [
            "estimator.warmup",
            "strategy.kind",
            "data.frames_per_day",
            "execution.borrow_file",
            "universe.membership",
            "universe.groups",
            "sizing.group_bounds",
        ];
        let names = self.0.keys().filter(|name| !KEPT.contains(&name.as_str()));
        let without = |name: &String| {
            let mut rest = self.clone();
            rest.remove(name);
            if name == "estimator.kind" {
                rest.0.retain(|name, _| !name.starts_with("estimator.") || name == "estimator.warmup");
            }
            rest
        };
        names.map(without).collect()
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| write!(f, "--set {name}={value} "))
    }
}

/// Values of settings without a default, or with one that a multiple does not vary.
const VALUES: [(&str, &[f64]); 20] = [
    ("estimator.initial_alpha_variance", &[1e-8, 1e-6]),
    ("estimator.observation_variance", &[1e-5, 1e-4]),
    ("sizing.weight_min", &[0.0, -0.05, -0.3]),
    ("sizing.net_target", &[0.0, 0.4, 0.8]),
    ("sizing.premium_half_life", &[10.0, 60.0]),
    ("sizing.rebalance_drift", &[0.0, 0.05]),
    ("sizing.turnover_cap", &[0.02, 0.08, 0.5, 3.0]),
    ("execution.lot", &[0.0, 1.0]),
    ("execution.participation_cap", &[0.001, 0.1]),
    ("execution.commission_per_share", &[0.005]),
    ("execution.commission_min", &[1.0]),
    ("execution.impact_coefficient", &[0.3, 1.0]),
    ("execution.permanent_impact_coefficient", &[0.1]),
    ("execution.borrow_bps_per_year", &[50.0]),
    ("execution.financing_bps_per_year", &[100.0]),
    ("execution.delisting_haircut", &[0.3]),
    ("execution.cash_interest", &[0.0, 0.05]),
    ("strategy.alpha_shrink", &[0.0, 0.3, 1.0]),
    ("world.volatile_cost_multiplier", &[3.0]),
    ("world.spread_follows_volatility", &[1.0]),
];

/// Words that need a file, or that a metamorphic property cannot compare.
const NO_WORDS: [(&str, &str); 3] =
    [("estimator.kind", "given"), ("strategy.kind", "forecasts"), ("strategy.kind", "weights")];

/// Settings that are drawn with the market, or never.
const NEVER: [&str; 6] = [
    "estimator.kind",
    "estimator.warmup",
    "strategy.kind",
    "execution.nav",
    "execution.delist_after",
    "world.bootstrap_block",
];

/// Draws settings of estimator, strategy, sizing, execution and costs of the world.
pub(crate) fn random_settings(random: &mut Random, shape: &Shape) -> Settings {
    let mut settings = Settings::default();
    let mut word = |random: &mut Random, name: &str, words: &[&str]| {
        settings.set(name, words[random.below(words.len())]);
    };
    word(random, "estimator.kind", &["dlm", "mixture", "mixture", "fixed"]);
    let strategies = [
        "quarter_kelly",
        "quarter_kelly",
        "max_sharpe",
        "min_variance",
        "factor_momentum",
        "residual_reversal",
        "stat_arb",
        "equal_weight",
    ];
    word(random, "strategy.kind", &strategies);
    settings.set("estimator.warmup", Value::Integer(if shape.days < 25 { 5 } else { 15 }));
    settings.set("execution.delist_after", Value::Integer(4 + random.below(5) as i64));
    settings.set("execution.nav", [1e4, 1e6, 3e8][random.below(3)]);
    let (estimator, strategy) = (
        settings.text("estimator.kind").unwrap().to_owned(),
        settings.text("strategy.kind").unwrap().to_owned(),
    );
    if estimator == "fixed" {
        settings.set("estimator.transition_variance", [0.0, 1e-6, 1e-4][random.below(3)]);
        settings.set("estimator.observation_variance", [1e-5, 1e-4][random.below(2)]);
    }
    for setting in declared() {
        let drawn = matches!(setting.parts().0, "estimator" | "strategy" | "sizing" | "execution" | "world");
        let other = setting.strategy.as_ref().is_some_and(|of| *of != strategy);
        if !drawn || other || NEVER.contains(&setting.name.as_str()) || random.share() > 0.22 {
            continue;
        }
        if let Some(value) = value(random, setting)
            && settings.get(&setting.name).is_none()
        {
            settings.set(&setting.name, value);
        }
    }
    settings.follow(shape);
    settings
}

/// Draws a usual value of a setting; `None` if it has none without a file.
fn value(random: &mut Random, setting: &Declared) -> Option<Value> {
    let name = setting.name.as_str();
    if name.starts_with("world.")
        && !(name.ends_with("_multiplier") || VALUES.iter().any(|(of, _)| *of == name))
    {
        return None;
    }
    if let Some((_, values)) = VALUES.iter().find(|(of, _)| *of == name) {
        return Some(Value::Float(values[random.below(values.len())]));
    }
    if setting.is_truth {
        return Some(Value::Boolean(random.share() < 0.5));
    }
    let default = setting.default.as_f64();
    let near = |random: &mut Random, default: f64, [least, most]: [f64; 2]| {
        // The complement of a share close to 1 is varied, not the share.
        let factor = 4_f64.powf(random.between(-1.0, 1.0));
        let value =
            if most == 1.0 && default > 0.5 { 1.0 - (1.0 - default) * factor } else { default * factor };
        value.clamp(least, most)
    };
    match (setting.form, default, setting.range) {
        (Some(Form::Number), Some(default), Some(range)) if default != 0.0 => {
            Some(Value::Float(near(random, default, range)))
        }
        (Some(Form::Whole), Some(default), Some(range)) if default != 0.0 => {
            let value = near(random, default, range).round();
            Some(Value::Integer(value as i64))
        }
        (Some(Form::List), _, Some(range)) => {
            let defaults: Vec<f64> = setting.default.as_array()?.iter().filter_map(|v| v.as_f64()).collect();
            let values = (0..1 + random.below(5)).map(|_| {
                let default = defaults[random.below(defaults.len())];
                Value::Float(near(random, default, range))
            });
            Some(Value::Array(values.collect()))
        }
        (None, ..) if !setting.words.is_empty() => {
            let usable = |word: &&String| !NO_WORDS.contains(&(name, word));
            let words: Vec<&String> = setting.words.iter().filter(usable).collect();
            Some(Value::String(words[random.below(words.len())].clone()))
        }
        _ => None,
    }
}
