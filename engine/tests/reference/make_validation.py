"""Generates validation.csv and trials.csv: folds of `skfolio` and `scikit-learn`, deflated Sharpe ratios of `skfolio`, and
the probability of backtest overfitting written out from the paper.

`engine/tests/suite/validation.rs` holds the validation module to these numbers. With Python 3.11:

    pip install skfolio==1.12.2 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
    python make_validation.py            # writes trials.csv and validation.csv beside this file
    python make_validation.py --check    # computes again and compares

The file trials.csv has the returns of a trial in each row. In validation.csv a row is a name, its arguments, and the
answer. Folds are written as train/test and joined by `|`; an index set is its runs `first-end`, the end not included, joined by `+`; the
test blocks of a combinatorial split, which skfolio keeps apart, are not joined to runs.
"""

import csv
import itertools
import math
import sys
from pathlib import Path

import numpy as np
from scipy import stats
from skfolio.measures import deflated_sharpe_ratio, expected_max_sharpe_ratio, probabilistic_sharpe_ratio
from skfolio.model_selection import CombinatorialPurgedCV, WalkForward
from sklearn.model_selection import KFold, TimeSeriesSplit

HERE = Path(__file__).parent


def runs(indices):
    indices = np.asarray(indices)
    if len(indices) == 0:
        return ""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    return "+".join(f"{run[0]}-{run[-1] + 1}" for run in np.split(indices, breaks))


def written(folds):
    return "|".join(f"{runs(train)}/{'+'.join(map(runs, tests))}" for train, tests in folds)


def walk_forward(n, train, test, embargo, expanding, keep_short):
    cv = WalkForward(
        test_size=test,
        train_size=train,
        purged_size=embargo,
        expand_train=bool(expanding),
        reduce_test=bool(keep_short),
    )
    return written((train, [test]) for train, test in cv.split(np.zeros((n, 1))))


def time_series_split(n, folds, embargo):
    cv = TimeSeriesSplit(n_splits=folds, gap=embargo)
    return written((train, [test]) for train, test in cv.split(np.zeros((n, 1))))


def purged_k_fold(n, folds, purge, embargo):
    """Blocks of scikit-learn, without the frames around each block (Lopez de Prado 2018, snippet 7.3)."""

    def split():
        for train, test in KFold(folds).split(np.zeros((n, 1))):
            near = (train >= test[0] - purge) & (train <= test[-1] + purge + embargo)
            yield train[~near], [test]

    return written(split())


def combinatorial(n, folds, tested, purge, embargo):
    cv = CombinatorialPurgedCV(n_folds=folds, n_test_folds=tested, purged_size=purge, embargo_size=embargo)
    return written(cv.split(np.zeros((n, 1))))


def paths(n, folds, tested):
    cv = CombinatorialPurgedCV(n_folds=folds, n_test_folds=tested)
    return "|".join("+".join(map(str, path)) for path in cv.recombined_paths.T)


def trials():
    random = np.random.default_rng(11)
    market = 0.0003 + 0.01 * random.standard_t(4, 203)
    columns = [0.3 * market + 0.008 * random.standard_t(5, 203) + 0.0004 * (i % 4 - 1) for i in range(9)]
    columns.append(columns[2])  # the same trial twice: equal ranks
    columns.append(np.zeros(203))  # no volatility
    return np.round(np.array(columns), 5)


def ratios(returns):
    """Sharpe ratio per frame of each trial, 0 without volatility."""
    deviation = returns.std(axis=1, ddof=1)
    return np.divide(returns.mean(axis=1), deviation, out=np.zeros(len(returns)), where=deviation > 0)


