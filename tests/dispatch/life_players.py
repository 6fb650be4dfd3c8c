"""Who tries what in random lives: people, what they are asked with, and how that is decided."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from dispatch import decisions
from dispatch import ending_decisions as ending
from dispatch import handling_decisions as handling
from dispatch import task_decisions as tasks
from dispatch.actors import Actor
from dispatch.correcting import Wanted, correct
from dispatch.entries import Fact, Place
from dispatch.handling_facts import Wish
from dispatch.incidents import Incident
from dispatch.lifecycle import Role
from tests.dispatch.life_city import CREWS, HANDLING, KINDS_OF_THINGS, city
from tests.dispatch.plain_board import Board
from tests.dispatch.plain_playbook import EITHER, LEAD, PART, PLAYBOOK, Asked, Person, handlers_of, whose
from tests.dispatch.strategies import PATHS, units

NAMES = ("ann", "bo", "cy", "dee", "eve", "flo", "gus")
PHOTOS = ("p1", "p2", "p3")
ROLES = tuple(str(role) for role in Role)


@dataclass(frozen=True)
class Choices:
    """What there is to choose from where lives are played."""

    names: tuple[str, ...] = NAMES
    departments: tuple[str, ...] = HANDLING
    things: tuple[tuple[str, str | None], ...] = KINDS_OF_THINGS
    paths: tuple[tuple[str, ...], ...] = PATHS
    crews: tuple[str, ...] = tuple(sorted(CREWS.values()))


CHOICES = Choices()
names = st.sampled_from(NAMES)
photos = st.lists(st.sampled_from(PHOTOS), max_size=2, unique=True).map(tuple)
some_departments = st.sampled_from(HANDLING)
anybody = st.builds(
    Person,
    names,
    st.frozensets(st.sampled_from(ROLES), max_size=3),
    st.frozensets(some_departments, max_size=2),
)

#: What each act is asked with, beside a reason.
NEEDS = {
    "attach": ("photos",),
    "place": ("path",),
    "file": ("category",),
    "self_handle": ("photos",),
    "join": ("other",),
    "correct": ("what",),
    "dispatch": ("department", "co_handlers"),
    "involve": ("co_handlers",),
    "handle": ("photos",),
    "check": ("yes", "photos"),
    "verify": ("yes",),
    "accept": ("department",),
    "assign": ("department", "to"),
    "decline": ("department",),
    "report_part": ("department", "photos"),
    "apply": ("wish",),
    "decide": ("yes",),
    "call_back": ("call",),
    "task": ("to",),
}


Draw = Callable[..., Any]


def asks(
    draw: Draw, act: str, boards: list[str], now: datetime, sensible: bool, choices: Choices = CHOICES
) -> Asked:
    """What somebody asks an act with: something that makes sense, or anything."""
    given: dict[str, Any] = {}
    if not sensible:
        given["words"] = draw(st.sampled_from(["because", "because", " ", ""]))
    for need in NEEDS.get(act, ()):
        if need == "other":
            given["other"] = draw(st.sampled_from(boards))
        elif need == "wish":
            given |= _wish(draw, now, sensible)
        else:
            given |= _ONE[need](draw, sensible, choices)
    if sensible and act == "involve":
        given["co_handlers"] = draw(
            st.lists(st.sampled_from(choices.departments), min_size=2, max_size=3, unique=True).map(tuple)
        )
    if sensible and act in ("self_handle", "attach"):
        given["photos"] = PHOTOS if act == "self_handle" else PHOTOS[:1]
    return Asked(**given)


def _thing(draw: Draw, sensible: bool, choices: Choices) -> dict[str, Any]:
    named = draw(st.none() | st.sampled_from(choices.things))
    if not sensible and draw(st.integers(0, 4)) == 0:
        named = ("nothing", None)
    category, standard = named or (None, None)
    return {"category": category, "standard": standard}


def _what(draw: Draw, sensible: bool, choices: Choices) -> dict[str, Any]:
    return _thing(draw, sensible, choices) | {"path": draw(st.none() | st.sampled_from(choices.paths))}


def _some(sensible: bool, choices: Choices) -> st.SearchStrategy[str]:
    return st.sampled_from(choices.departments if sensible else (*choices.departments, "nobody"))


def _department(draw: Draw, sensible: bool, choices: Choices) -> dict[str, Any]:
    return {"department": draw(st.none() | _some(sensible, choices))}


def _co_handlers(draw: Draw, sensible: bool, choices: Choices) -> dict[str, Any]:
    return {"co_handlers": draw(st.none() | st.lists(_some(sensible, choices), max_size=2).map(tuple))}


def _to(draw: Draw, sensible: bool, choices: Choices) -> dict[str, Any]:
    crew, person = draw(st.none() | st.sampled_from(choices.crews)), draw(st.sampled_from(choices.names))
    return {"crew": crew, "person": person, "person_may": draw(st.integers(0, 3)) > 0}


def _wish(draw: Draw, now: datetime, sensible: bool) -> dict[str, Any]:
    wish = draw(st.sampled_from(("extension", "suspension")))
    days = draw(st.sampled_from((1, 3, 20) if sensible else (-1, 0, 1, 20, 400)))
    return {"wish": wish, "until": now + timedelta(days=days)}


def _call(draw: Draw, sensible: bool, choices: Choices) -> dict[str, Any]:
    content = draw(st.sampled_from((True, False, None)))
    return {"content": content, "contacted": (sensible and content is not None) or draw(st.booleans())}


_ONE: dict[str, Callable[[Draw, bool, Choices], dict[str, Any]]] = {
    "photos": lambda draw, *_: {"photos": draw(photos)},
    "path": lambda draw, _, choices: {"path": draw(st.sampled_from(choices.paths))},
    "category": _thing,
    "what": _what,
    "department": _department,
    "co_handlers": _co_handlers,
    "yes": lambda draw, *_: {"yes": draw(st.booleans())},
    "to": _to,
    "call": _call,
}


def fitting(draw: Draw, act: str, board: Board) -> Person:
    """Somebody whose the act is, as the rule-book says; whoever is sent, whoever did it, where it says so."""
    role = draw(st.sampled_from(whose(act, board)))
    assert isinstance(role, str)
    name = draw(names)
    if act == "self_handle":
        name = board.reporter
    if act in ("accept_task", "decline_task", "verify", "check") and board.task_person is not None:
        name = board.task_person
    if act == "take_back" and board.last is not None:
        name = board.last[0]
    if act in ("handle", "report_part"):
        others = [one for one in NAMES if one not in board.eyes]
        name = draw(st.sampled_from([*others, *sorted(board.eyes)[:1]]))
    if act in ("verify", "check") and board.hands:
        name = draw(st.sampled_from([name, name, *sorted(board.hands)[:1]]))
    assert isinstance(name, str)
    if role in (LEAD, PART, EITHER):
        departments = sorted(handlers_of(role, board))
        mine = {draw(st.sampled_from(departments))} if departments else set()
        return Person(name, frozenset({"handler"}), frozenset(mine))  # type: ignore[arg-type]
    return Person(name, frozenset({role}))


def decide(
    act: str, told: Incident, who: Person, asked: Asked, now: datetime, leader: Incident | None
) -> tuple[Fact, ...]:
    """The same to the rules: what they decide."""
    by = Actor(who.name, frozenset(Role(role) for role in who.roles), who.departments)
    rules, unit, words = city(), units(told.place.path), asked.words
    where = told.place if asked.path is None else Place(path=asked.path)
    there = units(where.path)
    acts: dict[str, Callable[[], Fact | tuple[Fact, ...]]] = {
        "place": lambda: decisions.place(rules, told, by, where, there, now),
        "file": lambda: decisions.file(
            rules, told, by, unit, now, category=asked.category, standard=asked.standard
        ),
        "ask": lambda: decisions.ask(rules, told, by, now, words),
        "verify": lambda: decisions.verify(rules, told, by, asked.yes, now, words, asked.photos),
        "reject": lambda: decisions.reject(told, by, words),
        "dispatch": lambda: decisions.dispatch(rules, told, by, now, asked.department, asked.co_handlers),
        "return": lambda: decisions.return_(rules, told, by, words, now),
        "handle": lambda: decisions.handle(rules, told, by, words, now, asked.photos),
        "check": lambda: decisions.check(rules, told, by, asked.yes, now, words, asked.photos),
        "close": lambda: decisions.close(told, by),
        "reopen": lambda: decisions.reopen(rules, told, by, words, now),
        "cancel": lambda: decisions.cancel(told, by, words),
        "adopt": lambda: decisions.adopt(rules, told, by, unit, now),
        "note": lambda: decisions.note(told, by, "w1"),
        "attach": lambda: decisions.attach(told, by, asked.photos),
        "correct": lambda: correct(
            *(rules, told, by),
            Wanted(asked.category, asked.standard, None, None if asked.path is None else where),
            *(there, (), words, now, unit),
        ),
        "self_handle": lambda: ending.self_handle(told, by, words, asked.photos),
        "join": lambda: ending.join(told, by, leader, words),  # type: ignore[arg-type]
        "appeal": lambda: ending.appeal(told, by, words),
        "decide": lambda: ending.decide(told, by, asked.yes, words),
        "call_back": lambda: ending.call_back(told, by, asked.contacted, asked.content, asked.content),
        "take_back": lambda: ending.take_back(told, by, now, words),
        "accept": lambda: handling.accept(told, by, asked.department),
        "decline": lambda: handling.decline(told, by, words, asked.department),
        "assign": lambda: handling.assign(
            rules, told, by, asked.crew, asked.person, asked.person_may, words, asked.department
        ),
        "involve": lambda: handling.involve(rules, told, by, asked.co_handlers or (), words),
        "report_part": lambda: handling.report_part(told, by, words, asked.photos, asked.department),
        "apply": lambda: handling.apply(
            told, by, Wish(asked.wish), words, now, asked.until if asked.wish == "suspension" else None
        ),
        "grant": lambda: handling.grant(rules, told, by, now, words),
        "refuse": lambda: handling.refuse(told, by, words),
        "resume": lambda: handling.resume(rules, told, by, now, words),
        "supervise": lambda: handling.supervise(rules, told, by, words, now),
        "answer": lambda: handling.answer(told, by, words),
        "enforce": lambda: handling.enforce(told, by, words, words, words, "w2"),
        "task": lambda: tasks.give(rules, told, by, asked.person or "", asked.person_may, now),
        "accept_task": lambda: tasks.accept_task(told, by),
        "decline_task": lambda: tasks.decline_task(told, by, words),
    }
    assert set(acts) == set(PLAYBOOK)
    found = acts[act]()
    return found if isinstance(found, tuple) else (found,)
