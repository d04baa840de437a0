//! Results of offline estimation, for the terminal and for `summary.json`.

use betaflow_engine::model::{EmFit, EstimatorKind, PairedForecasts};

use crate::config::Config;
use crate::summary::{
    Code, EmSummary, OfflineSummary, Rendered, RiskComparisonSummary, RiskModelSummary, Section,
    SmoothSummary, WindowSummary,
};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped};

/// Results of the requested parts.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) smoothed: Option<SmoothedBy>,
    pub(crate) fitted: Option<FittedFacts>,
    pub(crate) compared: Option<RollingResults>,
    pub(crate) risk: Option<RiskComparisonSummary>,
}

/// The model that was smoothed.
#[derive(Clone, Copy)]
pub(crate) enum SmoothedBy {
    /// The discount-factor DLM with this discount factor; `instead`: in place of a mixture.
    Dlm { discount_factor: f64, instead: bool },
    /// Parameters from the settings.
    Given,
    /// Parameters fitted by EM.
    Fitted,
}

impl SmoothedBy {
    pub(crate) fn of(fitted: bool, config: &Config) -> Self {
        let discount_factor = config.estimator.discount_factor;
        match config.estimator.kind {
            _ if fitted => Self::Fitted,
            EstimatorKind::Dlm => Self::Dlm { discount_factor, instead: false },
            EstimatorKind::Mixture => Self::Dlm { discount_factor, instead: true },
            EstimatorKind::Fixed | EstimatorKind::Given => Self::Given,
        }
    }

    fn summary(self) -> SmoothSummary {
        let (model, discount_factor, parameters) = match self {
            Self::Dlm { discount_factor, .. } => ("dlm", Some(discount_factor), None),
            Self::Given => ("fixed", None, None),
            Self::Fitted => ("fixed", None, Some("parameters.parquet".to_owned())),
        };
        SmoothSummary { model: model.to_owned(), discount_factor, parameters }
    }
}

/// Convergence of EM.
pub(crate) struct FittedFacts {
    steps_max: u32,
    instruments: u64,
    converged: u64,
    /// Instruments without a return other than 0.
    without: u64,
    /// Sums over the instruments, at the start and at the end.
    log_likelihood: [f64; 2],
}

impl FittedFacts {
    pub(crate) fn new(steps_max: u32) -> Self {
        Self { steps_max, instruments: 0, converged: 0, without: 0, log_likelihood: [0.0; 2] }
    }

    pub(crate) fn add(&mut self, fitted: Option<&EmFit>) {
        let Some(fitted) = fitted else {
            self.without += 1;
            return;
        };
        self.instruments += 1;
        self.converged += u64::from(fitted.converged);
        let ends = [fitted.log_likelihood.first(), fitted.log_likelihood.last()];
        for (sum, end) in self.log_likelihood.iter_mut().zip(ends) {
            *sum += end.copied().unwrap_or_default();
        }
    }
}

/// A window of the rolling regression.
pub(crate) struct Window {
    pub(crate) days: u32,
    /// Forecasts of the regression and of the filter.
    pub(crate) paired: PairedForecasts,
}

/// The comparison.
pub(crate) struct RollingResults {
    pub(crate) windows: Vec<Window>,
    /// Frames with returns before the first scored one.
    pub(crate) skipped: u64,
    /// Frames with returns.
    pub(crate) with_returns: u64,
}

impl Findings {
    /// Returns keys, terminal sections and warnings.
    pub(crate) fn section(&self) -> Section<OfflineSummary> {
        let em = |fitted: &FittedFacts| EmSummary {
            steps_max: fitted.steps_max,
            instruments: fitted.instruments,
            converged: fitted.converged,
            log_likelihood_first: fitted.log_likelihood[0].into(),
            log_likelihood: fitted.log_likelihood[1].into(),
        };
        let window = |window: &Window| {
            let hedged_r2 = window.paired.hedged_r2();
            WindowSummary {
                window: window.days,
                hedged_r2: hedged_r2.map(|[rolling, _]| rolling).into(),
                filter_hedged_r2: hedged_r2.map(|[_, filter]| filter).into(),
                forecasts: window.paired.forecasts(),
            }
        };
        let windows = |compared: &RollingResults| compared.windows.iter().map(window).collect();
        let keys = OfflineSummary {
            smooth: self.smoothed.map(SmoothedBy::summary),
            em: self.fitted.as_ref().map(em),
            compare: self.compared.as_ref().map(windows),
            compare_risk: self.risk.clone(),
        };
        let warnings = self.notes().into_iter().map(|text| Rendered::new(Code::Offline, text));
        Section { keys, page: self.page(), warnings: warnings.collect() }
    }

