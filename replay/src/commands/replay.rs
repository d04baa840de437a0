//! `betaflow replay`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::host::Host;
use crate::run::session::{self, SessionComparison};
use crate::run::{self, Prepared, Reported, RunArgs, open};

pub(super) const REPLAY: &str = "\
Trade a strategy through historical data, with costs.

Without --prices it runs on embedded tutorial data: 20 large US stocks, the
S&P 500 and five factor ETFs, daily, 2014 to 2022.

The run folder has:
  summary.json     metrics after costs, before costs and of the benchmark,
                   costs, turnover, the digest
  equity.parquet   a row for each bar: NAV, cash, exposure, turnover, each cost
  fills.parquet    a row for each fill: price, price at the rebalance, costs
  orders.parquet   a row for each order: filled quantity, final state
  attribution.parquet    a row for each bar: betas of the book, and the change
                   of NAV by alpha, factors, residual and costs
  contributions.parquet  the same by instrument, over the whole run
  weights.parquet  target and held weight of each instrument
  betas.parquet    alpha, betas, the forecast of each return and its error,
                   at the end of each month (record.betas)
  instruments.parquet  quality of the forecasts of each instrument
  report.html      the results on one page, which needs no network
  run.toml         all settings; --config run.toml runs them again

In Python:
  equity = pd.read_parquet(\"runs/replay-1/equity.parquet\")
  equity.set_index(\"timestamp\").nav.plot()

The same data and settings give the same digest on every machine. No output
depends on later data: orders fill one bar after their rebalance.

--session DIR replays the session recording of a `betaflow paper` run from its
state folder, with its settings; the run may go on meanwhile. The digest is
compared with the recorded one, frame by frame, unless --set changes a setting
that decides results. The exit code is 1 if they differ.
  betaflow replay --session runs/paper --out runs/again";

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// State folder of a `paper` run whose session recording is replayed, with its settings.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["prices", "factors", "forecasts", "weights", "config", "from", "to"])]
    pub session: Option<PathBuf>,
    /// Skip report.html, which has 5 MB.
    #[arg(long)]
    pub no_report: bool,
}

/// Trades a strategy through historical data.
///
/// # Errors
/// Settings or data are invalid, a file cannot be written, or a replayed session does not have the digests on record.
pub(super) fn replay(args: &ReplayArgs, host: &Host) -> Result<()> {
    let mut request = run::REPLAY.request(&args.run, host).with_session();
    if let Some(folder) = &args.session {
        refuse_files(&args.run.input.set)?;
        request = session::with_its_settings(folder, request)?;
    }
    let config = request.resolve()?;
    let compared =
        config.data.session.as_deref().map(|folder| SessionComparison::with(Path::new(folder), &config));
    let compared = compared.transpose()?;
    let recorder = compared.as_ref().and_then(SessionComparison::recorder).transpose()?;
    let prepared = Prepared::new(&config, &args.run, &run::REPLAY, open(&config)?, recorder)?;
    prepared
        .execute()?
        .conclude(Reported { plot: (!args.no_report).then_some(&[]), ..Reported::default() })?;
    compared.map_or(Ok(()), |compared| compared.conclude(args.run.json))
}

/// Refuses settings that name files of the user: those of a session are among its recorded inputs.
fn refuse_files(sets: &[String]) -> Result<()> {
    let files = ["strategy.path", "estimator.betas", "estimator.factor_cov"];
    let names_file =
        |set: &&String| files.iter().any(|key| set.split('=').next().map(str::trim) == Some(key));
    match sets.iter().find(names_file) {
        Some(set) => bail!(
            "--set {set}: found a file with --session, expected none, because the record has the rows of the run's files; \
             omit it"
        ),
        None => Ok(()),
    }
}
