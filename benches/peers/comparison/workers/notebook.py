"""Worker of the notebook: filter every instrument, size each day, trade, in Python with usual packages.

The model is that of `betaflow replay` with `estimator.kind = "fixed"`, the account that of its defaults: orders of a
close fill at the next one, costs are a share of the value traded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import estimators

from ..data import wide
from . import portfolios, serve

CASH = 1e6
# Defaults of `[sizing]` and `[execution]`.
KELLY, CAP, WEIGHT_MAX, GROSS, COST_DAYS = 0.25, 0.08, 0.1, 1.0, 21.0
PRIOR_DAYS, HALF_LIFE, SHRINKAGE, COST, WARMUP = 252.0, 126.0, 0.1, 5e-4, 252


def moments(factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return premia and factor covariances after each day."""
    days, k = factors.shape
    premia, covariances = np.empty((days, k)), np.empty((days, k, k))
    total, weight, products = np.zeros(k), 0.0, np.zeros((k, k))
    for t, f in enumerate(factors):
        decay = 2.0 ** (-1.0 / HALF_LIFE)
        weight, products, total = weight * decay + 1.0, products * decay + np.outer(f, f), total + f
        premia[t] = total / (PRIOR_DAYS + t + 1)
        covariance = products / weight
        covariances[t] = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
    return premia, covariances


def by_pykalman(given: dict, factors: np.ndarray, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of each day, days × instruments × coefficients, and observation variances."""
    from pykalman import KalmanFilter

    k = factors.shape[1] + 1
    mean = np.zeros(k)
    mean[1] = 1.0
    model = KalmanFilter(
        transition_matrices=np.eye(k),
        observation_matrices=np.column_stack([np.ones(len(factors)), factors])[:, None, :],
        transition_covariance=given["transition_variance"] * np.eye(k),
        observation_covariance=np.array([[given["observation_variance"]]]),
        initial_state_mean=mean,
        initial_state_covariance=given["initial_variance"] * np.eye(k),
    )
    means = np.stack([model.filter(column[:, None])[0] for column in returns.T], axis=1)
    return means, np.full(returns.shape, given["observation_variance"])


def by_numba(given: dict, factors: np.ndarray, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same by the kernel of `estimators.py`, in units in which the prior covariance is the identity."""
    design = np.column_stack([np.ones(len(factors)), factors])
    prior = given["initial_variance"]
    full, _ = estimators.numba_kernels()
    start = design[:, 1:2]
    path = np.zeros((len(design), design.shape[1], returns.shape[1]))
    # The filter is linear: a prior mean of 1 for the first beta is a return less that of the first factor.
    full(design, returns - start, given["transition_variance"] / prior, given["observation_variance"] / prior, path)
    path[:, 1] += 1.0
    return path.transpose(0, 2, 1), np.full(returns.shape, given["observation_variance"])


def by_mixture(given: dict, factors: np.ndarray, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same by the mixture in numba, with betaflow's default priors."""
    from . import mixture

    # The observation variance of a normal distribution with the mean absolute first error.
    first = np.abs(returns[0] - factors[0, 0]).mean()
    s0 = np.pi / 2.0 * first**2
    design = np.column_stack([np.ones(len(factors)), factors])
    means, variances = mixture.run(design, returns, s0, 1e-3, given["initial_variance"] / s0, len(returns))
    return means.transpose(0, 2, 1), variances


FILTERS = {"pykalman": by_pykalman, "numba": by_numba, "mixture": by_mixture}


def trade(given: dict, solve: portfolios.Solve) -> serve.Arrays:
    """Replay the files and return the value of the account after each day from the first rebalance on."""
    _, close, _ = wide(Path(given["prices"]))
    table = pq.read_table(given["factors"])
    factors = np.column_stack([table[name].to_numpy() for name in table.column_names[1:]])
    returns = close[1:] / close[:-1] - 1.0
    means, variances = FILTERS[given["filter"]](given, factors[1:], returns)
    premia, covariances = moments(factors)
    n = close.shape[1]
    cash, held, order = CASH, np.zeros(n), np.zeros(n)
    equity = []
    for t in range(WARMUP, len(close)):
        cash -= order @ close[t] + COST * np.abs(order) @ close[t]
        held = held + order
        value = cash + held @ close[t]
        equity.append(value)
        # Day t has the (t - 1)th return.
        alpha, betas = means[t - 1, :, 0], means[t - 1, :, 1:]
        weights = held * close[t] / value
        forecast = alpha + betas @ premia[t]
        scale = 1.0 / np.abs(forecast).max()
        problem = portfolios.Problem(
            forecast=forecast * scale,
            exposures=betas,
            factor_root=np.linalg.cholesky(covariances[t] * (scale / KELLY)),
            idiosyncratic=variances[t - 1] * (scale / KELLY),
            held=weights,
            upper=np.full(n, WEIGHT_MAX),
            cost=np.full(n, COST / COST_DAYS * scale),
            turnover=CAP,
            gross=GROSS,
        )
        order = (solve(problem) - weights) * value / close[t]
    return {"equity": np.array(equity)}


def main() -> None:
    given = serve.argument()
    build, packages = portfolios.PEERS[given["solver"]]
    solve = build()
    serve.serve(
        {given["job"]: lambda: trade(given, solve)},
        ("pykalman" if given["filter"] == "pykalman" else "numba", *packages),
    )


if __name__ == "__main__":
    main()
