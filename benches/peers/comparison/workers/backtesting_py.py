"""Worker of backtesting.py: one instrument, orders at the close of their bar, whole shares, a commission by value."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from ..data import wide
from . import serve

CASH = 1e6


def main() -> None:
    given = serve.argument()
    first, every, weight = given["first"], given["every"][0], given["weight"]

    class FixedWeight(Strategy):
        """Trades the instrument to a share of the account's value."""

        def init(self) -> None:
            pass

        def next(self) -> None:
            t = len(self.data) - 1
            if t < first or (t - first) % every != 0:
                return
            trade = int(weight * self.equity / self.data.Close[-1] - self.position.size)
            if trade > 0:
                self.buy(size=trade)
            elif trade < 0:
                self.sell(size=-trade)

    def run() -> serve.Arrays:
        times, close, _ = wide(Path(given["prices"]))
        prices = close[:, 0]
        frame = pd.DataFrame({"Open": prices, "High": prices, "Low": prices, "Close": prices}, pd.DatetimeIndex(times))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = Backtest(frame, FixedWeight, cash=CASH, commission=given["fees"][0], trade_on_close=True)
            result = test.run()
        return {"final": np.array([result["_equity_curve"]["Equity"].iloc[-1]])}

    serve.serve({given["job"]: run}, ("backtesting", "pandas"))


if __name__ == "__main__":
    main()
