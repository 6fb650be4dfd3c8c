"""Who is sent to look: the laws of choosing, tried on any people and places."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.task_facts import Because
from dispatch.tasks import BadCandidate, Candidate, because, choose

PEOPLE = ("chen", "li", "wang", "zhao", "zhou")

candidates = st.builds(
    Candidate,
    person=st.sampled_from(PEOPLE),
    depth=st.integers(0, 4),
    distance_m=st.none() | st.sampled_from((0.0, 40.0, 40.5, 900.0)) | st.floats(0, 1e7),
    stand_in_for=st.none() | st.sampled_from(PEOPLE),
)
several = st.lists(candidates, max_size=6)
passed_over = st.frozensets(st.sampled_from(PEOPLE))

WORDS = [
    # what is tried, who is on duty, who is chosen, why
    ("the micro-grid's own before one of its street", [("street", 2, 10), ("own", 4, 900)], "own", "on_duty"),
    (
        "one of its street before a neighbour next door",
        [("near", 0, 5), ("street", 2, 4000)],
        "street",
        "on_duty",
    ),
    ("of two in the same grid the nearer", [("a", 4, 300), ("b", 4, 200)], "b", "on_duty"),
    ("whose place is not known comes after", [("a", 4, None), ("b", 4, 9000)], "b", "on_duty"),
    ("but still before whoever is elsewhere", [("a", 4, None), ("b", 0, 1)], "a", "on_duty"),
    ("nobody there: the nearest", [("a", 0, 300), ("b", 0, 200)], "b", "nearest"),
    ("nobody's place is known: the first by id", [("b", 0, None), ("a", 0, None)], "a", "nearest"),
    ("equally far: the first by id", [("b", 4, 7.0), ("a", 4, 7.0)], "a", "on_duty"),
]


@pytest.mark.parametrize(("on_duty", "who", "why"), [w[1:] for w in WORDS], ids=[w[0] for w in WORDS])
def test_who_goes(on_duty, who, why) -> None:
    chosen = choose([Candidate(*one) for one in on_duty])
    assert chosen is not None
    assert (chosen.person, str(because(chosen))) == (who, why)


def test_a_stand_in_goes_as_such() -> None:
    chosen = choose([Candidate("li", 4, None, "wang"), Candidate("zhao", 0, 3.0)])
    assert chosen == Candidate("li", 4, None, "wang")


@given(several, passed_over)
def test_somebody_goes_unless_all_are_passed_over(found, not_these) -> None:
    """Nobody goes exactly where nobody is left; whoever goes was asked for, and not passed over."""
    chosen = choose(found, not_these)
    left = [one for one in found if one.person not in not_these]
    assert (chosen is None) == (not left)
    assert chosen is None or chosen in left


@given(several, passed_over, st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_named_is_nothing_to_it(found, not_these, chance) -> None:
    """The same people in any order: the same one goes."""
    other = list(found)
    chance.shuffle(other)
    assert choose(other, not_these) == choose(found, not_these)


@given(several, passed_over)
def test_nobody_left_would_have_been_better(found, not_these) -> None:
    """Nobody who is left has a deeper grid; of those as deep nobody is nearer, and of those as near none comes
    first by their id.
    """
    chosen = choose(found, not_these)
    for other in found:
        if chosen is None or other.person in not_these:
            continue
        assert other.depth <= chosen.depth
        if other.depth < chosen.depth:
            continue
        assert _far(other) >= _far(chosen)
        assert _far(other) > _far(chosen) or other.person >= chosen.person


@given(several, passed_over, candidates)
def test_one_more_changes_the_choice_to_that_one_or_not_at_all(found, not_these, more) -> None:
    """Somebody comes on duty: they go, or whoever would have gone."""
    assert choose([*found, more], not_these) in (choose(found, not_these), more)


@given(several)
def test_declining_goes_through_all_and_ends(found) -> None:
    """Each time somebody declines another goes, until everybody has been asked once."""
    asked: list[str] = []
    while (chosen := choose(found, asked)) is not None:
        assert chosen.person not in asked
        asked.append(chosen.person)
    assert set(asked) == {one.person for one in found}


@given(several)
def test_why_they_go(found) -> None:
    """`nearest` is said only where nobody's grid holds it."""
    chosen = choose(found)
    if chosen is not None:
        there = any(one.depth for one in found)
        assert because(chosen) is (Because.ON_DUTY if there else Because.NEAREST)


@pytest.mark.parametrize(("depth", "distance"), [(-1, None), (0, -0.5), (0, math.nan), (1, math.inf)])
def test_no_such_candidate(depth, distance) -> None:
    with pytest.raises(BadCandidate):
        Candidate("li", depth, distance)


def _far(one: Candidate) -> float:
    return math.inf if one.distance_m is None else one.distance_m
