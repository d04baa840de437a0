#!/usr/bin/env python3
"""Writes `codecs/`: a small panel with every codec of the Python writers, and encrypted copies.

These files test the readers of Brotli and Hadoop's LZ4, which the writer of this project does not support.
"""

import pathlib

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

HERE = pathlib.Path(__file__).parent / "codecs"
ROWS = 40


def panel():
    rng = np.random.default_rng(7)
    dates = np.repeat(pd.date_range("2024-01-01", periods=ROWS).values.astype("datetime64[us]"), 2)
    close = np.round(100 * np.exp(np.cumsum(0.01 * rng.standard_normal(2 * ROWS))), 2)
    volume = pd.array([None if i % 7 == 0 else int(i) for i in range(2 * ROWS)], dtype="Int64")
    return pd.DataFrame({"date": dates, "symbol": ["A", "B"] * ROWS, "close": close, "volume": volume})


class Keys(pe.KmsClient):
    def __init__(self, _):
        super().__init__()

    def wrap_key(self, key, _):
        return key.hex()

    def unwrap_key(self, key, _):
        return bytes.fromhex(key)


def main():
    HERE.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(panel(), preserve_index=False)
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        for version in ["1.0", "2.0"]:
            path = HERE / f"pyarrow_{codec}_{version[0]}.parquet"
            pq.write_table(
                table, path, compression=codec, data_page_version=version, row_group_size=30, write_page_checksum=True
            )
    for codec in ["gzip", "brotli", "lz4"]:
        pl.from_pandas(panel()).write_parquet(HERE / f"polars_{codec}.parquet", compression=codec)
    for plaintext in [False, True]:
        settings = pe.EncryptionConfiguration(
            footer_key="k", column_keys={"k": ["close"]}, plaintext_footer=plaintext, double_wrapping=False
        )
        factory = pe.CryptoFactory(Keys)
        properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), settings)
        name = "encrypted_plain_footer" if plaintext else "encrypted"
        with pq.ParquetWriter(HERE / f"{name}.parquet", table.schema, encryption_properties=properties) as writer:
            writer.write_table(table)


if __name__ == "__main__":
    main()
