"""Tables of results."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from betaflow import _native

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy

#: Rows of the notebook's preview.
PREVIEW = 8


class Table:
    """Table of a result, held as Arrow.

    Any library with the Arrow PyCapsule interface takes it without a copy: ``polars.DataFrame(table)``,
    ``pyarrow.table(table)``, ``duckdb.sql("select * from table")``. ``table["nav"]`` is a column as a NumPy
    array.

    Parameters
    ----------
    data
        Object with ``__arrow_c_stream__``.
    """

    def __init__(self, data: Any) -> None:
        self._native = data if isinstance(data, _native.Table) else _native.Table(data)

    @property
    def native(self) -> _native.Table:
        """Table of the native module."""
        return self._native

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return self._native.column_names

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self), len(self.column_names)

    def __len__(self) -> int:
        return len(self._native)

    def __iter__(self) -> Iterator[str]:
        return iter(self.column_names)

    def __contains__(self, column: object) -> bool:
        return column in self.column_names

    def __getitem__(self, column: str) -> numpy.ndarray[Any, Any]:
        """Return a column as a NumPy array of length ``len(self)``.

        Numbers have NaN for null, times are datetime64[ns] in UTC with NaT for null, texts are objects with
        None.

        Raises
        ------
        KeyError
            The table has no such column.
        """
        if column not in self.column_names:
            raise KeyError(f"no column {column!r}, expected one of {', '.join(self.column_names)}")
        values: numpy.ndarray[Any, Any] = self._native.column(column)
        return values

    def head(self, rows: int = 5) -> Table:
        """Return the first rows."""
        return Table(self._native.head(rows))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as an Arrow C stream, without a copy."""
        return self._native.__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> Any:
        """Return the table as a ``pandas.DataFrame``; timestamps have the time zone of the input."""
        import pandas as pd

        zones = dict(self._native.times)
        has_text_type = int(pd.__version__.partition(".")[0]) >= 3
        columns = {}
        for name in self.column_names:
            values, zone = self[name], zones.get(name)
            if zone is not None and values.dtype.kind == "M":
                columns[name] = pd.Series(values).dt.tz_localize("UTC").dt.tz_convert(zone)
            elif (
                has_text_type
                and values.dtype == object
                and not any(isinstance(value, bool) for value in values[:1])
            ):
                # The type that pandas itself gives to texts of a file, also where all are missing.
                columns[name] = pd.Series(values, dtype="str")
            else:
                columns[name] = pd.Series(values, copy=False)
        return pd.DataFrame(columns, copy=False)

    def to_polars(self) -> Any:
        """Return the table as a ``polars.DataFrame``, without a copy."""
        import polars

        return polars.DataFrame(self)

    def to_arrow(self) -> Any:
        """Return the table as a ``pyarrow.Table``, without a copy."""
        import pyarrow

        return pyarrow.table(self)

    def __repr__(self) -> str:
        rows, columns = self.shape
        names = ", ".join(self.column_names[:12]) + (", ..." if columns > 12 else "")
        return f"betaflow.Table({rows:,} rows x {columns} columns: {names})"

    def _repr_html_(self) -> str:
        names, shown = self.column_names, self.head(PREVIEW)
        columns = [[_cell(value) for value in shown[name]] for name in names]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in zip(*columns))
        more = f"{len(self):,} rows &times; {len(names)} columns"
        body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        return f'<table border="1" class="dataframe">{body}</table><p>{more}</p>'

    def __reduce__(self) -> tuple[Any, ...]:
        import io

        import pyarrow
        from pyarrow import ipc

        buffer, table = io.BytesIO(), pyarrow.table(self)
        with ipc.new_stream(buffer, table.schema) as writer:
            writer.write_table(table)
        return _unpickled, (buffer.getvalue(),)


def _unpickled(data: bytes) -> Table:
    from pyarrow import ipc

    return Table(ipc.open_stream(data).read_all())


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    # datetime64[ns] in full: 2020-01-02T00:00:00.000000000
    return html.escape(text.removesuffix(".000000000").removesuffix("T00:00:00"))
