"""Online filter of betaflow and pykalman on the same data, on one core, in float64.

    pip install betaflow pykalman
    python online.py                  # one line of JSON

The model is pykalman's with one observation a bar: r_it = x_t'θ_it + ε_it with x_t = (1, f_t), θ_t = θ_{t-1}
+ ω_t, Var ε = r, Var ω = q I, θ_1 ~ N(0, I), for 500 instruments and 6 factors over 1,000 bars; one return in
a hundred is missing. pykalman filters an instrument at a time: its batch is measured on two of them, and
counted 250 times; its step is `filter_update` of all 500. Both must agree to 1e-10. Times are processor time,
the least of the repeats.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

# Set before the imports: numpy reads these variables once.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

try:
    import numpy as np
    import pykalman

    from betaflow.online import Fixed
except ImportError as error:
    sys.exit(f"{error}: pip install betaflow pykalman")

INSTRUMENTS, FACTORS, BARS, MEASURED = 500, 6, 1_000, 2
Q, R = 1e-4, 1.0
REPEATS = 5


def seconds(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """Least processor time of a run."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def fixed() -> Fixed:
    """Filter of betaflow, with the parameters of pykalman."""
    m = FACTORS + 1
    return Fixed(
        FACTORS,
        transition_covariance=Q * np.eye(m),
        observation_variance=R,
        initial_mean=np.zeros(m),
        initial_covariance=np.eye(m),
        first_frame="listing",
    )


def measure(instruments: int = INSTRUMENTS, bars: int = BARS, repeats: int = REPEATS) -> dict[str, Any]:
    """Measure both, check that they agree, and return seconds and ratios."""
    random = np.random.default_rng(7)
    m = FACTORS + 1
    f = random.normal(size=(bars, FACTORS))
    r = f @ random.normal(size=(FACTORS, instruments)) + random.normal(size=(bars, instruments))
    r[random.random(r.shape) < 0.01] = np.nan
    design = np.column_stack([np.ones(bars), f])[:, None, :]
    kalman = pykalman.KalmanFilter(
        transition_matrices=np.eye(m),
        observation_matrices=design,
        transition_covariance=Q * np.eye(m),
        observation_covariance=[[R]],
        initial_state_mean=np.zeros(m),
        initial_state_covariance=np.eye(m),
    )
    filtered = fixed().filter(f, r, columns=["alpha", "betas"])
    masked = np.ma.masked_invalid(r)
    for i in range(MEASURED):
        means, _ = kalman.filter(masked[:, i])
        found = np.column_stack([filtered.alpha[:, i], filtered.betas[:, i]])
        assert np.allclose(found, means, rtol=1e-10, atol=1e-10), "both filters agree"

    ours = seconds(lambda: fixed().filter(f, r, columns=["alpha", "betas"]), repeats)
    ours_all = seconds(lambda: fixed().filter(f, r), repeats)
    of_two = seconds(lambda: [kalman.filter(masked[:, i]) for i in range(MEASURED)], min(repeats, 2))
    batch = of_two * instruments / MEASURED

    stepped = fixed()
    steps = bars - 1
    stepped.step(f[0], r[0])

    def all_steps() -> None:
        for t in range(1, bars):
            stepped.step(f[t], r[t])

    our_step = seconds(all_steps, repeats) / steps
    mean, covariance = np.zeros(m), np.eye(m)

    def update() -> None:
        for i in range(instruments):
            kalman.filter_update(mean, covariance, masked[1, i], observation_matrix=design[1])

    their_step = seconds(update, min(repeats, 3))
    return {
        "instruments": instruments,
        "bars": bars,
        "batch_seconds": ours,
        "batch_seconds_all_columns": ours_all,
        "pykalman_batch_seconds": batch,
        "batch_ratio": batch / ours,
        "step_seconds": our_step,
        "pykalman_step_seconds": their_step,
        "step_ratio": their_step / our_step,
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
