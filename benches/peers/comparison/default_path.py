"""The default path: a replay with daily rebalances, beside the notebook that computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from .contestants import Arrays, Entry, Program, Row, python, take_turns
from .data import Panel, panel
from .report import Table
from .setup import Setup

JOB = "replay"
FIXED = {"transition_variance": 1e-5, "observation_variance": 2.25e-4, "initial_variance": 0.5}
TOLERANCE = 1e-6


def equity(folder: Path) -> Arrays:
    """Return the account's value after each day from the first rebalance on."""
    table = pq.read_table(folder / "equity.parquet", columns=["nav"])
    return {"equity": table["nav"].to_numpy()}


def replay(setup: Setup, name: str, data: Panel, settings: Mapping[str, object], threads: int) -> Program:
    """Return `betaflow replay` with some settings."""
    out = setup.folder / "runs" / "".join(c if c.isalnum() else "-" for c in f"{name}-{data.instruments}-{threads}")
    command = [str(setup.program), "replay", "--prices", str(data.prices), "--factors", str(data.factors)]
    command += ["--out", str(out), "--force", "--no-report"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return Program(name, threads, {JOB: command}, lambda _: equity(out))


def rows(setup: Setup, data: Panel, notebooks: list[tuple[str, str, str]], runs: int) -> list[Row]:
    """Run betaflow and the notebooks (name, filter, solver) in turns."""
    same: dict[str, object] = {f"estimator.{key}": value for key, value in FIXED.items()}
    same |= {"estimator.kind": "fixed", "strategy.alpha_shrink": 1, "sizing.parameter_uncertainty": "false"}
    one_thread: dict[str, object] = {"pipeline.placement": "inline"}
    ours = replay(setup, "betaflow, the notebook's filter", data, same | one_thread, 1)
    entries = [
        Entry(replay(setup, "betaflow, default settings", data, one_thread, 1), JOB, expected="default"),
        Entry(ours, JOB),
    ]
    for name, filter_, solver in notebooks:
        argument = {
            "job": JOB,
            "prices": str(data.prices),
            "factors": str(data.factors),
            "filter": filter_,
            "solver": solver,
        }
        entries.append(Entry(python(name, 1, setup.main, "notebook", argument | FIXED, setup.folder), JOB))
    if setup.threads > 1:
        entries.append(
            Entry(replay(setup, "betaflow, default settings", data, {}, setup.threads), JOB, expected="default")
        )
    # The default filter has no peer, so that it is only compared with itself, on one thread and on all.
    return take_turns(entries, {}, TOLERANCE, setup.runs(runs), limit=120.0)


TEXT = """{instruments} instruments, {factors} factors, {bars} daily bars. The first 252 warm up; each of the others rebalances. \
From Parquet files to the value of the account; betaflow also starts its program and writes its run folder. \
**betaflow, default settings** estimates a mixture of eight filters, which no package has; it is the first row, and the \
ratios are to it. Its result differs from that of one filter, so that it is checked against itself alone. \
**betaflow, the notebook's filter** has `estimator.kind = "fixed"`, `strategy.alpha_shrink = 1` and \
`sizing.parameter_uncertainty = false`: the same model, forecasts, limits, fills and costs as the notebook, with the same \
value of the account on each day to {tolerance:.0e}."""


def tables(setup: Setup) -> list[Table]:
    """Return a small panel with the usual notebook, and a large one with the fastest that we know."""
    found = []
    for title, instruments, bars, notebooks, runs in [
        (
            "The usual notebook",
            20,
            setup.size(756, 320),
            [
                ("notebook: pykalman, scipy SLSQP", "pykalman", "scipy SLSQP"),
                ("notebook: pykalman, cvxpy", "pykalman", "cvxpy"),
            ],
            3,
        ),
        (
            "The fastest notebook that we could write",
            setup.size(500, 50),
            setup.size(756, 320),
            [("notebook: numba, Clarabel", "numba", "Clarabel")],
            3,
        ),
    ]:
        data = panel(setup.folder / f"daily-{instruments}-{bars}", instruments, bars, 0.95 / instruments)
        text = TEXT.format(instruments=instruments, factors=6, bars=bars, tolerance=TOLERANCE)
        found.append(Table(title, text, rows(setup, data, notebooks, runs)))
    return found
