#!/usr/bin/env python3
"""Writes `mutated/`: one panel by several writers, in all encodings and codecs; `tests/mutated.rs` mutates these files."""

import pathlib

import duckdb
import fastparquet
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent / "mutated"
DAYS = 24
NAMES = ["AAPL", "B", "BRK.B", "MSFT"]


def panel():
    rng = np.random.default_rng(23)
    dates = np.repeat(pd.date_range("2024-01-02", periods=DAYS).values.astype("datetime64[us]"), len(NAMES))
    rows = len(dates)
    close = np.round(100 * np.exp(np.cumsum(0.01 * rng.standard_normal(rows))), 2)
    close[[7, 31, 50]] = np.nan
    volume = pd.array([None if i % 7 == 0 else int(i) * 100 for i in range(rows)], dtype="Int64")
    return pd.DataFrame({"date": dates, "symbol": NAMES * DAYS, "close": close, "volume": volume})


def arrow(table, name, **options):
    options = {"row_group_size": 40, "data_page_size": 120, "write_batch_size": 16, **options}
    pq.write_table(table, HERE / f"pyarrow_{name}.parquet", **options)


def main():
    HERE.mkdir(exist_ok=True)
    frame = panel()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    days = table.set_column(0, "date", table["date"].cast(pa.date32()))
    delta = {"date": "DELTA_BINARY_PACKED", "symbol": "DELTA_BYTE_ARRAY", "volume": "DELTA_BINARY_PACKED"}
    lengths = {"date": "DELTA_BINARY_PACKED", "symbol": "DELTA_LENGTH_BYTE_ARRAY", "close": "BYTE_STREAM_SPLIT"}
    arrow(table, "dictionary", compression="none", write_page_checksum=True, write_page_index=True)
    arrow(days, "days", compression="none", use_dictionary=["symbol"])
    arrow(table, "plain_2", compression="none", use_dictionary=False, data_page_version="2.0")
    arrow(table, "delta", compression="none", use_dictionary=False, column_encoding=delta)
    arrow(table, "delta_2", compression="zstd", use_dictionary=False, column_encoding=delta, data_page_version="2.0")
    arrow(table, "split", compression="snappy", use_dictionary=False, column_encoding=lengths)
    arrow(table, "snappy_2", compression="snappy", data_page_version="2.0", write_page_checksum=True)
    arrow(table, "int96", compression="zstd", use_deprecated_int96_timestamps=True)
    for codec in ["gzip", "brotli", "lz4"]:
        arrow(table, codec, compression=codec)
    small = table.set_column(2, "close", table["close"].cast(pa.float32()))
    small = small.set_column(3, "volume", table["volume"].cast(pa.int32()))
    arrow(small, "narrow", compression="none", use_dictionary=False)
    whole = table.set_column(2, "close", pc_fill(table["close"]).cast(pa.decimal128(12, 2)))
    arrow(whole, "decimal", compression="none", store_decimal_as_integer=False)
    nested = table.append_column("tags", pa.array([["a", "b"], None, []] * (len(frame) // 3)))
    nested = nested.append_column("quote", pa.array([{"bid": 1.0, "ask": None}] * len(frame)))
    arrow(nested, "nested", compression="zstd", bloom_filter_options={"symbol": True})
    pl.from_pandas(frame).write_parquet(HERE / "polars_zstd.parquet", row_group_size=40, data_page_size=120)
    pl.from_pandas(frame).write_parquet(HERE / "polars_none.parquet", compression="uncompressed", row_group_size=40)
    duckdb.register("panel", table)
    for codec in ["snappy", "zstd", "uncompressed"]:
        target = HERE / f"duckdb_{codec}.parquet"
        duckdb.sql(f"COPY panel TO '{target}' (FORMAT parquet, COMPRESSION {codec}, ROW_GROUP_SIZE 2048)")
    fastparquet.write(str(HERE / "fastparquet.parquet"), frame, row_group_offsets=40, compression="SNAPPY")


def pc_fill(column):
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(column), 1.0, column)


if __name__ == "__main__":
    main()
