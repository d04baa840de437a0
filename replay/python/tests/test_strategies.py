"""Strategies in Python decide as those of the program do, see nothing later, and fail with frame and name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import betaflow
from betaflow import _native
from betaflow.errors import ConfigError, StrategyError
from betaflow.strategy import Context, Strategy

#: Fields of a context that are arrays.
ARRAYS = (
    "alpha",
    "alpha_sd",
    "betas",
    "betas_sd",
    "residual_variance",
    "premia",
    "factor_cov",
    "idiosyncratic_variance",
    "held",
    "tradable",
)


def setting(name: str, value: Any) -> tuple[str, str, str, str]:
    table, key = name.split(".")
    return table, key, json.dumps(value), name


class Run:
    """Result of a command on the embedded data."""

    def __init__(self, folder: Path, strategy: object = None, /, *arguments: str, **settings: Any) -> None:
        self.folder = folder
        command = ["replay", "--no-report", "--to", "2016-06-30", *arguments]
        text, *_ = _native.call(
            [*command, "--out", str(folder)],
            settings=[setting(name.replace("__", "."), value) for name, value in settings.items()],
            strategy=strategy,
        )
        self.summary = json.loads(text)
        self.digest = self.summary["digest"]

    def table(self, name: str) -> pd.DataFrame:
        return pq.read_table(self.folder / f"{name}.parquet").to_pandas()


class QuarterKelly(Strategy):
    """The program's default, in two lines."""

    def decide(self, context: Context) -> Any:
        return context.alpha_posterior() + context.betas @ context.premia


class EqualWeight(Strategy):
    targets = "weights"

    def __init__(self, form: str = "array") -> None:
        self.form = form

    def decide(self, context: Context) -> Any:
        weights = context.tradable / context.tradable.sum()
        pairs = list(zip(context.symbols, weights.tolist(), strict=True))
        return {
            "array": lambda: weights,
            "strided": lambda: np.repeat(weights, 2)[::2],
            "list": lambda: weights.tolist(),
            "mapping": lambda: {symbol: weight for symbol, weight in pairs if weight != 0.0},
            "pandas": lambda: pd.Series(dict(reversed(pairs))),
            "polars": lambda: pl.Series(weights),
        }[self.form]()


class Recorder(Strategy):
    """Keeps its contexts, and copies of their arrays, in lists that outlive the run."""

    contexts: ClassVar[list[tuple[Context, dict[str, np.ndarray]]]] = []

    def decide(self, context: Context) -> Any:
        Recorder.contexts.append((context, {name: getattr(context, name).copy() for name in ARRAYS}))
        return context.alpha_posterior() + context.betas @ context.premia


class Trend(Strategy):
    """Forecasts an average of past returns: a strategy with state."""

    def __init__(self, decay: float = 0.95) -> None:
        self.decay = decay
        self.frames = 0
        self.mean = np.zeros(0)

    def observe(self, returns: np.ndarray, factors: np.ndarray) -> None:
        assert len(returns) == len(factors) <= 256
        assert not np.isnan(returns[-1]).all() or self.frames == 0
        self.mean = np.append(self.mean, np.zeros(returns.shape[1] - len(self.mean)))
        for row in returns:
            self.frames += 1
            self.mean = self.decay * self.mean + (1 - self.decay) * np.nan_to_num(row)

    def decide(self, context: Context) -> Any:
        # All frames so far have been observed.
        assert self.frames == context.seq + 1
        return 0.1 * self.mean


def same_to(one: pd.DataFrame, other: pd.DataFrame, keys: list[str], column: str, tolerance: float) -> None:
    # A row that only one of the two has, such as a weight of 1e-18, stands for 0.
    both = one.merge(other, on=keys, how="outer", suffixes=("", "_other"))
    assert len(both) - min(len(one), len(other)) <= 3
    assert (both[column].fillna(0) - both[f"{column}_other"].fillna(0)).abs().max() <= tolerance


