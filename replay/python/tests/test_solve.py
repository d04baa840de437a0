"""The solver equals `betaflow size`, and its solutions are optimal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from betaflow import _native
from betaflow._solve import solve
from betaflow.errors import ConfigError


def size(at: str, *settings: str) -> dict[str, Any]:
    flags = [flag for setting in settings for flag in ("--set", setting)]
    summary, _, _, _ = _native.call(["size", "--at", at, "--json", *flags])
    found: dict[str, Any] = json.loads(summary)
    return found


CASES = [
    ("2018-02-06", []),
    ("2016-05-09", ["sizing.turnover_cap=0.5", "sizing.gross_max=0.8", "sizing.weight_max=0.2"]),
    ("2018-02-09", ["sizing.net_target=0.5", "sizing.weight_min=-0.1", "sizing.kelly_fraction=0.5"]),
    (
        "2019-01-03",
        ["sizing.weight_min=-0.2", "sizing.exposure_bounds={mkt=[-0.05, 0.05]}", "sizing.turnover_cap=1"],
    ),
    ("2017-06-01", ['sizing.cap_method="scale"']),
    ("2017-06-01", ["sizing.cost_horizon=5"]),
]


@pytest.mark.parametrize(("at", "settings"), CASES)
def test_solution_equals_that_of_the_program(at: str, settings: list[str]) -> None:
    shown = size(at, *settings)
    problem, solution = shown["problem"], shown["solution"]
    horizon = problem["cost_horizon_days"]
    limits = {
        "weight_min": min(problem["lower"]),
        "weight_max": max(problem["upper"]),
        "gross_max": problem["gross_max"],
        "net_target": problem["net_target"],
        "kelly_fraction": problem["kelly_fraction"],
        "cap_method": problem["cap_method"],
        "cost_horizon": horizon,
        "exposure_bounds": {
            bound["factor"]: [bound["lower"], bound["upper"]] for bound in problem["exposure_bounds"]
        },
    }
    exposures = pd.DataFrame(problem["exposures"])[problem["factors"]]
    variance = [np.inf if value is None else value for value in problem["idiosyncratic_variance"]]
    solved = solve(
        problem["forecast"],
        exposures,
        problem["factor_covariance"],
        variance,
        problem["held"],
        tradable=[lower < upper for lower, upper in zip(problem["lower"], problem["upper"], strict=True)],
        linear_cost=horizon * np.array(problem["cost"]),
        impact=horizon * np.array(problem["impact"]) if problem["impact"] else None,
        turnover_left=problem["turnover_left"],
        **limits,
    )

    def close(ours: Any, theirs: Any) -> None:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)

    close(solved.weights, solution["weights"])
    multipliers = solution["multipliers"]
    close(solved.cap_multiplier, multipliers["turnover_cap"])
    close(solved.gross_multiplier, multipliers["gross"])
    close(solved.net_multiplier, multipliers["net"])
    close([value for _, value in solved.exposure_multipliers], multipliers["exposures"])
    close(solved.bound_multipliers, multipliers["bounds"])
    close(solved.turnover, solution["turnover"])
    close(solved.growth, solution["growth"])
    close(solved.variance, solution["variance"])
    assert (solved.outcome, solved.within_limits, solved.converged) == (
        solution["outcome"],
        solution["within_limits"],
        solution["converged"],
    )
    for name, value in solved.growth_given_up() or []:
        close(value, shown["growth_given_up"][name])
    frontier = solved.frontier(len(shown["frontier"]))
    close(
        frontier,
        [[point[key] for key in ("cap", "turnover", "growth", "multiplier")] for point in shown["frontier"]],
    )


def test_program_has_binding_cap_and_gross_limit_among_the_cases() -> None:
    shown = size(*CASES[0][:1])["solution"]["multipliers"]
    assert shown["turnover_cap"] > 0


@pytest.mark.parametrize("seed", range(20))
def test_no_random_feasible_trade_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 12)), int(rng.integers(1, 4))
    mu = 1e-3 * rng.normal(size=n)
    b = rng.normal(size=(n, k))
    root = 0.01 * rng.normal(size=(k, k))
    cov, d = root @ root.T, rng.uniform(1e-4, 4e-4, size=n)
    held = np.full(n, 0.5 / n)
    cost = rng.uniform(0, 1e-3, size=n)
    impact = rng.uniform(0, 1e-2, size=n) * (seed % 2)
    limits = {
        "turnover_cap": 0.4,
        "gross_max": 1.0,
        "weight_min": -0.2,
        "weight_max": 0.4,
        "kelly_fraction": 0.3,
    }
    solved = solve(mu, b, cov, d, held, linear_cost=cost, impact=impact, cost_horizon=10.0, **limits)
    sigma = b @ cov @ b.T + np.diag(d)

    def growth(w: np.ndarray) -> float:
        trade = np.abs(w - held)
        return float(mu @ w - w @ sigma @ w / (2 * 0.3) - (cost @ trade + impact @ trade**1.5) / 10.0)

    w = solved.weights
    assert growth(w) == pytest.approx(solved.growth, rel=1e-9)
    assert w @ sigma @ w == pytest.approx(solved.variance, rel=1e-9)
    assert np.abs(w - held).sum() <= 0.4 + 1e-9 and np.abs(w).sum() <= 1.0 + 1e-9
    assert (w >= -0.2 - 1e-12).all() and (w <= 0.4 + 1e-12).all()
    assert solved.capped == (np.abs(w - held).sum() >= 0.4 - 1e-9)
    for _ in range(300):
        other = w + 10.0 ** rng.uniform(-5, -1) * rng.normal(size=n)
        other = np.clip(other, -0.2, 0.4)
        feasible = np.abs(other - held).sum() <= 0.4 and np.abs(other).sum() <= 1.0
        assert not feasible or growth(other) <= growth(w) + 1e-13


def test_benchmark_and_exposure_bounds() -> None:
    expected, b = [0.001, 0.0, -0.001], np.array([[1.0], [1.0], [1.0]])
    at_benchmark = solve(
        np.zeros(3),
        b,
        [[1e-4]],
        [1e-4] * 3,
        [0.2, 0.3, 0.1],
        benchmark=[0.2, 0.3, 0.1],
        active=True,
        weight_max=1.0,
    )
    np.testing.assert_allclose(at_benchmark.weights, [0.2, 0.3, 0.1], atol=1e-12)
    frame = pd.DataFrame(b, columns=["mkt"])
    neutral = solve(
        expected,
        frame,
        [[1e-4]],
        [1e-4] * 3,
        weight_min=-1.0,
        weight_max=1.0,
        turnover_cap=5.0,
        exposure_bounds={"mkt": [0.0, 0.0]},
    )
    assert neutral.weights.sum() == pytest.approx(0.0, abs=1e-10)
    assert neutral.exposure_multipliers[0][0] == 0
    unknown = solve(expected, b, [[1e-4]], [1e-4, np.inf, 1e-4], turnover_cap=5.0)
    assert unknown.weights[1] == 0.0
    idle = solve(expected, b, [[1e-4]], [1e-4] * 3, [0.05, 0.0, 0.0], tradable=[False, False, False])
    assert idle.outcome == "no_trade" and idle.weights.tolist() == [0.05, 0.0, 0.0]
    without_factors = solve(expected, np.empty((3, 0)), np.empty((0, 0)), [1e-4] * 3)
    assert without_factors.weights[0] > 0


def test_bad_arguments_name_what_was_found_and_expected() -> None:
    valid: tuple[Any, ...] = ([0.1, 0.2], [[1.0], [1.0]], [[1e-4]], [1e-4, 1e-4], [0.0, 0.0])

    def replaced(at: int, value: Any) -> tuple[Any, ...]:
        return (*valid[:at], value, *valid[at + 1 :])

    for limits, setting in [
        ({"turnover_cap": -1.0}, "sizing.turnover_cap"),
        ({"turnover_cpa": 1.0}, "sizing.turnover_cpa"),
        ({"cap_method": "scale", "net_target": 0.5}, "sizing.cap_method"),
        ({"exposure_bounds": {"mkt": [0.0, 1.0]}}, "exposure_bounds"),
    ]:
        with pytest.raises(ConfigError) as error:
            solve(*valid, **limits)
        assert error.value.setting == setting
    for arguments, keywords, text in [
        (replaced(0, [0.1, np.nan]), {}, r"expected: found NaN at index \[1\]"),
        (replaced(1, [[1.0]]), {}, r"exposures: found shape \[1, 1\], expected \[2, 1\]"),
        (replaced(2, [[1e-4, 0.0]]), {}, r"factor_cov: found shape \[1, 2\], expected \[1, 1\]"),
        (replaced(2, [[-1e-4]]), {}, "negative eigenvalue"),
        (replaced(3, [0.0, 1e-4]), {}, r"residual_var: found 0.0 at index \[0\]"),
        (replaced(4, [0.0]), {}, r"held: found shape \[1\], expected \[2\]"),
        (valid, {"linear_cost": [-1.0, 0.0]}, r"linear_cost: found -1.0 at index \[0\]"),
        (valid, {"turnover_left": -0.1}, "turnover_left: found -0.1"),
        (valid, {"benchmark": [0.0, 0.0]}, "benchmark: found a benchmark"),
        (valid, {"active": True}, "benchmark: found no benchmark"),
    ]:
        with pytest.raises(ValueError, match=text):
            solve(*arguments, **keywords)
    with pytest.raises(ValueError, match="expected a symmetric matrix"):
        solve([0.1], [[1.0, 1.0]], [[1e-4, 1e-5], [0.0, 1e-4]], [1e-4])