    /// Returns the sentences of the warnings.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.smoothed {
            Some(SmoothedBy::Dlm { discount_factor, instead: true }) => notes.push(format!(
                "smoothed.parquet comes from estimator.kind = \"dlm\" with estimator.discount_factor = \
                 {discount_factor}, because a mixture has no smoother."
            )),
            Some(SmoothedBy::Fitted) => {
                notes.push("smoothed.parquet uses the parameters that --em fitted.".to_owned());
            }
            _ => {}
        }
        if self.smoothed.is_some() {
            notes.push(
                "Each row of smoothed.parquet depends on later data: use it to study the past, not to trade."
                    .into(),
            );
        }
        if let Some(fitted) = &self.fitted {
            notes.push(
                "parameters.parquet was fitted to all the data: betas and trades made with it on the same data look \
                 ahead."
                    .to_owned(),
            );
            if fitted.without > 0 {
                let count = fitted.without;
                notes.push(format!(
                    "--em fitted no parameters to {} without a return other than 0.",
                    counted(count, "instrument")
                ));
            }
        }
        if let Some(risk) = self.risk.as_ref().filter(|risk| risk.frames == 0) {
            notes.push(format!(
                "No risk could be compared: found {} with a prediction, expected more than 252 frames with returns of at \
                 least two instruments and with all factors.",
                counted(risk.frames, "frame")
            ));
        }
        if let Some(compared) = &self.compared {
            let empty = compared.windows.iter().filter(|window| window.paired.forecasts() == 0);
            let empty: Vec<_> = empty.map(|window| window.days.to_string()).collect();
            if !empty.is_empty() {
                notes.push(format!(
                    "No forecast could be compared with windows of {} days: the data has {} frames with returns, and \
                     forecasts count after the first {}.",
                    empty.join(", "),
                    compared.with_returns,
                    compared.skipped
                ));
            }
        }
        notes
    }

    /// Returns the sections on the terminal; none without results.
    fn page(&self) -> Page {
        let mut page = Page::default();
        if let Some(fitted) = &self.fitted {
            let [first, last] = fitted.log_likelihood.map(|sum| decimals(sum, 1));
            page.section("EM").field("Log-likelihood", format!("{first} → {last}")).field(
                "Instruments",
                format!(
                    "{}; {} converged within {} steps",
                    grouped(fitted.instruments as f64),
                    grouped(fitted.converged as f64),
                    fitted.steps_max
                ),
            );
        }
        if let Some(compared) = &self.compared {
            page.section("Hedged R² out of sample: rolling least squares against the filter");
            page.table(compared.table());
        }
        if let Some(risk) = &self.risk {
            page.section(
                "Predicted risk of portfolios: QLIKE (lower is better) and bias statistic (1 is true)",
            );
            page.table(risk_table(risk));
        }
        page
    }
}

/// Returns a row for each model, a column for each kind of portfolio: QLIKE, then the bias statistic.
fn risk_table(risk: &RiskComparisonSummary) -> Table {
    let mut kinds: Vec<&str> = Vec::new();
    for row in &risk.models {
        if !kinds.contains(&&*row.portfolios) {
            kinds.push(&row.portfolios);
        }
    }
    let title = |kind: &&str| kind.replace('_', " ");
    let mut table = Table::new(["Model".to_owned()].into_iter().chain(kinds.iter().map(title)));
    for rows in risk.models.chunks(kinds.len().max(1)) {
        let cell = |row: &RiskModelSummary| {
            format!("{} {}", decimals(row.figures.qlike.into(), 3), decimals(row.figures.bias.into(), 2))
        };
        let name = rows.first().map_or_else(String::new, |row| row.model.replace('_', " "));
        table.row([name].into_iter().chain(rows.iter().map(cell)));
    }
    table
}

impl RollingResults {
    fn table(&self) -> Table {
        let mut table = Table::new(["Window", "Least squares", "Filter", "Difference", "Forecasts"]);
        for Window { days, paired } in &self.windows {
            let cells = match paired.hedged_r2() {
                Some([rolling, filter]) => {
                    [rolling, filter, filter - rolling].map(|value| decimals(value, 4))
                }
                None => [NONE; 3].map(str::to_owned),
            };
            let [rolling, filter, difference] = cells;
            let forecasts = grouped(paired.forecasts() as f64);
            table.row([format!("{days} days"), rolling, filter, difference, forecasts]);
        }
        table
    }
}
