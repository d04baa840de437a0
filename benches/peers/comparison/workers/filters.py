"""Worker of the filters: numpy, numba, JAX, pykalman and statsmodels.

The filters with given variances are those of `estimators.py`. Here are those that it lacks: the discount filter
with learned variances (`dlm`), blocks of instruments on several threads, and statsmodels. Before its first
run, each job filters a small panel and must agree with the textbook to 1e-9.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

import estimators
from estimators import FULL, FULL_WRITTEN, LANES, LEARNED, SHARED, SHARED_WRITTEN, Panel, Result, Run

from . import serve

MIXTURE = "mixture of 8 models"
LEARNED_WRITTEN = "shared covariance, variance learned, means written"
TOLERANCE = 1e-9
Build = Callable[[Panel], Run]
# Settings of `dlm` in the benchmark `estimators`; the prior mean is (0, 1, 0, ...).
BETA_DISCOUNT, VARIANCE_DISCOUNT, DOF_0 = 0.995, 0.97, 3.0
# Degrees of freedom below which a discount does not take them.
DOF_FLOOR = 10.0
# Instruments that are filtered one after another; the time is counted for each.
ONE_BY_ONE = 2


def prior_mean(panel: Panel) -> np.ndarray:
    """Return the prior mean of `dlm`."""
    mean = np.zeros(panel.k)
    mean[1] = 1.0
    return mean


def discounted_dof(dof: float) -> float:
    """Return the degrees of freedom after a discount."""
    return max(VARIANCE_DISCOUNT * dof, min(dof, DOF_FLOOR))


def textbook_dlm(panel: Panel) -> Result:
    """West & Harrison 6.3 and 10.8 with matrices as they are written, one instrument and one bar at a time.

    The precision that the discount takes is restored from the prior: R^-1 + (1 - d) K0, with K0 = I here.
    """
    k = panel.k
    inverse_discount = np.ones((k, k))
    inverse_discount[1:, 1:] = 1.0 / BETA_DISCOUNT
    restored = np.diag([0.0] + [1.0 - BETA_DISCOUNT] * (k - 1))
    path, variance = np.empty((panel.bars, panel.n, k)), np.empty(panel.n)
    for i in range(panel.n):
        m, c, s, dof = prior_mean(panel), np.eye(k), 1.0, DOF_0
        for t, x in enumerate(panel.design):
            if t > 0:
                c = np.linalg.inv(np.linalg.inv(c * inverse_discount) + restored)
                dof = discounted_dof(dof)
            q, error = 1.0 + x @ c @ x, panel.returns[t, i] - x @ m
            gain = c @ x / q
            m, c = m + gain * error, c - np.outer(gain, gain) * q
            s, dof = (dof * s + error**2 / q) / (dof + 1.0), dof + 1.0
            path[t, i] = m
        variance[i] = s
    return Result(path[-1], path, variance)


def numpy_shared_written(panel: Panel) -> Run:
    """Run `numpy_shared` with a copy of the means of each bar."""
    k, n = panel.k, panel.n
    m, move, error = np.empty((k, n)), np.empty((k, n)), np.empty(n)
    path = np.zeros((panel.bars, k, n))

    def run() -> Result:
        m[:], p = 0.0, np.eye(k)
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
            path[t] = m
        return Result(m.T, path.transpose(0, 2, 1))

    return run


def evolve(c: np.ndarray) -> None:
    """Discount the covariance and restore the precision of the prior: C - C_b (I/g + C_bb)^-1 C_b' (Woodbury).

    A rank-one step for each beta takes three times as long in numpy.
    """
    betas = c[1:, 1:]
    betas *= 1.0 / BETA_DISCOUNT
    inner = betas.copy()
    inner.reshape(-1)[:: len(inner) + 1] += 1.0 / (1.0 - BETA_DISCOUNT)
    c -= c[:, 1:] @ np.linalg.solve(inner, c[1:])


def numpy_dlm(panel: Panel, written: bool) -> Run:
    k, n = panel.k, panel.n
    m, move, error, variance = np.empty((k, n)), np.empty((k, n)), np.empty(n), np.empty(n)
    path = np.zeros((panel.bars, k, n)) if written else None
    start = prior_mean(panel)[:, None]

    def run() -> Result:
        m[:], c, dof = start, np.eye(k), DOF_0
        variance[:] = 1.0
        for t, x in enumerate(panel.design):
            if t > 0:
                evolve(c)
                dof = discounted_dof(dof)
            cx = c @ x
            q = cx @ x + 1.0
            gain = cx / q
            np.dot(x, m, out=error)
            np.subtract(panel.returns[t], error, out=error)
            np.multiply(gain[:, None], error, out=move)
            np.add(m, move, out=m)
            c -= np.outer(gain, cx)
            np.multiply(error, error, out=error)
            np.multiply(error, 1.0 / (q * (dof + 1.0)), out=error)
            np.multiply(variance, dof / (dof + 1.0), out=variance)
            np.add(variance, error, out=variance)
            dof += 1.0
            if path is not None:
                path[t] = m
        return Result(m.T, None if path is None else path.transpose(0, 2, 1), variance)

    return run


@cache
def numba_kernels():
    """Kernels over blocks of 64 instruments, as those of `estimators.py`.

    The gains of a shared covariance are computed first, then each block passes over all bars, on its own
    thread where there are several. On one thread bars are the outer loop, which is faster with means.
    """
    from numba import njit, prange

    settings = {"error_model": "numpy", "fastmath": {"contract"}}

    @njit(**settings)
    def random_walk_gains(design, q, r):
        bars, k = design.shape
        gains, p, px = np.empty((bars, k)), np.eye(k), np.empty(k)
        keep, new = np.empty(bars), np.empty(bars)
        for t in range(bars):
            x, scale = design[t], r
            for i in range(k):
                px[i] = 0.0
                for j in range(k):
                    px[i] += p[i, j] * x[j]
                scale += x[i] * px[i]
            for i in range(k):
                gains[t, i] = px[i] / scale
                for j in range(k):
                    p[i, j] -= px[i] * px[j] / scale
                p[i, i] += q
        return gains, keep, new

    @njit(**settings)
    def discount_gains(design, discount, variance_discount, dof):
        bars, k = design.shape
        gains, c, cx, column = np.empty((bars, k)), np.eye(k), np.empty(k), np.empty(k)
        keep, new = np.empty(bars), np.empty(bars)
        restored = 1.0 - discount
        for t in range(bars):
            x, q = design[t], 1.0
            if t > 0:
                dof = max(variance_discount * dof, min(dof, DOF_FLOOR))
                for i in range(1, k):
                    for j in range(1, k):
                        c[i, j] /= discount
                for b in range(1, k):
                    for i in range(k):
                        column[i] = c[b, i]
                    scale = restored / (1.0 + restored * column[b])
                    for i in range(k):
                        for j in range(k):
                            c[i, j] -= column[i] * scale * column[j]
            for i in range(k):
                cx[i] = 0.0
                for j in range(k):
                    cx[i] += c[i, j] * x[j]
                q += x[i] * cx[i]
            for i in range(k):
                gains[t, i] = cx[i] / q
                for j in range(k):
                    c[i, j] -= cx[i] * cx[j] / q
            keep[t], new[t] = dof / (dof + 1.0), 1.0 / (q * (dof + 1.0))
            dof += 1.0
        return gains, keep, new

    @njit(**settings)
    def bar(x, y, gain, m, error, variance, learned, keep, new):
        for lane in range(len(y)):
            error[lane] = y[lane]
        for i in range(len(x)):
            for lane in range(LANES):
                error[lane] -= x[i] * m[i, lane]
        for i in range(len(x)):
            for lane in range(LANES):
                m[i, lane] += gain[i] * error[lane]
        if learned:
            for lane in range(LANES):
                variance[lane] = keep * variance[lane] + new * error[lane] * error[lane]

    @njit(**settings)
    def write(path, first, last, m):
        for i in range(len(m)):
            for lane in range(last - first):
                path[i, first + lane] = m[i, lane]

    @njit(**settings)
    def bars_first(design, returns, gains, keep, new, m, variance, learned, path):
        n, error = returns.shape[1], np.zeros(LANES)
        for t in range(len(design)):
            for b in range(len(m)):
                first, last = b * LANES, min(n, (b + 1) * LANES)
                y = returns[t, first:last]
                bar(design[t], y, gains[t], m[b], error, variance[b], learned, keep[t], new[t])
                if len(path) > 0:
                    write(path[t], first, last, m[b])

    @njit(parallel=True, **settings)
    def blocks_first(design, returns, gains, keep, new, m, variance, learned, path):
        n = returns.shape[1]
        for b in prange(len(m)):
            error = np.zeros(LANES)
            first, last = b * LANES, min(n, (b + 1) * LANES)
            for t in range(len(design)):
                y = returns[t, first:last]
                bar(design[t], y, gains[t], m[b], error, variance[b], learned, keep[t], new[t])
                if len(path) > 0:
                    write(path[t], first, last, m[b])

    return random_walk_gains, discount_gains, bars_first, blocks_first


def numba_shared(panel: Panel, threads: int, learned: bool, written: bool) -> Run:
    random_walk_gains, discount_gains, bars_first, blocks_first = numba_kernels()
    k, n = panel.k, panel.n
    blocks = -(-n // LANES)
    path = np.zeros((panel.bars if written else 0, k, n))
    start = (prior_mean(panel) if learned else np.zeros(k))[:, None]
    pass_over = bars_first if threads == 1 else blocks_first

    def run() -> Result:
        m, variance = np.broadcast_to(start, (blocks, k, LANES)).copy(), np.ones((blocks, LANES))
        if learned:
            gains = discount_gains(panel.design, BETA_DISCOUNT, VARIANCE_DISCOUNT, DOF_0)
        else:
            gains = random_walk_gains(panel.design, panel.q, panel.r)
        pass_over(panel.design, panel.returns, *gains, m, variance, learned, path)
        return Result(
            estimators.mean_of(m, panel),
            path.transpose(0, 2, 1) if written else None,
            variance.reshape(-1)[:n] if learned else None,
        )

    return run


@cache
def numba_full_parallel():
    """Full covariances: each block of instruments on its own thread, with all its bars."""
    from numba import njit, prange

    full, _ = estimators.numba_kernels()

    @njit(parallel=True, error_model="numpy", fastmath={"contract"})
    def by_block(design, returns, q, r, path):
        n, k = returns.shape[1], design.shape[1]
        blocks = (n + LANES - 1) // LANES
        m = np.empty((blocks, k, LANES))
        for b in prange(blocks):
            first, last = b * LANES, min(n, (b + 1) * LANES)
            m[b] = full(design, returns[:, first:last], q, r, path[:, :, first:last])[0]
        return m

    return by_block


def numba_full(panel: Panel, threads: int, written: bool) -> Run:
    if threads == 1:
        return estimators.numba_full(panel, written)
    by_block = numba_full_parallel()
    path = np.zeros((panel.bars if written else 0, panel.k, panel.n))

    def run() -> Result:
        m = by_block(panel.design, panel.returns, panel.q, panel.r, path)
        return Result(estimators.mean_of(m, panel), path.transpose(0, 2, 1) if written else None)

    return run


def jax_shared(panel: Panel, learned: bool, written: bool) -> Run:
    """`scan` over bars; the covariance is shared, means are k × n."""
    import jax
    import jax.numpy as jnp

    k, n = panel.k, panel.n
    start = jnp.asarray(prior_mean(panel) if learned else np.zeros(k))

    def discounted(c):
        c = c.at[1:, 1:].multiply(1.0 / BETA_DISCOUNT)
        for j in range(1, k):
            column, restored = c[j], 1.0 - BETA_DISCOUNT
            c = c - jnp.outer(column * (restored / (1.0 + restored * column[j])), column)
        return c

    def bar(state, observed):
        (m, p, s, dof), (x, y) = state, observed
        px = p @ x
        scale = x @ px + (1.0 if learned else panel.r)
        gain, error = px / scale, y - x @ m
        m, p = m + gain[:, None] * error, p - jnp.outer(gain, px)
        if learned:
            s = (dof * s + error**2 / scale) / (dof + 1.0)
            p, dof = discounted(p), dof + 1.0
            dof = jnp.maximum(VARIANCE_DISCOUNT * dof, jnp.minimum(dof, DOF_FLOOR))
        else:
            p = p + panel.q * jnp.eye(k)
        return (m, p, s, dof), m if written else None

    @jax.jit
    def filtered(design, returns):
        prior = jnp.broadcast_to(start[:, None], (k, n)), jnp.eye(k), jnp.ones(n), DOF_0
        return jax.lax.scan(bar, prior, (design, returns))

    design, returns = jnp.asarray(panel.design), jnp.asarray(panel.returns)

    def run() -> Result:
        (m, _, s, _), path = jax.block_until_ready(filtered(design, returns))
        return Result(m.T, None if path is None else path.transpose(0, 2, 1), s if learned else None)

    return run


def statsmodels_full(panel: Panel, written: bool) -> Run:
    """`KalmanFilter` of one series, in compiled code. Without means, it keeps as little as it can."""
    from statsmodels.tsa.statespace import kalman_filter

    k = panel.k
    settings = (
        {} if written else {"memory_conserve": kalman_filter.MEMORY_CONSERVE ^ kalman_filter.MEMORY_NO_FILTERED_MEAN}
    )
    models = []
    for column in panel.returns[:, :ONE_BY_ONE].T:
        model = kalman_filter.KalmanFilter(k_endog=1, k_states=k, **settings)
        model.bind(np.ascontiguousarray(column))
        model["design"] = np.asfortranarray(panel.design.T[None])
        model["obs_cov", 0, 0] = panel.r
        model["transition"], model["selection"] = np.eye(k), np.eye(k)
        model["state_cov"] = panel.q * np.eye(k)
        model.initialize_known(np.zeros(k), np.eye(k))
        models.append(model)

    def run() -> Result:
        path = np.stack([model.filter().filtered_state.T for model in models], axis=1)
        return Result(path[-1], path if written else None, instrument_bars=ONE_BY_ONE * panel.bars)

    return run


def numba_mixture(panel: Panel) -> Run:
    from . import mixture

    def run() -> Result:
        means, variances = mixture.run(panel.design, panel.returns, s0=1.0, alpha_variance=1.0, beta_variance=1.0)
        return Result(means[-1].T, variance=variances[-1])

    return run


def builders(peer: str, threads: int) -> dict[str, Build]:
    """Return the jobs of a peer."""
    if peer == "numpy":
        return {
            FULL: partial(estimators.numpy_full, written=False),
            FULL_WRITTEN: partial(estimators.numpy_full, written=True),
            SHARED: partial(estimators.numpy_shared, learned=False),
            SHARED_WRITTEN: numpy_shared_written,
            LEARNED: partial(numpy_dlm, written=False),
            LEARNED_WRITTEN: partial(numpy_dlm, written=True),
        }
    if peer == "numba":
        jobs = {FULL: False, FULL_WRITTEN: True}
        found: dict[str, Build] = {
            job: partial(numba_full, threads=threads, written=written) for job, written in jobs.items()
        }
        for job in (SHARED, SHARED_WRITTEN, LEARNED, LEARNED_WRITTEN):
            learned, written = job in (LEARNED, LEARNED_WRITTEN), job in (SHARED_WRITTEN, LEARNED_WRITTEN)
            found[job] = partial(numba_shared, threads=threads, learned=learned, written=written)
        return found | {MIXTURE: numba_mixture}
    if peer == "JAX":
        jobs = {FULL: False, FULL_WRITTEN: True}
        found = {}
        for job, written in jobs.items():
            found[job] = partial(estimators.jax_full, written=written)
        for job in (SHARED, SHARED_WRITTEN, LEARNED, LEARNED_WRITTEN):
            learned, written = job in (LEARNED, LEARNED_WRITTEN), job in (SHARED_WRITTEN, LEARNED_WRITTEN)
            found[job] = partial(jax_shared, learned=learned, written=written)
        return found
    if peer == "pykalman":
        return {FULL_WRITTEN: estimators.pykalman_full}
    return {FULL: partial(statsmodels_full, written=False), FULL_WRITTEN: partial(statsmodels_full, written=True)}


def checked(build: Callable[[Panel], Run], expected: Result, small: Panel) -> None:
    """Raise unless a job agrees with the textbook on a small panel."""
    found = build(small)()
    for name in ("mean", "path", "variance"):
        value, reference = getattr(found, name), getattr(expected, name)
        if value is None:
            continue
        value = np.asarray(value)
        instruments = value.shape[1 if name == "path" else 0]
        reference = reference[:, :instruments] if name == "path" else reference[:instruments]
        worst = np.abs(value - reference).max()
        if not worst < TOLERANCE:
            raise ValueError(f"results differ: {name} is {worst:.1e} from the textbook")


def main() -> None:
    given = serve.argument()
    panel = estimators.stored_panel(Path(given["folder"]))
    # Not a multiple of the lanes of the numba kernels.
    small = estimators.random_panel(bars=80, instruments=70)
    fixed, dlm = estimators.textbook(small), textbook_dlm(small)
    fixed.variance = None

    def job(name: str, build: Callable[[Panel], Run]) -> serve.Job:
        ready: list[Run] = []

        def run() -> serve.Arrays:
            if not ready:
                # No textbook has the mixture: it is compared with betaflow's alone.
                if name != MIXTURE:
                    checked(build, dlm if name in (LEARNED, LEARNED_WRITTEN) else fixed, small)
                ready.append(build(panel))
            result = ready[0]()
            arrays = {"mean": np.asarray(result.mean)}
            return arrays if result.variance is None else arrays | {"variance": np.asarray(result.variance)}

        return run

    peer = given["peer"]
    jobs = {name: job(name, build) for name, build in builders(peer, int(given["threads"])).items()}
    packages = {"JAX": ("jax", "jaxlib"), "numba": ("numba", "numpy"), "pykalman": ("pykalman", "numpy")}
    serve.serve(jobs, packages.get(peer, (peer,)))


if __name__ == "__main__":
    main()
