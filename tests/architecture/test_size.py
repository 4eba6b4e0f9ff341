"""Sizes are held by the machine; an exemption has a reason and the list only shrinks."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "hubtwin"
MODULES = sorted(SOURCE.rglob("*.py"))
MODULE_LINES, SCENE_LINES, FUNCTION_LINES, POSITIONAL = 400, 300, 40, 5
EXEMPT: dict[str, str] = {}  # "module.py" or "module.py:function" -> reason


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_fits_in_one_sitting(path: Path) -> None:
    limit = SCENE_LINES if "scenes" in path.parts else MODULE_LINES
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit or _name(path) in EXEMPT


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_is_short_and_takes_few_positional_parameters(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = f"{_name(path)}:{node.name}"
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            positional = [a.arg for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
            assert lines <= FUNCTION_LINES or where in EXEMPT, f"{where} has {lines} lines"
            assert len(positional) <= POSITIONAL or where in EXEMPT, f"{where} takes {positional}"


def test_no_import_hides_in_a_function_or_under_type_checking() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8"), path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not inner, f"{_name(path)}:{node.name} imports inside"


def test_every_exemption_still_exists() -> None:
    for name in EXEMPT:
        assert (SOURCE / name.split(":")[0]).exists(), f"{name} is gone: drop its exemption"
    assert len(EXEMPT) == 0, "the list of exemptions only shrinks"


def test_every_public_module_class_and_function_says_what_it_promises() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree) or path.stat().st_size == 0, f"{_name(path)} has no docstring"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{_name(path)}:{node.name} has no docstring"
