"""Errors of betaflow."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Error of a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The classes have arguments of their own, which pickle does not know.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[Error], args: tuple[Any, ...], attributes: dict[str, Any]) -> Error:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class ConfigError(Error):
    """Argument or setting that is not accepted.

    Attributes
    ----------
    setting
        Dotted name of the setting, such as ``sizing.turnover_cap``; None for other arguments.
    found
        Value that was found, as text.
    expected
        Values that are accepted, as text.
    """

    def __init__(
        self,
        message: str,
        *,
        setting: str | None = None,
        found: str | None = None,
        expected: str | None = None,
    ) -> None:
        super().__init__(message)
        self.setting = setting
        self.found = found
        self.expected = expected


class InputError(Error):
    """Data that cannot be used.

    Attributes
    ----------
    file
        Name of the argument or path of the file with the data; None for an error without a place.
    row
        Row, counting from 0; None for an error of a whole table or column.
    line
        Line of a text file, counting from 1; None for other data.
    column
        Name of the column, as the text of its label in a frame of pandas.
    index
        Label of the row in the index of a frame of pandas; None for other data, and for an index of row
        numbers.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        index: object = None,
    ) -> None:
        super().__init__(message)
        self.file = file
        self.row = row
        self.line = line
        self.column = column
        self.index = index


class StrategyError(Error):
    """Failure of a strategy in Python; the exception of its code is the cause (``__cause__``).

    Attributes
    ----------
    strategy
        Class of the strategy.
    seq
        Number of the frame, counting from 0.
    time
        Close of the frame's bars as nanoseconds since 1970, UTC.
    """

    def __init__(self, message: str, *, strategy: str = "", seq: int = 0, time: int = 0) -> None:
        super().__init__(message)
        self.strategy = strategy
        self.seq = seq
        self.time = time
