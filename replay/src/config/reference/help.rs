//! What the help of many commands says of data and settings.

pub(crate) const SETTINGS: &str = "\
Prices (PATH is a file or a folder of files, sorted by time):
  tidy   a column date, datetime, timestamp, ts or time, a column symbol or
         ticker and a column close, in any case: a long DataFrame,
         df.to_parquet(PATH, index=False)
  wide   a time column and one column of closes for each symbol, or two column
         levels as yfinance has them: open, high, low, close, volume by ticker
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
  data.trade_from=2015-01-01       bars before it only warm up; or a time
  limits.daily_loss_max=0.02       a date that loses more trades no more
  limits.drawdown_max=0.2          a run that lost more trades no more
  limits.stale_after=5m            of a live feed: after a longer silence one
                                   bar is not traded on
  limits.conflations_max=10        of a live feed: a date on which more bars gave
                                   way to later ones trades no more
  holdout.from=2020-01-01          nothing from there on is read but by score
  data.frames_per_day=1            bars a day; 390 for US equity minutes
  data.days_per_year=252           days that trade; 365 for crypto
  data.time_is=close               or open, with data.bar=1m: its length
  data.values=prices               or returns: a column return, or data.price=NAME
  data.rf_max=0.5                  largest risk-free rate a year: 50 %
  data.factor_gap=error            or carry: bars without factors update nothing
  feed.venue=betaflow              of paper: or binance, kraken_v2, coinbase_advanced,
                                   ...; with feed.symbols=[...] and feed.bar=1m
  record.betas=rebalances          or all, last, none; record.weights likewise:
                                   none makes long runs faster

Examples:
  betaflow replay
  betaflow replay --prices prices.parquet --factors ff5.parquet --out runs/a
  betaflow replay --set sizing.turnover_cap=0.02 --from 2018-01-01

The embedded prices are from the Python package skfolio, BSD-3-Clause,
copyright 2023-2026 The skfolio developers.";
