"""Results: tables, summary, folder."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import betaflow
from betaflow import Run
from betaflow.errors import Error, InputError

DIGEST = "619432b84b3fc64a71723f954b144b2c56d8c51b550875850b57e6660b624065"


@pytest.fixture(scope="module")
def run() -> Run:
    """Replay of the tutorial."""
    return betaflow.replay()


def test_summary_has_attributes(run: Run) -> None:
    summary = run.summary
    assert summary.metrics.net.sharpe == summary["metrics"]["net"]["sharpe"]
    assert summary.metrics.net.sharpe == pytest.approx(0.9577, abs=1e-4)
    assert summary.to_dict()["metrics"]["net"]["sharpe"] == summary.metrics.net.sharpe
    assert "metrics" in dir(summary) and "metrics" in summary
    assert set(summary) == set(summary.to_dict())
    assert isinstance(
        summary.drawdowns[0].max_drawdown if "max_drawdown" in summary.drawdowns[0] else 0.0, float
    )
    with pytest.raises(AttributeError, match="did you mean `metrics`"):
        summary.metric
    assert copy.deepcopy(summary).to_dict() == summary.to_dict()


def test_page_of_the_summary_is_that_of_the_program(run: Run) -> None:
    page = str(run.summary)
    assert "Sharpe ratio" in page and DIGEST in page and "survivorship" in page
    assert str(run.path) not in page


def test_each_table_is_an_attribute(run: Run) -> None:
    assert {
        "equity",
        "fills",
        "orders",
        "attribution",
        "contributions",
        "weights",
        "betas",
        "instruments",
        "premia",
        "risk",
    } == set(run.tables)
    for name in run.tables:
        assert getattr(run, name) is run.table(name)
        assert getattr(run, name).column_names


def test_missing_table_names_its_argument() -> None:
    estimate = betaflow.estimate(end="2016-12-30")
    with pytest.raises(AttributeError, match="smooth=True"):
        estimate.smoothed
    assert not hasattr(estimate, "smoothed")


def test_table_becomes_frames(run: Run) -> None:
    table = run.equity
    frame, arrow, polars = table.to_pandas(), table.to_arrow(), table.to_polars()
    assert (
        isinstance(frame, pd.DataFrame) and isinstance(arrow, pa.Table) and isinstance(polars, pl.DataFrame)
    )
    assert table.shape == frame.shape == polars.shape == (arrow.num_rows, arrow.num_columns)
    assert list(frame.columns) == table.column_names == arrow.column_names == polars.columns
    assert np.array_equal(frame["nav"], table["nav"])
    assert np.array_equal(polars["nav"].to_numpy(), table["nav"])
    assert pl.DataFrame(table).equals(polars)
    assert pa.table(table).equals(arrow)
    relation = duckdb.from_arrow(arrow)
    assert relation.aggregate("max(nav)").fetchall() == [(table["nav"].max(),)]
    assert "nav" in table and "nothing" not in table
    with pytest.raises(KeyError, match="nothing"):
        table["nothing"]


def test_frames_of_pandas_equal_those_of_its_own_reader(run: Run) -> None:
    for name in run.tables:
        own = pd.read_parquet(run.path / f"{name}.parquet")
        ours = run.table(name).to_pandas()
        for column in own:
            if isinstance(own[column].dtype, pd.DatetimeTZDtype):
                own[column] = own[column].dt.tz_localize(None)
        pd.testing.assert_frame_equal(ours, own, check_dtype=False)
        assert {str(dtype) for dtype in ours.dtypes} <= {
            "datetime64[ns]",
            "int64",
            "float64",
            "str",
            "object",
            "bool",
        }


def test_columns_are_arrays(run: Run) -> None:
    fills = run.fills
    assert fills["timestamp"].dtype == np.dtype("datetime64[ns]")
    assert fills["seq"].dtype == np.int64
    assert fills["symbol"].dtype == object
    assert (
        np.isnan(run.equity["cap_multiplier"]).any() == run.equity.to_pandas()["cap_multiplier"].isna().any()
    )


def test_times_of_the_tutorial_are_naive(run: Run) -> None:
    assert run.equity.to_arrow().schema.field("timestamp").type == pa.timestamp("ns")
    assert run.equity.to_pandas()["timestamp"].iloc[-1] == pd.Timestamp("2022-12-28")


def test_folder_goes_with_the_result() -> None:
    run = betaflow.replay(end="2016-12-30")
    path = run.path
    assert (path / "summary.json").is_file()
    del run
    gc.collect()
    assert not path.parent.exists()


def test_saved_result_is_read_again(run: Run, tmp_path: Path) -> None:
    path = run.save("runs/mine")
    read = betaflow.read_run(path, time_zone=None)
    assert isinstance(read, Run) and read.digest == DIGEST
    assert read.summary.to_dict() == run.summary.to_dict()
    assert read.equity.to_arrow().equals(run.equity.to_arrow())
    assert betaflow.read_run(path).equity.to_arrow().schema.field("timestamp").type.tz == "UTC"
    assert "sharpe" in str(read.summary)
    with pytest.raises(FileExistsError, match="force=True"):
        run.save(path)
    assert run.save(path, force=True) == path
    (tmp_path / "other").mkdir()
    with pytest.raises(FileExistsError):
        run.save("other", force=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other", "runs"]


def test_folder_without_a_summary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"summary\.json"):
        betaflow.read_run(tmp_path)


def test_report_is_written(run: Run, tmp_path: Path) -> None:
    assert run.report("out/run.html") == Path("out/run.html")
    assert "<html" in (tmp_path / "out" / "run.html").read_text(encoding="utf-8")[:1000].lower()
    with pytest.raises(Error):
        betaflow.size("2020-03-16").save("size")


def test_result_survives_pickling(run: Run) -> None:
    other = pickle.loads(pickle.dumps(run))
    assert other.path != run.path and other.digest == run.digest
    assert str(other.summary) == str(run.summary)
    assert other.equity.to_arrow().equals(run.equity.to_arrow())
    table = pickle.loads(pickle.dumps(run.fills))
    assert table.to_arrow().equals(run.fills.to_arrow())


def _short_run(cap: float) -> Any:
    return betaflow.replay(end="2016-12-30", sizing={"turnover_cap": cap})


def test_result_travels_between_processes() -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        runs = pool.map(_short_run, [0.02, 0.08])
    assert [run.digest for run in runs] == [_short_run(cap).digest for cap in (0.02, 0.08)]


def test_notebook_shows_figures_and_growth(run: Run) -> None:
    page = run._repr_html_()
    assert "<svg" in page and "Sharpe ratio" in page and "survivorship" in page
    assert len(page) < 100_000
    assert "<table" in run.fills._repr_html_()
    assert "<pre>" in betaflow.estimate(end="2016-12-30")._repr_html_()
    assert repr(run).startswith("<betaflow.Run: Sharpe 0.96, 1 warning, digest 619432b8")
    assert "2,012 rows" in repr(run.equity)


def test_plot_needs_plotly(run: Run) -> None:
    try:
        import plotly  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install plotly"):
            run.plot()
    else:
        assert len(run.plot().data) == 3


def test_progress_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int]] = []
    grid = {"sizing.turnover_cap": [0.01 * n for n in range(1, 25)]}
    betaflow.stress(grid=grid, trials="none", progress=lambda done, total: seen.append((done, total)))
    assert seen and all(0 <= done <= total for done, total in seen)
    betaflow.stress(grid=grid, trials="none", progress=True)
    assert "stress" in capsys.readouterr().err


def test_error_of_progress_ends_the_call() -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("stop")

    grid = {"sizing.turnover_cap": [0.01 * n for n in range(1, 25)]}
    with pytest.raises(RuntimeError, match="stop"):
        betaflow.stress(grid=grid, trials="none", progress=fail)


def test_interrupted_call_leaves_no_folder(tmp_path: Path) -> None:
    code = (
        "import betaflow\n"
        "grid = {'sizing.turnover_cap': [0.001 * n for n in range(1, 2000)]}\n"
        "def started(done, total):\n"
        "    print('started', flush=True)\n"
        "try:\n"
        "    betaflow.stress(grid=grid, trials='none', progress=started)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        lines = process.stdout.read().splitlines()
    assert lines[-1] == "interrupted"
    assert process.returncode == 0
    assert not list(folder.iterdir())
