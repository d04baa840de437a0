#!/usr/bin/env bash
# Makes report.png, the picture in README.md: the first screen of the report on the embedded data.
# Needs Chromium. BETAFLOW names a built program; without it, cargo builds one.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
if [ -n "${BETAFLOW:-}" ]; then
  "$BETAFLOW" replay --out "$folder/run"
else
  cargo run --release -- replay --out "$folder/run"
fi

# Chromium refuses its sandbox to root. Virtual time lets all figures be drawn before the picture is taken.
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,1000 --virtual-time-budget=10000 \
  --user-data-dir="$folder/browser" --screenshot="$folder/report.png" "file://$folder/run/report.html"
size="$(wc -c < "$folder/report.png")"
if [ "$size" -gt 300000 ]; then
  echo "the picture has $size bytes, at most 300000 are allowed" >&2
  exit 1
fi
mv "$folder/report.png" replay/assets/report.png
