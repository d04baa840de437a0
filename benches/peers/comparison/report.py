"""Tables of `RESULTS.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .contestants import Row

OURS = "betaflow"


@dataclass
class Table:
    """One table of a comparison."""

    title: str
    text: str
    rows: list[Row]
    # Jobs as rows and contestants as columns, or a row for each.
    matrix: bool = False
    unit: str = "s"
    # Multiplies seconds.
    scale: float = 1.0
    # Names of contestants that were skipped as a whole.
    note: str = ""


def number(value: float) -> str:
    """Return a number with three digits."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def ours(row: Row) -> bool:
    """Tell betaflow's rows."""
    return row.name.startswith(OURS)


def reference(rows: Iterable[Row], peer: Row) -> Row | None:
    """Return the first row of betaflow with the job of a peer and a time, of as many threads if there is one."""
    own = [row for row in rows if ours(row) and row.job == peer.job and row.runs and not row.reason]
    return next((row for row in own if row.contestant.threads == peer.contestant.threads), next(iter(own), None))


def ratio(row: Row, rows: list[Row], of: Callable[[Row], float]) -> str:
    """Return the time relative to betaflow's, marked where the peer is faster."""
    base = reference(rows, row)
    if base is None or ours(row):
        return ""
    value = of(row) / of(base)
    return f"**{number(value)} ×, faster**" if value < 1.0 else f"{number(value)} ×"


def markdown(head: list[str], body: list[list[str]]) -> str:
    """Return a Markdown table whose first column is text."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *body])


def listed(table: Table) -> str:
    """Return a row for each contestant and job."""
    body = []
    jobs = len({row.job for row in table.rows})
    for row in table.rows:
        name = row.name if jobs == 1 else f"{row.name}: {row.job}"
        if row.reason or not row.runs:
            body.append([name, str(row.contestant.threads), f"not timed: {row.reason or 'no run'}", "", "", "", ""])
            continue
        first = "" if row.first is None else number(row.first)
        difference = "–" if row.difference is None else "0" if row.difference == 0.0 else f"{row.difference:.0e}"
        walls, processors = row.wall * table.scale, row.processor * table.scale
        cells = [number(walls), number(processors), ratio(row, table.rows, lambda r: r.wall), first, difference]
        body.append([name, str(row.contestant.threads), *cells])
    head = [
        "",
        "threads",
        f"wall, {table.unit}",
        f"CPU, {table.unit}",
        "wall, betaflow = 1",
        "first run, s",
        "difference",
    ]
    return markdown(head, body)


def crossed(table: Table) -> str:
    """Return jobs as rows and contestants as columns, with the wall time, or CPU time on one thread."""
    names = list(dict.fromkeys(row.name for row in table.rows))
    body, reasons = [], []

    def of(row: Row) -> float:
        return row.processor if row.contestant.threads == 1 else row.wall

    for job in dict.fromkeys(row.job for row in table.rows):
        cells = [job]
        for name in names:
            row = next((row for row in table.rows if row.job == job and row.name == name), None)
            if row is None:
                cells.append("–")
            elif row.reason or not row.runs:
                cells.append("not timed")
                reasons.append(f"{name}, {job}: {row.reason or 'no run'}.")
            else:
                relative = ratio(row, table.rows, of)
                cells.append(number(of(row) * table.scale) + (f" ({relative})" if relative else ""))
        body.append(cells)
    text = markdown([table.unit, *names], body)
    return text + ("\n\nNot timed: " + " ".join(dict.fromkeys(reasons)) if reasons else "")


def section(table: Table) -> str:
    """Return a table with its title and text."""
    body = crossed(table) if table.matrix else listed(table)
    parts = [f"### {table.title}", table.text, body]
    if table.note:
        parts.append(table.note)
    return "\n\n".join(parts)


def slower(tables: Iterable[Table]) -> list[str]:
    """Return every case in which a peer was faster."""
    found = []
    for table in tables:
        for row in table.rows:
            base = reference(table.rows, row)
            if base is None or ours(row) or row.reason or not row.runs:
                continue
            of = (lambda r: r.processor) if table.matrix and row.contestant.threads == 1 else (lambda r: r.wall)
            if of(row) < of(base):
                threads = "1 thread" if row.contestant.threads == 1 else f"{row.contestant.threads} threads"
                found.append(
                    f"{table.title}: {row.name} in `{row.job}`, {threads}, takes {of(row) / of(base):.2f} of our time"
                )
    return found
