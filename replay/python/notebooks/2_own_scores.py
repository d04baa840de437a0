# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From your own scores to a report
#
# You have a score for each date and stock. Is it any good, and what does it earn after costs? It needs `pip install pandas pyarrow`.

# %%
from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import betaflow

# %% [markdown]
# ## Data
#
# Sixty made-up stocks, one factor, and a score that knows a little about the next five days. Replace them by your own frames.

# %%
rng = np.random.default_rng(7)
dates = pd.bdate_range("2018-01-01", periods=1000, name="date")
names = [f"S{at:02d}" for at in range(60)]
market = pd.Series(rng.normal(0.0004, 0.01, len(dates)), index=dates, name="mkt")
residual = pd.DataFrame(rng.normal(0, 0.015, (len(dates), 60)), index=dates, columns=names)
prices = 50 * (1 + residual.add(market, axis=0)).cumprod()

ahead = residual[::-1].rolling(5).sum()[::-1].shift(-1) / (0.015 * 5**0.5)
scores = (0.1 * ahead + rng.normal(0, 1, ahead.shape)).dropna()
scores.iloc[:3, :5]

# %% [markdown]
# ## Is it any good?
#
# Rows are not lagged: a row has the date whose close it uses. `horizon` is the number of days that the score is about.

# %%
about = {"unit": "zscore", "horizon": 5}
signal = betaflow.signal(scores, prices, market, strategy=about, sizing={"weight_min": -0.05})
print(signal.summary)

# %% [markdown]
# ## What does it earn?
#
# The same score as a strategy, long and short, with the default costs of 5 bps a trade and at most 8 % of turnover a day.

# %%
run = betaflow.replay(prices, market, forecasts=scores, strategy=about, sizing={"weight_min": -0.05})
net = run.summary.metrics.net
print(f"Sharpe ratio {net.sharpe:.2f}, annual return {net.annual_return:.2%}, maximum drawdown {net.max_drawdown:.2%}")
run

# %% [markdown]
# ## Tables and report
#
# Each table becomes a frame of pandas or polars. `save` keeps the folder, `report` writes one page of HTML, which opens without a network.

# %%
equity = run.equity.to_pandas().set_index("timestamp")
equity[["nav", "nav_gross", "benchmark_nav"]].tail(3)

# %%
folder = Path(tempfile.mkdtemp()) / "scores"
run.save(folder)
run.report(folder / "report.html")
print(sorted(file.name for file in folder.iterdir()))

# %% [markdown]
# ## A score that looks ahead
#
# The residual return of the bar after the next one is what the orders of a rebalance earn first. A score that contains it looks too good.
# betaflow cannot know where a score comes from, but its summary shows the rank correlation with the next bars: far above that of other
# scores, it is a warning.

# %%
future = residual.shift(-2).dropna()
wonder = betaflow.replay(
    prices, market, forecasts=future, strategy={"unit": "zscore", "horizon": 2}, sizing={"weight_min": -0.05}
)
print(f"Sharpe ratio {wonder.summary.metrics.net.sharpe:.1f}")
assert wonder.summary.metrics.net.sharpe > net.sharpe
