"""The ladder of imports is a contract that the machine reads."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold() -> None:
    run = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_standard_library_is_enough_for_base_and_model() -> None:
    for path in [*(ROOT / "src/hubtwin/base").glob("*.py"), *(ROOT / "src/hubtwin/model").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or name.startswith(("hubtwin.base", "hubtwin.model")), (
                    path,
                    name,
                )


def test_the_independent_connectors_are_those_that_exist() -> None:
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    folders = {p.parent.name for p in (ROOT / "src/hubtwin/connectors").glob("*/__init__.py")} - {"common"}
    assert all(f'"hubtwin.connectors.{name}"' in config for name in folders)
