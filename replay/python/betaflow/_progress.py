"""Progress of a call on the terminal or in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Seconds between two lines without tqdm.
INTERVAL = 1.0


@contextmanager
def shown(
    progress: bool | Callable[[int, int], object], name: str
) -> Iterator[Callable[[int, int], object] | None]:
    """Return the function that takes the work done and its total, while a command runs.

    Parameters
    ----------
    progress
        True for a bar of tqdm, or a line on standard error without tqdm; a function is returned as it is.
    name
        Name of the command, before the bar.
    """
    if callable(progress):
        yield progress
    elif not progress:
        yield None
    else:
        bar = _bar(name)
        try:
            yield bar.update
        finally:
            bar.close()


def _bar(name: str) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line(name)
    return _Tqdm(tqdm, name)


class _Tqdm:
    def __init__(self, tqdm: Any, name: str) -> None:
        self._bar = tqdm(desc=name, unit_scale=True)

    def update(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        # The last change is shorter than an interval ago.
        if self._bar.total:
            self._bar.update(self._bar.total - self._bar.n)
        self._bar.close()


class _Line:
    def __init__(self, name: str) -> None:
        self._name, self._next, self._shown = name, 0.0, False

    def update(self, done: int, total: int) -> None:
        if time.monotonic() < self._next or not total:
            return
        self._next, self._shown = time.monotonic() + INTERVAL, True
        sys.stderr.write(f"\r{self._name}: {100 * done // total} %")
        sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write(f"\r{self._name}: 100 %\n")