def overfitting(returns, s):
    """CSCV, Bailey, Borwein, Lopez de Prado & Zhu 2017, section 2.3, split by split from the raw returns."""
    n, t = returns.shape
    blocks = np.split(np.arange(t - t // s * s, t), s)
    logits, inside, outside = [], [], []
    for chosen in itertools.combinations(range(s), s // 2):
        first = np.concatenate([blocks[i] for i in chosen])
        second = np.concatenate([blocks[i] for i in range(s) if i not in chosen])
        is_ratios, oos_ratios = ratios(returns[:, first]), ratios(returns[:, second])
        best = int(np.argmax(is_ratios))
        # The order of np.sum does not matter: equal trials are bit-identical, so their ratios are equal.
        omega = stats.rankdata(oos_ratios)[best] / (n + 1)
        logits.append(math.log(omega / (1 - omega)) if omega != 0.5 else 0.0)
        inside.append(is_ratios[best])
        outside.append(oos_ratios[best])
    logits, outside = np.array(logits), np.array(outside)
    yield "probability", np.mean(logits <= 0)
    yield "splits", len(logits)
    yield "frames", t // s * s
    yield "mean", logits.mean()
    yield "deviation", logits.std()
    for percent in (5, 25, 50, 75, 95):
        yield f"percentile_{percent}", np.percentile(logits, percent)
    yield "probability_of_loss", np.mean(outside < 0)
    yield "mean_in_sample", np.mean(inside)
    yield "mean_out_of_sample", outside.mean()
    yield "degradation", stats.linregress(inside, outside).slope


def min_backtest_years(n, sharpe):
    """Bailey, Borwein, Lopez de Prado & Zhu 2014, theorem 3.1."""
    gamma = np.euler_gamma
    expected = (1 - gamma) * stats.norm.ppf(1 - 1 / n) + gamma * stats.norm.ppf(1 - 1 / (n * math.e))
    return (expected / sharpe) ** 2


def rows():
    cases = [
        (walk_forward, [(66, 10, 11, 2, 1, 0), (60, 20, 7, 3, 1, 1), (60, 20, 7, 3, 0, 0), (61, 13, 9, 0, 0, 1)]),
        (walk_forward, [(1000, 148, 166, 21, 1, 0), (40, 33, 7, 0, 1, 0), (40, 30, 11, 0, 1, 0)]),
        (time_series_split, [(66, 5, 2), (1003, 5, 21), (2520, 5, 21), (11, 10, 0), (17, 3, 1)]),
        (purged_k_fold, [(50, 5, 0, 0), (53, 5, 2, 3), (101, 10, 4, 5), (7, 2, 1, 0), (53, 5, 5, 4)]),
        (combinatorial, [(60, 6, 2, 0, 0), (60, 6, 2, 1, 2), (67, 6, 3, 2, 3), (103, 10, 8, 3, 4), (45, 3, 2, 7, 5)]),
        (paths, [(60, 6, 2), (60, 6, 3), (100, 10, 8), (30, 3, 2)]),
    ]
    for function, arguments in cases:
        for values in arguments:
            yield [function.__name__, " ".join(map(str, values)), function(*values)]
    returns = trials()
    known = ratios(returns)[:-1]
    for i, trial in enumerate(returns[:-1]):
        for count in (1, 2, 7, len(known)):
            yield ["deflated_sharpe", f"{i} {count}", repr(float(deflated_sharpe_ratio(trial, known[:count])))]
        for benchmark in (0.0, 0.05, -0.1):
            value = probabilistic_sharpe_ratio(trial, benchmark)
            yield ["probabilistic_sharpe", f"{i} {benchmark}", repr(float(value))]
    for count, deviation in [(1, 0.1), (2, 0.1), (1.5, 0.1), (200, 0.05), (1e6, 1.0), (10, 0.0)]:
        value = expected_max_sharpe_ratio(count, deviation)
        yield ["expected_best", f"{count} {deviation}", repr(float(value))]
    for count, sharpe in [(2, 1.0), (7, 1.0), (45, 1.0), (100, 2.0), (1000, 0.5)]:
        yield ["min_backtest_years", f"{count} {sharpe}", repr(float(min_backtest_years(count, sharpe)))]
    for count, s in [(11, 2), (11, 6), (11, 10), (8, 16), (2, 8)]:
        for name, value in overfitting(returns[:count], s):
            yield ["overfitting", f"{count} {s} {name}", repr(float(value))]


def same(old, new):
    if old == new:
        return True
    return old[:2] == new[:2] and math.isclose(float(old[2]), float(new[2]), rel_tol=1e-12, abs_tol=1e-15)


if __name__ == "__main__":
    made = list(rows())
    path = HERE / "validation.csv"
    if "--check" in sys.argv:
        with path.open() as file:
            kept = list(csv.reader(file))[1:]
        assert len(kept) == len(made)
        for old, new in zip(kept, made):
            assert same(old, new), (old, new)
    else:
        with (HERE / "trials.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([repr(float(r)) for r in trial] for trial in trials())
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["what", "arguments", "answer"])
            writer.writerows(made)
