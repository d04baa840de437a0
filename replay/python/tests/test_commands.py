"""Each function gives the output of its command on the same input."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import assert_same_summary, long_of

import betaflow

Data = tuple[pd.DataFrame, pd.DataFrame]


def program(*arguments: str, code: int = 0) -> str:
    """Run the program and return its standard output."""
    ended = subprocess.run(
        [sys.executable, "-m", "betaflow", *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == code, ended.stderr
    return ended.stdout


def of_program(*arguments: str) -> dict[str, Any]:
    """Summary of a command."""
    summary: dict[str, Any] = json.loads(program(*arguments, "--json"))
    return summary


@pytest.fixture
def files(data: Data) -> tuple[str, str]:
    """Paths of the data as files in the current folder."""
    long_of(data[0]).to_parquet("prices.parquet")
    data[1].to_parquet("factors.parquet")
    return "prices.parquet", "factors.parquet"


def assert_same_tables(result: betaflow.Result, folder: str) -> None:
    """Compare all tables with those of a folder."""
    other = betaflow.read_run(folder, time_zone=None)
    assert result.tables == other.tables
    for name in result.tables:
        if name != "findings":
            assert result.table(name).to_arrow().equals(other.table(name).to_arrow()), name


def test_replay_of_the_tutorial() -> None:
    run = betaflow.replay()
    assert_same_summary(run.summary.to_dict(), of_program("replay", "--out", "run"))
    assert run.digest == "619432b84b3fc64a71723f954b144b2c56d8c51b550875850b57e6660b624065"
    assert_same_tables(run, "run")


def test_replay_with_settings_of_all_types(data: Data, files: tuple[str, str]) -> None:
    run = betaflow.replay(
        long_of(data[0]),
        data[1],
        start=datetime.date(2019, 1, 3),
        end=pd.Timestamp("2020-06-30"),
        data={"frames_per_day": np.int64(1)},
        universe={"exclude": ["S3"]},
        benchmark={"kind": "instrument", "symbol": "S1"},
        estimator={"warmup": 200, "discount_factor": np.float64(0.99)},
        strategy="quarter_kelly",
        sizing={"turnover_cap": 0.05, "net_target": None, "parameter_uncertainty": False},
        execution={"half_spread_bps": 5},
        record={"weights": "all"},
        pipeline={"placement": [1, 4]},
    )
    summary = of_program(
        *(
            "replay",
            "--prices",
            files[0],
            "--factors",
            files[1],
            "--from",
            "2019-01-03",
            "--to",
            "2020-06-30",
        ),
        *(
            "--set",
            'universe.exclude=["S3"]',
            "--set",
            'benchmark.kind="instrument"',
            "--set",
            'benchmark.symbol="S1"',
        ),
        *("--set", "estimator.warmup=200", "--set", "estimator.discount_factor=0.99"),
        *("--set", "sizing.turnover_cap=0.05", "--set", "sizing.parameter_uncertainty=false"),
        *("--set", "execution.half_spread_bps=5", "--set", 'record.weights="all"', "--out", "run"),
    )
    assert_same_summary(run.summary.to_dict(), summary)
    assert_same_tables(run, "run")


def test_configuration_is_a_file_or_a_mapping(data: Data) -> None:
    Path("run.toml").write_text("[sizing]\nturnover_cap = 0.03\ngross_max = 0.9\n")
    of_file = betaflow.replay(*data, config=Path("run.toml"))
    of_mapping = betaflow.replay(*data, config={"sizing": {"turnover_cap": 0.03, "gross_max": 0.9}})
    of_tables = betaflow.replay(*data, config="run.toml", sizing={"turnover_cap": 0.04})
    both = betaflow.replay(*data, sizing={"turnover_cap": 0.04, "gross_max": 0.9})
    assert of_file.digest == of_mapping.digest != of_tables.digest
    assert of_tables.digest == both.digest


def test_estimate(data: Data, files: tuple[str, str]) -> None:
    estimate = betaflow.estimate(*data, smooth=True, em=5, compare="rolling")
    summary = of_program(
        *(
            "estimate",
            "--prices",
            files[0],
            "--factors",
            files[1],
            "--smooth",
            "--em",
            "5",
            "--compare",
            "rolling",
        ),
        *("--out", "run"),
    )
    assert_same_summary(estimate.summary.to_dict(), summary)
    assert estimate.tables == ["betas", "instruments", "parameters", "rolling", "smoothed"]
    assert_same_tables(estimate, "run")
    assert isinstance(betaflow.read_run("run"), betaflow.Estimate)


GRID = '[grid]\n"sizing.turnover_cap" = [0.02, 0.08]\n"execution.half_spread_bps" = [0, 4]\n'
VARIED = {"sizing.turnover_cap": [0.02, 0.08], "execution.half_spread_bps": [0, 4]}


def test_stress(data: Data, files: tuple[str, str]) -> None:
    Path("grid.toml").write_text(GRID)
    summary = of_program(
        *(
            "stress",
            "--prices",
            files[0],
            "--factors",
            files[1],
            "--grid",
            "grid.toml",
            "--trials",
            "none",
            "--out",
            "run",
        )
    )
    study = betaflow.stress(*data, grid=VARIED)
    assert_same_summary(study.summary.to_dict(), summary)
    assert_same_tables(study, "run")
    assert isinstance(betaflow.read_run("run"), betaflow.Study)
    one = betaflow.replay(*data, sizing={"turnover_cap": 0.08}, execution={"half_spread_bps": 4})
    assert one.digest in list(study.scenarios["digest"])
    assert not Path("prices.trials.jsonl").exists()


@pytest.mark.parametrize(
    "grid",
    [
        {"grid": VARIED},
        {"sizing": {"turnover_cap": np.array([0.02, 0.08])}, "execution": {"half_spread_bps": (0, 4)}},
        [{"sizing.turnover_cap": a, "execution.half_spread_bps": b} for a in (0.02, 0.08) for b in (0, 4)],
        "grid.toml",
        Path("grid.toml"),
    ],
)
def test_grids_of_all_forms_have_the_same_scenarios(grid: Any, data: Data) -> None:
    Path("grid.toml").write_text(GRID)
    study = betaflow.stress(*data, grid=grid)
    expected = betaflow.stress(*data, grid=VARIED)
    assert sorted(study.scenarios["digest"]) == sorted(expected.scenarios["digest"])


def test_grids_of_samples_ranges_and_fixed_trades(data: Data) -> None:
    sample = {"count": 4, "seed": 1, "sizing.turnover_cap": {"from": 0.01, "to": 0.3, "scale": "log"}}
    assert len(betaflow.stress(*data, grid={"sample": sample}).scenarios) == 4
    delays = betaflow.stress(*data, grid={"execution.delay_bars": range(1, 4)})
    assert list(delays.scenarios["execution.delay_bars"]) == [1, 2, 3]
    fixed = betaflow.stress(*data, grid={"trades": "fixed", "execution.half_spread_bps": [0, 4]})
    assert len(fixed.scenarios) == 2


def test_study_is_kept_in_a_folder(data: Data) -> None:
    study = betaflow.stress(*data, grid=VARIED, out="runs/study", trials="trials.jsonl")
    assert study.path == Path("runs/study") and Path("trials.jsonl").exists()
    assert isinstance(betaflow.read_run("runs/study"), betaflow.Study)
    with pytest.raises(betaflow.Error, match="force=True"):
        betaflow.stress(*data, grid=VARIED, out="runs/study")
    betaflow.stress(*data, grid=VARIED, out="runs/study", force=True)


def test_tune(data: Data, files: tuple[str, str]) -> None:
    Path("grid.toml").write_text('[grid]\n"sizing.turnover_cap" = [0.02, 0.08]\n')
    summary = of_program(
        *(
            "tune",
            "--prices",
            files[0],
            "--factors",
            files[1],
            "--grid",
            "grid.toml",
            "--trials",
            "none",
            "--out",
            "run",
        ),
        *(
            "--method",
            "k_fold",
            "--folds",
            "3",
            "--embargo",
            "5",
            "--objective",
            "sortino",
            "--set",
            "tune.purge=2",
        ),
    )
    tuning = betaflow.tune(
        *data,
        grid={"sizing.turnover_cap": [0.02, 0.08]},
        method="k_fold",
        folds=3,
        embargo=5,
        objective="sortino",
        tune={"purge": 2},
    )
    assert_same_summary(tuning.summary.to_dict(), summary)
    assert_same_tables(tuning, "run")
    assert isinstance(betaflow.read_run("run"), betaflow.Tuning)
    best = betaflow.replay(*data, config=tuning.best)
    assert best.digest in list(tuning.scenarios["digest"])


def test_score(data: Data, files: tuple[str, str]) -> None:
    arguments = (
        "score",
        "--prices",
        files[0],
        "--factors",
        files[1],
        "--set",
        "holdout.from=2020-04-01",
        "--out",
        "run",
    )
    summary = of_program(*arguments)
    score = betaflow.score(*data, holdout={"from": datetime.date(2020, 4, 1)})
    assert score.digest == summary["digest"]
    assert score.summary.holdout.before.to_dict() == summary["holdout"]["before"]
    assert Path("prices.holdout.jsonl").exists()
    assert isinstance(betaflow.read_run("run"), betaflow.Score)
    tutorial = betaflow.score(*data, holdout={"from": "2020-04-01"}, profile="tutorial")
    assert tutorial.digest != score.digest


def test_signal(data: Data, files: tuple[str, str]) -> None:
    scores = data[0].pct_change(20, fill_method=None).iloc[260:]
    long_of(scores, "forecast").dropna().to_parquet("scores.parquet")
    summary = of_program(
        *(
            "signal",
            "scores.parquet",
            "--prices",
            files[0],
            "--factors",
            files[1],
            "--horizons",
            "1,5",
            "--out",
            "run",
        )
    )
    signal = betaflow.signal(scores, *data, horizons=[1, 5])
    assert_same_summary(signal.summary.to_dict(), summary)
    assert_same_tables(signal, "run")
    assert isinstance(betaflow.read_run("run"), betaflow.Signal)
    alone = betaflow.signal(scores, *data, horizons=[1, 5], replay=False, carry_prices=True)
    assert alone.digest is None and len(alone.signal) > 0


def test_factors(data: Data, files: tuple[str, str]) -> None:
    summary = of_program("factors", files[1], "--resamples", "200", "--seed", "3", "--out", "run")
    study = betaflow.factors(data[1], resamples=200, seed=3)
    assert_same_summary(study.summary.to_dict(), summary)
    assert_same_tables(study, "run")
    assert isinstance(betaflow.read_run("run"), betaflow.FactorStudy)
    made = betaflow.factors({"market": "S0", "spread": "S1 - S2"}, prices=data[0], resamples=200)
    assert [factor.factor for factor in made.summary.factors] == ["market", "spread"]


def test_luck(data: Data) -> None:
    returns = data[0].pct_change(fill_method=None).iloc[1:]
    returns.to_parquet("returns.parquet")
    summary = of_program("luck", "returns.parquet", "--trials", "20", "--blocks", "8", "--out", "run")
    luck = betaflow.luck(returns, trials=20, blocks=8)
    assert_same_summary(luck.summary.to_dict(), summary)
    assert_same_tables(luck, "run")
    assert isinstance(betaflow.read_run("run"), betaflow.Luck)


def test_size() -> None:
    rebalance = betaflow.size("2020-03-16", sizing={"turnover_cap": 0.05})
    assert_same_summary(
        rebalance.summary.to_dict(),
        of_program("size", "--at", "2020-03-16", "--set", "sizing.turnover_cap=0.05"),
    )
    assert len(rebalance.summary.solution.weights) == 20


def test_check(data: Data, files: tuple[str, str]) -> None:
    prices = data[0].copy()
    prices.iloc[300, 2] *= 10
    long_of(prices).to_parquet("odd.parquet")
    summary = of_program("check", "odd.parquet", "--factors", files[1])
    check = betaflow.check(prices, data[1])
    assert_same_summary(check.summary.to_dict(), summary)
    assert "S2" in check.findings["symbol"]
    assert "findings" in repr(check)


def test_import_is_fast_and_light() -> None:
    # Time of the processor, which does not depend on the load of the machine: the limit is 150 ms.
    code = (
        "import sys, time; start = time.process_time(); import betaflow; "
        "assert time.process_time() - start < 0.15, time.process_time() - start; "
        "heavy = {'pandas', 'polars', 'pyarrow', 'numpy', 'duckdb'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
