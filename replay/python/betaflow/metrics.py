"""Performance figures of a series of simple returns, by the definitions of empyrical.

The risk-free rate is 0.

Every function takes returns of one period each: numpy array, pandas or polars Series, or list, without
missing values. A figure that is not defined is NaN: of fewer than two returns a ratio, without losses
``sortino``, ``omega`` and ``calmar``, after a return of -100 % all but ``total_return``, ``annual_return``
and ``max_drawdown``, which are -1.

The definitions are those of ``summary.json`` and of the reports.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from betaflow import _native
from betaflow._arrays import numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def all(  # noqa: A001
    returns: ArrayLike, *, benchmark: ArrayLike | None = None, periods_per_year: float = 252.0
) -> dict[str, float]:
    """Return all figures by their names.

    Parameters
    ----------
    returns
        Simple returns, shape (N,).
    benchmark
        Returns of a benchmark on the same periods, shape (N,), for ``alpha``, ``beta``, ``up_capture`` and
        ``down_capture``; None for none.
    periods_per_year
        Periods of a year, by which figures are annualised.

    Returns
    -------
    dict
        Figures in the order of ``summary.json``.

    Raises
    ------
    ValueError
        A return is missing or infinite, or the lengths differ.
    """
    periods = _periods(periods_per_year)
    other = None if benchmark is None else numbers("benchmark", benchmark)
    return dict(_native.figures(numbers("returns", returns), periods, other))


def sharpe(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annualised Sharpe ratio: mean over sample standard deviation, times √(periods per year)."""
    return all(returns, periods_per_year=periods_per_year)["sharpe"]


def sortino(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annualised mean over the annualised downside deviation.

    The downside deviation is the root mean square of min(r, 0) over all returns.
    """
    return all(returns, periods_per_year=periods_per_year)["sortino"]


def calmar(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annual return over the size of the maximum drawdown."""
    return all(returns, periods_per_year=periods_per_year)["calmar"]


def annual_return(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the compound annual growth rate."""
    return all(returns, periods_per_year=periods_per_year)["annual_return"]


def annual_volatility(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annualised sample standard deviation."""
    return all(returns, periods_per_year=periods_per_year)["annual_volatility"]


def max_drawdown(returns: ArrayLike) -> float:
    """Return the maximum drawdown from a peak that is at least the start value: at most 0."""
    return all(returns)["max_drawdown"]


def total_return(returns: ArrayLike) -> float:
    """Return the total return."""
    return all(returns)["total_return"]


def omega(returns: ArrayLike) -> float:
    """Return the sum of gains over the sum of losses."""
    return all(returns)["omega"]


def tail_ratio(returns: ArrayLike) -> float:
    """Return \\|95th percentile\\| over \\|5th percentile\\|."""
    return all(returns)["tail_ratio"]


def value_at_risk(returns: ArrayLike) -> float:
    """Return the 5th percentile of the returns, interpolated."""
    return all(returns)["value_at_risk"]


def conditional_value_at_risk(returns: ArrayLike) -> float:
    """Return the mean of the lowest ⌊(N - 1) · 5 %⌋ + 1 returns."""
    return all(returns)["conditional_value_at_risk"]


def stability_of_timeseries(returns: ArrayLike) -> float:
    """Return the R² of a straight line through the cumulated log returns."""
    return all(returns)["stability_of_timeseries"]


def skew(returns: ArrayLike) -> float:
    """Return the population skewness."""
    return all(returns)["skew"]


def kurtosis(returns: ArrayLike) -> float:
    """Return the population excess kurtosis: 0 for a normal distribution."""
    return all(returns)["kurtosis"]


def alpha(returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annualised alpha against a benchmark: (1 + mean(r - beta b))^(periods per year) - 1."""
    return all(returns, benchmark=benchmark, periods_per_year=periods_per_year)["alpha"]


def beta(returns: ArrayLike, benchmark: ArrayLike) -> float:
    """Return the beta against a benchmark: cov(r, b)/var(b)."""
    return all(returns, benchmark=benchmark)["beta"]


def up_capture(returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annual return over that of the benchmark, on periods with a rising benchmark."""
    return all(returns, benchmark=benchmark, periods_per_year=periods_per_year)["up_capture"]


def down_capture(returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the annual return over that of the benchmark, on periods with a falling benchmark."""
    return all(returns, benchmark=benchmark, periods_per_year=periods_per_year)["down_capture"]


def sharpe_standard_error(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the standard error of the annualised Sharpe ratio.

    References
    ----------
    Lo (2002), *The Statistics of Sharpe Ratios*; Mertens (2002), with skewness and kurtosis.
    """
    return all(returns, periods_per_year=periods_per_year)["sharpe_standard_error"]


def min_track_record_years(returns: ArrayLike, *, periods_per_year: float = 252.0) -> float:
    """Return the years of such returns after which the Sharpe ratio is above 0 with a probability of 95 %.

    References
    ----------
    Bailey & López de Prado (2012), *The Sharpe Ratio Efficient Frontier*, eq. 13.
    """
    return all(returns, periods_per_year=periods_per_year)["min_track_record_years"]


def probabilistic_sharpe(
    returns: ArrayLike, *, benchmark_sharpe: float = 0.0, periods_per_year: float = 252.0
) -> float:
    """Return the probability that the true annual Sharpe ratio is above ``benchmark_sharpe``.

    Parameters
    ----------
    returns
        Simple returns, shape (N,).
    benchmark_sharpe
        Annual Sharpe ratio to compare with.
    periods_per_year
        Periods of a year.

    References
    ----------
    Bailey & López de Prado (2012), *The Sharpe Ratio Efficient Frontier*, eq. 11.
    """
    per_period = float(benchmark_sharpe) / math.sqrt(_periods(periods_per_year))
    return _native.probabilistic_sharpe(numbers("returns", returns), per_period)


def deflated_sharpe(
    returns: ArrayLike, trial_sharpes: ArrayLike, *, periods_per_year: float = 252.0
) -> float:
    """Return the probability that the true Sharpe ratio is above 0, for the best of several trials.

    Parameters
    ----------
    returns
        Simple returns of the chosen trial, shape (N,).
    trial_sharpes
        Annual Sharpe ratios of all trials that were looked at, the chosen one included, shape (trials,).
    periods_per_year
        Periods of a year.

    References
    ----------
    Bailey & López de Prado (2014), *The Deflated Sharpe Ratio*, eq. 1 and 2.
    """
    per_period = numbers("trial_sharpes", trial_sharpes) / math.sqrt(_periods(periods_per_year))
    return _native.deflated_sharpe(numbers("returns", returns), per_period)


def _periods(periods_per_year: Any) -> float:
    periods = float(periods_per_year)
    if not (periods > 0.0 and math.isfinite(periods)):
        raise ValueError(f"periods_per_year: found {periods_per_year}, expected a finite number above 0")
    return periods
