"""_native.pyi says what the native module has: no more, no less."""

import ast
from pathlib import Path

import trainbus
from trainbus import _native


def stub():
    tree = ast.parse((Path(trainbus.__file__).parent / "_native.pyi").read_text())
    return next(node for node in tree.body if isinstance(node, ast.ClassDef))


def test_the_stub_names_what_is_there():
    said = {node.name for node in stub().body if isinstance(node, ast.FunctionDef)}
    assert said == {name for name in vars(_native.Producer) if name == "__init__" or not name.startswith("__")}


def test_the_arguments_are_those_of_the_docstrings():
    for node in stub().body:
        doc = getattr(vars(_native.Producer).get(node.name), "__doc__", None) or ""
        if isinstance(node, ast.FunctionDef) and doc.startswith(f"{node.name}(") and not node.name.startswith("_"):
            named = [part.split("=")[0].strip() for part in doc[doc.index("(") + 1:doc.index(")")].split(",") if part.strip()]
            assert [argument.arg for argument in node.args.args][1:] == named
