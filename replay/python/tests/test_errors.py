"""Errors name table, row and column of the caller's data, and settings as the caller wrote them."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import long_of

import betaflow
from betaflow._messages import in_python, page_in_python
from betaflow.errors import ConfigError, Error, InputError

Data = tuple[pd.DataFrame, pd.DataFrame]


def test_bad_price_is_located_in_a_long_frame(data: Data) -> None:
    prices = long_of(data[0])
    prices.loc[1000, "close"] = -1.0
    with pytest.raises(InputError) as caught:
        betaflow.replay(prices, data[1])
    error = caught.value
    assert (error.file, error.row, error.column, error.index) == ("prices", 1000, "close", None)
    assert "prices: row 1000" in str(error)


def test_bad_price_is_located_by_the_label_of_its_row(data: Data) -> None:
    prices = data[0].copy()
    prices.iloc[300, 2] = -1.0
    with pytest.raises(InputError) as caught:
        betaflow.replay(prices, data[1])
    error = caught.value
    assert (error.row, error.column, error.index) == (300, "S2", prices.index[300])
    assert f"index {prices.index[300].date()}" in str(error)


def test_bad_price_is_located_in_rows_of_two_levels(data: Data) -> None:
    prices = long_of(data[0]).set_index(["date", "symbol"])
    prices.iloc[1000, 0] = 0.0
    with pytest.raises(InputError) as caught:
        betaflow.replay(prices, data[1])
    assert caught.value.index == prices.index[1000]
    assert prices.index[1000][1] in str(caught.value)


def test_nan_of_polars_is_an_error(data: Data) -> None:
    prices = pl.from_pandas(long_of(data[0])).with_columns(
        pl.when(pl.int_range(pl.len()) == 1000).then(float("nan")).otherwise("close").alias("close")
    )
    with pytest.raises(InputError) as caught:
        betaflow.replay(prices, data[1])
    assert (caught.value.file, caught.value.row, caught.value.column) == ("prices", 1000, "close")


def test_bad_factor_is_located(data: Data) -> None:
    factors = data[1].copy()
    factors.iloc[20, 1] = np.inf
    with pytest.raises(InputError) as caught:
        betaflow.replay(data[0], factors)
    error = caught.value
    assert (error.file, error.row, error.column, error.index) == ("factors", 20, "mom", factors.index[20])


def test_bad_row_of_a_setting_is_located(data: Data) -> None:
    spreads = pd.DataFrame({"symbol": data[0].columns, "half_spread_bps": -7.0})
    with pytest.raises(InputError) as caught:
        betaflow.replay(*data, execution={"spread_file": spreads})
    assert caught.value.file == "execution.spread_file"


@pytest.mark.parametrize("thing", [3, object(), np.zeros((3, 3)), {"close": [1.0]}, pd.DataFrame])
def test_unknown_type_is_named(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"prices: found an object of type .*expected a pandas DataFrame"):
        betaflow.replay(thing)


def test_unknown_type_of_factors_is_named() -> None:
    with pytest.raises(TypeError, match=r"factors: found an object of type int"):
        betaflow.replay(None, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"factors\['mkt'\]: found an object of type float"):
        betaflow.replay(None, {"mkt": 1.0})  # type: ignore[dict-item]


def test_column_of_mixed_types_is_an_input_error(data: Data) -> None:
    prices = long_of(data[0]).astype({"close": object})
    prices.loc[3, "close"] = "n/a"
    with pytest.raises(InputError, match="close"):
        betaflow.replay(prices, data[1])


def test_periods_are_refused_with_a_remedy(data: Data) -> None:
    prices = data[0].set_axis(data[0].index.to_period("D"), axis=0)
    with pytest.raises(InputError, match="to_timestamp"):
        betaflow.replay(prices, data[1])


def test_column_twice_is_refused(data: Data) -> None:
    prices = data[0].set_axis(["S0", "S0", "S2", "S3", "S4", "S5"], axis=1)
    with pytest.raises(InputError, match="S0") as caught:
        betaflow.replay(prices, data[1])
    assert caught.value.column == "S0"


def test_refused_value_names_the_argument() -> None:
    with pytest.raises(ConfigError) as caught:
        betaflow.replay(sizing={"turnover_cap": -1})
    error = caught.value
    assert error.setting == "sizing.turnover_cap"
    assert error.found == "-1"
    assert 'sizing={"turnover_cap": -1}' in str(error)


def test_unknown_key_has_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"did you mean `sizing.turnover_cap`") as caught:
        betaflow.replay(config={"sizing": {"turnover_cup": 0.1}})
    assert caught.value.setting == "sizing.turnover_cup"
    assert 'config={"sizing": {"turnover_cup": 0.1}}' in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), np.float64("inf")])
def test_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ConfigError) as caught:
        betaflow.replay(sizing={"turnover_cap": value})
    assert caught.value.setting == "sizing.turnover_cap"


def test_table_for_a_setting_without_a_file_is_refused(data: Data) -> None:
    with pytest.raises(TypeError, match=r"sizing.turnover_cap: found an object of type pandas"):
        betaflow.replay(sizing={"turnover_cap": data[0]})
    with pytest.raises(TypeError, match=r"sizing: found an object of type float"):
        betaflow.replay(sizing=0.5)  # type: ignore[arg-type]


def test_missing_file_is_an_error_of_its_path() -> None:
    with pytest.raises(Error, match="prices.parquet"):
        betaflow.replay("prices.parquet")


def test_errors_survive_pickling(data: Data) -> None:
    prices = data[0].copy()
    prices.iloc[300, 2] = -1.0
    with pytest.raises(InputError) as caught:
        betaflow.replay(prices, data[1])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.row, copy.column, copy.index) == (
        str(caught.value),
        300,
        "S2",
        caught.value.index,
    )


MESSAGES = {
    "was --set sizing.turnover_cap=0.02 meant?": 'was sizing={"turnover_cap": 0.02} meant?',
    "or name it with --set 'data.open=\"o\"'": 'or name it with data={"open": "o"}',
    "--set data.days_per_year=365 meant": 'data={"days_per_year": 365} meant',
    "--set factors.mkt=SPY": 'factors={"mkt": "SPY"}',
    "--set holdout.from=2020-01-01": 'holdout={"from": "2020-01-01"}',
    "--set sizing.active=true": 'sizing={"active": True}',
    'or set data.on_bad_row = "skip" first': 'or set data={"on_bad_row": "skip"} first',
    'data.factor_gap = "carry"': 'data={"factor_gap": "carry"}',
    "give --factors FILE or more": "give factors=... or more",
    "expected no --forecasts": "expected no forecasts",
    "or --trials none": 'or trials="none"',
    "`betaflow estimate --em 50` estimates it": "`betaflow.estimate(em=50)` estimates it",
    "(`betaflow check` finds them)": "(`betaflow.check()` finds them)",
    "with --out, or replace it with --force": "with out, or replace it with force=True",
    "memory:prices: row 3": "prices: row 3",
    "`betaflow paper --state FOLDER` writes one": "`betaflow paper --state FOLDER` writes one",
    "with `betaflow import FILE --out SORTED.parquet`": "with `betaflow import FILE --out SORTED.parquet`",
    "invalid value '0' for '--em <STEPS>': 0 is not in 1..=10\n\nFor more information, try '--help'.": (
        "invalid value '0' for em: 0 is not in 1..=10"
    ),
    "Set them with --set, or": "Set them with a setting, or",
    "a number from 0 to 1e3": "a number from 0 to 1e3",
    "well--known": "well--known",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_flags_become_arguments(message: str) -> None:
    assert in_python(message) == MESSAGES[message]


def test_page_has_no_files() -> None:
    page = "Data\n  Prices  3\n\nFiles\n  Folder  /tmp/x\n  Digest  12ab\n\nWarnings\n 1. text\n"
    assert page_in_python(page) == "Data\n  Prices  3\n\nResult\n  Digest  12ab\n\nWarnings\n 1. text"
    assert page_in_python("Data\n  x\n\nFiles\n  Findings  /tmp/x\n") == "Data\n  x"


def test_errors_of_whole_tables_name_table_and_column() -> None:
    prices = pl.DataFrame({"date": [date(2020, 1, 1)], "symbol": ["A"], "close": ["1"]})
    with pytest.raises(betaflow.InputError) as caught:
        betaflow.replay(prices, factors="none")
    assert (caught.value.file, caught.value.row, caught.value.column) == ("prices", None, "close")
    with pytest.raises(TypeError, match="Series of polars"):
        betaflow.replay(prices["close"], factors="none")
