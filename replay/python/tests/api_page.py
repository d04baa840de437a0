"""Page of the reference of the package, generated from its docstrings."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import textwrap
from types import ModuleType
from typing import Any

HEADER = """# Python reference

Every public name of the package `betaflow`, generated from its docstrings. [Python](python.md) explains the package by examples.
"""

# Modules in the order of the page.
MODULES = (
    "betaflow",
    "betaflow.errors",
    "betaflow.strategy",
    "betaflow.online",
    "betaflow.metrics",
    "betaflow.ray",
)

FIELDS = ("Parameters", "Returns", "Yields", "Raises", "Attributes", "Warns", "Other Parameters")


def page() -> str:
    """Return the text of the page."""
    shown: dict[int, str] = {}
    parts = [HEADER]
    for name in MODULES:
        if importlib.util.find_spec(name) is None:
            continue
        module = importlib.import_module(name)
        parts += [f"## {name}", text_of(inspect.getdoc(module) or "")]
        names = public_names(module)
        for item in sorted(names, key=lambda name: rank(getattr(module, name))):
            value = getattr(module, item)
            if inspect.ismodule(value):
                continue
            if id(value) in shown:
                parts.append(f"### {name}.{item}\n\nThe same as `{shown[id(value)]}`.")
                continue
            shown[id(value)] = f"{name}.{item}"
            parts.append(entry(f"{name}.{item}", item, value))
    parts += ["## Types of arguments", types_of_arguments()]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def types_of_arguments() -> str:
    """Return a table of the types in signatures, from the comments above their definitions."""
    lines = inspect.getsource(importlib.import_module("betaflow._types")).splitlines()
    rows = []
    comment: list[str] = []
    for line in lines:
        if line.startswith("#: "):
            comment.append(line[3:])
        else:
            found = re.match(r"(\w+): TypeAlias", line)
            if found and comment:
                rows.append(f"| `{found[1]}` | {prose(' '.join(comment))} |")
            comment = []
    return "\n".join(["| type | accepted values |", "|---|---|", *rows])


def public_names(module: ModuleType) -> list[str]:
    """Return the names of `__all__`, or those that the module defines, in their order."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    names = [name for name in vars(module) if not name.startswith("_")]
    return [name for name in names if getattr(getattr(module, name), "__module__", None) == module.__name__]


def rank(value: Any) -> int:
    """Return 0 for functions, which come first, 1 for classes and 2 for errors."""
    if inspect.isclass(value):
        return 2 if issubclass(value, Exception) else 1
    return 0


def entry(path: str, name: str, value: Any) -> str:
    """Return heading, signature and description of a function or class, and those of its members."""
    parts = [f"### {path}"]
    if inspect.isclass(value):
        text = documentation(value)
        # Objects without parameters in their docstring are made by functions.
        if "Parameters\n---" in text:
            parts.append(signature(name, value))
        bases = [base.__name__ for base in value.__bases__ if base.__module__.startswith("betaflow")]
        parts += [text_of(text), f"It has the members of `{bases[0]}` as well." if bases else ""]
        for member, function in vars(value).items():
            if member.startswith("_"):
                continue
            function = inspect.unwrap(getattr(function, "__func__", function))
            if isinstance(function, property) or inspect.isgetsetdescriptor(function):
                parts += [f"#### {name}.{member}", text_of(inspect.getdoc(function) or "")]
            elif callable(function):
                parts += [f"#### {name}.{member}()", signature(member, function), text_of(inspect.getdoc(function) or "")]
            elif hasattr(function, "func"):
                parts += [f"#### {name}.{member}", text_of(inspect.getdoc(function) or "")]
    elif callable(value):
        parts += [signature(name, value), text_of(inspect.getdoc(value) or "")]
    else:
        parts.append(f"Constant: `{value!r}`.")
    return "\n\n".join(part for part in parts if part)


def documentation(value: Any) -> str:
    """Return the docstring of a class, not one that it inherits; that of a dataclass may be its signature."""
    own = value.__dict__.get("__doc__") or ""
    return "" if own.startswith(f"{value.__name__}(") else inspect.cleandoc(own)


