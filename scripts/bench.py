"""Lists and runs the project's measurements, each a file `scripts/bench_WORK.py`; started by scripts/bench.

Its docstring's first line says what a work measures; its `run(scale: str = "full") -> dict` returns:

    work      its name
    figures   name -> {"value": number, "unit": text}
    baseline  what it was measured against in the same run: text, or named facts
    ratios    name -> number
    machine   optional: named facts beyond cores, python, platform and load, which are added here

A work that knows one scale only leaves the argument out.
"""

import argparse
import ast
import importlib.util
import inspect
import json
import math
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
PREFIX = "bench_"
SCALES = ("full", "small")


class BenchError(Exception):
    """A measurement could not be run."""


class UnknownWork(BenchError):
    """There is no such work; `scripts/bench` lists those there are."""


class MalformedResult(BenchError):
    """A work returned something other than work, figures, baseline and ratios."""


class OneScaleOnly(BenchError):
    """The work has no small scale."""


def works(folder: Path = HERE) -> dict[str, str]:
    """Name -> first line of the docstring of every work in `folder`, sorted; nothing is imported."""
    found = {}
    for path in sorted(folder.glob(f"{PREFIX}*.py")):
        words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.stem.removeprefix(PREFIX)] = words.partition("\n")[0]
    return found


def load(work: str, folder: Path = HERE) -> ModuleType:
    """The module of a work; raises UnknownWork."""
    path = folder / f"{PREFIX}{work}.py"
    if not path.is_file():
        raise UnknownWork(f"no work named {work!r}; there are: {', '.join(works(folder)) or 'none yet'}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def machine() -> dict[str, Any]:
    """What a figure depends on: cores, python, platform and the load average now. No name of a host."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def is_number(value: object) -> bool:
    """Whether JSON can carry it as a number: NaN and infinity it cannot."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def faults_of(work: str, result: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong with a result, a sentence each."""
    if result.get("work") != work:
        yield f"work is {result.get('work')!r}, expected {work!r}"
    if not result.get("baseline"):
        yield "baseline is missing or empty"
    parts = {
        "figures": result.get("figures"),
        "ratios": result.get("ratios"),
        "machine": result.get("machine", {}),
    }
    if wrong := [
        f"{key} is {part!r}, expected a dict" for key, part in parts.items() if not isinstance(part, dict)
    ]:
        yield from wrong
        return
    if not result["figures"]:
        yield "figures is empty"
    for name, figure in result["figures"].items():
        whole = isinstance(figure, dict) and isinstance(figure.get("unit"), str)
        if not (whole and is_number(figure.get("value"))):
            yield f"figure {name} is {figure!r}, expected a value that is a finite number, and a unit"
    for name, ratio in result["ratios"].items():
        if not is_number(ratio):
            yield f"ratio {name} is {ratio!r}, expected a finite number"


def checked(work: str, result: object) -> dict[str, Any]:
    """The result if it has the promised shape; raises MalformedResult naming everything that is wrong."""
    if not isinstance(result, dict):
        raise MalformedResult(f"{work}: run() returned {type(result).__name__}, expected a dict")
    if faults := list(faults_of(work, result)):
        raise MalformedResult(f"{work}: " + "; ".join(faults))
    return result


@contextmanager
def standard_output_kept_clean() -> Iterator[None]:
    """Send to standard error whatever a work or a server it starts prints: the result alone goes out."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def measure(work: str, scale: str, folder: Path = HERE) -> dict[str, Any]:
    """Run one work and return its checked result, the machine as it was before the run included."""
    before = machine()
    with standard_output_kept_clean():
        run = load(work, folder).run
        takes_scale = "scale" in inspect.signature(run).parameters
        if scale != "full" and not takes_scale:
            raise OneScaleOnly(f"{work} has one scale only: leave --scale out")
        result = checked(work, run(scale=scale) if takes_scale else run())
    return result | {"machine": before | result.get("machine", {})}


def number(value: float) -> str:
    """A number for people: thousands apart, three digits where it is small.

    >>> number(1234567), number(1234.5678), number(0.0123456)
    ('1,234,567', '1,235', '0.0123')
    """
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result as a table for people."""
    table = Table("figure", "value", "unit", title=result["work"], title_justify="left")
    table.columns[1].justify = "right"
    for name, figure in result["figures"].items():
        table.add_row(name, number(figure["value"]), figure["unit"])
    table.add_section()
    for name, ratio in result["ratios"].items():
        table.add_row(name, number(ratio), "ratio", style="bold")
    console.print(table)
    console.print("measured against:", told(result["baseline"]), markup=False)
    console.print("machine:", told(result["machine"]), markup=False)


def told(facts: object) -> str:
    """Named facts in one line."""
    if isinstance(facts, dict):
        return ", ".join(f"{name} {told(value)}" for name, value in facts.items())
    return number(facts) if isinstance(facts, float) else str(facts)


def show_works(console: Console) -> None:
    """Print the works there are, a line each."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, line in works().items():
        table.add_row(name, line)
    console.print("usage: scripts/bench WORK [--json] [--scale full|small]\n", markup=False)
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, then list or measure."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures, against a baseline in the same run."
    )
    parser.add_argument("work", nargs="?", help="what to measure; without it, the list")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--scale", choices=SCALES, default="full", help="small is a try-out, no figure")
    options = parser.parse_args(arguments)
    if options.work is None:
        show_works(Console())
        return 0
    try:
        result = measure(options.work, options.scale)
    except BenchError as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        show(result, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
