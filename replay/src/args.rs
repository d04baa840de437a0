//! What the user typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use betaflow_connectors::live::Speed;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::serve::duration;

/// A streaming engine for people who trade factor models.
///
/// It reads prices and factor returns from Parquet files, follows alpha and factor betas of every
/// instrument with a Kalman filter, sizes positions at a quarter of Kelly under a turnover cap, fills the
/// orders a bar later with costs, and writes what happened to Parquet files that pandas reads.
#[derive(Debug, Parser)]
#[command(name = "betaflow", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trade a strategy through historical data and see what it earns after costs
    #[command(long_about = REPLAY, after_long_help = SETTINGS)]
    Replay(ReplayArgs),
    /// Trade through the hold-out as well, and score it: the one command that reads it
    #[command(long_about = SCORE, after_long_help = SETTINGS)]
    Score(ScoreArgs),
    /// Follow alpha and factor betas through historical data, without trading
    #[command(long_about = ESTIMATE, after_long_help = SETTINGS)]
    Estimate(EstimateArgs),
    /// See how far returns survive other caps, costs, delays and sizes: many runs over one reading of the data
    #[command(long_about = STRESS, after_long_help = SETTINGS)]
    Stress(StressArgs),
    /// Choose settings by what was known, judge them by what came after: walk-forward, purged folds
    #[command(long_about = TUNE, after_long_help = SETTINGS)]
    Tune(TuneArgs),
    /// Show one rebalance in full: its trades, what each limit costs, and the frontier
    #[command(long_about = SIZE, after_long_help = SETTINGS)]
    Size(SizeArgs),
    /// Serve a file as a live feed to many clients, with faults on request
    #[command(long_about = SERVE)]
    Serve(ServeArgs),
    /// Trade a live feed on paper, with state that survives being killed
    #[command(long_about = PAPER, after_long_help = SETTINGS)]
    Paper(PaperArgs),
    /// Make the report of a run folder again
    #[command(long_about = REPORT)]
    Report(ReportOfArgs),
    /// Say whether price data is fit for research: look-ahead, broken bars, splits, gaps
    #[command(long_about = CHECK)]
    Check(CheckArgs),
    /// Show a state folder in a browser, also while a run writes to it
    #[command(long_about = DASHBOARD)]
    Dashboard(DashboardArgs),
}

// Lines of at most 78 columns: a narrow terminal must not break a table or a command.
const REPLAY: &str = "\
Trade a strategy through historical data and see what it earns after costs.

Without --prices it runs on embedded tutorial data: 20 large US stocks, the
S&P 500 and five factor ETFs, daily, 2014 to 2022.

The run folder holds:
  summary.json     metrics after costs, before costs and of the benchmark,
                   costs, turnover, the digest
  equity.parquet   a row a bar: value, cash, exposure, turnover, each cost
  fills.parquet    a row a fill: price, price at the decision, costs
  orders.parquet   a row an order: what was filled of it, how it ended
  attribution.parquet    a row a bar: betas of the book, and the change of
                   value by alpha, factors, residual and costs
  contributions.parquet  the same by instrument, over the whole run
  weights.parquet  target and held weight of each instrument
  betas.parquet    alpha, betas, the forecast of each return and its error
  instruments.parquet  how well the forecasts of each instrument have held
  report.html      all of it on one page, which opens without a network
  run.toml         all settings; --config run.toml runs them again

