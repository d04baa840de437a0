"""Runs all comparisons and writes `RESULTS.md`: see `benches/peers/run`."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import default_path, filters, machine, rebalance, report, trading
from .report import Table
from .setup import Setup

ROOT = Path(__file__).parents[3]
COMPARISONS: dict[str, tuple[str, Callable[[Setup], list[Table]]]] = {
    "default": ("The default path", default_path.tables),
    "filters": ("Filters", filters.tables),
    "rebalance": ("A rebalance", rebalance.tables),
    "sweep": ("A sweep of scenarios", trading.sweep),
    "replay": ("A replay of the same bars", trading.replays),
}
HEAD = """# Results

betaflow beside the Python packages that do the same work. `benches/peers/run` writes this page; \
[peers/README.md](peers/README.md) explains the comparisons and their settings.

A contestant is timed only if its results agree with ours to the tolerance in the text; else the table says by how much they \
differ. The first run, which compiles, has a column of its own: it includes the start of the process and its imports. Then \
contestants take turns, and times are medians of {runs}. CPU time is that of all threads of a process. A contestant on one \
thread is pinned to one processor. Peers stay in their process; commands of betaflow start one for each run. **faster** marks \
each peer that is faster than betaflow."""


def versions(tables: list[Table]) -> list[list[str]]:
    """Return rows of package and version, as the peers reported them."""
    found: dict[str, str] = {}
    for table in tables:
        for row in table.rows:
            found |= row.contestant.versions
    return [[name, found[name]] for name in sorted(found, key=str.lower)]


BUSY = """**Other programs used the machine when this run began.** Wall times are too long, and ratios of them uncertain; CPU \
times suffer little. Repeat the run on an idle machine."""


def page(
    sections: list[tuple[str, list[Table]]], facts: list[list[str]], busy: bool, quick: bool, seconds: float
) -> str:
    """Return the text of RESULTS.md."""
    tables = [table for _, found in sections for table in found]
    parts = [HEAD.format(runs="one turn (a quick run, for tests)" if quick else "3 to 7 turns")]
    if busy:
        parts.append(BUSY)
    facts = [*facts, ["date", datetime.date.today().isoformat()], ["this page took", f"{seconds / 60:.0f} minutes"]]
    parts.append(report.markdown(["", "value"], facts).replace("---:", "---"))
    lost = report.slower(tables)
    parts.append("## Where a peer is faster\n\n" + ("\n".join(f"* {line}." for line in lost) or "Nowhere in this run."))
    for title, found in sections:
        parts.append(f"## {title}")
        parts += [report.section(table) for table in found]
    parts.append("## Versions\n\n" + report.markdown(["package", "version"], versions(tables)).replace("---:", "---"))
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Run the comparisons; the exit code is 1 if a contestant has no time."""
    given = argparse.ArgumentParser(prog="benches/peers/run", description="Compare betaflow with its peers.")
    given.add_argument("--quick", action="store_true", help="small sizes and one turn, for tests")
    given.add_argument("--only", choices=COMPARISONS, action="append", help="only this comparison; may be repeated")
    given.add_argument("--out", type=Path, default=ROOT / "benches" / "RESULTS.md", help="file to write")
    for name in ("folder", "program", "estimators", "sizing", "main", "nautilus"):
        given.add_argument(f"--{name}", type=Path, required=True, help=argparse.SUPPRESS)
    options = given.parse_args()
    names = ("folder", "program", "estimators", "sizing", "main", "nautilus")
    setup = Setup(**{name: getattr(options, name).absolute() for name in names}, quick=options.quick)
    setup.folder.mkdir(parents=True, exist_ok=True)
    facts, busy, start = machine.facts(ROOT), machine.busy(), time.monotonic()
    sections = []
    for name, (title, tables) in COMPARISONS.items():
        if not options.only or name in options.only:
            print(f"{title} ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
            sections.append((title, tables(setup)))
    text = page(sections, facts, busy, options.quick, time.monotonic() - start)
    options.out.write_text(text)
    print(f"wrote {options.out}", file=sys.stderr)
    missing = [row for _, found in sections for table in found for row in table.rows if row.reason]
    for row in missing:
        print(f"not timed: {row.name}, {row.job}: {row.reason}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
