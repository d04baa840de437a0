"""Worker of vectorbt: `Portfolio.from_orders` with target percentages, in one group that shares cash.

Scenarios of one schedule are columns side by side, which is vectorbt's way to sweep; five at once are faster than one or
twenty. Orders run in the order of the columns: some cash is always left, so that sales need not come first, and no sorting
is paid for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import vectorbt as vbt

from ..data import wide
from . import serve

CASH = 1e6
AT_ONCE = 5


def main() -> None:
    given = serve.argument()
    every, fees = np.array(given["every"]), np.array(given["fees"])
    lot = float(given["lot"]) or np.nan

    def run() -> serve.Arrays:
        times, close, names = wide(Path(given["prices"]))
        n, equity = len(names), np.empty((len(fees), len(close)))
        parts = []
        for schedule in np.unique(every):
            alike = np.flatnonzero(every == schedule)
            parts += [(schedule, alike[at : at + AT_ONCE]) for at in range(0, len(alike), AT_ONCE)]
        for schedule, chosen in parts:
            size = np.full((len(close), 1), np.nan)
            size[given["first"] :: schedule] = given["weight"]
            columns = pd.MultiIndex.from_product([chosen, names], names=["scenario", "symbol"])
            prices = pd.DataFrame(np.tile(close, len(chosen)), times, columns)
            portfolio = vbt.Portfolio.from_orders(
                prices,
                size,
                size_type="targetpercent",
                fees=np.repeat(fees[chosen], n)[None, :],
                size_granularity=lot,
                init_cash=CASH,
                cash_sharing=True,
                group_by="scenario",
                freq="1D",
                engine=given["engine"],
            )
            equity[chosen] = portfolio.value().to_numpy().reshape(len(close), -1).T
        return {"equity": equity, "final": equity[:, -1]}

    packages = ("vectorbt", "vectorbt-rust") if given["engine"] == "rust" else ("vectorbt", "numba")
    serve.serve({given["job"]: run}, packages)


if __name__ == "__main__":
    main()
