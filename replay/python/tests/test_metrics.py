"""Figures equal empyrical's, and the deflated Sharpe ratio that of its paper."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from betaflow import metrics

REFERENCE = Path(__file__).parents[3] / "engine" / "tests" / "reference"


def series() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns and benchmark of each reference series."""
    rows = [line.split(",") for line in (REFERENCE / "returns.csv").read_text().splitlines()]
    values = [(row[0], np.array([float(text) for text in row[1:] if text])) for row in rows]
    return {name: (own, other) for (name, own), (_, other) in zip(values[::2], values[1::2], strict=True)}


def test_figures_equal_the_references_of_empyrical() -> None:
    compared = 0
    expected = pd.read_csv(REFERENCE / "empyrical.csv", header=0, names=["series", "figure", "value"])
    known = {(row.series, row.figure): float(row.value) for row in expected.itertuples()}
    for name, (own, benchmark) in series().items():
        if (own <= -1.0).any():
            continue
        for figure, found in metrics.all(own, benchmark=benchmark).items():
            value = known.get((name, figure))
            if value is None:
                continue
            same = (
                not math.isfinite(found)
                if math.isnan(value)
                else math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-9)
            )
            assert same, (name, figure, found, value)
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("seed", range(5))
def test_each_function_equals_empyrical(seed: int) -> None:
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    rng = np.random.default_rng(seed)
    returns = 0.0004 + 0.012 * rng.standard_t(4, size=700).clip(-8, 8)
    benchmark = 0.6 * returns + 0.01 * rng.normal(size=700)
    pairs: list[tuple[float, Any]] = [
        (metrics.sharpe(returns), empyrical.sharpe_ratio(returns)),
        (metrics.sortino(returns), empyrical.sortino_ratio(returns)),
        (metrics.calmar(returns), empyrical.calmar_ratio(returns)),
        (metrics.max_drawdown(returns), empyrical.max_drawdown(returns)),
        (metrics.annual_return(returns), empyrical.annual_return(returns)),
        (metrics.annual_volatility(returns), empyrical.annual_volatility(returns)),
        (metrics.total_return(returns), empyrical.cum_returns_final(returns)),
        (metrics.omega(returns), empyrical.omega_ratio(returns)),
        (metrics.tail_ratio(returns), empyrical.tail_ratio(returns)),
        (metrics.value_at_risk(returns), empyrical.value_at_risk(returns)),
        (metrics.conditional_value_at_risk(returns), empyrical.conditional_value_at_risk(returns)),
        (metrics.stability_of_timeseries(returns), empyrical.stability_of_timeseries(returns)),
        (metrics.alpha(returns, benchmark), empyrical.alpha(returns, benchmark)),
        (metrics.beta(returns, benchmark), empyrical.beta(returns, benchmark)),
        (
            metrics.up_capture(returns, benchmark),
            empyrical.up_capture(pd.Series(returns), pd.Series(benchmark)),
        ),
        (
            metrics.down_capture(returns, benchmark),
            empyrical.down_capture(pd.Series(returns), pd.Series(benchmark)),
        ),
        (metrics.sharpe(returns, periods_per_year=52), empyrical.sharpe_ratio(returns, annualization=52)),
        (metrics.calmar(returns, periods_per_year=12), empyrical.calmar_ratio(returns, annualization=12)),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(float(theirs), rel=1e-9, abs=1e-12)


def test_series_of_every_kind_give_the_same() -> None:
    values = [0.01, -0.02, 0.015, 0.003, -0.001]
    expected = metrics.all(values)
    for returns in (
        np.array(values),
        pd.Series(values),
        pl.Series(values),
        tuple(values),
        pd.Series(values, dtype="Float64"),
    ):
        assert metrics.all(returns) == expected
    assert list(expected)[:3] == ["sharpe", "sortino", "calmar"]
    assert metrics.skew(values) == expected["skew"] and metrics.kurtosis(values) == expected["kurtosis"]


def test_sharpe_ratio_is_deflated_by_its_trials() -> None:
    rng = np.random.default_rng(0)
    returns = 0.001 + 0.01 * rng.normal(size=1000)
    alone = metrics.probabilistic_sharpe(returns)
    assert alone == metrics.all(returns)["probabilistic_sharpe"]
    # Bailey & López de Prado (2012), eq. 11, with scipy-free moments.
    s = returns.mean() / returns.std(ddof=1)
    z = (returns - returns.mean()) / returns.std()
    error = math.sqrt((1 - (z**3).mean() * s + ((z**4).mean() - 1) / 4 * s * s) / (len(returns) - 1))
    for benchmark in (0.0, 1.0, -0.5):
        expected = 0.5 * math.erfc(-(s - benchmark / math.sqrt(252)) / error / math.sqrt(2))
        found = metrics.probabilistic_sharpe(returns, benchmark_sharpe=benchmark)
        assert found == pytest.approx(expected, abs=1e-12)
    assert metrics.sharpe_standard_error(returns) == pytest.approx(error * math.sqrt(252), rel=1e-12)
    assert metrics.deflated_sharpe(returns, [metrics.sharpe(returns)]) == alone
    trials = metrics.sharpe(returns) - np.arange(50) / 10
    # Eq. 1 of Bailey & López de Prado (2014); the quantiles are those of statistics.NormalDist.
    from statistics import NormalDist

    normal, count = NormalDist(), len(trials)
    highest = (1 - np.euler_gamma) * normal.inv_cdf(1 - 1 / count) + np.euler_gamma * normal.inv_cdf(
        1 - 1 / (count * math.e)
    )
    best = trials.std(ddof=1) * highest
    expected = metrics.probabilistic_sharpe(returns, benchmark_sharpe=best)
    assert metrics.deflated_sharpe(returns, trials) == pytest.approx(expected, abs=1e-9)
    assert metrics.min_track_record_years(returns) == metrics.all(returns)["min_track_record_years"] > 0


def test_missing_and_misshapen_returns_are_errors() -> None:
    with pytest.raises(ValueError, match=r"returns: found NaN at index \[0\].*drop missing"):
        metrics.sharpe(pd.Series([1.0, 1.1]).pct_change())
    with pytest.raises(ValueError, match=r"returns: found shape \[2, 2\]"):
        metrics.sharpe(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"benchmark: found shape \[2\], expected \[3\]"):
        metrics.all([0.1, 0.2, 0.3], benchmark=[0.1, 0.2])
    with pytest.raises(ValueError, match="periods_per_year"):
        metrics.sharpe([0.1, 0.2], periods_per_year=0)
    assert all(math.isnan(value) for value in metrics.all([]).values())
