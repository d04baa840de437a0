"""Online filters equal the program's betas to the bit."""

from __future__ import annotations

import copy
import json
import pickle
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from betaflow import _native
from betaflow.errors import ConfigError
from betaflow._filtered import COLUMNS
from betaflow.online import Dlm, Filtered, Fixed, Mixture

TUTORIAL = Path(__file__).parents[3] / "connectors" / "data" / "tutorial.parquet"
FACTORS = {"mkt": "SPX", "mom": "MTUM - SPX", "val": "VLUE - SPX"}
FACTOR_INSTRUMENTS = ["SPX", "MTUM", "QUAL", "SIZE", "USMV", "VLUE"]
FIXED = {"transition_variance": 1e-5, "observation_variance": 3e-4}


def prices() -> pd.DataFrame:
    """Tutorial prices with gaps, a late listing and an early end, a date a row."""
    wide = pq.read_table(TUTORIAL).to_pandas().pivot(index="date", columns="symbol", values="close")
    wide.iloc[:700, wide.columns.get_loc("AMD")] = np.nan
    wide.iloc[900:, wide.columns.get_loc("KO")] = np.nan
    wide.iloc[[50, 51, 300, 1500], wide.columns.get_loc("AAPL")] = np.nan
    wide.iloc[10:2000:97, wide.columns.get_loc("PG")] = np.nan
    return wide.iloc[:1200]


def in_engine_order(wide: pd.DataFrame) -> pd.DataFrame:
    """Instruments without factors, in the order of their first price, ties by name."""
    traded = wide.drop(columns=FACTOR_INSTRUMENTS)
    first = {symbol: (traded[symbol].notna().argmax(), symbol) for symbol in traded.columns}
    # An instrument without a price so far comes last.
    first |= {symbol: (len(traded), symbol) for symbol in traded.columns[traded.isna().all()]}
    return traded[sorted(traded.columns, key=lambda symbol: first[symbol])]


def returns_of(wide: pd.DataFrame) -> np.ndarray:
    values = wide.to_numpy()
    before = np.vstack([np.full(values.shape[1], np.nan), values[:-1]])
    return values / before - 1.0


def factors_of(wide: pd.DataFrame) -> np.ndarray:
    returns = dict(zip(wide.columns, returns_of(wide).T, strict=True))
    mkt = returns["SPX"]
    return np.column_stack([mkt, returns["MTUM"] - mkt, returns["VLUE"] - mkt])


