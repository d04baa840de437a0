//! Figures of the engine in `summary.json`, with the names and order of the engine.

use std::borrow::Cow;
use std::collections::BTreeMap;

use betaflow_engine::execution::Costs;
use betaflow_engine::metrics::{ExcessRatios, Figures};
use betaflow_engine::model::CalibrationFacts;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use super::Number;

/// Figures of a series of returns; NaN if not defined.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Metrics {
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Ratios in excess of the risk-free return, of a whole run.
    #[serde(flatten)]
    pub(crate) excess: Option<ExcessRatios>,
}

impl Metrics {
    /// Returns the ratios in excess of the risk-free return.
    pub(crate) fn in_excess(&self) -> ExcessRatios {
        self.excess.unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { figures: Figures::undefined(), excess: None }
    }
}

impl From<Figures> for Metrics {
    fn from(figures: Figures) -> Self {
        Self { figures, excess: None }
    }
}

impl<'de> Deserialize<'de> for Metrics {
    /// Reads a figure that is null or missing as NaN.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = BTreeMap::<String, Number>::deserialize(deserializer)?;
        let number =
            |(name, _): (&'static str, f64)| (name, numbers.get(name).copied().unwrap_or_default().0);
        let figures = Figures::undefined();
        let figures = Figures::deserialize(MapDeserializer::new(figures.all().map(number)))?;
        let ratios = ExcessRatios::default().items();
        let has_excess = ratios.iter().any(|(name, _)| numbers.contains_key(*name));
        let excess = || ExcessRatios::deserialize(MapDeserializer::new(ratios.into_iter().map(number)));
        Ok(Self { figures, excess: has_excess.then(excess).transpose()? })
    }
}

impl JsonSchema for Metrics {
    fn schema_name() -> Cow<'static, str> {
        "Metrics".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = Number::json_schema(generator);
        let figures = Figures::undefined();
        let required: Vec<&str> = figures.all().map(|(name, _)| name).collect();
        let excess = ExcessRatios::default().items().map(|(name, _)| name);
        let properties: BTreeMap<&str, &Schema> =
            required.iter().copied().chain(excess).map(|name| (name, &number)).collect();
        json_schema!({"type": "object", "properties": properties, "required": required})
    }
}

/// Figures after costs, before costs and of the benchmark.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct MetricsBySeries {
    /// After all costs.
    pub(crate) net: Metrics,
    /// Costs added back bar by bar.
    pub(crate) gross: Metrics,
    /// Benchmark after its costs.
    pub(crate) benchmark: Metrics,
}

impl From<[Figures; 3]> for MetricsBySeries {
    fn from([net, gross, benchmark]: [Figures; 3]) -> Self {
        Self { net: net.into(), gross: gross.into(), benchmark: benchmark.into() }
    }
}

/// Sums of the costs, item by item.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CostSums {
    #[serde(flatten)]
    pub(crate) items: BTreeMap<String, Number>,
    pub(crate) total: Number,
}

impl From<Costs> for CostSums {
    fn from(costs: Costs) -> Self {
        let items = costs.items().into_iter().map(|(name, sum)| (name.to_owned(), sum.into()));
        Self { items: items.collect(), total: costs.total().into() }
    }
}

/// Calibration of the forecasts of one instrument or of all.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Calibration {
    #[serde(flatten)]
    pub(crate) facts: CalibrationFacts,
}

impl JsonSchema for Calibration {
    fn schema_name() -> Cow<'static, str> {
        "Calibration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let empty = serde_json::to_value(CalibrationFacts::default()).unwrap_or_default();
        let names: Vec<&String> = empty.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        let number = Number::json_schema(generator);
        let mut properties: BTreeMap<&str, Schema> =
            names.iter().map(|name| (name.as_str(), number.clone())).collect();
        properties.insert("forecasts", u64::json_schema(generator));
        properties.insert("alarm", Option::<String>::json_schema(generator));
        json_schema!({"type": "object", "properties": properties, "required": names})
    }
}
