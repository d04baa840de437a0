"""Writes pykalman.parquet: results of pykalman 0.11.2 on the tutorial data.

For EM it also writes the result of the same steps in extended precision (`exact_*`): pykalman's transition
covariance, a difference of large matrices, is off by up to 1e-3 after five steps.

    python connectors/tests/reference/make_pykalman.py

Needs pykalman, numpy and pyarrow. The file is long: `case, symbol, item, frame, values`, where `values`
is a vector or a row-major matrix, and `frame` is -1 for items without a frame.
"""

import pathlib
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pykalman import KalmanFilter

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
SYMBOLS = ["AAPL", "JPM", "XOM"]
FACTORS = [("SPX", None), ("MTUM", "SPX"), ("QUAL", "SPX"), ("SIZE", "SPX"), ("USMV", "SPX"), ("VLUE", "SPX")]
FRAMES = 600
# Frames whose moments are written, to keep the file small.
WRITTEN = [0, 1, 2, 3, 10, 50, 100, 200, 300, 400, 500, 598, 599]
EM_STEPS = 5


def returns():
    table = pq.read_table(HERE.parent.parent / "data" / "tutorial.parquet").to_pandas()
    prices = table.pivot(index="date", columns="symbol", values="close")
    simple = prices.to_numpy()[1 : FRAMES + 1] / prices.to_numpy()[:FRAMES] - 1.0
    column = {symbol: simple[:, at] for at, symbol in enumerate(prices.columns)}
    factors = [column[a] if b is None else column[a] - column[b] for a, b in FACTORS]
    return np.column_stack(factors), {symbol: column[symbol] for symbol in SYMBOLS}


def cases(k):
    eye = np.eye(k)
    market = np.zeros(k)
    market[1] = 1.0
    realistic = (eye, 1e-5 * eye, 2e-4, market, eye)
    moving = 0.99 * eye
    moving[2, 1] = 0.01
    moving[0, 3] = -0.005
    full = 1e-5 * (eye + 0.3 * (np.ones((k, k)) - eye))
    each = {
        symbol: (eye, (1 + at) * 5e-6 * np.diag(1.0 + np.arange(k)), 1e-4 * (1 + at), market, eye)
        for at, symbol in enumerate(SYMBOLS)
    }
    return {
        "standard": lambda symbol: (eye, eye, 1.0, np.zeros(k), eye),
        "realistic": lambda symbol: realistic,
        "moving": lambda symbol: (moving, full, 2e-4, market, 0.5 * eye),
        "each": lambda symbol: each[symbol],
    }


def exact_em(y, missing, design, transition, q, r, mean, covariance):
    """Run EM by smoothed disturbances (Koopman 1993) in extended precision."""
    wide = np.longdouble
    f, q, m, p = (np.asarray(value, dtype=wide) for value in (transition, q, mean, covariance))
    r, y, design = wide(r), y.astype(wide), design.astype(wide)
    k, frames = len(m), len(y)
    for _ in range(EM_STEPS):
        prior = []
        for t in range(frames):
            a, c = (m, p) if t == 0 else (f @ a, f @ c @ f.T + q)
            prior.append((a, c))
            if not missing[t]:
                x = design[t]
                cx = c @ x
                gain = cx / (x @ cx + r)
                a, c = a + gain * (y[t] - x @ a), c - np.outer(gain, cx)
                c = (c + c.T) / 2
        score, information = np.zeros(k, dtype=wide), np.zeros((k, k), dtype=wide)
        moved, scattered = np.zeros((k, k), dtype=wide), wide(0)
        for t in reversed(range(frames)):
            if t < frames - 1:
                moved = moved + np.outer(score, score) - information
                score, information = f.T @ score, f.T @ information @ f
            if not missing[t]:
                x, (a, c) = design[t], prior[t]
                cx = c @ x
                variance = x @ cx + r
                gain = cx / variance
                u = (y[t] - x @ a) / variance - gain @ score
                scattered += u * u - (1 / variance + gain @ information @ gain)
                score = score + x * u
                left = np.eye(k, dtype=wide) - np.outer(gain, x)
                information = np.outer(x, x) / variance + left.T @ information @ left
        q, r = q + q @ moved @ q / (frames - 1), r + r * r * scattered / np.sum(~missing)
        m, p = m + p @ score, p - p @ information @ p
    return q, [r], m, p


def main():
    factors, columns = returns()
    design = np.column_stack([np.ones(FRAMES), factors])
    random = np.random.default_rng(20140102)
    masks = {symbol: random.random(FRAMES) < 0.2 for symbol in SYMBOLS}
    # One instrument starts with missing frames; its state evolves through them.
    masks["JPM"][:5] = True
    rows = []

    def write(case, symbol, item, frame, values):
        rows.append((case, symbol, item, frame, np.asarray(values, dtype=float).ravel().tolist()))

    for symbol in SYMBOLS:
        write("data", symbol, "missing", -1, masks[symbol])
    for case, parameters in cases(design.shape[1]).items():
        for symbol in SYMBOLS:
            transition, q, r, mean, covariance = parameters(symbol)
            model = KalmanFilter(
                transition_matrices=transition,
                observation_matrices=design[:, None, :],
                transition_covariance=q,
                observation_covariance=np.array([[r]]),
                initial_state_mean=mean,
                initial_state_covariance=covariance,
            )
            y = np.ma.array(columns[symbol][:, None], mask=masks[symbol][:, None])
            for name, value in [("transition", transition), ("transition_covariance", q),
                                ("observation_variance", [r]), ("initial_mean", mean),
                                ("initial_covariance", covariance)]:
                write(case, symbol, name, -1, value)
            filtered = model.filter(y)
            smoothed = model.smooth(y)
            for frame in WRITTEN:
                write(case, symbol, "filtered_mean", frame, filtered[0][frame])
                write(case, symbol, "filtered_covariance", frame, filtered[1][frame])
                write(case, symbol, "smoothed_mean", frame, smoothed[0][frame])
                write(case, symbol, "smoothed_covariance", frame, smoothed[1][frame])
            write(case, symbol, "log_likelihood", -1, [model.loglikelihood(y)])
            model.em(y, n_iter=EM_STEPS)
            write(case, symbol, "em_transition_covariance", -1, model.transition_covariance)
            write(case, symbol, "em_observation_variance", -1, model.observation_covariance)
            write(case, symbol, "em_initial_mean", -1, model.initial_state_mean)
            write(case, symbol, "em_initial_covariance", -1, model.initial_state_covariance)
            write(case, symbol, "em_log_likelihood", -1, [model.loglikelihood(y)])
            exact = exact_em(columns[symbol], masks[symbol], design, transition, q, r, mean, covariance)
            for name, value in zip(["transition_covariance", "observation_variance", "initial_mean",
                                    "initial_covariance"], exact):
                write(case, symbol, "exact_" + name, -1, value)
    names = ["case", "symbol", "item", "frame", "values"]
    types = [pa.string(), pa.string(), pa.string(), pa.int64(), pa.list_(pa.float64())]
    columns = [pa.array(column, type) for column, type in zip(zip(*rows), types)]
    pq.write_table(pa.table(columns, names=names), HERE / "pykalman.parquet", compression="zstd")


main()