def settings_of(kind: str, settings: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    estimator = {"kind": kind, **settings}
    typed = [("estimator", key, json.dumps(value), key) for key, value in estimator.items()]
    return typed + [("record", "betas", '"all"', "record.betas")]


def betas_of_the_program(
    wide: pd.DataFrame,
    kind: str,
    settings: dict[str, Any],
    factors: pd.DataFrame | None = None,
    command: str = "replay",
) -> tuple[pd.DataFrame, dict[str, Any]]:
    tidy = wide.reset_index().melt(id_vars="date", var_name="symbol", value_name="close").dropna()
    tidy = tidy.sort_values(["date", "symbol"]).astype({"symbol": "object"})
    tables: list[tuple[str, Any]] = [("prices", pa.Table.from_pandas(tidy, preserve_index=False))]
    typed = settings_of(kind, settings)
    arguments = [command, "--no-report", "--prices", "memory:prices"]
    if factors is None:
        typed += [("factors", name, json.dumps(text), name) for name, text in FACTORS.items()]
        excluded = [name for name in FACTOR_INSTRUMENTS if name in wide.columns]
        typed.append(("universe", "exclude", json.dumps(excluded), "universe.exclude"))
    else:
        tables.append(("factors", pa.Table.from_pandas(factors, preserve_index=False)))
        arguments += ["--factors", "memory:factors"]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run"
        summary, _, _, _ = _native.call([*arguments, "--out", str(folder)], settings=typed, tables=tables)
        table = pa.table(_native.read_table(folder / "betas.parquet"))
    return table.to_pandas(), json.loads(summary)


def assert_equal_to_the_program(
    filtered: Filtered, program: pd.DataFrame, names: list[str], symbols: list[str]
) -> None:
    t, i = program.seq.to_numpy(), program.symbol.map({s: at for at, s in enumerate(symbols)}).to_numpy()
    # A replay records the frames from the end of the warm-up on.
    assert len(program) == np.isfinite(filtered.alpha[t.min() :]).sum()

    def same(array: np.ndarray, column: str) -> None:
        assert np.array_equal(array[t, i], program[column].to_numpy(), equal_nan=True), column

    for column in COLUMNS:
        if not column.startswith("betas"):
            same(getattr(filtered, column), column)
    for j, name in enumerate(names):
        same(filtered.betas[:, :, j], name)
        same(filtered.betas_sd[:, :, j], f"{name}_sd")


KINDS = [
    (Mixture, "mixture", {}),
    (Mixture, "mixture", {"discount_grid": [0.98, 0.99], "error_clip": 4.0, "warmup": 60}),
    (Dlm, "dlm", {"discount_factor": 0.99}),
    (Dlm, "dlm", {"discount_missing": False, "wind_up": "plain"}),
    (Fixed, "fixed", FIXED),
]


@pytest.mark.parametrize(("cls", "kind", "settings"), KINDS)
def test_filter_and_steps_equal_betas_of_the_program_to_the_bit(
    cls: Any, kind: str, settings: dict[str, Any]
) -> None:
    wide = prices()
    traded = in_engine_order(wide)
    program, summary = betas_of_the_program(wide, kind, settings)
    f, r = factors_of(wide), returns_of(traded)
    whole = cls(list(FACTORS), **settings)
    filtered = whole.filter(f, r)
    assert_equal_to_the_program(filtered, program, list(FACTORS), list(traded.columns))

    # Instruments join when they are listed, as in the engine.
    listed = traded.notna().to_numpy().cumsum(axis=0).astype(bool)
    stepped = cls(3, **settings)
    for t in range(len(f)):
        n = max(1, int(listed[t].nonzero()[0].max(initial=0)) + 1)
        stepped.step(f[t], r[t, :n])
        for column in COLUMNS:
            expected = getattr(filtered, column)[t]
            ours = getattr(stepped, column)
            assert np.array_equal(ours, expected[: len(ours)], equal_nan=True), (t, column)
    calibration = stepped.calibration()
    assert calibration == whole.calibration()
    assert calibration["total"]["hedged_r2"] == summary["estimator"]["hedged_r2"]


def test_returns_in_excess_of_the_risk_free_return_equal_the_program() -> None:
    wide = prices()
    traded = in_engine_order(wide)
    f = np.nan_to_num(factors_of(wide)[:, [0, 2]])
    rf = np.linspace(1e-5, 8e-5, len(f))
    table = pd.DataFrame({"date": wide.index, "mkt": f[:, 0], "val": f[:, 1], "rf": rf})
    program, _ = betas_of_the_program(traded, "mixture", {}, table, "estimate")
    filtered = Mixture(["mkt", "val"]).filter(f, returns_of(traded) - rf[:, None])
    assert_equal_to_the_program(filtered, program, ["mkt", "val"], list(traded.columns))


@pytest.mark.parametrize(("cls", "kind", "settings"), KINDS)
def test_pickled_filter_continues_to_the_bit(cls: Any, kind: str, settings: dict[str, Any]) -> None:
    wide = prices().iloc[:900]
    f, r = factors_of(wide), returns_of(in_engine_order(wide))
    whole = cls(3, **settings)
    expected = whole.filter(f, r, columns=[*COLUMNS, "cov"])
    rng = np.random.default_rng(5)
    parts = cls(3, **settings)
    at = 0
    while at < len(f):
        upto = min(len(f), at + int(rng.integers(1, 200)))
        found = parts.filter(f[at:upto], r[at:upto], columns=[*COLUMNS, "cov"])
        for column in found.columns:
            assert np.array_equal(getattr(found, column), getattr(expected, column)[at:upto], equal_nan=True)
        parts = pickle.loads(pickle.dumps(parts)) if at % 2 else copy.deepcopy(parts)
        assert np.array_equal(parts.forecast_mean, found.forecast_mean[-1], equal_nan=True)
        at = upto
    assert parts.frames == whole.frames == len(f)
    assert parts.calibration() == whole.calibration()
    assert np.array_equal(parts.cov(ahead=True), whole.cov(ahead=True), equal_nan=True)
    other = cls(2, **settings)
    with pytest.raises(ValueError, match="other settings|does not belong"):
        other._filter.load(whole._filter.save())


@pytest.mark.parametrize(("cls", "kind", "settings"), KINDS)
def test_forecast_is_that_of_the_next_step(cls: Any, kind: str, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(2)
    f = 0.01 * rng.normal(size=(300, 3))
    r = f @ rng.normal(size=(3, 11)) + 0.01 * rng.normal(size=(300, 11))
    online = cls(3, **settings)
    assert online.forecast(f[0]).mean.shape == (0,)
    online.filter(f[:250], r[:250])
    for t in range(250, 300):
        before = online._filter.save()
        forecast = online.forecast(f[t])
        assert online._filter.save() == before, "the filter is unchanged"
        linear = online.alpha + online.betas @ f[t]
        np.testing.assert_allclose(forecast.mean, linear, rtol=1e-12, atol=1e-15)
        online.step(f[t], r[t])
        assert np.array_equal(forecast.mean, online.forecast_mean)
        assert np.array_equal(forecast.sd, online.forecast_sd)
        assert np.array_equal(forecast.dof, online.forecast_dof)


@pytest.mark.parametrize(("cls", "kind", "settings"), KINDS)
def test_covariances_have_the_squares_of_the_standard_deviations(
    cls: Any, kind: str, settings: dict[str, Any]
) -> None:
    wide = prices().iloc[:400]
    f, r = factors_of(wide), returns_of(in_engine_order(wide))
    online = cls(3, **settings)
    filtered = online.filter(f, r, columns=["cov", "alpha_sd", "betas_sd"])
    assert filtered.cov.shape == (400, r.shape[1], 4, 4)
    sd = np.concatenate([filtered.alpha_sd[:, :, None], filtered.betas_sd], axis=2)
    assert np.array_equal(np.sqrt(np.diagonal(filtered.cov, axis1=2, axis2=3)), sd, equal_nan=True)
    assert np.array_equal(filtered.cov, np.swapaxes(filtered.cov, 2, 3), equal_nan=True)
    last, ahead = online.cov(), online.cov(ahead=True)
    assert np.array_equal(last, filtered.cov[-1], equal_nan=True)
    assert np.array_equal(online.cov(2, ahead=True), ahead[2])
    started = np.isfinite(online.alpha)
    assert started.sum() == len(started) - 1, "one instrument is listed later"
    assert (np.linalg.eigvalsh(last[started]) > 0).all() and (np.linalg.eigvalsh(ahead[started]) > 0).all()
    # Alpha does not move under the defaults, and its variance shrinks to the prior's bound.
    moved = np.diagonal(ahead - last, axis1=1, axis2=2)[started]
    assert (moved[:, 1:] > 0).all()


def test_wide_frames_of_every_library_give_the_same() -> None:
    rng = np.random.default_rng(7)
    f, r = 0.01 * rng.normal(size=(30, 2)), 0.01 * rng.normal(size=(30, 3))
    r[3, 1] = np.nan
    expected = Mixture(2).filter(f, r)
    dates = pd.date_range("2024-01-01", periods=30)
    factors, returns = pd.DataFrame(f, dates, ["mkt", "val"]), pd.DataFrame(r, dates, ["A", "B", "C"])
    reordered = factors[["val", "mkt"]]
    polars = [pl.from_pandas(frame.reset_index(names="date")) for frame in (reordered, returns)]
    polars[1] = polars[1].with_columns(pl.col("B").fill_nan(None))
    arrow = [frame.to_arrow() for frame in polars]
    for pair in [
        (reordered, returns),
        polars,
        arrow,
        (f.tolist(), r.astype(np.float64)),
        (np.asfortranarray(f), r),
    ]:
        mixture = Mixture(["mkt", "val"])
        found = mixture.filter(*pair)
        for column in COLUMNS:
            assert np.array_equal(getattr(found, column), getattr(expected, column), equal_nan=True)
        if not isinstance(pair[0], (list, np.ndarray)):
            assert mixture.instruments == found.instruments == ("A", "B", "C")
            assert len(found.index) == 30
    with pytest.raises(ValueError, match="another index"):
        Mixture(["mkt", "val"]).filter(factors, returns.set_axis(dates + pd.Timedelta(days=1)))
    with pytest.raises(ValueError, match=r"missing|among them"):
        Mixture(["mkt", "mom"]).filter(factors, returns)
    named = Mixture(["mkt", "val"])
    named.filter(factors, returns)
    with pytest.raises(ValueError, match="found B as column 0, expected A"):
        named.filter(factors, returns[["B", "A", "C"]])
    named.filter(factors, returns.assign(D=np.nan))
    assert named.instruments == ("A", "B", "C", "D")


def test_bad_arguments_name_what_was_found_and_expected() -> None:
    cases = [
        (lambda: Mixture(2, discount_grid=[2.0]), "estimator.discount_grid"),
        (lambda: Mixture(2, discount_gird=[0.9]), "estimator.discount_gird"),
        (lambda: Mixture(2, kind="dlm"), "estimator.kind"),
        (lambda: Dlm(2, discount_factor=0.0), "estimator.discount_factor"),
        (lambda: Dlm(2, discount_factor=object()), "estimator.discount_factor"),
        (lambda: Dlm(2, frames_per_day=0), "data.frames_per_day"),
        (lambda: Fixed(2), "estimator.transition_variance"),
        (
            lambda: Fixed(1, transition_covariance=np.eye(2), transition_variance=1.0),
            "estimator.transition_variance",
        ),
        (lambda: Fixed(1, **FIXED, initial_covariance=[[1, 2], [2, 1]]), "initial_covariance"),
        (
            lambda: Fixed(1, transition_covariance=np.zeros((3, 2, 2)), observation_variance=1.0),
            "first_frame",
        ),
    ]
    for make, setting in cases:
        with pytest.raises(ConfigError) as error:
            make()
        assert error.value.setting == setting
    mixture = Mixture(2)
    mixture.step([0.01, 0.02], [0.01, np.nan, 0.02])
    before = mixture._filter.save()
    for f, r, text in [
        ([0.01], [0.0, 0.0, 0.0], r"factors: found shape \[1\], expected \[2\]"),
        ([0.01, 0.0], [0.0, 0.0], "found 2 instruments, expected at least the 3"),
        ([0.01, 0.0], [0.0, 0.0, np.inf], r"returns: found inf at index \[2\]"),
        ([0.01, 0.0], [[0.0, 0.0, 0.0]], r"returns: found shape \[1, 3\], expected an array of shape \(n,\)"),
        ([-np.inf, 0.0], [0.0, 0.0, 0.0], r"factors: found -inf at index \[0\]"),
        ([0.01, 0.0], ["a", "b", "c"], "returns: found"),
    ]:
        with pytest.raises(ValueError, match=text):
            mixture.step(f, r)
    for f, r, text in [
        (np.zeros((4, 2)), np.zeros((5, 3)), "found 5 frames, expected 4"),
        (np.zeros((4, 2)), np.full((4, 3), 1e31), r"found 1e31 at index \[0, 0\]"),
        (np.zeros((4, 3)), np.zeros((4, 3)), r"found shape \[4, 3\], expected \[4, 2\]"),
        (np.zeros(4), np.zeros((4, 3)), r"found shape \[4\], expected an array of shape \(T, k\)"),
    ]:
        with pytest.raises(ValueError, match=text):
            mixture.filter(f, r)
    with pytest.raises(ValueError, match='columns: found "beta"'):
        mixture.filter(np.zeros((1, 2)), np.zeros((1, 3)), columns=["beta"])
    with pytest.raises(ValueError, match="found elements of float32"):
        mixture._filter.step(np.zeros(2, np.float32), np.zeros(3))
    with pytest.raises(ValueError, match="another order"):
        mixture._filter.filter(np.zeros((2, 2)).T, np.zeros((2, 3))[:, ::-1], [])
    assert mixture._filter.save() == before, "an error leaves the filter unchanged"
    with pytest.raises(ValueError, match="found 3 instruments, expected at most 2"):
        Fixed(
            1,
            transition_covariance=np.zeros((2, 2, 2)),
            observation_variance=1.0,
            first_frame="listing",
        ).step([0.0], [0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"initial_mean: found shape \[3\], expected"):
        Fixed(1, **FIXED, initial_mean=[0.0, 1.0, 2.0])
    with pytest.raises(AttributeError, match="cov"):
        _ = mixture.filter(np.zeros((1, 2)), np.zeros((1, 3))).cov
    with pytest.raises(TypeError, match="factors"):
        Mixture("mkt")


def test_frame_without_factors_changes_no_estimate() -> None:
    rng = np.random.default_rng(1)
    f, r = 0.01 * rng.normal(size=(100, 2)), 0.01 * rng.normal(size=(100, 3))
    for online in (Mixture(2), Dlm(2), Fixed(2, **FIXED)):
        online.step([np.nan, np.nan], [0.01, 0.0])
        assert np.isnan(online.alpha).all() and online.n == 2
        online.filter(f, r)
        alpha, cov = online.alpha, online.cov()
        online.step([np.nan, 0.1], [0.5, 0.1, 0.2, 0.3])
        assert online.n == 4 and online.betas.shape == (4, 2)
        assert np.array_equal(online.alpha[:3], alpha) and np.isnan(online.alpha[3])
        assert np.array_equal(online.cov()[:3], cov) and np.isnan(online.cov()[3]).all()
        assert np.isnan(online.forecast_mean).all() and np.isnan(online.forecast_sd).all()
        assert np.isnan(online.cov(ahead=True)[3]).all()
        assert np.isfinite(online.forecast([0.0, 0.0]).mean[:3]).all()
        restored = pickle.loads(pickle.dumps(online))
        assert np.isnan(restored.forecast_mean).all() and np.array_equal(
            restored.alpha, online.alpha, equal_nan=True
        )


def test_no_factors_and_no_instruments_are_valid() -> None:
    for online in (Mixture(0), Dlm([]), Fixed(0, **FIXED)):
        online.step([], [])
        assert online.betas.shape == (0, 0) and online.cov().shape == (0, 1, 1)
        rng = np.random.default_rng(4)
        filtered = online.filter(np.empty((20, 0)), 0.01 * rng.normal(size=(20, 2)))
        assert filtered.betas.shape == (20, 2, 0) and np.isfinite(filtered.alpha[-1]).all()


def test_arrays_are_copies_and_repr_names_the_state() -> None:
    mixture = Mixture(["mkt"], error_clip=3.0)
    mixture.step([0.01], [0.02, 0.03])
    betas = mixture.betas
    betas[:] = 7.0
    assert (mixture.betas != 7.0).all()
    assert repr(mixture) == "<Mixture(['mkt'], error_clip=3.0): 2 instruments after 1 frames>"
    assert (mixture.k, mixture.n, mixture.frames, mixture.factors) == (1, 2, 1, ("mkt",))


def test_interpreter_is_free_while_a_filter_runs() -> None:
    rng = np.random.default_rng(9)
    f, r = 0.01 * rng.normal(size=(3000, 4)), 0.01 * rng.normal(size=(3000, 200))
    mixture = Mixture(4)
    done = threading.Event()

    def work() -> None:
        mixture.filter(f, r, columns=["alpha"])
        done.set()

    thread = threading.Thread(target=work)
    counted = 0
    thread.start()
    while not done.is_set():
        counted += 1
        time.sleep(0.001)
    thread.join()
    assert counted > 10, "this thread went on"
    assert mixture.frames == 3000


@pytest.mark.parametrize("seed", range(20))
def test_random_histories_agree_between_steps_and_parts(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    k, n, frames = int(rng.integers(0, 5)), int(rng.integers(1, 20)), int(rng.integers(1, 80))
    f = 10.0 ** rng.uniform(-4, 1) * rng.normal(size=(frames, k))
    r = 10.0 ** rng.uniform(-4, 1) * rng.standard_t(3, size=(frames, n))
    r[rng.random(r.shape) < rng.uniform(0, 0.6)] = np.nan
    if k and frames > 3:
        f[int(rng.integers(frames))] = np.nan
    makers: list[Any] = [
        lambda: Mixture(k, reversion_grid=[0.0, 0.01]),
        lambda: Dlm(k, discount_factor=0.97),
        lambda: Fixed(k, transition_variance=1e-3, observation_variance=0.1, first_frame="listing"),
    ]
    for make in makers:
        whole, parts, steps = make(), make(), make()
        filtered = whole.filter(f, r)
        cut = int(rng.integers(frames + 1))
        parts.filter(f[:cut], r[:cut])
        rest = parts.filter(f[cut:], r[cut:])
        for t in range(frames):
            steps.step(f[t], r[t])
        for column in COLUMNS:
            array = getattr(filtered, column)
            assert np.array_equal(getattr(rest, column), array[cut:], equal_nan=True)
            assert np.array_equal(getattr(steps, column), array[-1], equal_nan=True)
        assert whole._filter.save() == parts._filter.save() == steps._filter.save()