def test_quarter_kelly_equals_that_of_the_program(tmp_path: Path) -> None:
    ours, theirs = Run(tmp_path / "python", QuarterKelly()), Run(tmp_path / "rust")
    same_to(ours.table("weights"), theirs.table("weights"), ["seq", "symbol"], "target_weight", 1e-12)
    ours_nav, theirs_nav = ours.table("equity").nav, theirs.table("equity").nav
    assert (ours_nav / theirs_nav - 1).abs().max() <= 1e-12
    assert len(ours_nav) > 200


@pytest.mark.parametrize("form", ["array", "strided", "list", "mapping", "pandas", "polars"])
def test_equal_weight_equals_that_of_the_program(tmp_path: Path, form: str) -> None:
    theirs = Run(tmp_path / "rust", strategy__kind="equal_weight")
    assert Run(tmp_path / "python", EqualWeight(form)).digest == theirs.digest


def test_no_forecast_makes_no_trade(tmp_path: Path) -> None:
    class Patient(Strategy):
        def decide(self, context: Context) -> None:
            return None

    run = Run(tmp_path / "run", Patient())
    assert len(run.table("fills")) == 0
    assert run.table("equity").nav.nunique() == 1


@pytest.mark.parametrize("placement", ["inline", "threaded", "auto"])
def test_digest_is_that_of_every_placement(tmp_path: Path, placement: str) -> None:
    inline = Run(tmp_path / "inline", Trend(), pipeline__placement="inline")
    again = Run(tmp_path / "again", Trend(), pipeline__placement=placement, pipeline__capacity=3)
    assert again.digest == inline.digest


def test_object_is_copied_for_each_run(tmp_path: Path) -> None:
    strategy = Trend()
    first = Run(tmp_path / "first", strategy)
    assert strategy.frames == 0
    assert Run(tmp_path / "second", strategy).digest == first.digest


def contexts_of(folder: Path, *arguments: str) -> list[tuple[Context, dict[str, np.ndarray]]]:
    Recorder.contexts = []
    Run(folder, Recorder(), *arguments)
    return Recorder.contexts


def test_context_shows_nothing_after_its_frame(tmp_path: Path) -> None:
    whole = contexts_of(tmp_path / "whole")
    random = np.random.default_rng(7)
    for cut in sorted(random.choice(len(whole) - 1, 3, replace=False)) + [0]:
        time = str(whole[cut][0].time.astype("M8[D]"))
        Recorder.contexts = []
        _native.call(
            ["replay", "--no-report", "--to", time, "--out", str(tmp_path / f"cut{cut}")], strategy=Recorder()
        )
        assert len(Recorder.contexts) == cut + 1
        for (before, arrays), (after, expected) in zip(Recorder.contexts, whole, strict=False):
            assert (before.seq, before.time_ns, before.symbols, before.factors) == (
                after.seq,
                after.time_ns,
                after.symbols,
                after.factors,
            )
            for name in ARRAYS:
                np.testing.assert_array_equal(arrays[name], expected[name])


def test_kept_arrays_stay_and_cannot_be_written(tmp_path: Path) -> None:
    contexts = contexts_of(tmp_path / "run")
    for context, copies in contexts:
        for name in ARRAYS:
            kept = getattr(context, name)
            np.testing.assert_array_equal(kept, copies[name])
            assert not kept.flags.writeable
    n, k = len(context.symbols), len(context.factors)
    assert context.betas.shape == context.betas_sd.shape == (n, k)
    assert context.factor_cov.shape == (k, k)
    assert context.alpha.shape == context.held.shape == context.tradable.shape == (n,)
    assert str(context.time) == "2016-06-30T00:00:00.000000000"
    variance = np.diag(context.covariance())
    assert (variance > context.idiosyncratic_variance).all()


