"""The house rules that no linter knows: what may be imported, written down, locked and published."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.check_files import check

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("geodata", "dispatch", "gridgov")
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# The house rule is 400 lines a file and 40 a function; past these limits nobody argues any more.
FILE_LINES, FUNCTION_LINES = 450, 60

# A migration is a list of statements in the order they run: cutting it up would hide that order.
LONG_FUNCTIONS_ALLOWED = "gridgov/storage/migrations/versions/"

# Imports inside functions: an optional extra's, at its door. (file, module) -> reason.
LATE_IMPORTS_ALLOWED: dict[tuple[str, str], str] = {
    ("geodata/sources.py", "geodata"): "pyarrow and psycopg are the extras geoparquet and postgis",
}

VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "core", "shared"}

PERMISSIVE = {
    *(
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
    ),
    *("PSF-2.0", "Unlicense", "Zlib"),
}
# What packages wrote before licences had expressions: the classifier's last part, or the free text.
PERMISSIVE_IN_WORDS = {
    *("Apache Software License", "Apache 2.0", "BSD License", "BSD 2-Clause License", "ISC License (ISCL)"),
    *("MIT License", "Mozilla Public License 2.0 (MPL 2.0)", "Python Software Foundation License"),
    *("BSD", "3-Clause BSD License", "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication"),
}
# Distribution -> why it may be used although its licence is not among these.
_PSYCOPG = "LGPL-3.0: the PostgreSQL driver, an optional extra, used as it is"
LICENCE_EXCEPTIONS: dict[str, str] = {
    "psycopg": _PSYCOPG,
    "psycopg-binary": _PSYCOPG,
    "eviltransform": "for tests alone; the package states none, its repository's LICENSE is BSD-2-Clause",
}


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """(path from the root, text) of every Python file in these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def imported(node: ast.AST) -> list[str]:
    """The modules a node imports; relative imports stay within their package and count for nothing."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def locked() -> list[Requirement]:
    """What requirements.lock names, with version and marker."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix("\\").strip()) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def test_dispatch_imports_nothing_but_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"dispatch"}
    found = {
        (path, module)
        for path, text in sources("dispatch")
        for node in ast.walk(ast.parse(text))
        for module in imported(node)
        if module.partition(".")[0] not in allowed
    }
    assert not found


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [path for path, _ in sources(*PACKAGES) if VAGUE_NAMES & set(Path(path).with_suffix("").parts)]
    assert not found


def test_every_module_opens_with_a_docstring() -> None:
    found = [
        path
        for path, text in sources(*PACKAGES, "scripts", "tests")
        if not ast.get_docstring(ast.parse(text))
    ]
    assert not found


def test_nothing_is_imported_inside_a_function() -> None:
    found = {
        (path, module)
        for path, text in sources(*PACKAGES, "scripts")
        for function in functions(ast.parse(text))
        for node in ast.walk(function)
        for module in (imported(node) or (["."] if isinstance(node, ast.ImportFrom) else []))
    }
    assert found == set(LATE_IMPORTS_ALLOWED)


def test_no_file_is_too_long() -> None:
    long = {
        path: lines
        for path, text in sources(*PACKAGES, "scripts", "tests")
        if (lines := text.count("\n")) > FILE_LINES
    }
    assert not long


def test_no_function_is_too_long() -> None:
    long = {
        f"{path}:{function.lineno} {function.name}": lines
        for path, text in sources(*PACKAGES, "scripts", "tests")
        if not path.startswith(LONG_FUNCTIONS_ALLOWED)
        for function in functions(ast.parse(text))
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert not long


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    assert [str(finding) for finding in check()] == []


def test_every_declared_dependency_is_locked_at_a_version_that_fits() -> None:
    versions: dict[str, list[str]] = {}
    for requirement in locked():
        (pin,) = requirement.specifier
        versions.setdefault(canonicalize_name(requirement.name), []).append(pin.version)
    declared = [*METADATA["project"]["dependencies"], *METADATA["dependency-groups"]["dev"]]
    for requirement in map(Requirement, declared):
        pins = versions.get(canonicalize_name(requirement.name), [])
        assert pins, f"{requirement.name} is not in requirements.lock: run scripts/lock"
        assert all(pin in requirement.specifier for pin in pins), (
            f"{requirement}, locked {pins}: run scripts/lock"
        )


def test_every_locked_line_has_hashes() -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    found = [block.splitlines()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert not found


def licence_of(name: str) -> tuple[bool, str]:
    """Whether an installed package's licence is permissive, and what it says; raises PackageNotFoundError."""
    fields = metadata(name)
    if expression := fields.get("License-Expression"):
        # every part must do, also of an "OR": stricter than asked, and nothing here needs the choice
        parts = set(re.findall(r"[\w.+-]+", expression)) - {"AND", "OR", "WITH"}
        return parts <= PERMISSIVE, expression
    classifiers = [line for line in fields.get_all("Classifier") or [] if line.startswith("License ::")]
    words = {line.rpartition(" :: ")[2] for line in classifiers} - {"OSI Approved", "DFSG approved"}
    words = words or {(fields.get("License") or "none stated").partition("\n")[0]}
    return words <= PERMISSIVE | PERMISSIVE_IN_WORDS, ", ".join(sorted(words))


def test_every_locked_dependency_has_a_permissive_licence() -> None:
    judged = {}
    for requirement in locked():
        try:
            judged[requirement.name] = licence_of(requirement.name)
        except PackageNotFoundError:
            marker = requirement.marker
            assert marker is not None, f"{requirement.name} is locked but not installed"
            assert not marker.evaluate(), f"{requirement.name} is locked for this platform but not installed"
    other = {name: said for name, (permissive, said) in judged.items() if not permissive}
    assert set(other) == set(LICENCE_EXCEPTIONS), other


def test_the_licence_is_the_complete_apache_text() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    opening, closing = (
        "Apache License\n                           Version 2.0",
        "limitations under the License.\n",
    )
    assert text.lstrip().startswith(opening)
    assert text.endswith(closing)
    assert [part for part in range(1, 10) if not re.search(rf"^   {part}\. [A-Z]", text, re.MULTILINE)] == []


def test_the_changelog_tells_of_this_version() -> None:
    newest = re.search(r"^## \[?([\w.]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] in {"Unreleased", METADATA["project"]["version"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "imports"),
    [
        ("geodata", "dispatch"),
        ("geodata", "gridgov.storage"),
        ("dispatch", "geodata"),
        ("dispatch", "gridgov.storage"),
        ("gridgov/storage", "gridgov.api"),
        ("gridgov/statistics", "gridgov.api"),
    ],
)
def test_an_import_against_the_layers_breaks_a_contract(where: str, imports: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "web")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / where / "trespass.py").write_text(f'"""Imports what it must not."""\nimport {imports}\n')
    run = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert f"{where.replace('/', '.')}.trespass -> {imports}" in run.stdout
