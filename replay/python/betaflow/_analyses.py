"""Functions of the commands that analyse forecasts, factors and trials: signal, factors, luck."""

from __future__ import annotations

from collections.abc import Sequence

from betaflow._call import Call
from betaflow._results import FactorStudy, Luck, Signal
from betaflow._types import Config, Data, Date, Factors, Progress, Settings


def signal(
    forecasts: Data | None = None,
    prices: Data | None = None,
    factors: Factors | None = None,
    *,
    horizons: Sequence[int] | None = None,
    carry_prices: bool = False,
    replay: bool = True,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    benchmark: Settings | None = None,
    estimator: Settings | None = None,
    strategy: Settings | None = None,
    sizing: Settings | None = None,
    execution: Settings | None = None,
    world: Settings | None = None,
    limits: Settings | None = None,
    record: Settings | None = None,
    pipeline: Settings | None = None,
    progress: Progress = False,
) -> Signal:
    """Measure the predictive power of forecasts: information coefficients, quantiles, turnover.

    Definitions equal those of alphalens-reloaded where it has them.

    Parameters
    ----------
    forecasts
        Forecasts or scores, long (time, symbol, forecast) or wide; None: ``strategy={"path": ...}``.
    prices, factors, start, end
        Data, as for :func:`replay`.
    horizons
        Horizons in frames; 1, 2, 3, 5, 10, 21, 42 and 63 by default.
    carry_prices
        Carry the last price over a missing one, as alphalens with pandas below 3 does.
    replay
        Also trade the forecasts, with all costs and limits.
    config, data, holdout, universe, benchmark, estimator, strategy, sizing, execution, world, limits, record,
    pipeline
        Settings, as for :func:`replay`.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Signal
        ``signal`` has a row for each cross-section and horizon; the tables of the replay are those of
        :class:`Run`.

    References
    ----------
    Grinold, R., and Kahn, R. (2000). Active Portfolio Management. 2nd edition. McGraw-Hill. Chapters 6 and
    10.
    """
    call = Call("signal")
    tables = {
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
    }
    call.configure(config, tables, strategy)
    if forecasts is not None:
        call.arguments.append(call.input(forecasts, "forecasts", "forecast"))
    call.read(prices, factors, start, end)
    call.flag("--horizons", None if horizons is None else ",".join(str(int(bars)) for bars in horizons))
    call.flag("--carry-prices", carry_prices)
    call.flag("--no-replay", not replay)
    return Signal.of_reply(call.run_in_folder(progress))


def factors(
    factors: Factors | None = None,
    *,
    prices: Data | None = None,
    resamples: int | None = None,
    seed: int | None = None,
    start: Date | None = None,
    end: Date | None = None,
    config: Config | None = None,
    data: Settings | None = None,
    holdout: Settings | None = None,
    universe: Settings | None = None,
    estimator: Settings | None = None,
    sizing: Settings | None = None,
    world: Settings | None = None,
    progress: Progress = False,
) -> FactorStudy:
    """Show how factors have done lately, and how much of it may be luck.

    Parameters
    ----------
    factors
        Factor returns (0.01 for 1 %), a column for each factor; a list of tables is joined by time; a mapping
        of names to expressions of instruments of `prices`. None: those of the tutorial.
    prices
        Prices, for factors made of instruments.
    resamples
        Resamples of the stationary bootstrap; 5,000 by default.
    seed
        Seed of the resamples.
    start, end
        First and last date; data outside is not read.
    config, data, holdout, universe, estimator, sizing, world
        Settings, as for :func:`replay`.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    FactorStudy
        ``factors`` has a row for each factor and window, ``premia`` one for each frame and factor.

    References
    ----------
    Politis, D., and Romano, J. (1994). The stationary bootstrap. Journal of the American Statistical
    Association 89.
    """
    call = Call("factors")
    tables = {
        "data": data,
        "holdout": holdout,
        "universe": universe,
        "estimator": estimator,
        "sizing": sizing,
        "world": world,
    }
    call.configure(config, tables)
    call.read(prices, factors, start, end)
    call.flag("--resamples", resamples)
    call.flag("--seed", seed)
    return FactorStudy.of_reply(call.run_in_folder(progress, report=True))


def luck(
    returns: Data,
    *,
    trials: int | None = None,
    sharpe_variance: float | None = None,
    periods_per_year: float | None = None,
    blocks: int | None = None,
    max_correlation: float | None = None,
    progress: Progress = False,
) -> Luck:
    """Test the best of many trials for luck: deflated Sharpe ratio, overfitting, correlations.

    Parameters
    ----------
    returns
        Table with a time column and a column of simple returns (0.01 for 1 %) for each trial. A null means
        that a trial has no return at that time.
    trials
        Number of trials, those that are not in the table included.
    sharpe_variance
        Variance of the annual Sharpe ratios of all trials.
    periods_per_year
        Periods a year, such as 252; by default by the spacing of the rows.
    blocks
        Blocks of the probability of overfitting, an even number from 2 to 20; 16 by default.
    max_correlation
        Highest correlation with an earlier trial that is accepted; 0.5 by default.
    progress
        True for a bar, or a function of the work done and its total.

    Returns
    -------
    Luck
        ``luck`` has a row for each trial, ``correlations`` one for each pair.

    References
    ----------
    Bailey, D., and Lopez de Prado, M. (2014). The deflated Sharpe ratio. Journal of Portfolio Management 40
    (5).
    """
    call = Call("luck")
    call.arguments.append(call.clocked(returns, "returns", "return"))
    call.flag("--trials", trials)
    call.flag("--sharpe-variance", sharpe_variance)
    call.flag("--periods-per-year", periods_per_year)
    call.flag("--blocks", blocks)
    call.flag("--max-correlation", max_correlation)
    return Luck.of_reply(call.run_in_folder(progress, report=True))
