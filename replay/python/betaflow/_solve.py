"""Solver of one rebalance for a caller with its own loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from betaflow import _native
from betaflow._arrays import numbers, settings_of, wide

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from betaflow._native import Solution


def solve(
    expected: ArrayLike,
    exposures: Any,
    factor_cov: ArrayLike,
    residual_var: ArrayLike,
    held: ArrayLike | None = None,
    *,
    tradable: ArrayLike | None = None,
    linear_cost: ArrayLike | None = None,
    impact: ArrayLike | None = None,
    turnover_left: float | None = None,
    benchmark: ArrayLike | None = None,
    factors: Sequence[str] | None = None,
    **limits: Any,
) -> Solution:
    """Solve one rebalance: weights of largest growth after costs under the limits.

    Maximises μ'w - w'Σw/(2κ) - c'\\|w - w₀\\|/H - g'\\|w - w₀\\|^1.5/H with Σ = B F B' + D, under the
    turnover cap, the bounds of the weights, the gross limit, the net target and the exposure bounds. With a
    benchmark b, risk and the gross limit are those of w - b. No n × n matrix is formed.

    Parameters
    ----------
    expected
        Expected excess returns μ per frame, shape (n,); 0 without a forecast.
    exposures
        Betas B, shape (n, k): array, or frame with a column for each factor.
    factor_cov
        Covariance F of the factor returns per frame, shape (k, k): array, or frame with the columns of
        ``exposures``.
    residual_var
        Residual variances D per frame, shape (n,), above 0; inf for an instrument that gets no weight.
    held
        Held weights w₀, shape (n,); None for none.
    tradable
        True for each instrument that can be traded, shape (n,); None for all.
    linear_cost
        Cost c per unit of trade, such as half-spread and commission as shares, shape (n,); None for none.
    impact
        Coefficient g of the market impact \\|trade\\|^1.5, shape (n,); None for none.
    turnover_left
        Turnover left under the cap of the date; None for the whole ``turnover_cap``.
    benchmark
        Weights b of the benchmark, shape (n,); only with ``active=True``.
    factors
        Names of the factors, for ``exposure_bounds``; None for the columns of ``exposures``.
    **limits
        Settings of the table ``[sizing]`` by their names: ``kelly_fraction`` κ, ``turnover_cap``,
        ``cap_method``, ``weight_min``, ``weight_max``, ``gross_max``, ``net_target``, ``active``,
        ``exposure_bounds``, ``cost_horizon`` H in days; and ``frames_per_day``. Weights and turnover are
        shares of NAV.

    Returns
    -------
    Solution
        Weights, multipliers of the limits, and which of them bind.

    Raises
    ------
    ConfigError
        A setting is unknown, or has a value that is not accepted; ``setting`` names it.
    ValueError
        An array has another shape, a value out of range, or is not a covariance.

    Examples
    --------
    >>> import numpy as np
    >>> from betaflow import solve
    >>> limits = {"weight_max": 0.6, "turnover_cap": 0.5}
    >>> solved = solve([0.001, 0.0004], np.ones((2, 1)), [[1e-4]], [2e-4, 2e-4], **limits)
    >>> solved.outcome, solved.weights.round(3).tolist()
    ('capped', [0.5, 0.0])
    """
    columns = wide("exposures", exposures)
    names = list(factors) if factors is not None else list(columns.names or ())
    if not names and columns.values.ndim == 2:
        names = [f"factor {at}" for at in range(columns.values.shape[1])]
    covariance = wide("factor_cov", factor_cov)
    if covariance.names is not None and list(covariance.names) != names:
        raise ValueError(
            f"factor_cov: found the columns {list(covariance.names)}, expected those of exposures in their "
            f"order: {names}"
        )
    target = numbers("expected", expected)
    arrays = {
        "expected": target,
        "exposures": columns.values,
        "factor_cov": covariance.values,
        "residual_var": numbers("residual_var", residual_var),
        "held": numbers("held", held) if held is not None else 0.0 * target,
    }
    optional = {"tradable": tradable, "linear_cost": linear_cost, "impact": impact, "benchmark": benchmark}
    arrays |= {name: numbers(name, value) for name, value in optional.items() if value is not None}
    return _native.solve(settings_of("sizing", limits, {}), names, arrays, turnover_left, "expected")
