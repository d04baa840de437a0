"""Worker of NautilusTrader: `BacktestEngine`, bars of the file, and a strategy that trades to equal weights.

A bar of the last instrument completes a frame. Market orders of a bar fill at its close, whole shares at a fee by
value; commissions are rounded to cents. Logging is off.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from ..data import wide
from . import serve

CASH = 1_000_000
VENUE = Venue("SIM")


class FixedWeightConfig(StrategyConfig, frozen=True):
    """Settings of the strategy."""

    bar_types: tuple[str, ...]
    first: int
    every: int
    weight: float


class FixedWeight(Strategy):
    """Trades every instrument to the same share of the account's value."""

    def __init__(self, config: FixedWeightConfig) -> None:
        super().__init__(config)
        self.bar_types = [BarType.from_str(text) for text in config.bar_types]
        self.instruments = [bar_type.instrument_id for bar_type in self.bar_types]
        self.frame = 0

    def on_start(self) -> None:
        for bar_type in self.bar_types:
            self.subscribe_bars(bar_type)

    def on_bar(self, bar: Bar) -> None:
        if bar.bar_type != self.bar_types[-1]:
            return
        self.frame += 1
        late = self.frame - 1 - self.config.first
        if late < 0 or late % self.config.every != 0:
            return
        closes = [self.cache.bar(bar_type).close.as_double() for bar_type in self.bar_types]
        held = [int(self.portfolio.net_position(instrument)) for instrument in self.instruments]
        cash = self.portfolio.account(VENUE).balance_total(USD).as_double()
        budget = self.config.weight * (cash + sum(q * close for q, close in zip(held, closes)))
        trades = [int(budget / close - q) for q, close in zip(held, closes)]
        for instrument, trade in zip(self.instruments, trades):
            if trade != 0:
                side = OrderSide.BUY if trade > 0 else OrderSide.SELL
                self.submit_order(self.order_factory.market(instrument, side, Quantity.from_int(abs(trade))))


def replay(given: dict) -> serve.Arrays:
    """Read the file, run the engine, and return the value at the end."""
    times, close, names = wide(Path(given["prices"]))
    # A rebalance submits an order for each instrument in one instant; the default limit is 100 a second.
    risk = RiskEngineConfig(max_order_submit_rate="100000/00:00:01")
    engine = BacktestEngine(config=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=risk))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USD,
        starting_balances=[Money(CASH, USD)],
    )
    index, bars, bar_types = pd.DatetimeIndex(times, tz="UTC"), [], []
    fee = Decimal(str(given["fees"][0]))
    for i, name in enumerate(names):
        instrument = Equity(
            instrument_id=InstrumentId(Symbol(name), VENUE),
            raw_symbol=Symbol(name),
            currency=USD,
            price_precision=2,
            price_increment=Price.from_str("0.01"),
            lot_size=Quantity.from_int(1),
            maker_fee=fee,
            taker_fee=fee,
            ts_event=0,
            ts_init=0,
        )
        engine.add_instrument(instrument)
        bar_type = BarType.from_str(f"{name}.SIM-1-{given['unit']}-LAST-EXTERNAL")
        bar_types.append(str(bar_type))
        prices = close[:, i]
        frame = pd.DataFrame({"open": prices, "high": prices, "low": prices, "close": prices, "volume": 1e6}, index)
        bars += BarDataWrangler(bar_type, instrument).process(frame)
    engine.add_data(bars)
    config = FixedWeightConfig(
        bar_types=tuple(bar_types), first=given["first"], every=given["every"][0], weight=given["weight"]
    )
    engine.add_strategy(FixedWeight(config))
    engine.run()
    value = engine.portfolio.account(VENUE).balance_total(USD).as_double()
    for i, name in enumerate(names):
        position = engine.portfolio.net_position(InstrumentId.from_str(f"{name}.SIM"))
        value += float(position) * float(close[-1, i])
    engine.dispose()
    return {"final": np.array([value])}


def main() -> None:
    given = serve.argument()
    serve.serve({given["job"]: lambda: replay(given)}, ("nautilus_trader", "pandas"))


if __name__ == "__main__":
    main()
