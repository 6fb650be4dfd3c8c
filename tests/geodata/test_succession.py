"""Which grids follow which: a table of drawn cases, and laws over any two drawings."""

import pytest
from hypothesis import given

from geodata.editions import Kind, compare
from tests.geodata.letters import drawings, drawn, told

# Old, new, what is said of it, what was kept.
CASES = {
    "nothing changed": ("AAB", "AAB", set(), "AB"),
    "split into new codes": ("AAAB", "XYYB", {("split", "A", "XY")}, "B"),
    "split, one part goes on": ("AAAAB", "AAAXB", {("split", "A", "AX")}, "B"),
    "split in three": ("AAABBB", "XYZBBB", {("split", "A", "XYZ")}, "B"),
    "a small piece cut out": ("A" * 20 + "B", "A" * 19 + "XB", {("split", "A", "AX")}, "B"),
    "split, one part given up": ("AAAAB", "XY..B", {("split", "A", "XY")}, "B"),
    "split, and new ground taken": ("AAB..", "XYBYY", {("split", "A", "XY")}, "B"),
    "merged into a new code": ("ABBC", "XXXC", {("merged", "AB", "X")}, "C"),
    "merged into one of them": ("ABBC", "BBBC", {("merged", "AB", "B")}, "C"),
    "a small one swallowed": ("A" * 20 + "BC", "A" * 21 + "C", {("merged", "AB", "A")}, "C"),
    "a border moved": ("AAAABBBB", "AAAAABBB", {("redrawn", "A", "A"), ("redrawn", "B", "B")}, ""),
    "more than half went, all of it is old": (
        "AAAAABBBBB",
        "AABBBBBBBB",
        {("rearranged", "AB", "AB")},
        "",
    ),
    "new ground taken": ("AAB.", "AABB", {("redrawn", "B", "B")}, "A"),
    "ground given up": ("AABB", "AAB.", {("redrawn", "B", "B")}, "A"),
    "another code, the same border": ("AAB", "XXB", {("recoded", "A", "X")}, "B"),
    "codes exchanged": ("AAB", "BBA", {("recoded", "A", "B"), ("recoded", "B", "A")}, ""),
    "another code, another border": ("AAAB", "XX.B", {("redrawn", "A", "X")}, "B"),
    "new ground, new grid": ("AB.", "ABC", {("added", "", "C")}, "AB"),
    "no ground any more": ("ABC", "AB.", {("retired", "C", "")}, "AB"),
    "turned round": ("AABB AABB", "XXXX YYYY", {("rearranged", "AB", "XY")}, ""),
    "divided among its neighbours": ("AABBCC", "AAACCC", {("rearranged", "ABC", "AC")}, ""),
    "cut out between two": ("AAAAAABBBBBB", "AAAAXXXXBBBB", {("rearranged", "AB", "ABX")}, ""),
    "split, one part grew": (
        "A" * 10 + "B" * 10,
        "X" * 2 + "A" * 10 + "B" * 8,
        {("rearranged", "A", "AX"), ("redrawn", "B", "B")},
        "",
    ),
    "one split, another merged": ("AABC", "XYZZ", {("split", "A", "XY"), ("merged", "BC", "Z")}, ""),
    "split and merged across": (
        "AAAAAAAAAABB",
        "XXXXXXXXXXYZ",
        {("recoded", "A", "X"), ("split", "B", "YZ")},
        "",
    ),
    "all of it elsewhere": (
        "AB..",
        "..AB",
        {("retired", "A", ""), ("retired", "B", ""), ("added", "", "A"), ("added", "", "B")},
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_drawing(case):
    old, new, expected, kept = CASES[case]
    comparison = compare(drawn(old), drawn(new))
    assert told(comparison) == expected
    assert "".join(comparison.kept["ward"]) == kept


MIRRORED = {"split": "merged", "merged": "split", "added": "retired", "retired": "added"}


def fates(comparison, side):
    """The codes of one side, each as often as a change of its ground or `kept` names it."""
    besides = (Kind.renamed, Kind.reparented, Kind.unit_changed)
    named = [code for one in comparison.changes if one.kind not in besides for code in getattr(one, side)]
    return sorted([*named, *comparison.kept["ward"]])


@given(drawings, drawings)
def test_every_grid_has_one_fate(old, new):
    """Each old code is in one change, or kept; each new code as well."""
    before, after = drawn(old), drawn(new)
    comparison = compare(before, after)
    assert fates(comparison, "old") == [grid.code for grid in before.lowest]
    assert fates(comparison, "new") == [grid.code for grid in after.lowest]


@given(drawings, drawings)
def test_seen_from_the_other_side_it_is_the_opposite(old, new):
    """What was split is merged again, what was added retired, and everything else is what it was."""
    there, back = compare(drawn(old), drawn(new)), compare(drawn(new), drawn(old))
    assert told(back) == {(MIRRORED.get(kind, kind), b, a) for kind, a, b in told(there)}
    assert there.kept == back.kept
