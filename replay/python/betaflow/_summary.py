"""Summaries of results: the content of ``summary.json`` with attributes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any


class Summary(Mapping[str, Any]):
    """Content of ``summary.json``; ``summary.metrics.net.sharpe`` is ``summary["metrics"]["net"]["sharpe"]``.

    ``str(summary)`` is the page that the program shows on a terminal. A figure that is not defined is None.
    """

    def __init__(self, content: Mapping[str, Any], page: str | None = None) -> None:
        self._content, self._page = content, page

    def to_dict(self) -> dict[str, Any]:
        """Return the content as dictionaries, lists, numbers, texts and None."""
        return copy.deepcopy(dict(self._content))

    def __getitem__(self, key: str) -> Any:
        return _node(self._content[key])

    def __getattr__(self, name: str) -> Any:
        # Without this, copy and pickle would look up an attribute before __init__ has run.
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            import difflib

            near = difflib.get_close_matches(name, self._content, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise AttributeError(
                f"no key `{name}`, expected one of {', '.join(self._content)}{hint}"
            ) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(key for key in self._content if key.isidentifier())]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __str__(self) -> str:
        return self._page if self._page is not None else "\n".join(_lines(self._content, ""))

    def __repr__(self) -> str:
        return f"<Summary: {', '.join(self._content)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Summary, (dict(self._content), self._page)


def parsed(text: str) -> dict[str, Any]:
    """Return the content of ``summary.json``, in which tables in memory have their names."""
    content: dict[str, Any] = json.loads(text.replace('"memory:', '"'))
    return content


def _node(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Summary(value)
    if isinstance(value, list):
        return [_node(item) for item in value]
    return value


def _lines(content: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield a line for each figure; lists of tables are counted."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            yield f"{indent}{key}: {len(value)} items"
        else:
            yield f"{indent}{key}: {f'{value:.6g}' if isinstance(value, float) else value}"
