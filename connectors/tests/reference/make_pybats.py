"""Writes pybats.parquet: results of the Python package pybats on the tutorial data.

`connectors/tests/suite/pybats.rs` compares the discount-factor filter with them. With Python 3.11:

    pip install -r requirements.txt
    python make_pybats.py            # writes pybats.parquet beside this file
    python make_pybats.py --check    # recomputes and compares, to 1e-12

One row per case and bar; `bar` counts returns from 0:

| column | quantity in pybats |
|---|---|
| `case`, `symbol`, `bar` | |
| `deltrend`, `delregn`, `delvar` | discount factors of alpha, betas, and the variance |
| `alpha_var`, `beta_var`, `s0`, `n0` | the prior: R0 = diag(alpha_var, beta_var, ...), a0 = (0, 1, 0, ...) |
| `missing` | whether `update` received y = None |
| `forecast`, `forecast_scale`, `forecast_dof` | F'a, F'RF + s and n before `update` |
| `s`, `n` | `s` and `n` after `update` (pybats has then discounted n) |
| `m0` ... `m6` | `m` after `update`: alpha, then the betas in the order of the tutorial's factors |
| `r00`, `r01` ... `r66` | `R` after `update`: the covariance before the next bar. Upper triangle, on every 20th bar, else null |

Conventions of pybats 0.0.5 (`pybats/update.py`, `update_dlm`), under which the filter is compared:

* R0 is the prior of the first bar, without discounting before the first update.
* After an update, R = C + blockdiag((1 - d)/d C_b) for the next bar; the covariance between trend and
  regression is not discounted.
* n is discounted after the update, n = delVar (n + 1), so that the next forecast has that many degrees of
  freedom: the same sequence as discounting before each update except the first.
* C is rescaled by s/s_before on every bar.
* A missing bar leaves m, R, s and n unchanged, without discounting.
"""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pybats.dglm import dlm

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "data" / "tutorial.parquet"
OUT = HERE / "pybats.parquet"
VERSIONS = {"pybats": "0.0.5", "numpy": "2.4.6", "pyarrow": "26.0.1"}

# As in connectors/src/tutorial.rs.
FACTORS = [("SPX", None), ("MTUM", "SPX"), ("QUAL", "SPX"), ("SIZE", "SPX"), ("USMV", "SPX"), ("VLUE", "SPX")]
K = 1 + len(FACTORS)
BARS = 600
COVARIANCE_EVERY = 20


def nothing_missing(bar: np.ndarray) -> np.ndarray:
    return np.zeros(bar.shape, bool)


def holes(bar: np.ndarray) -> np.ndarray:
    """Return the missing bars: a late listing, a halt of two months, and single bars throughout."""
    return (bar < 7) | ((bar >= 200) & (bar < 240)) | (bar * 7 % 23 == 3)


# case: symbol, deltrend, delregn, delVar, alpha_var, beta_var, s0, n0, mask of missing bars
CASES = {
    "slow": ("AAPL", 1.0, 0.995, 0.97, 2e-7, 1.0, 2e-4, 10.0, nothing_missing),
    "fast, every block": ("XOM", 0.999, 0.98, 0.95, 2e-6, 0.25, 1e-4, 4.0, nothing_missing),
    "fast, holes": ("GE", 0.999, 0.98, 0.95, 2e-6, 0.25, 1e-4, 4.0, holes),
    "static, holes": ("KO", 1.0, 1.0, 1.0, 2e-7, 1.0, 2e-4, 10.0, holes),
}


def returns() -> dict[str, np.ndarray]:
    """Return the simple returns of every symbol, from the second day on."""
    table = pq.read_table(DATA).to_pandas()
    wide = table.pivot(index="date", columns="symbol", values="close")
    return {symbol: (p[1:] / p[:-1] - 1.0) for symbol, p in ((s, wide[s].to_numpy()) for s in wide.columns)}


def run(name: str, panel: dict[str, np.ndarray]) -> pa.Table:
    symbol, deltrend, delregn, delvar, alpha_var, beta_var, s0, n0, mask = CASES[name]
    factors = np.column_stack([panel[long] - (panel[short] if short else 0.0) for long, short in FACTORS])
    bars = np.arange(BARS)
    missing = mask(bars)
    model = dlm(
        a0=np.array([0.0, 1.0] + [0.0] * (K - 2)),
        R0=np.diag([alpha_var] + [beta_var] * (K - 1)),
        ntrend=1,
        nregn=K - 1,
        deltrend=deltrend,
        delregn=delregn,
        delVar=delvar,
        n0=n0,
        s0=s0,
    )
    rows = []
    for bar in bars:
        design = np.concatenate([[1.0], factors[bar]]).reshape(-1, 1)
        forecast, scale = model.get_mean_and_var(design, model.a, model.R)
        before = [forecast.item(), scale.item(), float(model.n)]
        model.update(y=None if missing[bar] else panel[symbol][bar], X=factors[bar])
        kept = bar % COVARIANCE_EVERY == COVARIANCE_EVERY - 1
        upper = [model.R[i, j] if kept else None for i in range(K) for j in range(i, K)]
        rows.append([*before, np.ravel(model.s)[0], float(model.n), *np.ravel(model.m), *upper])
    constants = {"deltrend": deltrend, "delregn": delregn, "delvar": delvar}
    constants |= {"alpha_var": alpha_var, "beta_var": beta_var, "s0": s0, "n0": n0}
    numbers = ["forecast", "forecast_scale", "forecast_dof", "s", "n"] + [f"m{j}" for j in range(K)]
    numbers += [f"r{i}{j}" for i in range(K) for j in range(i, K)]
    columns = {"case": pa.array([name] * BARS), "symbol": pa.array([symbol] * BARS), "bar": pa.array(bars)}
    columns |= {key: pa.array([value] * BARS, pa.float64()) for key, value in constants.items()}
    columns["missing"] = pa.array(missing)
    columns |= {key: pa.array(values, pa.float64()) for key, values in zip(numbers, zip(*rows))}
    return pa.table(columns)


def worst_difference(found: pa.Table, stored: pa.Table) -> float:
    """Return the largest difference, relative to the column's largest value."""
    worst = 0.0
    for name in found.column_names:
        a, b = found[name], stored[name]
        if not pa.types.is_floating(a.type):
            if not a.equals(b):
                return np.inf
            continue
        a, b = (column.to_numpy(zero_copy_only=False).astype(float) for column in (a, b))
        worst = max(worst, np.nanmax(np.abs(a - b)) / np.nanmax(np.abs(a)))
    return worst


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare, do not write")
    check = arguments.parse_args().check
    for package, wanted in VERSIONS.items():
        if version(package) != wanted:
            sys.exit(f"{package} {version(package)} is installed, {wanted} is needed")
    panel = returns()
    table = pa.concat_tables([run(name, panel) for name in CASES])
    if check:
        worst = worst_difference(table, pq.read_table(OUT))
        if worst > 1e-12:
            sys.exit(f"{OUT.name} differs by {worst:.1e}")
        print(f"equal to {worst:.1e}")
        return
    # The doubles of a filter are incompressible; constant or missing columns take no space.
    dictionary = ["case", "symbol", "deltrend", "delregn", "delvar", "alpha_var", "beta_var", "s0", "n0"]
    pq.write_table(table, OUT, compression="zstd", use_dictionary=dictionary, store_schema=False)
    print(f"{table.num_rows} rows, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
