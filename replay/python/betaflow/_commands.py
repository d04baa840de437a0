"""Functions of the commands that trade or estimate: replay, estimate, score, size, check."""

from __future__ import annotations

import os
from collections.abc import Sequence

from betaflow._call import Call
from betaflow._folder import Folder
from betaflow._results import Check, Estimate, Rebalance, Run, Score
from betaflow._settings import date_text
from betaflow._types import Config, Data, Date, Factors, Progress, Settings, Strategy


def replay(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    forecasts: Data | None = None,
    weights: Data | None = None,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: str | Settings | Strategy | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    world: Settings | None = None,
    limits: Settings | None = None,
    record: Settings | None = None,
    pipeline: Settings | None = None,
    session: str | os.PathLike[str] | None = None,
    timing: bool = False,
    progress: Progress = False,
) -> Run:
    """Trade a strategy through historical data, with costs.

    Parameters
    ----------
    prices
        Prices, long (columns time, symbol, close, ...) or wide (a column for each symbol); None: the
        tutorial.
    factors
        Factor returns (0.01 for 1 %) with a column for each factor; a list of tables is joined by time; a
        mapping of names to expressions of instruments, such as ``{"mkt": "SPY"}``, or to groups, such as
        ``[factors, {"sector": "group:sector"}]`` with ``universe={"groups": sectors}``; ``"none"`` or False:
        no factors.
    forecasts
        Forecasts or scores of the caller, long (time, symbol, forecast) or wide, for the strategy
        ``forecasts``.
    weights
        Target weights of the caller, long (time, symbol, weight) or wide, for the strategy ``weights``.
    start, end
        First and last date; data outside is not read.
    config
        Path of a TOML file of settings, or a mapping of tables to settings; the tables below override it.
    data, holdout, universe, benchmark, estimator, strategy, sizing, execution, world, limits, record,
    pipeline
        Settings of the table of that name, such as ``sizing={"turnover_cap": 0.05}``. A value of None is not
        set. Settings that name a file accept a table. `strategy` may also be the name of a strategy, or an
        object with the method ``decide``.
    session
        State folder of a paper run whose session recording is replayed, with its settings.
    timing
        Measure the time of each stage, for ``summary.timing``.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Run
        Summary, tables and digest.

    Raises
    ------
    ConfigError
        A setting is unknown or its value is not accepted; the error names it.
    InputError
        The data cannot be used; the error names table, row and column.

    Examples
    --------
    >>> run = betaflow.replay(prices, factors, sizing={"turnover_cap": 0.05}, execution={"half_spread_bps":
    5})
    >>> run.summary.metrics.net.sharpe
    >>> run.equity.to_pandas()
    """
    call = Call("replay")
    call.configure(
        config,
        {
            "data": data,
            "holdout": holdout,
            "universe": universe,
            "benchmark": benchmark,
            "estimator": estimator,
            "sizing": sizing,
            "execution": execution,
            "world": world,
            "limits": limits,
            "record": record,
            "pipeline": pipeline,
        },
        strategy,
    )
    call.read(prices, factors, start, end, forecasts, weights)
    call.flag("--session", session)
    call.flag("--timing", timing)
    return Run.of_reply(call.run_in_folder(progress))


def estimate(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    smooth: bool = False,
    em: int | None = None,
    compare: str | None = None,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    estimator: Settings | None = None,
    world: Settings | None = None,
    record: Settings | None = None,
    pipeline: Settings | None = None,
    timing: bool = False,
    progress: Progress = False,
) -> Estimate:
    """Estimate alpha and factor betas of every instrument with a Kalman filter, without trading.

    Parameters
    ----------
    prices, factors
        Data, as for :func:`replay`.
    smooth
        Also estimate the betas of each frame given all frames: the table ``smoothed``.
    em
        Fit variances and prior of each instrument by EM in at most this number of steps: the table
        ``parameters``.
    compare
        ``"rolling"``: compare the forecasts with least squares over the last 63, 126, 252 and 504 days.
    start, end
        First and last date; data outside is not read.
    config, data, holdout, universe, estimator, world, record, pipeline
        Settings, as for :func:`replay`.
    timing
        Measure the time of each stage, for ``summary.timing``.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Estimate
        Summary and tables; ``betas`` has a row for each frame and instrument.

    References
    ----------
    West, M., and Harrison, J. (1997). Bayesian Forecasting and Dynamic Models. 2nd edition. Springer.
    """
    call = Call("estimate")
    call.configure(
        config,
        {
            "data": data,
            "holdout": holdout,
            "universe": universe,
            "estimator": estimator,
            "world": world,
            "record": record,
            "pipeline": pipeline,
        },
    )
    call.read(prices, factors, start, end)
    call.flag("--smooth", smooth)
    call.flag("--em", em)
    call.flag("--compare", compare)
    call.flag("--timing", timing)
    return Estimate.of_reply(call.run_in_folder(progress))


