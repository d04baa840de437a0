"""A fixed-weight strategy in betaflow, vectorbt, NautilusTrader, backtesting.py and a loop: one replay, and a sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from .contestants import Arrays, Entry, Program, python, take_turns
from .data import MINUTES, Panel, panel
from .report import Table
from .setup import Setup

CASH = 1e6
REPLAY, SWEEP = "replay", "sweep"
FEE_BPS = 5.0


def settings(data: Panel, lot: float, minutes: bool) -> list[str]:
    """Return the arguments that make a command trade to the fixed weights at the close of the bar."""
    found = {
        "strategy.valid_for": 10_000,
        "estimator.warmup": 1,
        "sizing.turnover_cap": 10,
        "sizing.weight_max": 1,
        "execution.fill_at": "same_close",
        "execution.commission_bps": 0,
        "execution.half_spread_bps": FEE_BPS,
        "execution.lot": lot,
    }
    if minutes:
        found["data.frames_per_day"] = MINUTES
    arguments = ["--prices", str(data.prices), "--factors", "none", "--weights", str(data.weights)]
    for key, value in found.items():
        arguments += ["--set", f"{key}={value}"]
    return arguments


def values(out: Path, bars: int) -> Arrays:
    """Return the values of the account of a run; bars of the warm-up have cash alone."""
    nav = pq.read_table(out / "equity.parquet", columns=["nav"])["nav"].to_numpy()
    equity = np.concatenate([np.full(bars - len(nav), CASH), nav])
    return {"equity": equity[None], "final": equity[-1:]}


def replay(
    setup: Setup, name: str, data: Panel, every: int, minutes: bool, more: dict[str, str], threads: int
) -> Program:
    """Return `betaflow replay` of the strategy."""
    out = (
        setup.folder
        / "runs"
        / "".join(c if c.isalnum() else "-" for c in f"{name}-{data.prices.parent.name}-{threads}")
    )
    command = [str(setup.program), "replay", *settings(data, 1.0, minutes), "--set", f"sizing.rebalance_every={every}"]
    for key, value in more.items():
        command += ["--set", f"{key}={value}"]
    return Program(
        name,
        threads,
        {REPLAY: [*command, "--out", str(out), "--force", "--no-report"]},
        lambda _: values(out, data.bars),
    )


REPLAY_TEXT = """{instruments} instrument{s}, {bars:,} {unit} bars ({rows:,} rows), from the Parquet file to the value of the account. \
The strategy trades to fixed weights every {every} bars, at the close of the bar, in whole shares, at {fee} bps. \
Values of the account agree to {tolerance:.0e} (NautilusTrader rounds commissions to cents; the largest difference is stated). \
betaflow also estimates alphas with its default mixture, which this strategy does not use, takes figures and writes its run \
folder; "estimator dlm" is the same with the single filter and without tables of coefficients and weights."""


def replay_table(setup: Setup, title: str, instruments: int, bars: int, minutes: bool, every: int) -> Table:
    """Compare one replay."""
    weight = 0.6 if instruments == 1 else 0.95 / instruments
    name = f"{'minutes' if minutes else 'daily'}-bars-{instruments}-{bars}"
    data = panel(setup.folder / name, instruments, bars, weight, minutes)
    short = {"estimator.kind": "dlm", "record.betas": "none", "record.weights": "none"}
    inline = {"pipeline.placement": "inline"}
    argument = {
        "job": REPLAY,
        "prices": str(data.prices),
        "every": [every],
        "fees": [FEE_BPS * 1e-4],
        "lot": 1.0,
        "weight": weight,
        "threads": 1,
        "unit": "MINUTE" if minutes else "DAY",
        # The warm-up is a day.
        "first": MINUTES if minutes else 1,
    }

    def peer(name: str, module: str, more: dict | None = None, nautilus: bool = False) -> Entry:
        interpreter = setup.nautilus if nautilus else setup.main
        return Entry(python(name, 1, interpreter, module, argument | (more or {}), setup.folder), REPLAY)

    entries = [
        Entry(replay(setup, "betaflow", data, every, minutes, inline, 1), REPLAY),
        Entry(replay(setup, "betaflow, estimator dlm", data, every, minutes, inline | short, 1), REPLAY),
        peer("numba loop", "loops"),
        peer("vectorbt, numba", "vectorbt_orders", {"engine": "numba"}),
        peer("vectorbt, Rust", "vectorbt_orders", {"engine": "rust"}),
        peer("NautilusTrader", "nautilus", nautilus=True),
    ]
    if instruments == 1:
        entries.append(peer("backtesting.py", "backtesting_py"))
    if setup.threads > 1:
        entries.append(Entry(replay(setup, "betaflow", data, every, minutes, {}, setup.threads), REPLAY))
    tolerance = 2e-6
    rows = take_turns(entries, {}, tolerance, setup.runs(3), limit=180.0)
    text = REPLAY_TEXT.format(
        instruments=instruments,
        s="" if instruments == 1 else "s",
        bars=bars,
        unit="minute" if minutes else "daily",
        rows=bars * instruments,
        every=every,
        fee=FEE_BPS,
        tolerance=tolerance,
    )
    return Table(title, text, rows)


def replays(setup: Setup) -> list[Table]:
    """Return three replays: daily, minutes, one instrument."""
    return [
        replay_table(setup, "A replay of daily bars", setup.size(500, 50), setup.size(1_258, 300), False, 21),
        replay_table(setup, "A replay of minute bars", setup.size(50, 10), setup.size(50, 2) * MINUTES, True, MINUTES),
        replay_table(setup, "A replay of one instrument", 1, setup.size(250, 5) * MINUTES, True, MINUTES),
    ]


SWEEP_TEXT = """{scenarios} scenarios of the fixed-weight strategy: {fees} costs × rebalances every {every} bars; {instruments} instruments, \
{bars:,} daily bars, fractional shares. From the Parquet file to the value of the account on each bar in each scenario, which agree \
to {tolerance:.0e}. `betaflow stress` also reads the weights from a file, estimates, computes all figures of each scenario and writes \
its tables. The loop is the same account in numba, and nothing else."""


def sweep(setup: Setup) -> list[Table]:
    """Return the sweep over costs and schedules."""
    instruments, bars = setup.size(200, 20), setup.size(1_258, 300)
    schedules, costs = (1, 2, 5, 10, 21), setup.size(20, 4)
    weight = 0.95 / instruments
    data = panel(setup.folder / f"sweep-{instruments}-{bars}", instruments, bars, weight)
    grid = setup.folder / f"grid-{costs}.toml"
    spreads = ", ".join(str(cost) for cost in range(costs))
    schedule = ", ".join(str(every) for every in schedules)
    grid.write_text(f'[grid]\n"sizing.rebalance_every" = [{schedule}]\n"execution.half_spread_bps" = [{spreads}]\n')

    def stress(name: str, threads: int, more: dict[str, str]) -> Program:
        out = setup.folder / "runs" / f"stress-{''.join(c if c.isalnum() else '-' for c in name)}-{threads}"
        command = [str(setup.program), "stress", "--grid", str(grid), *settings(data, 0.0, False)]
        for key, value in more.items():
            command += ["--set", f"{key}={value}"]
        command += ["--threads", str(threads), "--trials", "none", "--out", str(out), "--force", "--no-report"]
        return Program(name, threads, {SWEEP: command}, lambda _: scenario_values(out))

    every = [s for s in schedules for _ in range(costs)]
    fees = [cost * 1e-4 for _ in schedules for cost in range(costs)]
    argument = {"job": SWEEP, "prices": str(data.prices), "every": every, "fees": fees, "lot": 0.0}
    argument |= {"weight": weight, "first": 1}

    def peer(name: str, threads: int, module: str, more: dict | None = None) -> Entry:
        own = argument | {"threads": threads} | (more or {})
        return Entry(python(name, threads, setup.main, module, own, setup.folder), SWEEP)

    entries = [
        Entry(stress("betaflow", 1, {}), SWEEP),
        Entry(stress("betaflow, estimator dlm", 1, {"estimator.kind": "dlm"}), SWEEP),
        peer("numba loop", 1, "loops"),
        peer("vectorbt, numba", 1, "vectorbt_orders", {"engine": "numba"}),
        peer("vectorbt, Rust", 1, "vectorbt_orders", {"engine": "rust"}),
    ]
    if setup.threads > 1:
        entries.append(Entry(stress("betaflow", setup.threads, {}), SWEEP))
        entries.append(peer("numba loop, parallel", setup.threads, "loops"))
    tolerance = 1e-9
    rows = take_turns(entries, {}, tolerance, setup.runs(3), limit=180.0)
    text = SWEEP_TEXT.format(
        scenarios=len(fees), fees=costs, every=schedule, instruments=instruments, bars=bars, tolerance=tolerance
    )
    return [Table("A sweep", text, rows)]


def scenario_values(out: Path) -> Arrays:
    """Return the value of the account on each bar in each scenario, in the order of the grid."""
    table = pq.read_table(out / "scenario_returns.parquet")
    scenario, returns = table["scenario"].to_numpy(), table["net_return"].to_numpy()
    count = int(scenario.max()) + 1
    by_scenario = np.stack([returns[scenario == each] for each in range(count)])
    values = CASH * np.cumprod(1.0 + by_scenario, axis=1)
    # The first bar has no return.
    return {"equity": np.column_stack([np.full(count, CASH), values])}
