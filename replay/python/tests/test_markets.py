"""Files of facts about instruments as frames in memory, and the script that makes a file of sessions."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from conftest import made

import betaflow

SCRIPT = Path(__file__).parents[2] / "scripts" / "sessions.py"

SECTORS = pd.DataFrame({"symbol": [f"S{at}" for at in range(6)], "sector": ["Energy"] * 6})
MEMBERS = pd.DataFrame({"symbol": [f"S{at}" for at in range(6)], "from": "2019-01-01", "to": None})
FEES = pl.DataFrame({"symbol": ["S0"], "bps_per_year": [5000.0], "available": [0.0]})
BOUNDS = pl.DataFrame({"symbol": ["S1"], "weight_min": [-0.01], "weight_max": [0.01]})


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"universe": {"groups": SECTORS}}, "groups"),
        ({"universe": {"membership": MEMBERS}}, "membership"),
        ({"execution": {"borrow_file": FEES}, "sizing": {"weight_min": -0.1}}, None),
        ({"sizing": {"weight_bounds": BOUNDS}}, None),
    ],
)
def test_frames_stand_for_files_of_facts(settings: dict[str, Any], key: str | None) -> None:
    prices, factors = made()
    every: Any = [factors, {"sector": "group:sector"}] if key == "groups" else factors
    run = betaflow.replay(prices, every, **settings)
    assert len(run.digest) == 64
    assert key is None or run.summary[key]
    weights = run.weights.to_pandas() if hasattr(run.weights, "to_pandas") else run.weights
    if "weight_bounds" in settings.get("sizing", {}):
        assert weights.loc[weights["symbol"] == "S1", "target_weight"].max() <= 0.01 + 1e-9
    if "execution" in settings:
        assert weights.loc[weights["symbol"] == "S0", "target_weight"].min() >= -1e-12


def test_script_writes_half_days_of_an_exchange(tmp_path: Path) -> None:
    out = tmp_path / "sessions.csv"
    subprocess.run([sys.executable, SCRIPT, "XNYS", "2013-11-25", "2013-12-02", out], check=True)
    rows = {row["date"]: row for row in csv.DictReader(out.open())}
    assert list(rows) == ["2013-11-25", "2013-11-26", "2013-11-27", "2013-11-29", "2013-12-02"]
    assert rows["2013-11-29"]["close"].startswith("2013-11-29T13:00")
    assert rows["2013-11-27"]["close"].startswith("2013-11-27T16:00")
