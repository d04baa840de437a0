//! Arguments of `size`.

use clap::Args;

use crate::config::InputArgs;

pub(in crate::commands) const SIZE: &str = "\
Show one rebalance in full: trades, cost of each limit, frontier.

The command trades up to the date like `betaflow replay` with the same
settings, and shows the rebalance of that date: the largest trades; for each
limit its marginal value (growth per unit of the limit) and the growth that the
limit costs; and the growth that each turnover would buy.

--json prints the whole problem (forecasts, exposures, factor covariance,
idiosyncratic variances, held weights, bounds, costs, limits) and its solution
with all multipliers, so that any solver can verify the optimum. All figures
are per bar; weights are shares of NAV. A multiplier is the growth of the
objective per unit of its limit; at a lower bound it is negative. If the limits
contradict each other (within_limits is false), they are met as far as
possible in this order: tradable instruments, turnover cap, bounds of weights,
gross limit, net target, exposures; the multipliers are then prices of coming
closer. A strategy that sets target weights gets the nearest feasible ones,
without growth figures.

In Python:
  text = subprocess.check_output([\"betaflow\", \"size\", \"--at\",
                                  \"2020-03-16\", \"--json\"])
  problem = json.loads(text)[\"problem\"]";

/// Arguments of `size`.
#[derive(Debug, Args)]
pub(crate) struct SizeArgs {
    /// Date of the rebalance, such as 2020-03-16; the last one of the date.
    #[arg(long, value_name = "DATE")]
    pub at: String,
    /// Print the problem and its solution as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub input: InputArgs,
}
