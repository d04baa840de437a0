"""Portfolio of the largest Sharpe ratio by scipy's SLSQP from equal weights, the usual way in notebooks.

    python max_sharpe.py returns.f64 INSTRUMENTS

Reads periods x instruments as little-endian doubles and prints a line of JSON: seconds, ratio, largest weight.
"""

import json
import sys
import time

import numpy as np
from scipy.optimize import minimize


def main():
    n = int(sys.argv[2])
    returns = 100 * np.fromfile(sys.argv[1], dtype="<f8").reshape(-1, n)

    def objective(w):
        book = returns @ w
        return -book.mean() / book.std()

    start = time.perf_counter()
    found = minimize(
        objective,
        np.full(n, 1 / n),
        method="SLSQP",
        bounds=[(0, 0.1)] * n,
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1}],
        options={"ftol": 1e-14, "maxiter": 10_000},
    )
    print(json.dumps({"seconds": time.perf_counter() - start, "sharpe": -found.fun, "iterations": int(found.nit)}))


if __name__ == "__main__":
    main()
