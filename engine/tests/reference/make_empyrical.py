"""Generates empyrical.csv: figures of `empyrical` and `scipy` for some series of returns, including degenerate ones.

`engine/tests/suite/empyrical.rs` holds the metrics to these numbers. With Python 3.11:

    pip install empyrical-reloaded==0.7.1 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
    python make_empyrical.py            # writes returns.csv and empyrical.csv beside this file
    python make_empyrical.py --check    # computes again and compares

The file returns.csv has a series and its benchmark in each pair of rows. A figure that is not defined is empty: NaN or an infinity,
or a Sharpe ratio, skewness or kurtosis of returns that are all the same.
"""

import csv
import math
import sys
import warnings
from pathlib import Path

import empyrical as ep
import numpy as np
import pandas as pd
from scipy import stats

HERE = Path(__file__).parent
warnings.simplefilter("ignore")


def series():
    random = np.random.default_rng(7)
    market = 0.0004 + 0.01 * random.standard_t(4, 400)
    own = 0.0002 + 0.7 * market + 0.006 * random.standard_t(5, 400)
    yield "long", own, market
    yield "losing", -np.abs(own[:200]), market[:200]
    yield "rising", np.abs(own[:200]), -market[:200]
    yield "short", own[:21], market[:21]
    yield "two", own[:2], market[:2]
    yield "one_loss", np.array([-0.01]), np.array([0.02])
    yield "one_gain", np.array([0.01]), np.array([0.0])
    yield "flat", np.zeros(30), market[:30]
    yield "constant", np.full(30, 0.0005), market[:30]
    yield "benchmark_flat", own[:30], np.zeros(30)
    yield "ruin", np.array([0.1, -1.0, 0.2, 0.1]), market[:4]
    yield "debt", np.array([0.1, -1.5, 0.2, 0.1, -0.3]), -np.abs(market[:5])
    yield "none", np.array([]), np.array([])


def figures(r, b):
    n = len(r)
    moves = n > 1 and r.min() < r.max()
    index = pd.date_range("2015-01-01", periods=n)
    own, benchmark = pd.Series(r, index, dtype=float), pd.Series(b, index, dtype=float)
    alpha, beta = ep.alpha_beta(own, benchmark) if n > 1 else (math.nan, math.nan)
    yield "sharpe", ep.sharpe_ratio(own)
    yield "sortino", ep.sortino_ratio(own)
    yield "calmar", ep.calmar_ratio(own)
    yield "max_drawdown", ep.max_drawdown(own)
    yield "omega", ep.omega_ratio(own)
    yield "tail_ratio", ep.tail_ratio(own)
    yield "annual_return", ep.annual_return(own)
    yield "annual_volatility", ep.annual_volatility(own)
    yield "value_at_risk", ep.value_at_risk(own)
    yield "conditional_value_at_risk", ep.conditional_value_at_risk(own)
    yield "total_return", ep.cum_returns_final(own) if n else math.nan
    yield "stability_of_timeseries", ep.stability_of_timeseries(own)
    yield "skew", stats.skew(r) if moves else math.nan
    yield "kurtosis", stats.kurtosis(r) if moves else math.nan
    yield "best_return", r.max() if n else math.nan
    yield "worst_return", r.min() if n else math.nan
    yield "alpha", alpha
    yield "beta", beta
    yield "up_capture", ep.up_capture(own, benchmark)
    yield "down_capture", ep.down_capture(own, benchmark)


def rows():
    for name, r, b in series():
        for figure, value in figures(r, b):
            value = float(np.real(value)) if not isinstance(value, complex) else math.nan
            yield [name, figure, repr(value) if math.isfinite(value) else ""]


if __name__ == "__main__":
    made = list(rows())
    path = HERE / "empyrical.csv"
    if "--check" in sys.argv:
        with path.open() as file:
            kept = list(csv.reader(file))[1:]
        assert len(kept) == len(made)
        for old, new in zip(kept, made):
            same = old[2] == new[2] or math.isclose(float(old[2]), float(new[2]), rel_tol=1e-12)
            assert old[:2] == new[:2] and same, (old, new)
    else:
        with (HERE / "returns.csv").open("w", newline="") as file:
            for name, r, b in series():
                csv.writer(file, lineterminator="\n").writerow([name, *map(repr, r.tolist())])
                csv.writer(file, lineterminator="\n").writerow([name, *map(repr, b.tolist())])
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["series", "figure", "value"])
            writer.writerows(made)