In Python:
  equity = pd.read_parquet(\"runs/replay-1/equity.parquet\")
  equity.set_index(\"timestamp\").nav.plot()

The same data and settings give the same digest on every machine. No output
depends on data that comes after it: orders fill one bar after the one that
they are decided on.";

const SCORE: &str = "\
Trade through the hold-out as well, and score it: the one command that reads it.

holdout.from is the date that the hold-out begins with. Every other command
ends its data before it: nothing at or after it is read, and nothing that they
write depends on it. score runs the strategy through all data, once and in
order, and measures the hold-out alone: its first return is from the last value
before it. It writes a run folder like that of replay; summary.json has the
figures under holdout, and those before it under holdout.before.

A period can be seen for the first time only once. Every opening is written to
PRICES.holdout.jsonl beside the prices before anything is scored, and its
result after: time, digests of data and settings, start, the last bar scored,
version, the run's digest, the net Sharpe ratio. Of the embedded data it is
tutorial.holdout.jsonl in the current folder. How often any part of this period
has been read before, whatever the start or the data, is shown with what came
of it.

Examples:
  betaflow score --config runs/replay-1/run.toml --set holdout.from=2020-01-01
  betaflow score --set holdout.from=2020-01-01 --profile tutorial

In Python:
  openings = pd.read_json(\"prices.parquet.holdout.jsonl\", lines=True)";

const ESTIMATE: &str = "\
Follow alpha and factor betas through historical data, without trading.

What `pykalman.KalmanFilter(...).filter(...)` does, for all instruments at
once, with missing prices and late listings. betas.parquet in the run folder
has a row for each bar and instrument: alpha and betas as known after the bar,
and the forecast of the bar's return by yesterday's betas, with its error.
report.html shows how well the forecasts held and draws the betas of a few
instruments (--plot); it is one file and opens without a network.

With hindsight, which never trades: --smooth writes smoothed.parquet, the
betas of each bar given all bars; --em 50 fits variances and a prior to each
instrument, parameters.parquet. --compare rolling says how much more of the
variance the filter explains out of sample than least squares over the last
63, 126, 252 and 504 days, with the betas of 252 days in rolling.parquet.

In Python:
  betas = pd.read_parquet(\"runs/estimate-1/betas.parquet\")
  betas[betas.symbol == \"AAPL\"].plot(x=\"timestamp\", y=\"mkt\")";

const SIZE: &str = "\
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

const REPORT: &str = "\
Make the report of a run folder again.

It reads the folder alone: summary.json, run.toml and the tables that are
there, and writes report.html into it. A section whose table or figures are
missing says so, so the folder of an older run has a report as well.

Example:
  betaflow report runs/replay-1";

const CHECK: &str = "\
Say whether price data is fit for research.

It reads the data once and names what a backtest would believe and should not:
  copied_bar       open, high and low are those of another day: look-ahead,
                   where that day is a later one. Of the two rows the wrong
                   one is named
  broken_bar       low <= open, close <= high does not hold; a number is
                   missing, or is no price
  split            divided by a simple ratio, and it stays there
  extreme_return   a bad tick that comes back, or a jump beyond reason that
                   the volume does not explain
  bad_adjustment   adj_close jumps and close does not
  stale            a close that stays longer than chance explains
  reused_ticker    a jump after a gap of dates
  missing_day      a date without a row on which most others have one
  zero_volume      the price moved on a volume of 0
  duplicate, unsorted   rows that a replay refuses
  factors_misaligned    with --factors: they belong to another day
None of these is certain: real moves may be among them, and data without a
finding may be wrong.

Where there are high and low it also prints what the bars say of the bid-ask
spread (Corwin & Schultz 2012, Abdi & Ranaldo 2017), beside the median quoted
spread where there are bid and ask.

FILE is a Parquet table with a row for each finding: timestamp, symbol,
problem, detail. The data is the same as for `betaflow replay`, sorted by
time; --set data.price=adj_close looks at that column alone.

The exit code is 0 where the check ran, whatever it found.

In Python:
  wrong = pd.read_parquet(\"findings.parquet\")
  wrong[wrong.problem == \"copied_bar\"].symbol.value_counts()";

const DASHBOARD: &str = "\
Show a state folder in a browser, also while a run writes to it.

Value, profit and loss of the day, drawdown, positions and targets, the betas
of an instrument, turnover against the cap, costs, the health of the feed,
queues and latencies by stage, the last fills, orders and events. It reads
state.db alone, changes nothing and holds up nothing. The page follows by
itself, and comes back by itself after it was cut off.

On 127.0.0.1, where it listens without --listen, only this machine can look.
Any other address needs a token of at least 16 characters:
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' > token
  betaflow dashboard --state DIR --listen 0.0.0.0:8080 --token-file token
Open http://HOST:8080/?token=TOKEN once, or send Authorization: Bearer TOKEN.
There is no encryption: across networks use a tunnel, such as ssh -L.

For programs:
  /api/state               all that the page shows, as JSON
  /api/betas?symbol=AAPL   betas of an instrument, with standard deviations
  /events                  the first, again with every commit (SSE)
  /metrics                 for Prometheus
  /healthz                 200 while the run says how it is, else 503 and why

In Python:
  state = json.load(urllib.request.urlopen(\"http://127.0.0.1:8080/api/state\"))
  pd.DataFrame(state[\"positions\"])";

const STRESS: &str = "\
See how far returns survive other caps, costs, delays and sizes.

A grid file names settings and their values, and means all combinations:
  [grid]
  \"sizing.turnover_cap\" = [0.02, 0.08, 0.3]
  \"execution.half_spread_bps\" = [0, 4, 10, 25]
A range is { from = 1, to = 20 } of whole numbers, or of numbers
{ from = 0.01, to = 0.3, count = 5, scale = \"log\" }. Or the file is a
list of scenarios:
  [[scenario]]
  \"execution.delay_bars\" = 2
or a random sample (scrambled Sobol) from ranges and lists:
  [sample]
  count = 256
  seed = 1
  \"sizing.turnover_cap\" = { from = 0.01, to = 0.3, scale = \"log\" }

Data and estimator are gone through once for all scenarios that share them
(those that differ in [data], [universe], [factors], [estimator] or in when
they decide need a pass of their own), and each scenario is, bit for bit, the
replay with its settings: the digests are equal.

The best is sought among choices (what a user picks: sizing, strategy,
estimator) in the world of the configuration (costs, delays, data), and shown
with its deflated Sharpe ratio, the probability of backtest overfitting and the
minimum backtest length. Trials are the distinct choices of all runs on the
data: PRICES.trials.jsonl has them on record (of the embedded data
tutorial.trials.jsonl in the current folder); --trials says where else, or none.

With trades = \"fixed\" above the grid, which then varies nothing but costs, the
trades are those of the configuration, and each scenario only prices them
again: no replays, no digests, and sizing did not know these costs.

What has ended is kept beside the folder until all have: a run that was
interrupted or killed goes on with the same command and --out DIR --resume.

The folder holds:
  scenarios.parquet  a row a scenario: its settings, digest, metrics net and
                     gross, turnover, costs, break-even cost, capacity_of_same_trades
  scenario_returns.parquet  the net return of each scenario on each bar
  report.html        maps of Sharpe ratio, growth and drawdown, the cost at
                     which it dies, and which setting matters most
  summary.json, run.toml, grid.toml";

const TUNE: &str = "\
Choose settings by what was known, judge them by what came after.

A grid file, as for stress, names the settings to choose from; only choices
(sizing, strategy, estimator, ...): what happens to a trader, such as costs, is
that of the configuration. Each setting runs once, in order, through all the
data. Folds only select which returns are scored:
  walk_forward   blocks one after the other, each judged by the setting that
                 was best before it, with an embargo between
  k_fold         blocks judged by the setting that was best on both sides
  combinatorial  every tune.tested=2 of the blocks are judged at once, by the
                 best on the others: many paths through the data
The joined blocks are the out-of-sample result: what to expect of choosing like
this. The best on all frames is in-sample: it says what to use. A fold's book
is that of the chosen setting from the beginning; to go over from one to the
other is not charged.

Settings, with their defaults; the first ones are flags as well:
  tune.method=walk_forward   or k_fold, combinatorial
  tune.folds=5               blocks; 10 of combinatorial
  tune.embargo=21            days left out: before a block in walk_forward,
                             after it in the others
  tune.objective=sharpe      or sortino, calmar, growth, worst_block: the
                             lowest Sharpe ratio of tune.blocks=4; all net
  tune.purge=0               days left out before a block as well
  tune.overfitting_blocks=16 of the probability of overfitting

The folder holds:
  summary.json     the out-of-sample result, each choice and how sure it is,
                   the recommendation, luck
  folds.parquet    a row a block: when, what was chosen, scores, runner-up
  out_of_sample.parquet  a row a bar: what the choices earned, beside the
                   configuration as it is and the best in hindsight
  scenarios.parquet, scenario_returns.parquet   as of stress
  best.toml        the recommended settings, for --config of any command
  report.html, run.toml, grid.toml

Examples:
  betaflow tune --grid grid.toml
  betaflow tune --grid grid.toml --method combinatorial --embargo 60
  betaflow score --config runs/tune-1/best.toml";
const PAPER: &str = "\
Trade a live feed on paper, with state that survives being killed.

The stages are those of a replay: what was replayed is what trades, and over a
feed of the same data the digest is the same. The feed is that of
`betaflow serve`, or of anything that speaks its protocol.

The state folder has state.db (SQLite): every input before it acts, and the
value, fills, orders, weights and betas of each frame, committed together.
Started again with the same settings it goes on where it was, however it
ended: nothing is lost, doubled or different. One process at a time works on
a state folder. Ctrl-C and SIGTERM end it after the frame at hand.

Messages that are lost on the way are asked for again; what cannot be got is
reported as a gap, and trading goes on behind it. Where the disk is full
trading stops, and goes on when there is room.

Example, in two terminals:
  betaflow serve --speed 100000
  betaflow paper --url ws://127.0.0.1:9000 --state runs/paper";

const SERVE: &str = "\
Serve a file as a live feed to many clients, with faults on request.

Without --prices it serves the embedded tutorial data. Every client gets all
instruments and all columns that are there, from the message on that it asks
for, each at its own pace: one that reads slowly holds up nobody else. With
--speed 1 the bars come as their timestamps say, counted from a client's first
message on; with --speed 60 sixty times as fast; with --speed max as fast as
the client takes them. The data is the same as for `betaflow replay`; which
instruments are traded and what factors are made of is the client's affair.

Messages are JSON texts over WebSocket:
  > {\"type\":\"subscribe\",\"from\":0}
  > {\"type\":\"backfill\",\"from\":12,\"to\":15}
  < {\"type\":\"hello\",\"protocol\":1,\"name\":\"prices.parquet\",
     \"columns\":[\"close\",\"open\"],\"factors\":[\"mkt\"],\"has_rf\":true,
     \"values\":\"prices\",\"frames\":null}
  < {\"type\":\"bars\",\"seq\":0,\"timestamp\":1360281600000000000,
     \"symbols\":[\"AAPL\",\"MSFT\"],\"columns\":{\"close\":[67.85,null],
     \"open\":[66.3,27.1]},\"factors\":[0.001],\"rf\":0.0}
  < {\"type\":\"heartbeat\",\"seq\":17}   once a second when idle: the next number
  < {\"type\":\"unavailable\",\"from\":12,\"to\":15}   these will not come
  < {\"type\":\"end\",\"frames\":1258}
seq counts the bars from 0. With --protocol binance they are the closed bars of
Binance's kline streams instead: /stream?streams=aapl@kline_1d, or SUBSCRIBE.

Faults are a function of --seed. A dropped message is one that the stream never
carries: a backfill has it, unless --no-backfill says otherwise.

Ctrl-C and SIGTERM end it.

Examples:
  betaflow serve
  betaflow serve --prices prices.parquet --factors ff5.parquet --speed 3600
  betaflow serve --drop 0.01 --duplicate 0.01 --reorder 0.01 \\
                 --disconnect-every 30s --stall 5s --seed 7";

const SETTINGS: &str = "\
Prices (PATH is a file or a folder of files, sorted by time):
  tidy   a column date, timestamp, ts or time, a column symbol and a column
         close: a long DataFrame, df.to_parquet(PATH, index=False)
  wide   a time column and one column of closes for each symbol
  A missing price (null) means that the instrument did not trade.
  Columns dividend (cash a share) and split (new shares for one) are booked;
  open, high, low, volume, bid and ask are read where a setting needs them.
  Other names: --set data.price=adj_close, data.time=..., data.symbol=...

Factors: a time column and one column of simple returns for each factor (0.01
  is one percent); a column rf is the risk-free return. Or made from
  instruments in the prices, in the configuration:
      [factors]
      mkt = \"SPX\"
      mom = \"MTUM - SPX\"
  or --set 'factors.mom=0.5*MTUM - 0.5*SPX'. Instruments that factors use are
  not traded, unless universe.trade names them.

The equal-weight benchmark is rebalanced every 21 days over what trades then,
with the same costs. A day's turnover is counted by UTC date.

Some settings, with their defaults (run.toml in a run folder has them all):
  estimator.kind=mixture           many filters, weighed by how they forecast; or
                                   dlm: one, fixed: with variances that you give
  estimator.discount_factor=0.995  of dlm: memory of the betas, 1/(1 - 0.995) days
  estimator.warmup=252             days of returns before the first order
  strategy.kind=quarter_kelly      or max_sharpe, min_variance, factor_momentum,
                                   equal_weight, flat
  strategy.from=forecasts          of max_sharpe, min_variance; or returns, the
                                   last strategy.window=252
  sizing.kelly_fraction=0.25       share of full Kelly
  sizing.turnover_cap=0.08         most of the value traded a day, both sides
  sizing.cap_method=exact          the best trades under it; scale: a part of each
  sizing.cost_horizon=21           days over which the cost of a trade is earned
  sizing.weight_max=0.1            most in one instrument
  sizing.weight_min=0              negative: shorts
  sizing.gross_max=1               most in all, longs and shorts
  sizing.net_target=0.5            longs less shorts; without it there is none
  sizing.exposure_bounds={mkt=[0,0.5]}   least and most exposure to a factor
  sizing.rebalance_every=1         bars from one decision to the next, or days
                                   where there is a rebalance_at
  sizing.rebalance_at=15:30        one decision a day, UTC; without it all bars
  sizing.rebalance_drift=0         least drift of the weights for another trade
  execution.commission_bps=1       hundredths of a percent of what is traded
  execution.half_spread_bps=4      the same
  execution.spread_model=constant  or quotes, corwin_schultz, abdi_ranaldo; by
                                   instrument: half_spreads={A=1}, spread_file
  execution.impact_coefficient=0   times volatility times (share of a day's
                                   volume)^impact_exponent=0.5
  execution.commission_per_share=0 beside it; and commission_min an order
  execution.participation_cap=0.1  most of a bar's volume; without it no limit
  execution.unfilled=cancel        or carry: what could not fill works on
  execution.fill_at=close          or open, typical, vwap, of the next bar;
                                   same_close looks ahead, and says so
  data.return_price=adj_close      returns, dividends and splits by this one,
                                   while data.price=close trades
  world.cost_multiplier=1          all costs times this; of one item:
                                   commission_multiplier, spread_multiplier, ...
  world.volatile_cost_multiplier=1 the same on the most volatile tenth of days
  world.volume_multiplier=1        volumes that impact and participation see
  world.sizing_knows=true          or false: costs that sizing does not expect
  world.gap_from=2020-03-02        with world.gap_frames=5: bars not seen
  world.reverse_factor=mom         it pays with the other sign
  world.worst_windows=3            the worst 63 days come again after the end
  world.bootstrap_seed=1           a resampled path, in blocks of 21 days
  holdout.from=2020-01-01          nothing from there on is read but by score
  data.frames_per_day=1            bars a day; 390 for US equity minutes
  data.days_per_year=252           days that trade; 365 for crypto
  data.time_is=close               or open, with data.bar=1m: its length
  data.values=prices               or returns: a column return, or data.price=NAME
  data.factor_gap=error            or carry: bars without factors update nothing
  record.betas=rebalances          or all, last, none; record.weights likewise:
                                   none makes long runs faster

Examples:
  betaflow replay
  betaflow replay --prices prices.parquet --factors ff5.parquet --out runs/a
  betaflow replay --set sizing.turnover_cap=0.02 --from 2018-01-01

The embedded prices are from the Python package skfolio, BSD-3-Clause,
copyright 2023-2026 The skfolio developers.";

/// Where data and settings come from.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputArgs {
    /// Parquet file, or folder of files, with prices
    #[arg(long, value_name = "PATH")]
    pub prices: Option<PathBuf>,
    /// Parquet file with factor returns, or `none` to run without factors
    #[arg(long, value_name = "PATH")]
    pub factors: Option<PathBuf>,
    /// Settings in a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over those of the file; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not seen at all
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Whether prices of one's own come with factors.
    #[arg(skip = true)]
    pub needs_factors: bool,
    /// Flags of one command alone that stand for settings.
    #[arg(skip)]
    pub own: Vec<OwnFlag>,
}

/// A flag that stands for a setting.
#[derive(Clone, Debug)]
pub(crate) struct OwnFlag {
    pub table: &'static str,
    pub key: &'static str,
    /// As typed.
    pub value: String,
    /// With its dashes.
    pub flag: &'static str,
}

/// Arguments of the commands that write a run folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Folder to write; without it the next free runs/NAME-1, runs/NAME-2, ...
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace what is in that folder
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Show where the time went, stage by stage
    #[arg(long)]
    pub timing: bool,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}

/// How forgiving a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Costs as they are set
    Full,
    /// No impact and half the costs, with a sentence on each figure
    Tutorial,
}

/// Arguments of `score`.
#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// How forgiving to be
    #[arg(long, value_enum, default_value_t = Profile::Full)]
    pub profile: Profile,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoken {
    /// betaflow's own protocol
    Betaflow,
    /// The kline streams of Binance: closed bars, without factors
    Binance,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Where to listen; port 0 for any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// Times real time, such as 1 or 60; or max
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = speed)]
    pub speed: Speed,
    /// What is spoken
    #[arg(long, value_enum, default_value_t = Spoken::Betaflow)]
    pub protocol: Spoken,
    /// Certificate in PEM, for wss://
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Share of the messages that the stream never carries, such as 0.01
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub drop: f64,
    /// Share of the messages that come twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub duplicate: f64,
    /// Share of the messages that come up to three places late
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub reorder: f64,
    /// Cut each connection after about so long, such as 30s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub disconnect_every: Option<Duration>,
    /// Say nothing for so long once in a while, such as 5s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub stall: Option<Duration>,
    /// Send nothing again: what is dropped stays a gap
    #[arg(long)]
    pub no_backfill: bool,
    /// Where the faults come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

fn speed(text: &str) -> Result<Speed, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if times > 0.0 && times.is_finite() => Ok(Speed::Times(times)),
        _ => Err("expected a number above 0, such as 1 or 60, or max".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=0.9).contains(share));
    share.ok_or_else(|| "expected a share from 0 to 0.9, such as 0.01".to_owned())
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportOfArgs {
    /// The folder of a run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Instruments to draw, of an estimate, such as AAPL,MSFT; without it a few are chosen
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
}

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

/// Arguments of `stress`.
#[derive(Debug, Args)]
pub(crate) struct StressArgs {
    /// TOML file that says which settings vary
    #[arg(long, value_name = "FILE")]
    pub grid: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
    /// Go on with a run for this folder that was interrupted
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Ledger of what has been tried on the data; `none` to keep none [default: PRICES.trials.jsonl]
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}

/// Arguments of `tune`.
#[derive(Debug, Args)]
pub(crate) struct TuneArgs {
    /// TOML file that says which settings to choose from
    #[arg(long, value_name = "FILE")]
    pub grid: PathBuf,
    /// How the data is divided: walk_forward, k_fold or combinatorial
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,
    /// Blocks that are judged
    #[arg(long, value_name = "NUMBER")]
    pub folds: Option<String>,
    /// Days left out around them
    #[arg(long, value_name = "DAYS")]
    pub embargo: Option<String>,
    /// What settings are compared by: sharpe, sortino, calmar, growth or worst_block
    #[arg(long, value_name = "NAME")]
    pub objective: Option<String>,
    #[command(flatten)]
    pub run: RunArgs,
    /// Go on with a run for this folder that was interrupted
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Ledger of what has been tried on the data; `none` to keep none [default: PRICES.trials.jsonl]
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}

impl TuneArgs {
    /// With the flags that stand for settings among them.
    pub(crate) fn with_settings(&self) -> RunArgs {
        let flags = [
            ("method", "--method", &self.method),
            ("folds", "--folds", &self.folds),
            ("embargo", "--embargo", &self.embargo),
            ("objective", "--objective", &self.objective),
        ];
        let own = flags.into_iter().filter_map(|(key, flag, value)| {
            Some(OwnFlag { table: "tune", key, value: value.clone()?, flag })
        });
        let mut run = self.run.clone();
        run.input.own.extend(own);
        run
    }
}

/// Arguments of `paper`.
#[derive(Debug, Args)]
pub(crate) struct PaperArgs {
    /// Where the feed is, such as ws://127.0.0.1:9000
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Folder of the state; made where there is none
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Certificates to trust, in PEM, in place of the public ones
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Stop after so long, such as 10m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Show it in a browser at this address
    #[arg(long, value_name = "ADDRESS")]
    pub dashboard: Option<SocketAddr>,
    /// File with the token that a browser has to give
    #[arg(long, value_name = "FILE", requires = "dashboard")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub input: InputArgs,
}

/// Arguments of `dashboard`.
#[derive(Debug, Args)]
pub(crate) struct DashboardArgs {
    /// Folder that has state.db
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Address and port; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// File with the token that a client has to give
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Parquet file, or folder of files, with prices
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
    /// Parquet table to write: a row for each finding
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Parquet file with factor returns, to see whether they belong to the same days
    #[arg(long, value_name = "PATH")]
    pub factors: Option<PathBuf>,
    /// Settings in a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over those of the file; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not seen at all
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last date, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
}

impl CheckArgs {
    /// As the commands that run have it.
    pub(crate) fn input(&self) -> InputArgs {
        InputArgs {
            prices: Some(self.data.clone()),
            factors: self.factors.clone(),
            config: self.config.clone(),
            set: self.set.clone(),
            from: self.from.clone(),
            needs_factors: false,
            own: Vec::new(),
        }
    }
}

/// Arguments of `estimate`.
#[derive(Debug, Args)]
pub(crate) struct EstimateArgs {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub report: ReportArgs,
    #[command(flatten)]
    pub offline: OfflineArgs,
}

/// Arguments of commands that write a report.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Instruments to draw in the report, such as AAPL,MSFT; without it a few are chosen
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long, conflicts_with = "plot")]
    pub no_report: bool,
}

/// What looks at a run from its end.
#[derive(Debug, Args)]
pub(crate) struct OfflineArgs {
    /// Also the betas of each bar given all bars: smoothed.parquet
    #[arg(long)]
    pub smooth: bool,
    /// Also fit variances and prior of each instrument by EM, in at most so many steps
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..))]
    pub em: Option<u32>,
    /// Also compare the forecasts with those of another method, out of sample
    #[arg(long, value_name = "WITH")]
    pub compare: Option<Rival>,
}

/// What the filter is compared with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Rival {
    /// Least squares over the last 63, 126, 252 and 504 days
    Rolling,
}
