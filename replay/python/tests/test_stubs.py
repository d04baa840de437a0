"""Stubs of the native module equal its signatures, and public functions have typed, documented arguments."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import betaflow
from betaflow import _native

STUBS = ast.parse((Path(betaflow.__file__).parent / "_native.pyi").read_text(encoding="utf-8"))


def names_of(arguments: ast.arguments) -> list[tuple[str, str, bool]]:
    """Return name, kind and presence of a default of each argument."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [False] * (len(plain) - len(arguments.defaults)) + [True] * len(arguments.defaults)
    rows = [(argument.arg, "plain", default) for argument, default in zip(plain, defaults)]
    rows += [
        (arg.arg, "keyword", value is not None)
        for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults)
    ]
    return [row for row in rows if row[0] not in ("self", "cls")]


def runtime_names(item: object) -> list[tuple[str, str, bool]]:
    """Return the same of a function of the native module."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        (
            name,
            "keyword" if parameter.kind is keyword else "plain",
            parameter.default is not inspect.Parameter.empty,
        )
        for name, parameter in inspect.signature(item).parameters.items()  # type: ignore[arg-type]
        if name not in ("self", "$self")
    ]


def functions() -> Iterator[tuple[str, ast.FunctionDef, object]]:
    """Yield each function and method of the stubs with the item of the module."""
    for node in STUBS.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, getattr(_native, node.name)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner, getattr(getattr(_native, node.name), inner.name)


def test_stubs_name_every_item_of_the_module() -> None:
    stubbed = {node.name for node in STUBS.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert stubbed == {name for name in dir(_native) if not name.startswith("_")}
    for node in STUBS.body:
        if isinstance(node, ast.ClassDef):
            inner = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            public = {name for name in vars(getattr(_native, node.name)) if not name.startswith("_")}
            assert public <= inner, node.name


@pytest.mark.parametrize("name", [name for name, *_ in functions()])
def test_stub_has_the_signature_of_the_module(name: str) -> None:
    _, node, item = next(row for row in functions() if row[0] == name)
    if any(
        isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in node.decorator_list
    ):
        assert inspect.isgetsetdescriptor(item)
    elif node.name.startswith("__"):
        assert callable(item)
    else:
        assert names_of(node.args) == runtime_names(item)


@pytest.mark.parametrize("name", betaflow.__all__)
def test_public_item_is_documented(name: str) -> None:
    item = getattr(betaflow, name)
    assert item.__doc__, name
    if inspect.isfunction(item):
        signature = inspect.signature(item)
        assert signature.return_annotation is not inspect.Signature.empty
        section = re.split(r"\n    (?:Returns|Raises|Examples|References)\n", item.__doc__)[0]
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty
            # Parameters of one meaning share a line of the docstring.
            assert re.search(rf"\b{parameter.name}\b", section), f"{name}: {parameter.name}"
    elif inspect.isclass(item):
        for inner, value in vars(item).items():
            if not inner.startswith("_") and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{inner}"
