"""Writes max_sharpe.csv: long-only, fully invested portfolios of maximum Sharpe ratio, computed with scipy.

`connectors/tests/suite/max_sharpe.rs` compares the critical line algorithm with them. With Python 3.11:

    pip install -r requirements.txt
    python make_max_sharpe.py            # writes max_sharpe.csv beside this file
    python make_max_sharpe.py --check    # recomputes and compares, to 1e-6

From the last 252 simple returns up to a date of the 20 names of the tutorial: maximise mean(R w)/std(R w), the
population deviation, by SLSQP with `ftol` 1e-14 from equal weights, 0 <= w <= 0.1, sum(w) = 1. The returns are
scaled by 100, which does not change the ratio, because SLSQP stops at absolute tolerances.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize

HERE = Path(__file__).parent
TUTORIAL = HERE / ".." / ".." / "data" / "tutorial.parquet"
FACTORS = {"SPX", "MTUM", "QUAL", "SIZE", "USMV", "VLUE"}
DATES = ["2015-12-31", "2019-12-31", "2022-12-28"]


def solve(returns):
    scaled = 100 * returns

    def objective(w):
        book = scaled @ w
        return -book.mean() / book.std()

    n = returns.shape[1]
    found = minimize(
        objective,
        np.full(n, 1 / n),
        method="SLSQP",
        bounds=[(0, 0.1)] * n,
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1}],
        options={"ftol": 1e-14, "maxiter": 10_000},
    )
    return found.x, -found.fun


def rows():
    prices = pd.read_parquet(TUTORIAL)
    prices["date"] = pd.to_datetime(prices.date)
    wide = prices.pivot(index="date", columns="symbol", values="close")
    wide = wide[[name for name in wide.columns if name not in FACTORS]]
    returns = wide.pct_change().dropna()
    for date in DATES:
        window = returns.loc[:date].iloc[-252:]
        weights, sharpe = solve(window.to_numpy())
        for symbol, weight in zip(window.columns, weights):
            yield [date, symbol, repr(float(weight)), repr(float(sharpe))]


if __name__ == "__main__":
    made = list(rows())
    path = HERE / "max_sharpe.csv"
    if "--check" in sys.argv:
        with path.open() as file:
            kept = list(csv.reader(file))[1:]
        assert len(kept) == len(made)
        for old, new in zip(kept, made):
            assert old[:2] == new[:2] and abs(float(old[2]) - float(new[2])) < 1e-6, (old, new)
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["date", "symbol", "weight", "sharpe"])
            writer.writerows(made)
