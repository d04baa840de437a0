#!/usr/bin/env python3
"""Reads each file `N.parquet` of a folder with pyarrow: writes the columns of bars as `N.plain.parquet`, or the refusal as
`N.refused`. `tests/mutated.rs` compares them with its own frames."""

import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ["date", "symbol", "close", "volume"]


def main():
    folder, read, refused = pathlib.Path(sys.argv[1]), 0, 0
    for path in sorted(folder.glob("*.parquet")):
        if path.stem.endswith(".plain"):
            continue
        try:
            file = pq.ParquetFile(path, page_checksum_verification=True)
            table = file.read([name for name in COLUMNS if name in file.schema_arrow.names], use_threads=False)
            table.validate(full=True)
            table = pa.table(dict(zip(table.column_names, table.columns)))
            pq.write_table(table, folder / f"{path.stem}.plain.parquet", compression="none", use_dictionary=False)
            read += 1
        except Exception as error:
            (folder / f"{path.stem}.refused").write_text(f"{type(error).__name__}: {error}")
            refused += 1
    print(f"pyarrow reads {read} and refuses {refused} of the accepted files")


if __name__ == "__main__":
    main()
