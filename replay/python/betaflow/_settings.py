"""Settings of a call by table, as the values that the program reads."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from betaflow._frames import article_of, is_table

#: Setting of a call: table, key, value as JSON, and its name in messages. Without a key the table is empty.
Setting = tuple[str, "str | None", "str | None", str]

#: Settings that name a file, for which a call accepts a table in memory.
FILES = (
    "data.prices",
    "data.factors",
    "strategy.path",
    "estimator.betas",
    "estimator.factor_cov",
    "execution.holdings",
    "execution.spread_file",
    "benchmark.path",
    "universe.groups",
    "universe.membership",
    "data.renames",
    "data.sessions",
    "execution.borrow_file",
    "sizing.weight_bounds",
)

#: Adds a table in memory under a name, and returns the path that stands for it.
AddTable = Callable[[object, str], str]


def settings_of(
    tables: Mapping[str, Mapping[str, Any] | None], add_table: AddTable, outer: str = ""
) -> Iterator[Setting]:
    """Yield the settings of the tables of a call.

    Parameters
    ----------
    tables
        Settings by table; None and a value of None mean that a setting is not set.
    add_table
        Takes a table in memory, for a setting that names a file.
    outer
        Argument around the tables, for messages: ``config``.
    """
    for table, values in tables.items():
        if values is None:
            continue
        if not isinstance(values, Mapping):
            argument = f"{outer}: table {table!r}" if outer else table
            raise TypeError(
                f"{argument}: found {article_of(values)}, expected a mapping of settings to values"
            )
        if not values:
            yield table, None, None, f"{outer or table}={{}}"
        for key, value in values.items():
            if not isinstance(key, str):
                raise TypeError(f"{table}: found the key {key!r}, expected the name of a setting as text")
            if value is None:
                continue
            name = f"{table}.{key}"
            if name in FILES and is_table(value):
                plain: Any = add_table(value, name)
                shown = f"<{type(value).__name__}>"
            else:
                plain = plain_value(value, name)
                shown = python_text(plain)
            setting = f"{{{python_text(key)}: {shown}}}"
            origin = f'{outer}={{"{table}": {setting}}}' if outer else f"{table}={setting}"
            yield table, key, json.dumps(plain), origin


def plain_value(value: Any, name: str) -> Any:
    """Return a value as a number, a text, a truth value or a list of them, for JSON.

    Raises
    ------
    TypeError
        The value has another type.
    """
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return _finite(value, name)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return date_text(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, range):
        return list(value)
    if type(value).__module__ == "numpy":
        if type(value).__name__ == "datetime64":
            return date_text(
                value.item() if isinstance(value.item(), datetime.date) else value.astype("M8[us]").item()
            )
        # A scalar becomes a Python number, an array a list.
        return plain_value(value.tolist(), name)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain_value(item, name) for item in items]
    if isinstance(value, Mapping):
        return {str(key): plain_value(item, name) for key, item in value.items()}
    if type(value).__module__.partition(".")[0] in ("pandas", "polars") and hasattr(value, "to_list"):
        return plain_value(value.to_list(), name)
    file = "; a setting that names a file also accepts a table" if is_table(value) else ""
    raise TypeError(
        f"{name}: found {article_of(value)}, expected a number, text, True, False, a date, a path, or a "
        f"list of them{file}"
    )


def date_text(value: Any) -> str:
    """Return a date or time as text: ``2015-01-31``, with the time where it is not midnight."""
    if isinstance(value, str):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ == "datetime64":
        value = value.astype("M8[us]").item()
    if isinstance(value, datetime.datetime):
        is_date = value.time() == datetime.time() and value.tzinfo is None
        return value.date().isoformat() if is_date else value.isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(
        f'found {article_of(value)}, expected a date, such as "2015-01-31" or datetime.date(2015, 1, 31)'
    )


def python_text(value: Any) -> str:
    """Return a plain value as Python source with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ", ".join(python_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{python_text(key)}: {python_text(item)}" for key, item in value.items()) + "}"
        )
    return repr(value)


def _finite(value: float, name: str) -> float:
    # JSON has no NaN and no infinity.
    if value != value or value in (float("inf"), float("-inf")):
        from betaflow.errors import ConfigError

        text = f"`{name}`: found {value}, expected a finite number"
        raise ConfigError(text, setting=name, found=str(value), expected="a finite number")
    return value
