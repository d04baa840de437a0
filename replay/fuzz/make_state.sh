#!/usr/bin/env bash
# Makes the state database of the fuzz corpora again, after a change of its schema: a paper run on a feed of 18 frames.
# Usage: replay/fuzz/make_state.sh PROGRAM; `target/debug/betaflow` after `cargo build --workspace`. Needs Python 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
program="$(realpath "${1:?path of the program}")"
corpus=connectors/fuzz/corpus
folder="$(mktemp -d)"
trap 'kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT

"$program" serve --listen 127.0.0.1:4190 --prices "$corpus/parquet_prices/tidy.parquet" \
  --factors "$corpus/parquet_factors/factors.parquet" > /dev/null &
server=$!
"$program" paper --url ws://127.0.0.1:4190 --state "$folder/state" --set estimator.warmup=4 > /dev/null
# A small file: pages of 512 bytes, without a log of its own.
python3 - "$folder/state/state.db" "$folder/paper.db" << 'PYTHON'
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = DELETE")
connection.execute("PRAGMA page_size = 512")
connection.execute(f"VACUUM INTO '{sys.argv[2]}'")
PYTHON
cp "$folder/paper.db" "$corpus/state_database/paper.db"
cp "$folder/paper.db" replay/fuzz/corpus/state_command/paper.db
