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
# # The usual notebook, and the same in betaflow
#
# Betas by `pykalman`, weights by SLSQP, a loop for the account: this is the usual notebook of a factor model. Here it stands beside
# betaflow. The data are the same, the numbers are compared, and the times are printed.
#
# It needs `pip install pandas pyarrow pykalman scipy`.

# %%
from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
from pykalman import KalmanFilter
from scipy.optimize import LinearConstraint, minimize

import betaflow

# %% [markdown]
# ## Data
#
# Twelve made-up stocks with known betas to two factors, three years of days.

# %%
rng = np.random.default_rng(11)
dates = pd.bdate_range("2021-01-04", periods=756, name="date")
names = [f"S{at:02d}" for at in range(12)]
factors = pd.DataFrame(
    {"mkt": rng.normal(0.0006, 0.010, len(dates)), "size": rng.normal(0.0001, 0.005, len(dates))}, index=dates
)
true_betas = np.column_stack([rng.uniform(0.6, 1.4, 12), rng.normal(0, 0.5, 12)])
residuals = rng.normal(0.0002, 0.012, (len(dates), 12))
returns = pd.DataFrame(factors.to_numpy() @ true_betas.T + residuals, index=dates, columns=names)
prices = 50 * (1 + returns).cumprod()

# %% [markdown]
# ## Betas
#
# One Kalman filter for each stock. The state is (alpha, beta to mkt, beta to size); it moves by a random step with variance 1e-5 a day.

# %%
moves = prices.pct_change().iloc[1:]
design = np.column_stack([np.ones(len(moves)), factors.iloc[1:].to_numpy()])

start = time.perf_counter()
columns = {}
for name in names:
    kalman = KalmanFilter(
        transition_matrices=np.eye(3),
        transition_covariance=1e-5 * np.eye(3),
        observation_matrices=design[:, None, :],
        observation_covariance=np.array([[2e-4]]),
        initial_state_mean=np.array([0.0, 1.0, 0.0]),
        initial_state_covariance=0.5 * np.eye(3),
    )
    columns[name], _ = kalman.filter(moves[name].to_numpy())
pykalman_seconds = time.perf_counter() - start
usual_betas = pd.DataFrame({name: column[:, 1] for name, column in columns.items()}, index=moves.index)

# %% [markdown]
# The same filter in betaflow. A wide frame of prices and a frame of factor returns go in as they are.

# %%
start = time.perf_counter()
estimate = betaflow.estimate(
    prices,
    factors,
    estimator={"kind": "fixed", "transition_variance": 1e-5, "observation_variance": 2e-4, "initial_variance": 0.5},
)
betaflow_seconds = time.perf_counter() - start
betas = estimate.betas.to_pandas().pivot(index="timestamp", columns="symbol", values="mkt")

beta_difference = float(np.abs(betas.to_numpy() - usual_betas.to_numpy()).max())
print(f"pykalman {pykalman_seconds:.2f} s, betaflow {betaflow_seconds:.2f} s, largest difference {beta_difference:.1e}")
assert beta_difference < 1e-9

# %% [markdown]
# ## Weights and account
#
# Every 21 days: the long, fully invested portfolio with the highest Sharpe ratio of the last 252 returns, at most 15 % a stock. Orders
# fill at the close of the next day and cost 5 bps of their value. The usual notebook solves by SLSQP and keeps the account in a loop.


# %%
def max_sharpe(window: np.ndarray) -> np.ndarray:
    """Return the weights with the highest Sharpe ratio of a window of returns, days x stocks."""
    scaled = 100 * window

    def negative_ratio(weights: np.ndarray) -> float:
        book = scaled @ weights
        return float(-book.mean() / book.std())

    count = window.shape[1]
    found = minimize(
        negative_ratio,
        np.full(count, 1 / count),
        method="SLSQP",
        bounds=[(0, 0.15)] * count,
        constraints=LinearConstraint(np.ones((1, count)), 1, 1),
        options={"ftol": 1e-14, "maxiter": 10_000},
    )
    return np.asarray(found.x)


start = time.perf_counter()
closes, daily = prices.to_numpy(), prices.pct_change().to_numpy()
cash, held, orders = 1_000_000.0, np.zeros(12), np.zeros(12)
navs, usual_weights = [], {}
for day in range(252, len(dates)):
    value = orders * closes[day]
    cash -= value.sum() + 5e-4 * np.abs(value).sum()
    held, orders = held + orders, np.zeros(12)
    nav = cash + held @ closes[day]
    navs.append(nav)
    if (day - 252) % 21 == 0:
        usual_weights[dates[day]] = max_sharpe(daily[day - 251 : day + 1])
        orders = usual_weights[dates[day]] * nav / closes[day] - held
usual_nav = pd.Series(navs, index=dates[252:])
slsqp_seconds = time.perf_counter() - start

# %%
start = time.perf_counter()
run = betaflow.replay(
    prices,
    factors,
    strategy={"kind": "max_sharpe", "from": "returns"},
    sizing={"rebalance_every": 21, "weight_max": 0.15, "turnover_cap": 2.0},
)
betaflow_seconds = time.perf_counter() - start
weights = run.weights.to_pandas().pivot(index="timestamp", columns="symbol", values="target_weight").fillna(0.0)
nav_series = run.equity.to_pandas().set_index("timestamp")["nav"]

frame = pd.DataFrame(usual_weights, index=names).T
weight_difference = float((weights.loc[frame.index, names] - frame).abs().to_numpy().max())
nav_difference = float((nav_series / usual_nav - 1).abs().max())
print(f"SLSQP and loop {slsqp_seconds:.2f} s, betaflow {betaflow_seconds:.2f} s")
print(f"largest difference: weights {weight_difference:.1e}, value of the account {nav_difference:.1e}")
assert weight_difference < 1e-5 and nav_difference < 1e-6

# %% [markdown]
# The loop above and betaflow agree. betaflow also checks the data, counts costs by item, compares with a benchmark, gives standard errors,
# and refuses settings that look ahead without saying so:

# %%
run
