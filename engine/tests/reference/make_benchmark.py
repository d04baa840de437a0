"""Figures of a strategy against a benchmark, by pandas.

Run: python engine/tests/reference/make_benchmark.py, with numpy 2.4 and pandas 3.1. It writes benchmark.csv beside
itself: the values of both, then the figures of their returns, 252 frames a year. Alpha and beta are those of
empyrical's alpha_beta with a risk-free rate of 0: beta = cov(r, b) / var(b), alpha = (1 + mean(r - beta b))^252 - 1.
"""

from pathlib import Path

import numpy as np
import pandas as pd

random = np.random.default_rng(11)
benchmark_returns = 0.0004 + 0.01 * random.standard_normal(60)
returns = 0.0002 + 0.7 * benchmark_returns + 0.004 * random.standard_normal(60)
frame = pd.DataFrame({"nav": 1e6 * (1 + pd.Series(returns)).cumprod(),
                      "benchmark": 2345.0 * (1 + pd.Series(benchmark_returns)).cumprod()})
moves = frame.pct_change().dropna()
active = moves.nav - moves.benchmark
beta = moves.nav.cov(moves.benchmark) / moves.benchmark.var()
figures = {
    "tracking_error": active.std() * np.sqrt(252),
    "information_ratio": active.mean() / active.std() * np.sqrt(252),
    "beta": beta,
    "alpha": (1 + (moves.nav - beta * moves.benchmark).mean()) ** 252 - 1,
}
with open(Path(__file__).with_name("benchmark.csv"), "w") as out:
    for name in frame:
        print(name, *(repr(float(value)) for value in frame[name]), sep=",", file=out)
    for name, value in figures.items():
        print(name, repr(float(value)), sep=",", file=out)
