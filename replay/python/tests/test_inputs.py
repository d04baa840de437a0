"""Every form of the same data gives the digest of its file."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import long_of

import betaflow

Data = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def digest(data: Data, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Digest of a replay of files in long form."""
    folder = tmp_path_factory.mktemp("files")
    long_of(data[0]).to_parquet(folder / "prices.parquet")
    data[1].to_parquet(folder / "factors.parquet")
    digest = betaflow.replay(folder / "prices.parquet", str(folder / "factors.parquet")).digest
    assert digest is not None
    return digest


def fields(wide: pd.DataFrame) -> pd.DataFrame:
    """Columns of two levels, as `yfinance.download` has them."""
    frames = {"Close": wide, "High": wide * 1.01, "Low": wide * 0.99, "Open": wide, "Volume": wide * 0 + 1e6}
    return pd.concat(frames, axis=1, names=["Price", "Ticker"]).rename_axis("Date")


def duck(wide: pd.DataFrame) -> Any:
    """Relation of DuckDB over a frame."""
    rows = long_of(wide)
    connection = duckdb.connect()
    connection.register("rows", rows)
    return connection.sql("select * from rows order by date, symbol")


FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "long": long_of,
    "long_categorical": lambda wide: long_of(wide).astype({"symbol": "category"}),
    "long_indexed_by_date": lambda wide: long_of(wide).set_index("date"),
    "long_other_index": lambda wide: long_of(wide).set_index(pd.Index(np.arange(wide.size)[::-1])),
    "rows_of_two_levels": lambda wide: long_of(wide).set_index(["date", "symbol"]),
    "rows_of_two_unnamed_levels": lambda wide: (
        long_of(wide).set_index(["date", "symbol"]).rename_axis([None, None])
    ),
    "rows_as_in_alphalens": lambda wide: (
        long_of(wide).set_index(["date", "symbol"]).rename_axis(["date", "asset"])
    ),
    "stacked": lambda wide: wide.stack(),
    "stacked_and_named": lambda wide: wide.stack().rename("last"),
    "wide": lambda wide: wide,
    "wide_unnamed_index": lambda wide: wide.rename_axis(None),
    "wide_time_column": lambda wide: wide.reset_index(),
    "wide_index_of_dates": lambda wide: wide.set_axis([time.date() for time in wide.index], axis=0),
    "wide_index_of_texts": lambda wide: wide.set_axis(wide.index.strftime("%Y-%m-%d"), axis=0).rename_axis(
        None
    ),
    "wide_index_of_other_name": lambda wide: wide.rename_axis("session"),
    "columns_price_ticker": fields,
    "columns_ticker_price": lambda wide: fields(wide).swaplevel(axis=1).sort_index(axis=1),
    "polars": lambda wide: pl.from_pandas(long_of(wide)),
    "polars_wide": lambda wide: pl.from_pandas(wide.reset_index()),
    "polars_lazy": lambda wide: pl.from_pandas(long_of(wide)).lazy(),
    "pyarrow": lambda wide: pa.Table.from_pandas(long_of(wide)),
    "pyarrow_reader": lambda wide: pa.Table.from_pandas(long_of(wide)).to_reader(1000),
    "duckdb": duck,
    "table": lambda wide: betaflow.Table(pa.Table.from_pandas(long_of(wide))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_digest_of_the_file(form: str, data: Data, digest: str) -> None:
    assert betaflow.replay(FORMS[form](data[0]), data[1]).digest == digest


FACTORS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "time_column": lambda factors: factors.reset_index(),
    "polars": lambda factors: pl.from_pandas(factors.reset_index()),
    "several": lambda factors: [factors[["mkt"]], pl.from_pandas(factors[["mom"]].reset_index())],
    "series": lambda factors: [factors["mkt"], factors["mom"]],
}


@pytest.mark.parametrize("form", FACTORS)
def test_every_form_of_factors_gives_the_digest_of_the_file(form: str, data: Data, digest: str) -> None:
    assert betaflow.replay(data[0], FACTORS[form](data[1])).digest == digest


def test_tutorial_is_data_of_arguments() -> None:
    prices, factors = betaflow.load_tutorial()
    digest = "619432b84b3fc64a71723f954b144b2c56d8c51b550875850b57e6660b624065"
    assert betaflow.replay().digest == digest
    assert betaflow.replay(prices, factors).digest == digest
    assert betaflow.replay(prices.to_pandas(), factors).digest == digest
    wide = prices.to_pandas().pivot(index="date", columns="symbol", values="close")
    assert betaflow.replay(wide, factors).digest == digest


def test_factors_may_be_left_out(data: Data) -> None:
    prices, _ = data
    without = betaflow.replay(prices, False).digest
    assert without == betaflow.replay(prices, "none").digest
    assert without is not None


def test_nan_of_pandas_is_a_missing_price(data: Data) -> None:
    prices = data[0].copy()
    prices.iloc[300, 2] = np.nan
    long = long_of(prices)
    assert betaflow.replay(prices, data[1]).digest == betaflow.replay(long, data[1]).digest


def test_calls_of_several_threads_do_not_disturb_each_other(data: Data, digest: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        digests = list(pool.map(lambda _: betaflow.replay(*data).digest, range(8)))
    assert set(digests) == {digest}


def test_caller_keeps_its_frame(data: Data) -> None:
    prices = data[0].rename_axis("session")
    betaflow.replay(prices, data[1])
    assert prices.index.name == "session"


def test_forecasts_and_weights_are_tables(data: Data, tmp_path: Path) -> None:
    prices, factors = data
    scores = prices.pct_change(20, fill_method=None).iloc[260:]
    long_of(scores, "forecast").dropna().to_parquet("scores.parquet")
    of_file = betaflow.replay(prices, factors, forecasts="scores.parquet").digest
    assert betaflow.replay(prices, factors, forecasts=scores).digest == of_file
    assert betaflow.replay(prices, factors, forecasts=scores.stack()).digest == of_file
    assert betaflow.replay(prices, factors, strategy={"kind": "forecasts", "path": scores}).digest == of_file
    equal = prices.iloc[260:] * 0 + 1 / 6
    of_weights = betaflow.replay(prices, factors, weights=equal).digest
    assert of_weights not in (of_file, None)
    assert betaflow.replay(prices, factors, weights=long_of(equal, "weight")).digest == of_weights


def test_settings_that_name_a_file_accept_a_table(data: Data) -> None:
    prices, factors = data
    spreads = pd.DataFrame({"symbol": prices.columns, "half_spread_bps": 7.0})
    execution = {"spread_file": spreads}
    by_table = betaflow.replay(prices, factors, execution=execution)
    spreads.to_parquet("spreads.parquet")
    by_file = betaflow.replay(
        prices, factors, execution={**execution, "spread_file": Path("spreads.parquet")}
    )
    assert by_table.digest == by_file.digest


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", None])
def test_times_of_results_are_those_of_the_input(zone: str | None, data: Data) -> None:
    prices, factors = (frame.tz_localize(zone) for frame in data)
    run = betaflow.replay(prices, factors)
    times = run.equity.to_pandas()["timestamp"]
    assert str(getattr(times.dtype, "tz", None)) == str(zone)
    assert times.iloc[-1] == prices.index[-1]
    assert run.equity.to_arrow().schema.field("timestamp").type.tz == zone
    assert (
        run.equity["timestamp"][-1] == prices.index[-1].tz_localize(None).to_datetime64()
        or zone == "America/New_York"
    )