def test_estimates_are_those_of_the_tables(tmp_path: Path) -> None:
    contexts = contexts_of(tmp_path / "run", "--set", "record.betas=rebalances")
    betas = pq.read_table(tmp_path / "run" / "betas.parquet").to_pandas()
    context, _ = contexts[-1]
    last = betas[betas.seq == context.seq].set_index("symbol").loc[list(context.symbols)]
    np.testing.assert_array_equal(last.alpha, context.alpha)
    np.testing.assert_array_equal(last[list(context.factors)], context.betas)
    np.testing.assert_allclose(last.residual_sd, context.residual_sd, rtol=1e-15)


class Failing(Strategy):
    """Fails in one method after some calls."""

    def __init__(self, method: str, calls: int) -> None:
        self.method = method
        self.calls = calls

    def observe(self, returns: np.ndarray, factors: np.ndarray) -> None:
        self.count("observe")

    def decide(self, context: Context) -> Any:
        self.count("decide")
        self.seq = context.seq

    def count(self, method: str) -> None:
        if self.method == method:
            self.calls -= 1
            if self.calls == 0:
                raise ZeroDivisionError("no breadth")


@pytest.mark.parametrize(
    ("method", "calls", "seq"), [("decide", 3, 254), ("observe", 3, 254), ("observe", 1, 252)]
)
def test_exception_names_strategy_and_frame(tmp_path: Path, method: str, calls: int, seq: int) -> None:
    folder = tmp_path / "run"
    with pytest.raises(StrategyError) as raised:
        Run(folder, Failing(method, calls), estimator__warmup=252)
    error = raised.value
    assert (error.strategy, error.seq) == ("Failing", seq)
    assert f"seq {seq}" in str(error) and "`Failing`" in str(error) and "no breadth" in str(error)
    assert str(np.datetime64(error.time, "ns").astype("M8[D]")) in str(error)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert error.__cause__.__traceback__ is not None
    assert not folder.exists()


@pytest.mark.parametrize(
    ("returned", "cause", "words"),
    [
        (lambda c: np.zeros(3), ValueError, ["(3,)", "(20,)"]),
        (lambda c: np.zeros((20, 1)), ValueError, ["(20, 1)", "(20,)"]),
        (lambda c: [0.0] * 21, ValueError, ["(21,)"]),
        (lambda c: 0.1, ValueError, ["()"]),
        (lambda c: "AAPL", TypeError, ["str"]),
        (lambda c: ["a"] * 20, TypeError, ["list"]),
        (lambda c: np.zeros(20, dtype=complex), TypeError, ["ndarray"]),
        (lambda c: object(), TypeError, ["object"]),
        (lambda c: {"NONE": 0.1}, ValueError, ["'NONE'"]),
        (lambda c: {c.symbols[4]: "much"}, TypeError, ["much"]),
        (lambda c: pd.Series([0.0] * 20), ValueError, ["for 0"]),
        (lambda c: pd.Series([1.0, 2.0], index=[c.symbols[0]] * 2), ValueError, ["two values"]),
        (lambda c: pd.DataFrame({"a": [0.0] * 20}), TypeError, ["DataFrame"]),
        (lambda c: np.where(np.arange(20) == 4, np.nan, 0.0), ValueError, ["nan", "finite"]),
        (lambda c: {c.symbols[4]: np.inf}, ValueError, ["inf", "finite"]),
    ],
)
def test_wrong_values_are_refused_with_found_and_expected(
    tmp_path: Path, returned: Any, cause: type[Exception], words: list[str]
) -> None:
    class Wrong(Strategy):
        def decide(self, context: Context) -> Any:
            return returned(context)

    with pytest.raises(StrategyError, match="`Wrong`.*seq 504") as raised:
        Run(tmp_path / "run", Wrong(), estimator__warmup=504)
    assert type(raised.value.__cause__) is cause
    assert "expected" in str(raised.value)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_functions_of_the_package_take_a_strategy(tmp_path: Path) -> None:
    run = betaflow.replay(end="2016-06-30", strategy=EqualWeight())
    assert run.digest == betaflow.replay(end="2016-06-30", strategy="equal_weight").digest
    with pytest.raises(StrategyError) as raised:
        betaflow.replay(end="2016-06-30", strategy=Failing("decide", 1))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    ours = betaflow.size("2016-06-01", strategy=EqualWeight()).summary.to_dict()
    theirs = betaflow.size("2016-06-01", strategy="equal_weight").summary.to_dict()
    assert ours["solution"]["weights"] == theirs["solution"]["weights"]


