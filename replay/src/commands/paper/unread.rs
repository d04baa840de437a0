//! Settings of `[data]` that a run does not read, because the feed decides what they state.
//!
//! On the command line they are refused, because the user expects an effect. In a file of settings they are named in the
//! log alone, because `replay`, `serve` and `paper` may share the file.

use anyhow::Result;
use betaflow_connectors::live::History;
use betaflow_engine::model::EstimatorKind;
use tracing::warn;

use super::PaperArgs;
use crate::config::Config;
use crate::host::Host;

/// Setting without an effect.
struct Unread {
    key: &'static str,
    /// Value that states what holds on a feed.
    as_is: Option<&'static str>,
    /// Expectation, its reason, and the remedy.
    expected: &'static str,
}

const PRICES: Unread = Unread {
    key: "prices",
    as_is: None,
    expected: "no value, because the prices are those of the feed; leave it out, name the file in `betaflow serve`, or \
               with --history for warm-up",
};
const FACTORS: Unread = Unread {
    key: "factors",
    as_is: Some("none"),
    expected: "\"none\" or no value, because the factor returns are those of the feed; leave it out, name the file in \
               `betaflow serve`, or with --history-factors for the history",
};
const PRICE: Unread = Unread {
    key: "price",
    as_is: Some("close"),
    expected: "\"close\", because the feed has one price, and there is no history; leave it out, and set it in \
               `betaflow serve`",
};
const TIME_IS: Unread = Unread {
    key: "time_is",
    as_is: Some("close"),
    expected: "\"close\", because a feed states when its bars close, and there are no files; leave it out, and set it in \
               `betaflow serve`",
};
const BAR: Unread = Unread {
    key: "bar",
    as_is: None,
    expected: "no value, because no times of files are converted; leave it out, and set it in `betaflow serve`",
};

/// Refuses settings that no run on a feed reads.
///
/// # Errors
/// One of them is on the command line.
pub(super) fn of_every_run(args: &PaperArgs, host: &Host) -> Result<()> {
    check(&[PRICES, FACTORS], args, host)
}

/// Refuses settings that are about files, for a new run that reads no such files.
///
/// # Errors
/// One of them is on the command line.
pub(super) fn without_files(
    args: &PaperArgs,
    host: &Host,
    config: &Config,
    history: Option<&History>,
) -> Result<()> {
    let has_own_files = config.signal_path().is_some() || config.estimator.kind == EstimatorKind::Given;
    match history {
        Some(_) => Ok(()),
        None if has_own_files => check(&[PRICE], args, host),
        // The length of a bar also tells whether a midnight is a date.
        None if config.data.timezone.is_some() => check(&[PRICE, TIME_IS], args, host),
        None => check(&[PRICE, TIME_IS, BAR], args, host),
    }
}

fn check(settings: &[Unread], args: &PaperArgs, host: &Host) -> Result<()> {
    let request = super::request(args, host);
    let mut in_file = Vec::new();
    for Unread { key, as_is, expected } in settings {
        if request.refuse_outside_file("data", key, *as_is, expected)? {
            in_file.push(format!("data.{key}"));
        }
    }
    if !in_file.is_empty() {
        let names = in_file.join(", ");
        warn!(key = %names, "{names}: found in the file of settings, not used: the feed decides");
    }
    Ok(())
}
