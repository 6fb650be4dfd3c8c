"""What is said of a change: its shares, place and texts."""

import pytest
import shapely

from geodata.changes import percent
from geodata.editions import compare
from tests.geodata.drawings import a_grid, tile
from tests.geodata.letters import drawn


def test_shares_place_and_texts_of_a_split():
    comparison = compare(drawn("AAAAB"), drawn("AXXXB"))
    (change,) = comparison.changes
    assert [(one.old, one.new, round(one.of_old, 3), one.of_new) for one in change.shares] == [
        ("A", "X", 0.75, pytest.approx(1)),
        ("A", "A", 0.25, pytest.approx(1)),
    ]
    assert change.shares[0].m2 == pytest.approx(3 * a_grid("A", tile(0, 0)).area_m2, rel=1e-6)
    assert shapely.Point(change.place).within(tile(0, 0, 4))
    assert change.zh == "区 A 拆分为 A、X（占原面积：X 75.0 %；A 25.0 %）"
    assert change.en == "ward A was split into A, X (of the old one: X 75.0 %; A 25.0 %)"
    assert comparison.counts() == {"kept": 1, "split": 1}


@pytest.mark.parametrize(
    ("old", "new", "zh", "en"),
    [
        ("AB", "XB", "区 A 换码为 X，边界不变", "ward A has the new code X on the same ground"),
        ("AAB.", "CC..", "区 B 撤销，原有 ", "ward B was retired: its "),
        (
            "AA",
            "AAAA",
            "区 A 边界调整：原面积保留 100 %，占新面积 50.0 %",
            "ward A has another border: 100 % of it stays",
        ),
        (
            "AAA",
            "XX.",
            "区 A 边界调整，换码为 X：原面积保留 66.7 %",
            "ward A has another border and the new code X: 66.7 %",
        ),
        (
            "ABB",
            "XXX",
            "区 A、B 合并为 X（占新面积：B 66.7 %；A 33.3 %）",
            "ward A, B were merged into X (of the new one: B",
        ),
        ("A.", "AB", "新增区 B，", "ward B was added: "),
        (
            "AABB AABB",
            "XXXX YYYY",
            "区 A、B 重新划分为 X、Y（占原面积：A → X 50.0 %",
            "ward A, B were rearranged into X, Y",
        ),
    ],
)
def test_texts(old, new, zh, en):
    changes = compare(drawn(old), drawn(new)).changes
    assert any(change.zh.startswith(zh) and change.en.startswith(en) for change in changes)


def test_long_lists_are_cut_short_in_texts_and_whole_in_the_change():
    codes = "ABCDEFGHIJ"
    (change,) = compare(drawn("Z" * 10), drawn(codes)).changes
    assert "".join(change.new) == codes
    assert len(change.shares) == 10
    assert "等 10 个" in change.zh
    assert "and 4 more" in change.en


def test_shares_are_never_rounded_to_all_or_nothing():
    assert [percent(share) for share in (0.0001, 0.9999, 1.0, 0.5)] == [
        "< 0.1 %",
        "> 99.9 %",
        "100 %",
        "50.0 %",
    ]
