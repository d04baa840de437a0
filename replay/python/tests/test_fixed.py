"""The filter with given parameters equals pykalman's, and is far faster."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from betaflow._filtered import COLUMNS
from betaflow.online import Fixed


def pykalman_filter(model: dict[str, Any], f: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (T, n, m) and covariances (T, n, m, m) of pykalman, an instrument at a time."""
    pykalman = pytest.importorskip("pykalman", reason="pykalman is not installed")
    design = np.column_stack([np.ones(len(f)), f])[:, None, :]
    means, covariances = [], []
    for i in range(r.shape[1]):
        each = {
            key: value[i] if key in model["each"] else value for key, value in model.items() if key != "each"
        }
        kalman = pykalman.KalmanFilter(
            transition_matrices=each["transition"],
            observation_matrices=design,
            transition_covariance=each["transition_covariance"],
            observation_covariance=[[float(each["observation_variance"])]],
            initial_state_mean=each["initial_mean"],
            initial_state_covariance=each["initial_covariance"],
        )
        mean, covariance = kalman.filter(np.ma.masked_invalid(r[:, i]))
        means.append(mean)
        covariances.append(covariance)
    return np.stack(means, axis=1), np.stack(covariances, axis=1)


def random_covariance(rng: np.random.Generator, m: int, scale: float) -> np.ndarray:
    root = rng.normal(size=(m, m))
    return scale * (root @ root.T / m + 0.1 * np.eye(m))


@pytest.mark.parametrize("seed", range(8))
def test_fixed_equals_pykalman(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, n, frames = int(rng.integers(1, 5)), int(rng.integers(1, 7)), 120
    m = k + 1
    f = rng.normal(size=(frames, k))
    r = rng.normal(size=(frames, n))
    r[rng.random(r.shape) < 0.2] = np.nan
    r[:3, 0] = np.nan
    each = [name for name in ("transition_covariance", "observation_variance", "initial_mean") if seed % 2]
    model: dict[str, Any] = {
        "transition": np.eye(m) + 0.05 * rng.normal(size=(m, m)),
        "transition_covariance": random_covariance(rng, m, 0.01),
        "observation_variance": 0.7,
        "initial_mean": rng.normal(size=m),
        "initial_covariance": random_covariance(rng, m, 1.0),
        "each": each,
    }
    if each:
        model["transition_covariance"] = np.stack([random_covariance(rng, m, 0.01) for _ in range(n)])
        model["observation_variance"] = rng.uniform(0.1, 2.0, size=n)
        model["initial_mean"] = rng.normal(size=(n, m))
    means, covariances = pykalman_filter(model, f, r)
    parameters = {key: value for key, value in model.items() if key != "each"}
    fixed = Fixed(k, first_frame="listing", **parameters)
    filtered = fixed.filter(f, np.ma.masked_invalid(r), columns=["alpha", "betas", "cov"])
    found = np.concatenate([filtered.alpha[:, :, None], filtered.betas], axis=2)
    np.testing.assert_allclose(found, means, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(filtered.cov, covariances, rtol=1e-10, atol=1e-10)
    # The covariance of the next frame is F P F' + Q.
    transition, moved = model["transition"], np.broadcast_to(model["transition_covariance"], (n, m, m))
    expected = transition @ covariances[-1] @ transition.T + moved
    np.testing.assert_allclose(fixed.cov(ahead=True), expected, rtol=1e-10, atol=1e-10)


def test_fixed_with_settings_equals_matrices() -> None:
    rng = np.random.default_rng(3)
    f, r = rng.normal(size=(50, 2)), rng.normal(size=(50, 4))
    r[5:9, 1], r[:7, 3] = np.nan, np.nan
    by_settings = Fixed(
        2, transition_variance=0.01, alpha_transition_variance=0.002, observation_variance=0.5
    )
    by_matrices = Fixed(
        2,
        transition_covariance=np.diag([0.002, 0.01, 0.01]),
        observation_variance=0.5,
        initial_mean=[0.0, 1.0, 0.0],
        initial_covariance=0.5 * np.eye(3),
    )
    for column in COLUMNS:
        ours, theirs = (getattr(fixed.filter(f[:0], r[:0]), column) for fixed in (by_settings, by_matrices))
        assert ours.shape == theirs.shape
    first, second = by_settings.filter(f, r), by_matrices.filter(f, r)
    for column in COLUMNS:
        assert np.array_equal(getattr(first, column), getattr(second, column), equal_nan=True)


def test_filter_is_far_faster_than_pykalman() -> None:
    pytest.importorskip("pykalman", reason="pykalman is not installed")
    peer = Path(__file__).parents[3] / "benches" / "peers" / "online.py"
    spec = importlib.util.spec_from_file_location("online_peer", peer)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    measured = module.measure(bars=300, repeats=3)
    assert measured["batch_ratio"] > 100, measured
    assert measured["step_ratio"] > 30, measured