def score(
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    profile: str | None = None,
    forecasts: Data | None = None,
    weights: Data | None = None,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: str | Settings | Strategy | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    world: Settings | None = None,
    limits: Settings | None = None,
    record: Settings | None = None,
    pipeline: Settings | None = None,
    timing: bool = False,
    progress: Progress = False,
) -> Score:
    """Trade through the hold-out as well, and score it; the only function that reads the hold-out.

    The opening is recorded in the hold-out log beside the prices, ``PRICES.holdout.jsonl``. For a table in
    memory it is ``prices.holdout.jsonl`` in the current folder, and for the tutorial
    ``tutorial.holdout.jsonl``.

    Parameters
    ----------
    prices, factors, forecasts, weights, start, end
        Data, as for :func:`replay`.
    profile
        ``"tutorial"``: no impact and half of the costs, with an explanation of each figure.
    config, data, universe, benchmark, estimator, strategy, sizing, execution, world, limits, record, pipeline
        Settings, as for :func:`replay`.
    holdout
        ``{"from": DATE}``: first date of the hold-out.
    timing
        Measure the time of each stage, for ``summary.timing``.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Score
        A run; ``summary.holdout`` has the figures of the hold-out, and ``summary.holdout.before`` those
        before it.
    """
    call = Call("score")
    call.configure(
        config,
        {
            "data": data,
            "holdout": holdout,
            "universe": universe,
            "benchmark": benchmark,
            "estimator": estimator,
            "sizing": sizing,
            "execution": execution,
            "world": world,
            "limits": limits,
            "record": record,
            "pipeline": pipeline,
        },
        strategy,
    )
    call.read(prices, factors, start, end, forecasts, weights)
    call.flag("--profile", profile)
    call.flag("--timing", timing)
    return Score.of_reply(call.run_in_folder(progress))


def size(
    at: Date,
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    forecasts: Data | None = None,
    weights: Data | None = None,
    start: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: str | Settings | Strategy | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    world: Settings | None = None,
    limits: Settings | None = None,
    pipeline: Settings | None = None,
    progress: Progress = False,
) -> Rebalance:
    """Show one rebalance in full: trades, cost of each limit, frontier.

    Parameters
    ----------
    at
        Date of the rebalance; the last one of the date.
    prices, factors, forecasts, weights, start
        Data, as for :func:`replay`.
    config, data, holdout, universe, benchmark, estimator, strategy, sizing, execution, world, limits,
    pipeline
        Settings, as for :func:`replay`.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Rebalance
        ``summary.problem`` has forecasts, exposures, factor covariance, bounds and limits, and
        ``summary.solution`` the weights and multipliers, so that any solver can verify the optimum. Figures
        are per bar; weights are shares of net asset value.
    """
    call = Call("size")
    call.configure(
        config,
        {
            "data": data,
            "holdout": holdout,
            "universe": universe,
            "benchmark": benchmark,
            "estimator": estimator,
            "sizing": sizing,
            "execution": execution,
            "world": world,
            "limits": limits,
            "pipeline": pipeline,
        },
        strategy,
    )
    call.flag("--at", date_text(at))
    call.read(prices, factors, start, None, forecasts, weights)
    return Rebalance.of_reply(call.run(progress))


def check(
    prices: Data,
    factors: Data | Sequence[Data] | None = None,
    *,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    universe: Settings | None = None,
    progress: Progress = False,
) -> Check:
    """Check the quality of price data: look-ahead, broken bars, splits, gaps.

    Parameters
    ----------
    prices
        Prices, as for :func:`replay`.
    factors
        Factor returns, to check that they belong to the same days.
    start, end
        First and last date; data outside is not read.
    config, data, universe
        Settings, as for :func:`replay`.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Check
        Counts in ``summary``, and the table ``findings``: a row for each finding with its time, symbol,
        problem, detail and severity.
    """
    call = Call("check")
    call.configure(config, {"data": data, "universe": universe})
    call.arguments.append(call.clocked(prices, "prices"))
    call.has_prices = True
    call.read(None, factors, start, end)
    folder = Folder()
    folder.path.mkdir()
    call.flag("--out", folder.path / "findings.parquet")
    return Check.of_reply(call.run(progress, folder))
