"""Estimators in Python: numpy, numba, JAX and pykalman, on one core, in float64.

    pip install -r requirements.txt
    python estimators.py              # every peer and job, median of 7 repeats, one JSON line each
    python estimators.py --peer numba --bars 500

The model is pykalman's with one observation a bar, the same for every peer: r_it = x_t'θ_it + ε_it with
x_t = (1, f_t), θ_t = θ_{t-1} + ω_t, Var ε = r, Var ω = q I, θ_1 ~ N(0, I). Before the timing, all peers
run a small panel and must agree with the textbook recursions below to 1e-9.

Times are processor time, not wall time, so that other processes affect them less.
"""

import os
import sys

# Set before the imports: numpy and the others read these variables once. A program that imports this file has set
# its own.
if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["JAX_ENABLE_X64"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

try:
    import numpy as np
except ImportError as error:
    sys.exit(f"{error}: pip install -r requirements.txt")

FULL = "full covariance, state only"
FULL_WRITTEN = "full covariance, means written"
SHARED = "shared covariance, state only"
SHARED_WRITTEN = "shared covariance, means written"
LEARNED = "shared covariance, variance learned"

INSTRUMENTS = 500
FACTORS = 6
BARS = 2_000
REPEATS = 7
TOLERANCE = 1e-9
# Learned variance: discount factor, initial estimate and its degrees of freedom.
VARIANCE_DISCOUNT, VARIANCE_0, DOF_0 = 0.97, 1.0, 10.0


@dataclass
class Panel:
    design: np.ndarray  # bars × k, the first column ones
    returns: np.ndarray  # bars × instruments
    q: float = 1e-4
    r: float = 1.0

    @property
    def k(self) -> int:
        return self.design.shape[1]

    @property
    def n(self) -> int:
        return self.returns.shape[1]

    @property
    def bars(self) -> int:
        return len(self.design)


@dataclass
class Result:
    """Result of a run, for the check that all peers compute the same."""

    mean: np.ndarray  # instruments × k, after the last bar
    path: np.ndarray | None = None  # bars × instruments × k
    variance: np.ndarray | None = None  # instruments
    instrument_bars: int | None = None  # None for the whole panel


Run = Callable[[], Result]


def random_panel(bars: int, instruments: int) -> Panel:
    random = np.random.default_rng(7)
    design = np.column_stack([np.ones(bars), random.normal(size=(bars, FACTORS))])
    betas = random.normal(size=(1 + FACTORS, instruments))
    return Panel(design, design @ betas + random.normal(size=(bars, instruments)))


def stored_panel(folder: Path) -> Panel:
    """Reads a panel of raw little-endian doubles: `design.f64` of k columns, `returns.f64`."""
    design = np.fromfile(folder / "design.f64", "<f8").reshape(-1, 1 + FACTORS)
    return Panel(design, np.fromfile(folder / "returns.f64", "<f8").reshape(len(design), -1))


def stored_means(folder: Path) -> np.ndarray | None:
    """Reads reference means after the last bar, n rows of k, from `means.f64` if it exists."""
    path = folder / "means.f64"
    return np.fromfile(path, "<f8").reshape(-1, 1 + FACTORS) if path.exists() else None


def textbook(panel: Panel) -> Result:
    """Textbook recursions, one instrument and one bar at a time: the reference for all peers."""
    k, identity = panel.k, np.eye(panel.k)
    path, variance = np.empty((panel.bars, panel.n, k)), np.empty(panel.n)
    for i in range(panel.n):
        m, p, s, dof = np.zeros(k), identity.copy(), VARIANCE_0, DOF_0
        for t, x in enumerate(panel.design):
            if t > 0:
                p = p + panel.q * identity
                dof *= VARIANCE_DISCOUNT
            innovation, scale = panel.returns[t, i] - x @ m, x @ p @ x + panel.r
            gain = p @ x / scale
            m, p = m + gain * innovation, p - np.outer(gain, gain) * scale
            s, dof = (dof * s + innovation**2 / scale) / (dof + 1.0), dof + 1.0
            path[t, i] = m
        variance[i] = s
    return Result(path[-1], path, variance)


# numpy ------------------------------------------------------------------------------------------------------


def numpy_full(panel: Panel, written: bool) -> Run:
    """Instruments last, so that every loop inside numpy runs over 500 numbers instead of 7; no allocation.

    Instruments first (P as (500, 7, 7), by `@` or `einsum`) takes about twice as long.
    """
    k, n, q = panel.k, panel.n, panel.q
    p, product = np.empty((k, k, n)), np.empty((k, k, n))
    p_rows, p_diagonal = p.reshape(k, k * n), p.reshape(k * k, n)[:: k + 1]
    m, px, gain = np.empty((k, n)), np.empty((k, n)), np.empty((k, n))
    px_flat, scale, error = px.reshape(k * n), np.empty(n), np.empty(n)
    path = np.zeros((panel.bars, k, n)) if written else None

    def run() -> Result:
        p[:], m[:] = np.eye(k)[:, :, None], 0.0
        for t, x in enumerate(panel.design):
            np.dot(x, p_rows, out=px_flat)
            np.dot(x, px, out=scale)
            np.add(scale, panel.r, out=scale)
            np.dot(x, m, out=error)
            np.subtract(panel.returns[t], error, out=error)
            np.divide(px, scale, out=gain)
            np.multiply(gain[:, None], px, out=product)
            np.subtract(p, product, out=p)
            np.add(p_diagonal, q, out=p_diagonal)
            np.multiply(gain, error, out=gain)
            np.add(m, gain, out=m)
            if written:
                path[t] = m
        return Result(m.T, path.transpose(0, 2, 1) if written else None)

    return run


def numpy_shared(panel: Panel, learned: bool) -> Run:
    k, n = panel.k, panel.n
    m, move, error = np.empty((k, n)), np.empty((k, n)), np.empty(n)
    variance = np.empty(n)

    def run() -> Result:
        m[:], p, dof = 0.0, np.eye(k), DOF_0
        variance[:] = VARIANCE_0
        p_diagonal = p.reshape(-1)[:: k + 1]
        for t, x in enumerate(panel.design):
            px = p @ x
            scale = px @ x + panel.r
            gain = px / scale
            np.dot(x, m, out=error)
            np.subtract(panel.returns[t], error, out=error)
            np.multiply(gain[:, None], error, out=move)
            np.add(m, move, out=m)
            p -= np.outer(gain, px)
            p_diagonal += panel.q
            if learned:
                np.multiply(error, error, out=error)
                np.multiply(error, 1.0 / (scale * (dof + 1.0)), out=error)
                np.multiply(variance, dof / (dof + 1.0), out=variance)
                np.add(variance, error, out=variance)
                dof = VARIANCE_DISCOUNT * (dof + 1.0)
        return Result(m.T, variance=variance if learned else None)

    return run


# numba ------------------------------------------------------------------------------------------------------

LANES = 64


@cache
def numba_kernels():
    """Kernels whose innermost loops run over 64 instruments side by side, which LLVM turns into vectors.

    Covariances are the 28 numbers of the upper triangle. Bars are the outer loop, as they arrive: 500 triangles
    stay in the second-level cache, and the means are written in the order of memory. All instruments of one
    block before the next is 20 % slower with written means, and not faster without. Contraction to fused
    multiply-adds is allowed; reordering (the rest of fastmath) is not, and gains nothing here.
    """
    from numba import njit

    settings = {"error_model": "numpy", "fastmath": {"contract"}}

    @njit(**settings)
    def full_bar(x, y, q, r, p, m, px, scale, error):
        k = len(x)
        for lane in range(len(y)):
            error[lane] = y[lane]
        for lane in range(LANES):
            scale[lane] = r
        for i in range(k):
            for lane in range(LANES):
                px[i, lane] = 0.0
        at = 0
        for i in range(k):
            for lane in range(LANES):
                px[i, lane] += p[at, lane] * x[i]
            at += 1
            for j in range(i + 1, k):
                for lane in range(LANES):
                    px[i, lane] += p[at, lane] * x[j]
                    px[j, lane] += p[at, lane] * x[i]
                at += 1
        for i in range(k):
            for lane in range(LANES):
                scale[lane] += x[i] * px[i, lane]
                error[lane] -= x[i] * m[i, lane]
        for lane in range(LANES):
            scale[lane] = 1.0 / scale[lane]
            error[lane] *= scale[lane]
        for i in range(k):
            for lane in range(LANES):
                m[i, lane] += px[i, lane] * error[lane]
        at = 0
        for i in range(k):
            for j in range(i, k):
                transition = q if i == j else 0.0
                for lane in range(LANES):
                    p[at, lane] = p[at, lane] - px[i, lane] * px[j, lane] * scale[lane] + transition
                at += 1

    @njit(**settings)
    def full(design, returns, q, r, path):
        (bars, k), n = design.shape, returns.shape[1]
        blocks = (n + LANES - 1) // LANES
        p, m = np.zeros((blocks, k * (k + 1) // 2, LANES)), np.zeros((blocks, k, LANES))
        px, scale, error = np.empty((k, LANES)), np.empty(LANES), np.zeros(LANES)
        at = 0
        for i in range(k):
            p[:, at] = 1.0
            at += k - i
        for t in range(bars):
            for b in range(blocks):
                first, last = b * LANES, min(n, (b + 1) * LANES)
                full_bar(design[t], returns[t, first:last], q, r, p[b], m[b], px, scale, error)
                if len(path) > 0:
                    for i in range(k):
                        for lane in range(last - first):
                            path[t, i, first + lane] = m[b, i, lane]
        return m

    @njit(**settings)
    def shared_bar(x, y, gain, m, error):
        for lane in range(len(y)):
            error[lane] = y[lane]
        for i in range(len(x)):
            for lane in range(LANES):
                error[lane] -= x[i] * m[i, lane]
        for i in range(len(x)):
            for lane in range(LANES):
                m[i, lane] += gain[i] * error[lane]

    @njit(**settings)
    def learn(variance, error, keep, new):
        for lane in range(LANES):
            variance[lane] = keep * variance[lane] + new * error[lane] * error[lane]

    @njit(**settings)
    def shared(design, returns, q, r, variance_0, variance_discount, dof, learned, path):
        (bars, k), n = design.shape, returns.shape[1]
        blocks = (n + LANES - 1) // LANES
        p, m, error = np.eye(k), np.zeros((blocks, k, LANES)), np.zeros(LANES)
        variance = np.full((blocks, LANES), variance_0)
        px, gain = np.empty(k), np.empty(k)
        for t in range(bars):
            x = design[t]
            scale = r
            for i in range(k):
                px[i] = 0.0
                for j in range(k):
                    px[i] += p[i, j] * x[j]
                scale += x[i] * px[i]
            for i in range(k):
                gain[i] = px[i] / scale
            for i in range(k):
                for j in range(k):
                    p[i, j] -= px[i] * px[j] / scale
                p[i, i] += q
            for b in range(blocks):
                first, last = b * LANES, min(n, (b + 1) * LANES)
                shared_bar(x, returns[t, first:last], gain, m[b], error)
                if learned:
                    learn(variance[b], error, dof / (dof + 1.0), 1.0 / (scale * (dof + 1.0)))
                if len(path) > 0:
                    for i in range(k):
                        for lane in range(last - first):
                            path[t, i, first + lane] = m[b, i, lane]
            dof = variance_discount * (dof + 1.0)
        return m, variance

    return full, shared


def numba_full(panel: Panel, written: bool) -> Run:
    full, _ = numba_kernels()
    path = np.zeros((panel.bars if written else 0, panel.k, panel.n))

    def run() -> Result:
        blocks = full(panel.design, panel.returns, panel.q, panel.r, path)
        return Result(mean_of(blocks, panel), path.transpose(0, 2, 1) if written else None)

    return run


def numba_shared(panel: Panel, written: bool = False, learned: bool = False) -> Run:
    _, shared = numba_kernels()
    path = np.zeros((panel.bars if written else 0, panel.k, panel.n))
    prior = VARIANCE_0, VARIANCE_DISCOUNT, DOF_0

    def run() -> Result:
        blocks, variance = shared(panel.design, panel.returns, panel.q, panel.r, *prior, learned, path)
        variance = variance.reshape(-1)[: panel.n] if learned else None
        return Result(mean_of(blocks, panel), path.transpose(0, 2, 1) if written else None, variance)

    return run


def mean_of(blocks: np.ndarray, panel: Panel) -> np.ndarray:
    return blocks.transpose(0, 2, 1).reshape(-1, panel.k)[: panel.n]


# JAX --------------------------------------------------------------------------------------------------------


def jax_full(panel: Panel, written: bool) -> Run:
    """`scan` over bars of a `vmap` over instruments. Instruments last, unrolling the scan, and sums in place of
    the products of matrix and vector are all slower here."""
    import jax
    import jax.numpy as jnp

    identity = jnp.eye(panel.k)

    def update(m, p, y, x):
        px = p @ x
        gain = px / (x @ px + panel.r)
        return m + gain * (y - x @ m), p - jnp.outer(gain, px) + panel.q * identity

    def bar(state, observed):
        x, y = observed
        state = jax.vmap(update, in_axes=(0, 0, 0, None))(*state, y, x)
        return state, state[0] if written else None

    @jax.jit
    def filtered(design, returns):
        prior = jnp.zeros((panel.n, panel.k)), jnp.broadcast_to(identity, (panel.n, panel.k, panel.k))
        return jax.lax.scan(bar, prior, (design, returns))

    design, returns = jnp.asarray(panel.design), jnp.asarray(panel.returns)
    assert design.dtype == np.float64

    def run() -> Result:
        (m, _), path = jax.block_until_ready(filtered(design, returns))
        return Result(m, path)

    return run


# pykalman ---------------------------------------------------------------------------------------------------

PYKALMAN_INSTRUMENTS = 2


def pykalman_full(panel: Panel) -> Run:
    """Instruments one after another; a few are enough for the time of each. Keeps every mean."""
    from pykalman import KalmanFilter

    k = panel.k
    model = KalmanFilter(
        transition_matrices=np.eye(k),
        observation_matrices=panel.design[:, None, :],
        transition_covariance=panel.q * np.eye(k),
        observation_covariance=np.array([[panel.r]]),
        initial_state_mean=np.zeros(k),
        initial_state_covariance=np.eye(k),
    )

    def run() -> Result:
        columns = panel.returns[:, :PYKALMAN_INSTRUMENTS].T
        path = np.stack([model.filter(column[:, None])[0] for column in columns], axis=1)
        return Result(path[-1], path, instrument_bars=columns.size)

    return run


# ------------------------------------------------------------------------------------------------------------

BUILD: dict[tuple[str, str], Callable[[Panel], Run]] = {
    ("numpy", FULL): lambda panel: numpy_full(panel, written=False),
    ("numpy", FULL_WRITTEN): lambda panel: numpy_full(panel, written=True),
    ("numpy", SHARED): lambda panel: numpy_shared(panel, learned=False),
    ("numpy", LEARNED): lambda panel: numpy_shared(panel, learned=True),
    ("numba", FULL): lambda panel: numba_full(panel, written=False),
    ("numba", FULL_WRITTEN): lambda panel: numba_full(panel, written=True),
    ("numba", SHARED): lambda panel: numba_shared(panel),
    ("numba", SHARED_WRITTEN): lambda panel: numba_shared(panel, written=True),
    ("numba", LEARNED): lambda panel: numba_shared(panel, learned=True),
    ("jax", FULL): lambda panel: jax_full(panel, written=False),
    ("jax", FULL_WRITTEN): lambda panel: jax_full(panel, written=True),
    ("pykalman", FULL_WRITTEN): pykalman_full,
}


def say(**line) -> None:
    print(json.dumps(line), flush=True)


def check(peer: str, job: str, panel: Panel, expected: Result) -> None:
    found = BUILD[peer, job](panel)()
    for name in ("mean", "path", "variance"):
        value, reference = getattr(found, name), getattr(expected, name)
        if value is None:
            continue
        value = np.asarray(value)
        instruments = value.shape[1 if name == "path" else 0]
        reference = reference[:, :instruments] if name == "path" else reference[:instruments]
        worst = np.abs(value - reference).max()
        assert worst < TOLERANCE, f"{peer}, {job}: {name} is {worst:.1e} from the textbook"


def timed(run: Run, panel: Panel) -> float:
    """Nanoseconds of processor time an instrument-bar."""
    start = time.process_time_ns()
    result = run()
    elapsed = time.process_time_ns() - start
    return elapsed / (result.instrument_bars or panel.bars * panel.n)


def prepared(panel: Panel, wanted: set[str] | None, means: np.ndarray | None) -> dict[tuple[str, str], Run]:
    """Jobs with an installed package, checked, compiled, and run once on the panel."""
    # Not a multiple of the number of lanes of the numba kernels.
    small = random_panel(bars=80, instruments=70)
    expected, ready, absent = textbook(small), {}, set()
    for (peer, job), build in BUILD.items():
        if peer in absent or (wanted and peer not in wanted):
            continue
        try:
            check(peer, job, small, expected)
        except ImportError as error:
            absent.add(peer)
            say(peer=peer, skipped=str(error))
            continue
        run = build(panel)
        mean = np.asarray(run().mean)
        if means is not None:
            worst = np.abs(mean - means[: len(mean)]).max()
            assert worst < TOLERANCE, f"{peer}, {job}: mean is {worst:.1e} from the reference"
        ready[peer, job] = run
    return ready


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--bars", type=int, default=BARS)
    arguments.add_argument("--instruments", type=int, default=INSTRUMENTS)
    arguments.add_argument("--repeats", type=int, default=REPEATS)
    arguments.add_argument("--peer", action="append", help="only this one; may be repeated")
    arguments.add_argument("--panel", type=Path, help="folder with design.f64, returns.f64")
    turns = "say when ready; then, for each line on the input, run every job once"
    arguments.add_argument("--turns", action="store_true", help=turns)
    given = arguments.parse_args()
    panel = stored_panel(given.panel) if given.panel else random_panel(given.bars, given.instruments)
    means = stored_means(given.panel) if given.panel else None
    ready = prepared(panel, set(given.peer) if given.peer else None, means)
    if given.turns:
        say(ready=len(ready))
        for _ in sys.stdin:
            for (peer, job), run in ready.items():
                say(peer=peer, job=job, ns_per_instrument_bar=timed(run, panel))
            say(turn="over")
        return
    for (peer, job), run in ready.items():
        times = [timed(run, panel) for _ in range(given.repeats)]
        say(peer=peer, job=job, ns_per_instrument_bar=round(statistics.median(times), 2), min=round(min(times), 2))


if __name__ == "__main__":
    main()
