//! Positions with which an account opens.

use anyhow::Result;
use betaflow_connectors::parquet::read_holdings;
use betaflow_engine::execution::{ExecutionSettings, Holdings};

use super::FeedSettings;
use crate::host::Host;

/// Reads the positions with which the account opens (`execution.holdings`), by the symbols of the feed.
///
/// # Errors
/// The file cannot be read, or has a quantity that is not a whole number of lots.
pub(crate) fn opening_of(
    execution: &ExecutionSettings,
    feed: &FeedSettings,
    host: &Host,
) -> Result<Option<Holdings>> {
    let Some(path) = &execution.holdings else { return Ok(None) };
    let mut holdings = read_holdings(&host.input(path))?;
    let quantities = std::mem::take(&mut holdings.quantities).into_iter();
    holdings.quantities = quantities.map(|(symbol, held)| (feed.symbol(&symbol), held)).collect();
    holdings.check_lots(execution.lot)?;
    Ok(Some(holdings))
}
