"""A rebalance: the same problem by several solvers."""

from __future__ import annotations

from pathlib import Path

from .contestants import Bench, Entry, Worker, python, take_turns
from .report import Table
from .setup import Setup

TOLERANCE = 1e-4
TEXT = """{n} instruments, a factor model of 6, and the default limits: long only, at most 10 % an instrument, gross at most 1, \
turnover at most 8 %, linear costs. Milliseconds a rebalance, over {count} rebalances of a market that drifts. All see the \
same scaled problem; weights, objective and limits of all agree with ours to {tolerance:.0e}, relative to the largest \
of each. SLSQP has gradients and the factor form; Clarabel is called by its own interface, cvxpy with parameters and a problem that \
is compiled once; cvxportfolio and skfolio build theirs for each rebalance, as their interfaces do. betaflow keeps nothing from one rebalance to the next; its CPU time is its wall time."""


def tables(setup: Setup) -> list[Table]:
    """Return a table for each number of instruments."""
    found = []
    for n, count in ((50, setup.size(30, 4)), (500, setup.size(10, 2))):
        file = setup.folder / f"rebalances-{n}.json"
        command = [
            str(setup.sizing),
            "--bench",
            "--serve",
            str(file),
            "--instruments",
            str(n),
            "--rebalances",
            str(count),
        ]

        def worker(peer: str, rebalances: int = count, file: Path = file) -> Worker:
            argument = {"peer": peer, "file": str(file), "rebalances": rebalances}
            return python(peer, 1, setup.main, "portfolios", argument, setup.folder)

        def read(_: str, worker=worker):
            reference = worker("reference")
            try:
                return reference.run("solve", 60.0, save=True)[1]
            finally:
                reference.close()

        entries = [Entry(Bench("betaflow", 1, command, setup.folder, read), "solve")]
        entries += [Entry(worker(peer), "solve") for peer in ("Clarabel", "cvxpy", "cvxportfolio", "skfolio")]
        if n <= 100:
            entries.append(Entry(worker("scipy SLSQP"), "solve"))
        elif not setup.quick:
            # Its steps cost the cube of the 2 n variables: one rebalance is enough.
            entries.append(Entry(worker("scipy SLSQP", rebalances=1), "solve", scale=count, turns=1))
        rows = take_turns(entries, {}, TOLERANCE, setup.runs(5), limit=120.0)
        text = TEXT.format(n=n, count=count, tolerance=TOLERANCE)
        if n > 100:
            text += " SLSQP solves the first of them, once: a step costs the cube of its 1,000 variables."
        found.append(Table(f"A rebalance of {n} instruments", text, rows, unit="ms a rebalance", scale=1e3 / count))
    return found
