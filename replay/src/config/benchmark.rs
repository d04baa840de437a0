//! `[benchmark]`: the benchmark that returns are compared with.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};
use betaflow_connectors::parquet::{Settings as SourceSettings, read_benchmark};
use betaflow_engine::execution::BenchmarkRule;
use betaflow_engine::settings::{Invalid, SettingsTable as _, require};
use betaflow_engine::time::TimestampNs;
use betaflow_engine::world::WorldSettings;
use betaflow_engine::{choices, settings};
use serde::{Deserialize, Serialize};

choices! {
    /// Kind of benchmark.
    pub(crate) enum BenchmarkKind, default EqualWeight {
        /// Equal weights of all tradable instruments, rebalanced every 21 days, with the strategy's delay and costs.
        EqualWeight = "equal_weight",
        /// Buy and hold of one instrument of the data, from the first rebalance on, without costs; it need not be traded.
        Instrument = "instrument",
        /// Compounded return of one factor, plus the data's `rf` if `data.excess` is true, without costs.
        Factor = "factor",
        /// File of returns, without costs, or of weights, with the strategy's delay and costs.
        File = "file",
    }
}

use crate::host::Host;

settings! {
    /// Benchmark that returns, tracking error, beta and alpha are compared with.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct BenchmarkSettings in "benchmark" {
        /// Kind of benchmark.
        kind: BenchmarkKind = BenchmarkKind::EqualWeight;
        /// Instrument, or the name of the factor.
        #[serde(skip_serializing_if = "Option::is_none")]
        symbol: Option<String> = None, form "a symbol of the data, or the name of a factor";
        /// File, Parquet or CSV, with a time column and one column of returns, or with `symbol` and `weight` by time.
        ///
        /// Frames join the returns since the preceding frame; a frame without one counts as 0 and is reported. Weights
        /// are in force from the first frame at or after their time, and drift until the next ones; an absent symbol has
        /// weight 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String> = None, form "a path";
    }
}

/// Kinds with weights, as an expectation in errors.
const WITH_WEIGHTS: &str = "a benchmark with weights: benchmark.kind = \"equal_weight\", a \"file\" of symbol and weight, or an \
                            \"instrument\" that is traded";

impl BenchmarkSettings {
    /// Checks that the kind has its name or path, and no other.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let kind = self.kind.name();
        let needs_symbol = matches!(self.kind, BenchmarkKind::Instrument | BenchmarkKind::Factor);
        let needs_path = self.kind == BenchmarkKind::File;
        let fits = |value: &Option<String>, needed: bool| match value {
            Some(text) => needed && !text.trim().is_empty(),
            None => !needed,
        };
        let found =
            |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |text| format!("{text:?}"));
        let expected = match self.kind {
            BenchmarkKind::Instrument => {
                "the symbol of an instrument, because benchmark.kind is \"instrument\"".to_owned()
            }
            BenchmarkKind::Factor => "the name of a factor, because benchmark.kind is \"factor\"".to_owned(),
            _ => format!(
                "none, because benchmark.kind is {kind:?}; set benchmark.kind to \"instrument\" or \"factor\""
            ),
        };
        require(fits(&self.symbol, needs_symbol), "symbol", found(&self.symbol), expected)?;
        let expected = match needs_path {
            true => "the path of a file, because benchmark.kind is \"file\"".to_owned(),
            false => format!("none, because benchmark.kind is {kind:?}; set benchmark.kind to \"file\""),
        };
        require(fits(&self.path, needs_path), "path", found(&self.path), expected)
    }

    /// Instrument of the benchmark.
    pub(super) fn instrument(&self) -> Option<&str> {
        self.symbol.as_deref().filter(|_| self.kind == BenchmarkKind::Instrument)
    }

    /// Rule that the engine follows. `sealed_from`: start of the hold-out, whose rows of a file are not read.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn rule(&self, sealed_from: Option<TimestampNs>, host: &Host) -> Result<BenchmarkRule> {
        let name = || self.symbol.clone().unwrap_or_default();
        Ok(match self.kind {
            BenchmarkKind::EqualWeight => BenchmarkRule::EqualWeight,
            BenchmarkKind::Instrument => BenchmarkRule::Instrument(name()),
            BenchmarkKind::Factor => BenchmarkRule::Factor(name()),
            BenchmarkKind::File => {
                let path = self.path.as_deref().unwrap_or_default();
                read_benchmark(&host.input(path), sealed_from)?
            }
        })
    }

    /// Name in tables and legends: the instrument, the factor, or the file without its folder.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        match self.kind {
            BenchmarkKind::EqualWeight => "equal weight".to_owned(),
            BenchmarkKind::Instrument | BenchmarkKind::Factor => self.symbol.clone().unwrap_or_default(),
            BenchmarkKind::File => {
                let path = Path::new(self.path.as_deref().unwrap_or_default());
                path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            }
        }
    }
}

/// Checks that the benchmark suits sizing (`sizing.active`) and the stress on the data.
///
/// # Errors
/// Sizing needs weights that the benchmark does not have, or the stress changes returns that the benchmark does not
/// follow.
pub(super) fn check_use(
    rule: &BenchmarkRule,
    active: bool,
    source: &SourceSettings,
    world: &WorldSettings,
) -> Result<()> {
    let reverses = world.reverse_factor.is_some();
    match rule {
        BenchmarkRule::Instrument(symbol) if active => {
            let terms = source.factors.iter().flat_map(|(_, expression)| expression.terms());
            let constituents: BTreeSet<String> = terms.map(|(_, symbol)| symbol.clone()).collect();
            if !source.universe.trades(symbol, &constituents) {
                bail!(
                    "`sizing.active`: found true with the benchmark {symbol}, which is not traded, expected {WITH_WEIGHTS}; \
                     [universe] selects what is traded"
                );
            }
        }
        BenchmarkRule::Factor(name) if active => {
            bail!("`sizing.active`: found true with the factor {name} as benchmark, expected {WITH_WEIGHTS}")
        }
        BenchmarkRule::Returns(_) if active => {
            bail!("`sizing.active`: found true with a file of returns as benchmark, expected {WITH_WEIGHTS}")
        }
        _ => {}
    }
    if reverses && matches!(rule, BenchmarkRule::Instrument(_) | BenchmarkRule::Returns(_)) {
        bail!(
            "`world.reverse_factor`: found a benchmark whose returns the data states, expected benchmark.kind = \
             \"equal_weight\" or \"factor\": the part of the factor in other returns is not estimated"
        );
    }
    if world.needs_memory() && rule.rows_digest().is_some() {
        bail!(
            "`benchmark.kind`: found \"file\" with a resampled path or repeated windows, expected another kind: their dates are \
             not those of the file"
        );
    }
    Ok(())
}
