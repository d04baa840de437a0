"""Writes tutorial.parquet, the default data of betaflow.

The prices come from the wheel of the PyPI package skfolio; the script downloads no data. Python 3.11 and

    pip install skfolio==1.12.2 pyarrow==26.0.1
    python make_tutorial.py            # writes tutorial.parquet beside this file
    python make_tutorial.py --check    # compares it instead, byte for byte

reproduce the file byte for byte. Another pyarrow writes its own version into the file
and may compress differently, so other versions are refused.
"""

import argparse
import hashlib
import io
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from skfolio.datasets import load_factors_dataset, load_sp500_dataset, load_sp500_index

VERSIONS = {"skfolio": "1.12.2", "pyarrow": "26.0.1"}
FIRST, LAST = "2014-01-02", "2022-12-28"  # the span of the factor ETFs
SIZE_MAX_BYTES = 700_000
OUT = Path(__file__).with_name("tutorial.parquet")


def prices() -> pd.DataFrame:
    """Return one row per day and one column per symbol, in byte order of the symbols."""
    names = load_sp500_dataset()
    etfs = load_factors_dataset()
    index = load_sp500_index().rename(columns={"SP500": "SPX"})
    wide = pd.concat([names, etfs, index], axis=1, join="outer").loc[FIRST:LAST]
    wide = wide[sorted(wide.columns)]
    assert wide.shape[1] == 26, wide.columns
    assert wide.index.is_monotonic_increasing and wide.index.is_unique
    assert wide.notna().all(axis=None), "a day without a price"
    assert (np.isfinite(wide) & (wide > 0)).all(axis=None), "a price that is not positive"
    return wide


def tidy(wide: pd.DataFrame) -> pa.Table:
    """Return one row per day and symbol, sorted by date, then symbol."""
    days, symbols = wide.shape
    dates = np.repeat(wide.index.to_numpy().astype("datetime64[D]"), symbols)
    schema = pa.schema(
        [
            pa.field("date", pa.date32(), nullable=False),
            pa.field("symbol", pa.string(), nullable=False),
            pa.field("close", pa.float64(), nullable=False),
        ]
    )
    columns = [
        pa.array(dates, pa.date32()),
        pa.array(list(wide.columns) * days, pa.string()),
        pa.array(wide.to_numpy(np.float64).ravel(), pa.float64()),
    ]
    return pa.table(columns, schema=schema)


def encode(table: pa.Table) -> bytes:
    """Encode the table. Plain doubles with zstd are the smallest here, 195 kB: prices of
    two or three decimals repeat as whole 8-byte words, which byte_stream_split (351 kB)
    separates and a dictionary (272 kB) must list."""
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression="zstd",
        compression_level=19,
        use_dictionary=["symbol"],
        column_encoding={"date": "DELTA_BINARY_PACKED", "close": "PLAIN"},
        row_group_size=table.num_rows,
        store_schema=False,
    )
    return out.getvalue()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare, do not write")
    check = arguments.parse_args().check
    for package, wanted in VERSIONS.items():
        if version(package) != wanted:
            sys.exit(f"{package} {version(package)} is installed, {wanted} is needed")

    table = tidy(prices())
    data = encode(table)
    assert len(data) < SIZE_MAX_BYTES, len(data)
    assert pq.read_table(io.BytesIO(data)).equals(table)
    digest = hashlib.sha256(data).hexdigest()
    print(f"{table.num_rows} rows, {len(data)} bytes, sha256 {digest}")
    if not check:
        OUT.write_bytes(data)
    elif OUT.read_bytes() != data:
        sys.exit(f"{OUT.name} is not what this script makes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
