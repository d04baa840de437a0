"""Filters: nanoseconds an instrument-bar."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .contestants import Arrays, Bench, Entry, python, take_turns
from .report import Table
from .setup import Setup

FULL = "full covariance, state only"
FULL_WRITTEN = "full covariance, means written"
OWN_LEARNED = "own covariance each, variance learned"
SHARED = "shared covariance, state only"
SHARED_WRITTEN = "shared covariance, means written"
LEARNED = "shared covariance, variance learned"
LEARNED_WRITTEN = "shared covariance, variance learned, means written"
MIXTURE = "mixture of 8 models"
COMPARED = (FULL, FULL_WRITTEN, SHARED, SHARED_WRITTEN, LEARNED, LEARNED_WRITTEN)
INSTRUMENTS, COEFFICIENTS, ONE_BY_ONE = 500, 7, 2
TOLERANCE = 1e-9


def last_state(folder: Path, job: str) -> Arrays:
    """Return the last means (and variances) of betaflow, which its benchmark wrote."""

    def read(name: str) -> np.ndarray:
        return np.fromfile(folder / name, "<f8")

    name = {LEARNED: "dlm", LEARNED_WRITTEN: "dlm", MIXTURE: "mixture"}.get(job)
    if name:
        mean = read(f"{name}_means.f64").reshape(COEFFICIENTS, INSTRUMENTS).T
        return {"mean": mean, "variance": read(f"{name}_variances.f64")}
    if job in COMPARED:
        return {"mean": read("means.f64").reshape(INSTRUMENTS, COEFFICIENTS)}
    return {"mean": np.zeros(1)}


TEXT = """{instruments} instruments, alpha and 6 betas, {bars} bars, float64. Each filter has all data in memory; the last \
means (and learned variances) of all agree to {tolerance:.0e}, and before that the means of every bar with the textbook on a small \
panel. "State only" keeps the state after the last bar, "means written" writes every mean of every bar. `dlm` of betaflow \
is "variance learned"; its means come with standard deviations and forecasts, those of the peers alone. pykalman and statsmodels filter one instrument after another; their time is that of two."""


def tables(setup: Setup) -> list[Table]:
    """Return one table on one thread, and one on all."""
    bars = setup.size(2_000, 200)
    folder = setup.folder / f"filters-{bars}"
    found = []
    for threads in (1, setup.threads) if setup.threads > 1 else (1,):
        command = [str(setup.estimators), "--bench", "--serve", str(folder), "--bars", str(bars)]
        ours = Bench("betaflow", 1, command, folder, lambda job: last_state(folder, job))
        jobs = (*COMPARED, OWN_LEARNED, MIXTURE) if threads == 1 else COMPARED
        entries = [Entry(ours, job) for job in jobs]
        # The files have to be there before the peers start.
        peers = ("numpy", "numba", "JAX", "pykalman", "statsmodels") if threads == 1 else ("numpy", "numba", "JAX")
        for peer in peers:
            argument = {"peer": peer, "folder": str(folder), "threads": threads}
            worker = python(peer, threads, setup.main, "filters", argument, setup.folder)
            one_by_one = {"pykalman": (FULL_WRITTEN,), "statsmodels": (FULL, FULL_WRITTEN)}.get(peer)
            scale = INSTRUMENTS / ONE_BY_ONE if one_by_one else 1.0
            entries += [Entry(worker, job, scale=scale) for job in one_by_one or COMPARED]
            if peer == "numba" and threads == 1:
                entries.append(Entry(worker, MIXTURE))
        rows = take_turns(entries, {}, TOLERANCE, setup.runs(7), limit=300.0)
        if threads == 1:
            title = "Filters on one thread: CPU time"
            text = TEXT.format(instruments=INSTRUMENTS, bars=bars, tolerance=TOLERANCE)
            text += " No package has the mixture: numba's is ours, written for this comparison."
        else:
            title = f"Filters on {threads} threads: wall time"
            text = "The same. betaflow's filter has one thread, whatever the machine has: its stages have others."
        scale = 1e9 / (INSTRUMENTS * bars)
        found.append(Table(title, text, rows, matrix=True, unit="ns an instrument-bar", scale=scale))
    return found
