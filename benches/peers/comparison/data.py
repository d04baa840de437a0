"""Generated data: prices of a factor model, from fixed seeds, as Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FACTORS = 6
MINUTES = 390


@dataclass(frozen=True)
class Panel:
    """Files of one panel, and its size."""

    prices: Path
    factors: Path
    weights: Path
    instruments: int
    bars: int
    weight: float


def panel(folder: Path, instruments: int, bars: int, weight: float, minutes: bool = False) -> Panel:
    """Write prices (`ts`, `symbol`, `close`, by time), factor returns, and a file with one row of equal weights.

    Prices are rounded to cents, so that a package with decimal prices reads the same numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(2026)
    scale = 1.0 / np.sqrt(MINUTES) if minutes else 1.0
    factors = scale * random.normal(0.0, 1.0, (bars, FACTORS)) * [0.01, 0.004, 0.004, 0.004, 0.004, 0.004]
    factors += scale**2 * 2e-4
    betas = 0.3 * random.normal(size=(FACTORS, instruments))
    betas[0] += 1.0
    returns = factors @ betas + scale * 0.015 * random.normal(size=(bars, instruments))
    prices = np.round(100.0 * np.cumprod(1.0 + np.clip(returns, -0.3, 0.3), axis=0), 2)
    prices = np.maximum(prices, 1.0)
    if minutes:
        days, minute = np.divmod(np.arange(bars), MINUTES)
        times = np.datetime64("2020-01-02T14:31", "us") + days.astype("m8[D]") + minute.astype("m8[m]")
    else:
        times = np.datetime64("2015-01-01", "us") + np.arange(bars).astype("m8[D]")
    symbols = np.array([f"S{i:03}" for i in range(instruments)])
    found = Panel(
        folder / "prices.parquet", folder / "factors.parquet", folder / "weights.parquet", instruments, bars, weight
    )
    stamp = pa.timestamp("us", "UTC")
    long = {
        "ts": pa.array(np.repeat(times, instruments), stamp),
        "symbol": pa.array(np.tile(symbols, bars)),
        "close": prices.reshape(-1),
    }
    pq.write_table(pa.table(long), found.prices, compression="zstd")
    columns = {f"f{j}": factors[:, j] for j in range(FACTORS)}
    pq.write_table(pa.table({"ts": pa.array(times, stamp)} | columns), found.factors)
    one = {"ts": pa.array(np.repeat(times[:1], instruments), stamp), "symbol": symbols}
    pq.write_table(pa.table(one | {"weight": np.full(instruments, weight)}), found.weights)
    return found


def wide(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return times, prices (bars × instruments) and symbols of a file of prices, which is sorted by both."""
    table = pq.read_table(path)
    symbols = table["symbol"].to_numpy()
    names = (
        list(dict.fromkeys(symbols[: np.flatnonzero(symbols == symbols[0])[1]])) if len(symbols) > 1 else [symbols[0]]
    )
    prices = table["close"].to_numpy().reshape(-1, len(names))
    return table["ts"].to_numpy()[:: len(names)], prices, names
