#!/usr/bin/env python3
"""Compares digests and tables of runs on several processors, most of them emulated by qemu-user.

    .ci/jobs/processors.py --program target/release/betaflow [--aarch64 PROGRAM] [--quick]

Each run has to give the same digest and the same bytes of every Parquet table on each processor. The table at the end
names the processors that were run and those that could not be. With `--quick` only the tutorial is run, on an x86-64
processor without AVX. Needs Python 3.11 and Debian's qemu-user.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import paper

TUTORIAL = "619432b84b3fc64a71723f954b144b2c56d8c51b550875850b57e6660b624065"
#: Emulated processors: name, what it has, emulator, and the program that it runs.
EMULATED = [
    ("Nehalem", "x86-64-v2, without AVX", ["qemu-x86_64", "-cpu", "Nehalem"], "program"),
    ("SandyBridge", "AVX without AVX2", ["qemu-x86_64", "-cpu", "SandyBridge"], "program"),
    ("Haswell", "AVX2 and FMA", ["qemu-x86_64", "-cpu", "Haswell"], "program"),
    ("EPYC-Rome", "AVX2, FMA and SHA", ["qemu-x86_64", "-cpu", "EPYC-Rome"], "program"),
    ("cortex-a53", "aarch64, NEON", ["qemu-aarch64", "-cpu", "cortex-a53", "-L", "/usr/aarch64-linux-gnu"], "aarch64"),
    ("max", "aarch64, all of qemu", ["qemu-aarch64", "-cpu", "max", "-L", "/usr/aarch64-linux-gnu"], "aarch64"),
]
MARKET = ["--prices", "prices.csv", "--factors", "factors.csv", "--set", "estimator.warmup=60"]
#: Arguments of `replay`, by name.
RUNS = {
    "tutorial": [],
    "dlm": ["--set", "estimator.kind=dlm", "--set", "strategy.kind=residual_reversal"],
    "fixed": [
        *("--set", "estimator.kind=fixed", "--set", "estimator.observation_variance=1e-4"),
        *("--set", "estimator.transition_variance=1e-5"),
    ],
    "returns": ["--set", "strategy.kind=max_sharpe", "--set", "strategy.from=returns"],
    "market": [
        *MARKET,
        *("--set", "data.renames=renames.csv", "--set", "universe.membership=membership.csv"),
        *("--set", "sizing.weight_min=-0.02", "--set", "execution.impact_coefficient=0.5"),
    ],
    "forecasts": [*MARKET, "--forecasts", "forecasts.csv", "--set", "strategy.unit=zscore"],
}


def result(folder: Path, command: list[str], name: str) -> tuple[str, str]:
    """Return the digest of a run, and the hash of its tables."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    ended = subprocess.run(
        [*command, "replay", *RUNS[name], "--no-report", "--out", "run"], cwd=folder, capture_output=True, text=True
    )
    tables = hashlib.sha256()
    for table in sorted((folder / "run").glob("*.parquet")):
        tables.update(table.name.encode() + table.read_bytes())
    found = paper.digest(ended.stdout)
    if not found:
        sys.exit(f"{' '.join(command)}, {name}: no digest\n{ended.stdout}{ended.stderr}")
    return found, tables.hexdigest()


def kernels(command: list[str]) -> str:
    """Return the instruction set in use."""
    shown = subprocess.run([*command, "--version", "--verbose"], capture_output=True, text=True).stdout
    line = next((line for line in shown.splitlines() if "in use" in line), "unknown")
    return re.sub(r"\s+", " ", line).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/betaflow", help="the program for x86-64")
    parser.add_argument("--aarch64", help="the program for aarch64")
    parser.add_argument("--folder", default="target/long/processors", help="folder that is made for the runs")
    parser.add_argument("--quick", action="store_true", help="the tutorial on a processor without AVX alone")
    plan = parser.parse_args()
    folder = Path(plan.folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    programs = {"program": str(Path(plan.program).resolve())}
    if plan.aarch64:
        programs["aarch64"] = str(Path(plan.aarch64).resolve())
    if plan.quick:
        found = result(folder, [*EMULATED[0][2], programs["program"]], "tutorial")[0]
        print(f"digest without AVX: {found}")
        sys.exit(found != TUTORIAL)
    paper.market(folder, 400, 3)
    paper.forecasts(folder / "forecasts.csv", 0, 400, 3)
    expected: dict[str, tuple[str, str]] = {}
    skipped, differing = [], []
    native = [("this processor", "all that it has", [], "program")]
    for name, about, emulator, program in native + EMULATED:
        if program not in programs or emulator and not shutil.which(emulator[0]):
            skipped.append(f"{name} ({about}): no {'emulator' if program in programs else 'program'}")
            continue
        command = [*emulator, programs[program]]
        print(f"{name} ({about}): {kernels(command)}", flush=True)
        for run in RUNS:
            started = time.monotonic()
            found = result(folder, command, run)
            same = found == expected.setdefault(run, found)
            print(f"  {run:10} {found[0]} tables {found[1][:16]} {time.monotonic() - started:6.1f} s", flush=True)
            if not same:
                differing.append(f"{run} on {name}: digest and tables {found}, expected {expected[run]}")
    if expected["tutorial"][0] != TUTORIAL:
        differing.append(f"tutorial: digest {expected['tutorial'][0]}, expected {TUTORIAL}")
    print("\n".join(f"NOT RUN: {what}" for what in skipped))
    print("\n".join(differing) or "passed: all digests and tables are equal")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
