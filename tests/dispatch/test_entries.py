"""Facts are written down and read back the same, by this program and by later ones."""

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import bodies
from dispatch.bodies import KINDS, from_body, kind_of, to_body
from dispatch.categories import Urgency
from dispatch.entries import (
    Checked,
    Closed,
    Dispatched,
    Fact,
    Filed,
    Imported,
    Noted,
    Place,
    Route,
    from_micros,
    to_micros,
)
from dispatch.errors import UnknownEntry
from dispatch.lifecycle import TRANSITIONS, Act
from tests.dispatch.strategies import FACTS, at, facts, moments


def test_there_is_a_strategy_for_every_kind() -> None:
    assert set(FACTS) == set(KINDS.values())


@given(facts)
def test_what_is_written_down_reads_back_the_same(fact: Fact) -> None:
    """from_body(kind, version, to_body(fact)) == fact, through the text of JSON."""
    body = json.loads(json.dumps(to_body(fact), ensure_ascii=False, allow_nan=False))
    again = from_body(kind_of(fact), fact.version, body)
    assert again == fact
    assert type(again) is type(fact)
    assert hash(again) == hash(fact)


@given(facts)
def test_written_down_twice_is_the_same_text(fact: Fact) -> None:
    """A fact read back is written down in the same bytes: its hash in the ledger stands."""
    once = to_body(fact)
    assert json.dumps(to_body(from_body(kind_of(fact), fact.version, once))) == json.dumps(once)


@given(facts)
def test_every_fact_stands_for_a_row_of_the_table(fact: Fact) -> None:
    assert (fact.act, fact.outcome) in {(t.act, t.outcome) for t in TRANSITIONS}


@given(facts)
def test_a_fact_cannot_be_changed(fact: Fact) -> None:
    for field in dataclasses.fields(fact):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(fact, field.name, None)


def test_what_a_body_looks_like() -> None:
    fact = Dispatched("water", "r1", "as routed", "4wh", at("2026-03-05 12:00"), resumed=False, rules=3)
    assert to_body(fact) == {
        "department": "water",
        "rule": "r1",
        "reason": "as routed",
        "limit": "4wh",
        "due_at": 1772683200000000,
        "resumed": False,
        "rules": 3,
    }


def test_an_enum_is_written_as_its_plain_word() -> None:
    body = to_body(Filed("c", Urgency.URGENT, Route("water", "r1", ""), 1))
    assert body["urgency"] == "urgent"
    assert not isinstance(body["urgency"], StrEnum)


def test_zero_and_false_are_not_left_out_where_they_say_something() -> None:
    place = Place(raw_lon=0.0, raw_lat=0.0, accuracy_m=0.0)
    fact = Imported("n", "s", "1", "phone", "c", "d", place, "Open", False, at("2026-03-05 12:00"))
    body = to_body(fact)
    assert body["place"] == {"raw_lon": 0.0, "raw_lat": 0.0, "accuracy_m": 0.0}
    assert body["closed"] is False
    assert to_body(Checked(False, "still there"))["passed"] is False


def test_no_words_of_a_citizen_have_a_place_in_a_fact() -> None:
    """What a citizen says or is called goes by reference (``words``): no field holds a name or a phone number."""
    names = {field.name for cls in KINDS.values() for field in dataclasses.fields(cls)}
    assert not names & {"name", "phone", "text", "reporter", "description", "address"}


@pytest.mark.parametrize(
    ("kind", "version"), [("merged", 1), ("", 1), ("Closed", 1), ("closed", 2), ("reported", 99)]
)
def test_what_a_later_program_wrote_is_refused_by_name(kind: str, version: int) -> None:
    with pytest.raises(UnknownEntry, match="newer than this program") as refused:
        from_body(kind, version, {})
    assert refused.value.about == {"kind": kind, "version": version}


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_never_was_is_refused(version: int) -> None:
    with pytest.raises(UnknownEntry, match="never had a version"):
        from_body("closed", version, {})


def test_older_versions_are_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Noted3(Fact):
        act: ClassVar[Act] = Act.NOTE
        version: ClassVar[int] = 3
        words: str
        tone: str

    lifts: dict[tuple[str, int], Any] = {
        ("noted", 1): lambda body: {"words": body["text"]},
        ("noted", 2): lambda body: {**body, "tone": "plain"},
    }
    monkeypatch.setitem(bodies.KINDS, "noted", Noted3)  # type: ignore[misc]
    monkeypatch.setitem(bodies._READERS, Noted3, lambda body: Noted3(**body))  # type: ignore[misc]
    monkeypatch.setattr(bodies, "UPCASTERS", lifts)
    assert from_body("noted", 1, {"text": "w1"}) == Noted3("w1", "plain")
    assert from_body("noted", 2, {"words": "w1"}) == Noted3("w1", "plain")
    assert from_body("noted", 3, {"words": "w1", "tone": "sharp"}) == Noted3("w1", "sharp")


@pytest.mark.parametrize("cls", KINDS.values())
def test_every_older_version_has_its_upcaster(cls: type[Fact]) -> None:
    kind = cls.__name__.lower()
    assert [v for v in range(1, cls.version) if (kind, v) not in bodies.UPCASTERS] == []


def test_kinds_are_called_what_the_fact_is_called() -> None:
    assert kind_of(Closed()) == "closed"
    assert kind_of(Noted("w1")) == "noted"
    assert all(KINDS[kind].__name__.lower() == kind for kind in KINDS)


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_a_moment_is_kept_to_the_microsecond_in_any_zone(moment: datetime, offset: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset)))
    assert from_micros(to_micros(elsewhere)) == moment


@given(st.integers(-(10**16), 10**17))
def test_microseconds_come_back_exactly(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros
