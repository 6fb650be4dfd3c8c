"""Makes the parts of README.md that the code knows better; run by scripts/readme."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from dispatch.lifecycle import (
    ACT_ZH,
    ROLE_ZH,
    STAGE_ZH,
    TRANSITIONS,
    Act,
    Role,
    Stage,
    Transition,
    mermaid,
)
from gridgov.settings import Settings

README = Path(__file__).resolve().parent.parent / "README.md"
OPENING, CLOSING = "<!-- made by scripts/readme: {} -->", "<!-- end of {} -->"


class NoSuchPart(Exception):
    """README.md has no place for a part that is made."""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table.

    >>> print(table(("a", "b"), [("1", "x|y")]))
    | a | b |
    |---|---|
    | 1 | x\\|y |
    """
    cells = [head, tuple("---" for _ in head), *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    lines[1] = "|" + "---|" * len(head)
    return "\n".join(lines)


def lifecycle() -> str:
    """The table of the lifecycle as a diagram."""
    return f"```mermaid\n{mermaid()}\n```"


def rights() -> str:
    """Who may do what: the lifecycle's rows, those together that differ in the stage alone."""
    groups: dict[tuple[Act, str, Stage | None, frozenset[Role]], list[Transition]] = {}
    for row in TRANSITIONS:
        to = None if row.stage == row.to else row.to
        groups.setdefault((row.act, row.outcome, to, row.roles), []).append(row)
    return table(
        ("act 动作", "in stage 环节", "leads to", "who 角色"),
        [
            (
                f"{act} {ACT_ZH[act]}" + (f": {outcome}" if outcome else ""),
                _stages([row.stage for row in rows]),
                f"{to} {STAGE_ZH[to]}" if to else "stays",
                _roles(roles),
            )
            for (act, outcome, to, roles), rows in groups.items()
        ],
    )


def _stages(stages: list[Stage | None]) -> str:
    if len(stages) == len(Stage):
        return "any"
    return ", ".join(f"{stage} {STAGE_ZH[stage]}" if stage else "–" for stage in stages)


def _roles(roles: frozenset[Role]) -> str:
    if not roles:
        return "nobody: it happens by itself"
    missing = [role for role in Role if role not in roles]
    if len(missing) == 1:
        return f"anybody but {missing[0].replace('_', ' ')} {ROLE_ZH[missing[0]]}"
    return ", ".join(f"{role.replace('_', ' ')} {ROLE_ZH[role]}" for role in Role if role in roles)


def words() -> str:
    """The names of stages, roles and acts as the code and the screens have them."""
    named: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("stages 环节", STAGE_ZH),
        ("roles 角色", ROLE_ZH),
        ("acts 动作", ACT_ZH),
    )
    return table(
        ("", "in the code, on Chinese screens"),
        [
            (what, ", ".join(f"{word.replace('_', ' ')} {chinese}" for word, chinese in names.items()))
            for what, names in named
        ],
    )


def settings() -> str:
    """The settings, their defaults and what they do."""
    prefix = Settings.model_config.get("env_prefix", "")
    return table(
        ("variable", "unless set", "what it is"),
        [
            (
                f"`{prefix}{name.upper()}`",
                "–" if field.default is None else f"`{field.default}`",
                field.description or "",
            )
            for name, field in Settings.model_fields.items()
        ],
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "lifecycle": lifecycle,
    "rights": rights,
    "words": words,
    "settings": settings,
}


def made(text: str) -> str:
    """The text with every part between its marks made anew; raises NoSuchPart where a mark is missing."""
    for name, make in PARTS.items():
        opening, closing = OPENING.format(name), CLOSING.format(name)
        before, found, rest = text.partition(opening)
        _, ended, after = rest.partition(closing)
        if not found or not ended:
            raise NoSuchPart(f"README.md needs the lines {opening} and {closing}")
        text = f"{before}{opening}\n\n{make()}\n\n{closing}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write the parts; with --check leave with 1 where that would change anything."""
    text = README.read_text(encoding="utf-8")
    new = made(text)
    if "--check" in arguments:
        print(
            "README.md is as the code has it"
            if new == text
            else "README.md is out of date: run scripts/readme"
        )
        return int(new != text)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
