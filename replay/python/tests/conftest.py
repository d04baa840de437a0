"""Data of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def in_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run each test in an empty current folder, because logs of the tutorial are written to it."""
    monkeypatch.chdir(tmp_path)
    yield


def made(days: int = 400, symbols: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return wide prices and factor returns of a linear model; the warm-up takes 252 days."""
    random = np.random.default_rng(7)
    dates = pd.bdate_range("2019-01-01", periods=days, name="date")
    factors = pd.DataFrame(random.normal(0.001, 0.01, (days, 2)), index=dates, columns=["mkt", "mom"])
    betas = random.normal(1.0, 0.3, (2, symbols))
    returns = factors.to_numpy() @ betas + random.normal(0.0, 0.01, (days, symbols))
    names = [f"S{at}" for at in range(symbols)]
    return pd.DataFrame(100 * np.exp(np.cumsum(returns, axis=0)), index=dates, columns=names), factors


@pytest.fixture(scope="session")
def data() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wide prices and factor returns."""
    return made()


def long_of(wide: pd.DataFrame, value: str = "close") -> pd.DataFrame:
    """Return a wide frame as rows of date, symbol and value, in the order of dates."""
    rows = wide.reset_index().melt("date", var_name="symbol", value_name=value)
    return rows.sort_values(["date", "symbol"]).reset_index(drop=True)


def assert_same_summary(of_python: dict[str, Any], of_program: dict[str, Any]) -> None:
    """Compare two summaries, except times of computation and names of inputs."""
    left, right = (
        _without(summary, {"timing", "seconds", "file", "forecasts", "prices"})
        for summary in (of_python, of_program)
    )
    assert left == right


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, keys) for key, inner in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(inner, keys) for inner in value]
    return value
