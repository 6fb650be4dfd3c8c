"""Runs the examples in the docstrings: what a newcomer would type must print what is written there."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    """Dotted names of the modules whose text holds a prompt; nothing is imported to find them."""
    paths = [
        path
        for folder in ("geodata", "dispatch", "gridgov", "scripts")
        for path in (ROOT / folder).rglob("*.py")
    ]
    names = [
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in paths
        if ">>> " in path.read_text("utf-8")
    ]
    return sorted(name.replace("/", ".").removesuffix(".__init__") for name in names)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    tried = 0
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        told: list[str] = []
        failed, count = runner.run(example, out=told.append)
        assert not failed, "".join(told)
        tried += count
    assert tried, f"{name} has a prompt, but no docstring with an example"
