//! Arguments of `size`.

use clap::Args;

use crate::config::InputArgs;

pub(in crate::commands) const SIZE: &str = "\
Show one rebalance in full: its trades, what each limit costs, and the
frontier.

It trades up to the date as `betaflow replay` does with the same settings, and
shows what is decided on it: the largest trades; for each limit its marginal
value (growth that one more unit of it would add) and the growth that is given
up for it; and how much growth each turnover would buy.

With --json it prints the whole problem (forecasts, exposures, factor
covariance, idiosyncratic variances, weights held, bounds, costs, limits) and
its solution with all multipliers, so that any solver can check that it is the
best one. All are a bar's figures; weights are shares of the value. A
multiplier says by how much the objective grows with one more unit of its
limit; at a lower bound it is below 0. Where limits cannot all hold
(within_limits is false), those that come later are approached as near as the
others allow: what can be traded, cap, bounds of a weight, gross, net and
exposures; the multipliers are then prices of approaching them. A strategy that
asks for weights gets the nearest ones: there is no growth to show.

In Python:
  text = subprocess.check_output([\"betaflow\", \"size\", \"--at\",
                                  \"2020-03-16\", \"--json\"])
  problem = json.loads(text)[\"problem\"]";

/// Arguments of `size`.
#[derive(Debug, Args)]
pub(crate) struct SizeArgs {
    /// The date of the decision, such as 2020-03-16; of several in a day the last
    #[arg(long, value_name = "DATE")]
    pub at: String,
    /// Print the problem and its solution as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub input: InputArgs,
}
