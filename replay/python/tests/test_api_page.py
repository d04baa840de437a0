"""The reference in the documentation is that of the docstrings."""

from __future__ import annotations

import os
from pathlib import Path

from api_page import page

PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"


def test_reference_follows_from_the_docstrings() -> None:
    """`UPDATE_DOCS=1` writes the page."""
    text = page()
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "UPDATE_DOCS=1 pytest replay/python/tests writes the page"


def test_every_public_name_has_a_description() -> None:
    lines = page().splitlines()
    headings = [at for at, line in enumerate(lines) if line.startswith(("### ", "#### "))]
    ends = [*headings[1:], len(lines)]
    bare = []
    for start, end in zip(headings, ends):
        inside = False
        described = False
        for line in lines[start + 1 : end]:
            if line.startswith("```"):
                inside = not inside
            elif not inside and line.strip() and not line.startswith("## "):
                described = True
        if not described:
            bare.append(lines[start])
    assert not bare, bare
