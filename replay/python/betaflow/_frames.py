"""Tables of callers: their types, and Arrow tables in memory without a copy where that is possible."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from betaflow import _native
from betaflow._table import Table
from betaflow.errors import InputError

#: Names of time columns that the reader knows, in lower case.
TIME_NAMES = ("timestamp", "ts", "time", "date", "datetime", "__index_level_0__")

ACCEPTED = (
    "a pandas DataFrame or Series, a polars DataFrame or LazyFrame, a pyarrow Table, a DuckDB relation, "
    "another object with __arrow_c_stream__, or the path of a file or folder"
)


@dataclass(frozen=True)
class Columns:
    """Names of columns by the settings of the call, which the rows of a frame are brought into line with."""

    #: Time column: ``data.time``.
    time: str | None = None
    #: Symbol column: ``data.symbol``.
    symbol: str | None = None
    #: Column of the values, for a Series without columns of its own.
    value: str = "close"

    @classmethod
    def of_settings(cls, data: Mapping[str, Any] | None, value: str | None = None) -> Columns:
        """Return the names in the table ``[data]``."""
        data = data if isinstance(data, Mapping) else {}
        returns = str(data.get("values") or "").startswith("returns")
        price = str(data.get("price") or ("return" if returns else "close"))
        return cls(data.get("time"), data.get("symbol"), value or price)


@dataclass(frozen=True)
class Frame:
    """Table in memory under the name that messages show."""

    name: str
    table: _native.Table
    #: Frame of pandas whose labels name rows and columns in messages; None for other tables.
    labels: Any = None

    def time_zone(self, time: str | None) -> str | None:
        """Return the time zone of the time column; None for a naive one, and without a time column."""
        return _zone(self.table.times, time)

    def located(self, error: InputError) -> InputError:
        """Return an error of this table with the label of its row and the column's own name."""
        frame, row = self.labels, error.row
        if frame is None or row is None:
            return error
        message = str(error)
        index = None
        # Labels of the default index repeat the position.
        if type(frame.index).__name__ != "RangeIndex" and row < len(frame.index):
            index = frame.index[row]
            counted = f"row {row} (counting from 0)"
            message = message.replace(counted, f"row {row} (counting from 0), index {text_of(index)}", 1)
        return InputError(
            message, file=error.file, row=row, line=error.line, column=error.column, index=index
        )


def time_zone_of_file(path: str | os.PathLike[str], time: str | None) -> str | None:
    """Return the time zone of the times of a file, or of the first file of a folder; None for naive times."""
    file = Path(path)
    if file.is_dir():
        files = (
            inner
            for inner in sorted(file.rglob("*"))
            if inner.is_file() and not inner.name.startswith((".", "_"))
        )
        file = next(files, file)
    try:
        with file.open("rb") as opened:
            start = opened.read(1 << 14)
        if start[:4] == b"PAR1":
            return _zone(_native.times_of_file(file), time)
    except OSError:
        # The command names the error of the file.
        return None
    # Times of text files with an offset are in UTC.
    clock = re.search(rb"\d\d:\d\d(:\d\d)?(\.\d+)? ?(?P<zone>Z|[+-]\d\d)?", start)
    return "UTC" if clock and clock["zone"] else None


def _zone(times: Sequence[tuple[str, str | None]], time: str | None) -> str | None:
    zones = dict(times)
    names = [time] if time else [name for name in zones if plain_name(name) in TIME_NAMES]
    return next((zones[name] for name in names if zones.get(name)), None)


def text_of(label: Any) -> str:
    """Return a label of a row as text: dates without the type's name."""
    if isinstance(label, tuple):
        return "(" + ", ".join(text_of(part) for part in label) + ")"
    is_midnight = hasattr(label, "normalize") and hasattr(label, "date") and label == label.normalize()
    if is_midnight and getattr(label, "tzinfo", None) is None:
        return str(label.date())
    return repr(label) if isinstance(label, str) else str(label)


def plain_name(name: str) -> str:
    """Return the name of a column in lower case; of ``('Date', '')``, the first level."""
    inside = name[2:-6] if name.startswith("('") and name.endswith("', '')") else name
    return inside.lower()


def is_path(data: object) -> TypeGuard[str | os.PathLike[str]]:
    """Return True for a path of a file or folder."""
    return isinstance(data, (str, os.PathLike))


def is_table(data: object) -> bool:
    """Return True for a table in memory, as far as its type tells."""
    if _pandas(data) or _polars_lazy(data):
        return True
    return hasattr(data, "__arrow_c_stream__") and not isinstance(data, type)


def frame_of(data: Any, name: str, columns: Columns) -> Frame:
    """Return a table of a caller as Arrow.

    Parameters
    ----------
    data
        Table in memory.
    name
        Name of the argument, which stands for the table in messages.
    columns
        Names of the columns by the settings of the call.

    Raises
    ------
    TypeError
        The object is not a table.
    InputError
        A column of the frame has no Arrow type, or a name occurs twice.
    """
    if isinstance(data, Table):
        return Frame(name, data.native)
    if _pandas(data):
        from betaflow._pandas import arrow_of

        return Frame(name, arrow_of(data, name, columns), labels=data)
    if _polars_lazy(data):
        data = data.collect()
    if _polars_series(data):
        raise TypeError(
            f"{name}: found a Series of polars, which has no dates, expected a DataFrame with a column of dates"
        )
    if not is_table(data):
        raise TypeError(f"{name}: found {article_of(data)}, expected {ACCEPTED}")
    return Frame(name, _native.Table(data))


def article_of(data: object) -> str:
    """Return the type of an object with its module, as messages name it."""
    kind = type(data)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"an object of type {module}{kind.__qualname__}"


def _pandas(data: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, (pandas.DataFrame, pandas.Series))


def _polars_series(data: object) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(data, polars.Series)


def _polars_lazy(data: object) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(data, polars.LazyFrame)
