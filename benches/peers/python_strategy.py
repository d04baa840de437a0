"""Cost of a strategy in Python: time that it adds to a rebalance, next to the same strategy of the program.

    python python_strategy.py                     # 500 instruments, 6 factors, a rebalance on each bar
    python python_strategy.py --instruments 3000 --bars 600

Both replays trade a simulated panel by `quarter_kelly`, once by the program and once in Python, and end with
the same net asset value to 1e-9. Processor time of both is the median of some repeats; their difference per
rebalance is the cost of the call: copies of the inputs, `decide`, and the copy of its result. It prints one
JSON line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from betaflow import _native
from betaflow.strategy import Context, Strategy

REPEATS = 5
WARMUP = 100
TOLERANCE = 1e-9


class QuarterKelly(Strategy):
    """The program's default strategy."""

    def decide(self, context: Context) -> np.ndarray:
        started = time.perf_counter()
        expected = context.alpha_posterior() + context.betas @ context.premia
        TIMES.append(time.perf_counter() - started)
        return expected


TIMES: list[float] = []


def panel(instruments: int, factors: int, bars: int) -> list[tuple[str, pa.Table]]:
    """Return prices and factor returns of a linear factor model, as wide tables."""
    random = np.random.default_rng(2026)
    factor = random.normal(2e-4, 0.01, (bars, factors))
    betas = random.normal(0.5, 0.5, (factors, instruments))
    returns = factor @ betas + random.normal(0, 0.02, (bars, instruments))
    prices = 100 * np.exp(np.cumsum(np.clip(returns, -0.5, 0.5), axis=0))
    dates = pa.array(np.datetime64("2000-01-03", "D") + np.arange(bars))
    return [
        ("prices", pa.table({"date": dates} | {f"S{i:04}": prices[:, i] for i in range(instruments)})),
        ("factors", pa.table({"date": dates} | {f"f{j}": factor[:, j] for j in range(factors)})),
    ]


def replay(tables: list[tuple[str, pa.Table]], strategy: Strategy | None) -> tuple[float, float, int]:
    """Return processor seconds, final net asset value and number of rebalances of a replay."""
    settings = [
        ("estimator", "warmup", str(WARMUP), "warmup"),
        ("record", "betas", '"none"', "betas"),
        ("record", "weights", '"none"', "weights"),
        ("pipeline", "placement", '"inline"', "placement"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        arguments = [
            "replay",
            "--prices",
            "memory:prices",
            "--factors",
            "memory:factors",
            "--no-report",
            "--out",
            out,
        ]
        started = time.process_time()
        _native.call(arguments, settings=settings, tables=tables, strategy=strategy)
        seconds = time.process_time() - started
        nav = _native.read_table(f"{out}/equity.parquet")
        values = pa.table(nav).column("nav").to_numpy()
    return seconds, float(values[-1]), len(values)


def main() -> None:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description="Cost of a strategy in Python.")
    parser.add_argument("--instruments", type=int, default=500)
    parser.add_argument("--factors", type=int, default=6)
    parser.add_argument("--bars", type=int, default=1_500)
    args = parser.parse_args()
    tables = panel(args.instruments, args.factors, args.bars)
    seconds: dict[str, list[float]] = {"rust": [], "python": []}
    navs: dict[str, float] = {}
    rebalances = 0
    for _ in range(REPEATS):
        for kind, strategy in (("rust", None), ("python", QuarterKelly())):
            elapsed, navs[kind], rebalances = replay(tables, strategy)
            seconds[kind].append(elapsed)
    assert abs(navs["python"] / navs["rust"] - 1) <= TOLERANCE, navs
    median = {kind: statistics.median(times) for kind, times in seconds.items()}
    result = {
        "instruments": args.instruments,
        "factors": args.factors,
        "rebalances": rebalances,
        "rebalance_us": round(1e6 * median["rust"] / rebalances, 1),
        "added_us": round(1e6 * (median["python"] - median["rust"]) / rebalances, 1),
        "decide_us": round(1e6 * statistics.median(TIMES), 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
