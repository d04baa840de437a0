"""Studies and estimations on a Ray cluster equal the local ones, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import betaflow
from betaflow.errors import ConfigError, StrategyError
from betaflow.strategy import Context, Strategy

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install betaflow[ray]")
pa = pytest.importorskip("pyarrow")

import betaflow.ray  # noqa: E402

SETTINGS: dict[str, Any] = {"estimator": {"warmup": 60, "kind": "dlm"}}
#: With alphas of each instrument and with shorts, the default strategy trades random walks.
TRADING: dict[str, Any] = {**SETTINGS, "strategy": {"alpha_shrink": 0.0}, "sizing": {"weight_min": -0.1}}
GRID = {
    "sizing.turnover_cap": [0.02, 0.08, 0.3],
    "estimator.discount_factor": [0.97, 0.99],
    "execution.half_spread_bps": [0, 4.5],
}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Start Ray with two workers; they find the package where this process does."""
    # Without it, Ray writes a token into the home folder.
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    path = os.pathsep.join([str(Path(betaflow.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )
    yield
    ray.shutdown()


def panel(days: int, names: int, seed: int = 7) -> tuple[Any, Any]:
    """Return tidy prices and factor returns of random walks."""
    random = np.random.default_rng(seed)
    dates = np.datetime64("2015-01-01") + np.arange(days)
    factors = 0.0003 + 0.01 * random.standard_normal((days, 2))
    betas = 0.5 + random.random((2, names))
    returns = factors @ betas + 0.01 * random.standard_normal((days, names))
    closes = 50 * np.cumprod(1 + returns, axis=0)
    prices = pa.table(
        {
            "date": pa.array(np.repeat(dates, names)),
            "symbol": pa.array([f"S{at:02}" for at in range(names)] * days),
            "close": pa.array(closes.ravel()),
        }
    )
    return prices, pa.table({"date": pa.array(dates), "mkt": factors[:, 0], "mom": factors[:, 1]})


def rows(table: Any) -> Any:
    """Return the Arrow table of a table of a result."""
    return pa.table(table)


def same(ours: Any, others: Any, tables: list[str]) -> None:
    """Compare two studies to the bit."""
    for name in tables:
        assert (ours.path / f"{name}.parquet").read_bytes() == (
            others.path / f"{name}.parquet"
        ).read_bytes(), name
    summaries = [study.summary.to_dict() for study in (ours, others)]
    for summary in summaries:
        assert sorted(summary.pop("timing")) == ["passes", "seconds"]
    assert summaries[0] == summaries[1]


def test_stress_equals_the_local_run_bit_for_bit() -> None:
    prices, factors = panel(2_000, 60)
    grid = {**GRID, "sizing.kelly_fraction": [0.1, 0.25]}
    started = time.monotonic()
    local = betaflow.stress(prices, factors, grid=grid, **TRADING)
    seconds = time.monotonic() - started
    shown: list[tuple[int, int]] = []
    # The first call starts the workers.
    betaflow.ray.stress(prices, factors, grid={"sizing.turnover_cap": [0.1, 0.2]}, **TRADING)
    started = time.monotonic()
    study = betaflow.ray.stress(
        prices, factors, grid=grid, progress=lambda done, total: shown.append((done, total)), **TRADING
    )
    on_ray = time.monotonic() - started
    same(study, local, ["scenarios", "scenario_returns"])
    assert shown == [(done, 4) for done in range(1, 5)]
    count = len(local.scenarios)
    print(
        f"\n{count} scenarios: local {count / seconds:.1f} a second, Ray {count / on_ray:.1f} a second",
        file=sys.stderr,
    )


def test_tune_equals_the_local_run_bit_for_bit() -> None:
    prices, factors = panel(400, 10)
    grid = {"sizing.turnover_cap": [0.02, 0.3], "sizing.kelly_fraction": [0.1, 1.0]}
    local, study = (
        tune(prices, factors, grid=grid, folds=3, embargo=5, **TRADING)
        for tune in (betaflow.tune, betaflow.ray.tune)
    )
    same(study, local, ["scenarios", "scenario_returns", "folds", "out_of_sample"])
    assert study.best == local.best


def workers(name: str) -> list[int]:
    """Return the process ids of the workers that run a task: Ray names the process after it."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cmdline").read_bytes().startswith(
                f"ray::{name}".encode()
            ):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_chunks_of_a_killed_worker_run_again_and_count_once() -> None:
    prices, factors = panel(2_500, 60)
    grid = {**GRID, "sizing.kelly_fraction": [0.1, 0.25]}
    local = betaflow.stress(prices, factors, grid=grid, **TRADING)
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not killed:
            for pid in workers("betaflow.ray.shard")[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    study = betaflow.ray.stress(prices, factors, grid=grid, chunks=6, **TRADING)
    killer.join()
    assert killed, "no worker was killed"
    same(study, local, ["scenarios", "scenario_returns"])
    assert list(rows(study.scenarios)["scenario"].to_pylist()) == list(range(24))


def test_paths_and_files_of_a_grid_are_read_by_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    monkeypatch.chdir(tmp_path)
    prices, factors = panel(200, 5)
    pq.write_table(prices, "prices.parquet")
    Path("grid.toml").write_text('[grid]\n"sizing.turnover_cap" = { from = 0.02, to = 0.3, count = 3 }\n')
    local, study = (
        stress("prices.parquet", factors, grid="grid.toml", trials="none", **SETTINGS)
        for stress in (betaflow.stress, betaflow.ray.stress)
    )
    same(study, local, ["scenarios", "scenario_returns"])


def test_strategy_in_python_is_pickled() -> None:
    prices, factors = panel(200, 5)

    class Best(Strategy):
        """Hold the instrument with the highest alpha, or fail."""

        targets = "weights"

        def __init__(self, fails: bool = False) -> None:
            self.fails = fails

        def decide(self, context: Context) -> np.ndarray:
            if self.fails:
                raise RuntimeError("no data today")
            weights = np.zeros(len(context.symbols))
            weights[np.argmax(np.nan_to_num(context.alpha))] = 0.1
            return weights

    grid = {"sizing.turnover_cap": [0.02, 0.1, 0.3]}
    local, study = (
        stress(prices, factors, grid=grid, strategy=Best(), **SETTINGS)
        for stress in (betaflow.stress, betaflow.ray.stress)
    )
    same(study, local, ["scenarios", "scenario_returns"])
    with pytest.raises(StrategyError) as raised:
        betaflow.ray.stress(prices, factors, grid=grid, strategy=Best(fails=True), **SETTINGS)
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_errors_of_a_worker_keep_their_type() -> None:
    prices, factors = panel(100, 3)
    with pytest.raises(ConfigError) as raised:
        betaflow.ray.stress(prices, factors, grid={"sizing.turnover_cap": [0.1, -1]}, **TRADING)
    assert raised.value.setting == "sizing.turnover_cap" and raised.value.found == "-1"
    with pytest.raises(ValueError, match="resume"):
        betaflow.ray.stress(prices, factors, grid=GRID, resume=True, out="out", **TRADING)
    with pytest.raises(ValueError, match="processes: found 2"):
        betaflow.ray.stress(prices, factors, grid=GRID, processes=2, **TRADING)
    with pytest.raises(ValueError, match="chunks: found 0"):
        betaflow.ray.stress(prices, factors, grid=GRID, chunks=0, **TRADING)


def test_estimations_of_many_data_sets_equal_the_local_ones() -> None:
    _, factors = panel(150, 4)
    sets = {f"set {seed}": (panel(150, 4, seed)[0], factors) for seed in range(6)}
    drawn: list[str] = []

    def stream() -> Iterator[tuple[str, tuple[Any, Any]]]:
        for name, data in sets.items():
            drawn.append(name)
            yield name, data

    found = {}
    for name, estimate in betaflow.ray.estimate_many(stream(), **SETTINGS):
        # The iterable is read only as far as tasks are in flight.
        assert len(drawn) <= len(found) + 5
        found[name] = estimate
    assert sorted(found) == sorted(sets)
    for name, (prices, of_set) in sets.items():
        assert rows(found[name].betas).equals(rows(betaflow.estimate(prices, of_set, **SETTINGS).betas)), name
    assert len(dict(betaflow.ray.estimate_many(sets, **SETTINGS))) == 6
    with pytest.raises(betaflow.Error, match="^bad: "):
        list(betaflow.ray.estimate_many({"bad": (panel(50, 2)[1], factors)}, **SETTINGS))