class Annotation(str):
    """Annotation as text, shown without quotes."""

    def __repr__(self) -> str:
        return str(self).replace('"', "")


def signature(name: str, value: Any) -> str:
    """Return the signature as a fenced block, one parameter a line if it is long."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    parameters = [
        p.replace(annotation=Annotation(p.annotation)) if isinstance(p.annotation, str) else p
        for p in found.parameters.values()
        if p.name not in ("self", "cls")
    ]
    found = found.replace(parameters=parameters)
    if isinstance(found.return_annotation, str):
        found = found.replace(return_annotation=Annotation(found.return_annotation))
    if inspect.isclass(value):
        found = found.replace(return_annotation=inspect.Signature.empty)
    text = f"{name}{found}"
    if len(text) > 100 and parameters:
        lines, keyword = [], False
        for p in parameters:
            if p.kind is p.KEYWORD_ONLY and not keyword:
                lines.append("*")
                keyword = True
            keyword = keyword or p.kind is p.VAR_POSITIONAL
            lines.append(str(p))
        returned = str(found.replace(parameters=[]))[2:]
        text = f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + f"){returned}"
    return f"```py\n{text}\n```"


def text_of(docstring: str) -> str:
    """Return a docstring in the style of NumPy as Markdown."""
    lines = docstring.splitlines()
    parts: list[str] = []
    section: str | None = None
    body: list[str] = []

    def flush() -> None:
        text = textwrap.dedent("\n".join(body)).strip("\n")
        body.clear()
        if not text:
            return
        if section:
            parts.append(f"**{section}**")
        parts.append(fields(text) if section in FIELDS else prose(text))

    at = 0
    while at < len(lines):
        rule = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if len(rule) >= 3 and set(rule) == {"-"} and lines[at].strip():
            flush()
            section = lines[at].strip()
            at += 2
            continue
        body.append(lines[at])
        at += 1
    flush()
    return "\n\n".join(parts)


def table(block: str) -> str:
    """Return a table with rules of ``=`` as one of Markdown."""
    lines = block.splitlines()
    columns = [match.span() for match in re.finditer("=+", lines[0])]
    columns[-1] = (columns[-1][0], len(block))
    rows = [[line[first:end].strip() for first, end in columns] for line in lines if not line.startswith("==")]
    rows.insert(1, ["---"] * len(columns))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def fields(text: str) -> str:
    """Return parameters with their descriptions as a list."""
    items: list[str] = []
    # A list of names may have several lines.
    text = re.sub(r",\n(?=\S)", ", ", text)
    for block in re.split(r"\n(?=\S)", text):
        head, _, description = block.partition("\n")
        name, _, kind = (part.strip() for part in head.partition(" : "))
        names = ", ".join(f"`{one.strip()}`" for one in name.split(","))
        if " " in name and not kind and "," not in name:
            names = name
        description = " ".join(prose(textwrap.dedent(description)).split())
        items.append(f"* {names}{f' ({kind})' if kind else ''}{f': {description}' if description else ''}")
    return "\n".join(items)


def prose(text: str) -> str:
    """Return text with Markdown's code marks, examples in fences, and references as a list."""
    # Columns of tables are known by their positions, which the marks are part of.
    blocks = re.split(r"\n\s*\n", text)
    text = "\n\n".join(table(block) if re.match(r"=+ +=", block) else block for block in blocks)
    text = text.replace("``", "`")
    text = re.sub(r":(?:func|class|meth|mod|attr|data|exc|obj):`~?([^`]+)`", r"`\1`", text)
    text = re.sub(r"\[(\d+)\]_", r"[\1]", text)
    text = re.sub(r"^\.\. \[(\d+)\] ", r"* [\1] ", text, flags=re.MULTILINE)
    parts: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        if block.lstrip().startswith(">>>"):
            parts.append(f"```py\n{textwrap.dedent(block)}\n```")
        elif block.startswith("    "):
            if parts and parts[-1].endswith("::"):
                parts[-1] = parts[-1][:-1]
            parts.append(f"```py\n{textwrap.dedent(block)}\n```")
        else:
            parts.append(block)
    return "\n\n".join(parts)
