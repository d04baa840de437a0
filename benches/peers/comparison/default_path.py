"""The default path: a replay with daily rebalances, beside the notebook that computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from .contestants import Arrays, Entry, Program, Row, python, take_turns
from .data import Panel, panel
from .report import Table
from .setup import Setup

DEFAULT, MIXTURE, ONE_FILTER = "default settings", "mixture", "one filter"
FIXED = {"transition_variance": 1e-5, "observation_variance": 2.25e-4, "initial_variance": 0.5}
TOLERANCE = 1e-5


def equity(folder: Path) -> Arrays:
    """Return the account's value after each day from the first rebalance on."""
    table = pq.read_table(folder / "equity.parquet", columns=["nav"])
    return {"equity": table["nav"].to_numpy()}


def replay(setup: Setup, job: str, data: Panel, settings: Mapping[str, object], threads: int) -> Program:
    """Return `betaflow replay` with the settings of a job."""
    out = setup.folder / "runs" / "".join(c if c.isalnum() else "-" for c in f"{job}-{data.instruments}-{threads}")
    command = [str(setup.program), "replay", "--prices", str(data.prices), "--factors", str(data.factors)]
    command += ["--out", str(out), "--force", "--no-report"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return Program("betaflow", threads, {job: command}, lambda _: equity(out))


@dataclass(frozen=True)
class Notebook:
    """A notebook: its name, its filter and solver, and the job that betaflow does alike."""

    name: str
    filter: str
    solver: str
    job: str


def rows(setup: Setup, data: Panel, notebooks: list[Notebook], runs: int) -> list[Row]:
    """Run betaflow and the notebooks in turns."""
    one_thread: dict[str, object] = {"pipeline.placement": "inline"}
    plain: dict[str, object] = {"strategy.alpha_shrink": 1, "sizing.parameter_uncertainty": "false"}
    fixed: dict[str, object] = {"estimator.kind": "fixed"} | {f"estimator.{key}": value for key, value in FIXED.items()}
    settings = {DEFAULT: one_thread, MIXTURE: one_thread | plain, ONE_FILTER: one_thread | plain | fixed}
    jobs = [DEFAULT, *dict.fromkeys(notebook.job for notebook in notebooks)]
    entries = [Entry(replay(setup, job, data, settings[job], 1), job) for job in jobs]
    for notebook in notebooks:
        argument = {
            "job": notebook.job,
            "prices": str(data.prices),
            "factors": str(data.factors),
            "filter": notebook.filter,
            "solver": notebook.solver,
        } | FIXED
        worker = python(notebook.name, 1, setup.main, "notebook", argument, setup.folder)
        entries.append(Entry(worker, notebook.job))
    if setup.threads > 1:
        entries.append(Entry(replay(setup, DEFAULT, data, {}, setup.threads), DEFAULT))
    return take_turns(entries, {}, TOLERANCE, setup.runs(runs), limit=300.0)


TEXT = """{instruments} instruments, 6 factors, {bars} daily bars. The first 252 warm up; each of the others rebalances. \
From Parquet files to the value of the account; betaflow also starts its program, computes all figures and writes its run \
folder. **Default settings** are those of `betaflow replay`, with the mixture of eight filters. The other jobs are \
the same in betaflow and in a notebook, with the same value of the account on each day to {tolerance:.0e}: {jobs}"""
JOBS = {
    ONE_FILTER: '**one filter** is pykalman\'s model (`estimator.kind = "fixed"`), with alphas as estimated '
    "(`strategy.alpha_shrink = 1`) and without the uncertainty of parameters (`sizing.parameter_uncertainty = false`).",
    MIXTURE: "**mixture** is the default estimator with that sizing, in the notebook by our own kernel in numba, because no "
    "package has that filter;",
}


def tables(setup: Setup) -> list[Table]:
    """Return a small panel with the usual notebook, and a large one with the fastest that we know."""
    usual = [
        Notebook("notebook, pykalman and scipy SLSQP", "pykalman", "scipy SLSQP", ONE_FILTER),
        Notebook("notebook, pykalman and cvxpy", "pykalman", "cvxpy", ONE_FILTER),
    ]
    fastest = [
        Notebook("notebook, numba and Clarabel", "mixture", "Clarabel", MIXTURE),
        Notebook("notebook, numba and Clarabel", "numba", "Clarabel", ONE_FILTER),
    ]
    bars = setup.size(756, 320)
    found = []
    for title, instruments, notebooks, runs in [
        ("The usual notebook", 20, usual, 5),
        ("The fastest notebook that we could write", setup.size(500, 50), fastest, 3),
    ]:
        data = panel(setup.folder / f"daily-{instruments}-{bars}", instruments, bars, 0.95 / instruments)
        jobs = " ".join(JOBS[job] for job in dict.fromkeys(notebook.job for notebook in notebooks))
        text = TEXT.format(instruments=instruments, bars=bars, tolerance=TOLERANCE, jobs=jobs)
        found.append(Table(title, text, rows(setup, data, notebooks, runs)))
    return found