@pytest.mark.parametrize("command", ["stress", "tune"])
def test_scenarios_in_processes_equal_those_in_one(command: str) -> None:
    grid = {"sizing.turnover_cap": [0.01, 0.05, 0.2], "strategy.decay": [0.9, 0.98]}
    studies = [
        getattr(betaflow, command)(grid=grid, trials="none", strategy=Trend(), processes=processes)
        for processes in (1, 2)
    ]
    for file in sorted(studies[0].path.glob("*.parquet")):
        one, two = (pq.read_table(study.path / file.name).to_pandas() for study in studies)
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    scenarios = pq.read_table(studies[0].path / "scenarios.parquet").to_pandas()
    assert scenarios.digest.nunique() == 6
    for row in (0, 5):
        cap, decay = scenarios["sizing.turnover_cap"][row], scenarios["strategy.decay"][row]
        run = betaflow.replay(strategy=Trend(decay), sizing={"turnover_cap": cap})
        assert run.digest == scenarios.digest[row]


def test_error_in_a_scenario_names_scenario_and_frame() -> None:
    for processes in (1, 3):
        with pytest.raises(StrategyError, match="scenario .*`Failing`.*seq") as raised:
            betaflow.stress(
                grid={"sizing.turnover_cap": [0.01, 0.05]},
                trials="none",
                strategy=Failing("decide", 2),
                processes=processes,
            )
        assert raised.value.strategy == "Failing" and raised.value.seq > 0
        assert isinstance(raised.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("strategy", [QuarterKelly, object(), 3])
def test_object_without_decide_is_refused(tmp_path: Path, strategy: object) -> None:
    with pytest.raises(TypeError, match="strategy: found"):
        Run(tmp_path / "run", strategy)


def test_unknown_kind_of_targets_is_refused(tmp_path: Path) -> None:
    class Odd:
        targets = "shares"

        def decide(self, context: Context) -> None:
            return None

    with pytest.raises(ValueError, match="'shares'"):
        Run(tmp_path / "run", Odd())


def test_settings_of_the_run_name_the_class(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", QuarterKelly())
    settings = str(run.folder / "run.toml")
    assert 'kind = "QuarterKelly"' in Path(settings).read_text()
    with pytest.raises(ConfigError, match="Python") as raised:
        Run(tmp_path / "program", None, "--config", settings)
    assert raised.value.setting == "strategy.python"
    assert "strategy=QuarterKelly(...)" in str(raised.value)
    assert Run(tmp_path / "again", QuarterKelly(), "--config", settings).digest == run.digest


def test_settings_of_the_run_have_the_parameters(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", Trend(0.9))
    assert "decay = 0.9\n" in (run.folder / "run.toml").read_text()
    assert Run(tmp_path / "set", Trend(0.5), strategy__decay=0.9).digest == run.digest
    # Settings of an earlier run replace the parameters of the object.
    config = str(run.folder / "run.toml")
    assert Run(tmp_path / "again", Trend(0.5), "--config", config).digest == run.digest
    for name, value in (("strategy__half_life", 3), ("strategy__decay", "fast")):
        with pytest.raises(ConfigError) as raised:
            Run(tmp_path / "refused", Trend(), **{name: value})
        assert raised.value.setting == name.replace("__", ".")


def test_other_settings_of_the_strategy_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        Run(tmp_path / "run", QuarterKelly(), strategy__kind="equal_weight")
    assert raised.value.setting == "strategy.kind"
