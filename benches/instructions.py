#!/usr/bin/env python3
"""Counts the instructions of the benchmarks in `benches/instructions.rs` and compares them with a baseline.

    benches/instructions.py                   compare with benches/instructions.toml; fails above +3 %
    benches/instructions.py --profile dev     the same for the build of the tests, as in `.ci/run`
    benches/instructions.py --write           write a new baseline of this profile

A count depends on the compiler, on valgrind and on the C library (memory, copies), so the baseline has their versions.
Where one differs, the counts are not comparable: the check fails, and says so. Valgrind has no AVX-512, so the kernels
that are counted are those of x86-64-v3. Needs Python 3.11, cargo and valgrind.

Two runs give the same counts, except for `record_frame`: the hash maps of the Parquet writer are seeded at random, which moves
it by up to 0.3 %.

Callgrind is run directly. The runner of gungraun does the same behind 200 s of compilation on each new machine.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "benches" / "instructions.toml"
COMMAND = "benches/instructions.py --profile {} --write"
#: Cargo command of each profile, which builds the benchmark program with what that profile has compiled already: the crates of
#: the wheel, or all of the tests.
BUILDS = {
    "release": ["cargo", "bench", "--package", "betaflow-benches", "--package", "betaflow-python"],
    "dev": ["cargo", "test", "--workspace"],
}
#: Settings of a build on which the counts depend: those of `.ci/run`.
SETTINGS = {
    "release": {},
    "dev": {"CARGO_INCREMENTAL": "0", "CARGO_PROFILE_DEV_CODEGEN_UNITS": "1"},
}
#: Function of the benchmark program inside which instructions are counted.
COUNTED = "*instructions*counted*"
KERNELS = "x86-64-v3"
ALLOWED = 0.03
BENCHMARKS = (
    "mixture_step_and_write",
    "dlm_step",
    "solve_rebalance",
    "execute_frame",
    "parse_trade",
    "record_frame",
)
#: Environment of a counted program: its size moves the stack, and settings of the C library change its paths.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


def output(command: list[str], **options) -> str:
    """Return the standard output of a command, or end with its error."""
    ended = subprocess.run(command, capture_output=True, text=True, **options)
    if ended.returncode:
        sys.exit(f"{' '.join(command)}: failed\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def versions() -> dict[str, str]:
    """Return the versions on which counts depend."""
    return {
        "rustc": output(["rustc", "--version"], cwd=ROOT).strip(),
        "valgrind": output(["valgrind", "--version"]).strip(),
        "libc": " ".join(platform.libc_ver()),
    }


def build(profile: str) -> str:
    """Build the benchmark program in a profile; return its path."""
    command = [*BUILDS[profile], "--locked", "--quiet", "--bench", "instructions", "--no-run"]
    messages = output([*command, "--message-format=json"], cwd=ROOT, env=os.environ | SETTINGS[profile]).splitlines()
    built = [json.loads(message) for message in messages if message.startswith("{")]
    programs = [
        message["executable"]
        for message in built
        if message.get("executable") and message["target"]["name"] == "instructions"
    ]
    return programs[-1]


def count(program: str, benchmark: str) -> int:
    """Return the instructions of one benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={COUNTED}"]
        output([*command, f"--callgrind-out-file={out}", program, benchmark], env=ENVIRONMENT | {"TMPDIR": folder})
        found = re.search(r"^(?:summary|totals): (\d+)$", out.read_text(), re.MULTILINE)
    if not found or not int(found[1]):
        sys.exit(f"{benchmark}: callgrind counted nothing in {COUNTED}; was the function renamed or inlined?")
    return int(found[1])


def written(found: dict[str, str], counts: dict[str, dict[str, int]]) -> str:
    """Return the text of a baseline with the counts of each profile."""
    command = COMMAND.format("PROFILE")
    lines = [f"# Instructions of each benchmark, counted by callgrind. Written by `{command}`.", "[versions]"]
    lines += [f'{name} = "{version}"' for name, version in found.items()]
    for profile, numbers in sorted(counts.items()):
        lines += ["", f"[{profile}]", *(f"{name} = {number}" for name, number in numbers.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write a new baseline")
    parser.add_argument("--profile", choices=BUILDS, default="release", help="profile of the build")
    arguments = parser.parse_args()
    writes, profile = arguments.write, arguments.profile
    command = COMMAND.format(profile)
    found = versions()
    baseline = tomllib.loads(BASELINE.read_text())
    differing = [
        f"  {name}: the baseline was made with {known}, this is {found.get(name)}"
        for name, known in baseline.pop("versions", {}).items()
        if known != found.get(name)
    ]
    if differing and writes:
        # Counts of other versions are not comparable with those that are written.
        baseline.clear()
    elif differing:
        sys.exit(
            "NOT COMPARABLE: instructions are not checked, because they depend on versions that differ\n"
            + "\n".join(differing)
            + f"\nUse these versions, or count the unchanged code with yours first: {command}"
        )
    program = build(profile)
    kernels = output(["valgrind", "--quiet", "--tool=none", program, "--kernels"], env=ENVIRONMENT).strip()
    if kernels != KERNELS:
        sys.exit(
            f"NOT COMPARABLE: instructions are not checked, because valgrind runs the kernels of {kernels} here, "
            f"expected {KERNELS}; use a processor with AVX2 and FMA"
        )
    counts = {benchmark: count(program, benchmark) for benchmark in BENCHMARKS}
    if writes:
        BASELINE.write_text(written(found, baseline | {profile: counts}))
        print(f"{BASELINE.relative_to(ROOT)} written")
    known = baseline.get(profile, {})
    failed = []
    for benchmark, number in counts.items():
        if writes:
            print(f"{benchmark:24} {number:15,}")
            continue
        if benchmark not in known:
            failed.append(benchmark)
            print(f"{benchmark:24} {number:15,}  FAILED: not in the baseline")
            continue
        change = number / known[benchmark] - 1.0
        state = "ok" if change <= ALLOWED else f"FAILED: at most {ALLOWED:+.0%} is allowed"
        print(f"{benchmark:24} {number:15,}  {change:+8.2%}  {state}")
        if change > ALLOWED:
            failed.append(benchmark)
    if failed:
        sys.exit(f"more instructions than the baseline: {', '.join(failed)}; if that is intended: {command}")


if __name__ == "__main__":
    main()
