"""Generates factors.csv: figures of factor returns over the last months, by pandas.

`engine/tests/suite/factors.rs` holds the module `metrics::factor_returns` to these numbers. With Python 3.11:

    pip install pandas==3.1.1 numpy==2.4.6
    python make_factors.py            # writes factors.csv beside this file
    python make_factors.py --check    # computes again and compares

A row is the data set, the figure, its arguments, and the number. The returns are those of `returns_of` in both files.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
FACTORS = 3


def returns_of(at, factor):
    return 0.01 * np.sin(0.37 * at + factor) + 0.003 * np.cos(1.7 * at * (factor + 1)) + 0.0004 * (factor - 1)


def data(dates):
    at = np.arange(len(dates))
    return pd.DataFrame({factor: returns_of(at, factor) for factor in range(FACTORS)}, index=dates)


def windows(frame, monthly):
    last = frame.index[-1]
    for months in [1, 3, 6, 12, 36, None]:
        if months is None:
            yield "all", frame
        elif monthly:
            period = frame.index.to_period("M")
            yield str(months), frame[period > period[-1] - months]
        else:
            yield str(months), frame[frame.index > last - pd.DateOffset(months=months)]


def figures(name, frame, per_year, monthly):
    for window, part in windows(frame, monthly):
        for factor, r in part.items():
            yield name, "dates", f"{factor} {window}", len(r)
            yield name, "total_return", f"{factor} {window}", (1 + r).prod() - 1
            yield name, "annual_volatility", f"{factor} {window}", r.std() * np.sqrt(per_year)
            yield name, "t", f"{factor} {window}", r.mean() / r.std() * np.sqrt(len(r))
    months = (1 + frame).groupby(frame.index.to_period("M")).prod() - 1
    for factor, r in months.items():
        yield name, "last_month", str(factor), r.iloc[-1]
        yield name, "percentile", str(factor), r.rank(pct=True).iloc[-1]
    for factor, r in frame.items():
        wealth = (1 + r).cumprod()
        drawdown = wealth / wealth.cummax().clip(lower=1) - 1
        yield name, "current_drawdown", str(factor), drawdown.iloc[-1]
        yield name, "max_drawdown", str(factor), drawdown.min()
    correlations = frame.corr()
    for left in range(FACTORS):
        for right in range(FACTORS):
            yield name, "correlation", f"{left} {right}", correlations.loc[left, right]


def rows():
    # Weekdays up to 31 March 2023: a window of one month begins after 28 February.
    yield from figures("daily", data(pd.bdate_range("2019-01-01", "2023-03-31")), 252, False)
    # Month ends: the last days of months differ.
    yield from figures("monthly", data(pd.date_range("2015-01-31", "2021-02-28", freq="ME")), 12, True)


def main():
    lines = [[name, figure, arguments, repr(float(value))] for name, figure, arguments, value in rows()]
    path = HERE / "factors.csv"
    if "--check" in sys.argv:
        known = list(csv.reader(path.open()))
        assert [line[:3] for line in known] == [line[:3] for line in lines]
        for before, after in zip(known, lines):
            assert np.isclose(float(before[3]), float(after[3]), rtol=1e-12, atol=1e-15, equal_nan=True), (before, after)
        return
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
