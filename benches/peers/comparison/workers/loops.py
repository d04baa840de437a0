"""Worker of the loops in numba: the account of a fixed-weight strategy, as one function over all bars.

A bar that rebalances trades to the weights at its close, at the value before costs. Quantities are fractional, or
whole shares, rounded towards no trade. A trade costs a share of its value.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit, prange

from ..data import wide
from . import serve

CASH = 1e6


@njit(error_model="numpy", fastmath={"contract"})
def account(close, weight, first, every, fee, lot, equity):
    """Fill `equity`, the value after each bar."""
    bars, n = close.shape
    cash, held = CASH, np.zeros(n)
    for t in range(bars):
        value = cash
        for i in range(n):
            value += held[i] * close[t, i]
        if t >= first and (t - first) % every == 0:
            budget, before = value * weight, value
            for i in range(n):
                trade = budget / close[t, i] - held[i]
                if lot > 0.0:
                    trade = np.trunc(trade / lot) * lot
                notional = trade * close[t, i]
                cost = fee * abs(notional)
                cash -= notional + cost
                before -= cost
                held[i] += trade
            value = before
        equity[t] = value


@njit(error_model="numpy", fastmath={"contract"})
def one_after_another(close, weight, first, every, fees, lot, equity):
    for scenario in range(len(fees)):
        account(close, weight, first, every[scenario], fees[scenario], lot, equity[scenario])


@njit(parallel=True, error_model="numpy", fastmath={"contract"})
def side_by_side(close, weight, first, every, fees, lot, equity):
    for scenario in prange(len(fees)):
        account(close, weight, first, every[scenario], fees[scenario], lot, equity[scenario])


def main() -> None:
    given = serve.argument()
    sweep = one_after_another if given["threads"] == 1 else side_by_side
    every, fees = np.array(given["every"], np.int64), np.array(given["fees"])

    def run() -> serve.Arrays:
        _, close, _ = wide(Path(given["prices"]))
        equity = np.empty((len(fees), len(close)))
        sweep(close, given["weight"], given["first"], every, fees, float(given["lot"]), equity)
        return {"equity": equity, "final": equity[:, -1]}

    serve.serve({given["job"]: run}, ("numba", "numpy", "pyarrow"))


if __name__ == "__main__":
    main()
