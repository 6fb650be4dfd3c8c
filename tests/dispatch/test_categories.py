"""Categories are found by key or alias, and what is wrong with a list of them is said at once."""

from dataclasses import replace

import pytest

from dispatch.categories import (
    DEFAULT_LIMIT,
    KIND_ZH,
    URGENCY_ZH,
    CaseStandard,
    Categories,
    Category,
    Kind,
    Urgency,
)
from dispatch.deadlines import Limit
from dispatch.errors import BadRules, UnknownCategory, UnknownStandard
from tests.dispatch.strategies import CATEGORIES, COVER, LAMP, NOISE, RUBBISH


def test_a_category_is_found_by_key_and_by_alias() -> None:
    assert CATEGORIES.get("city:component:01001") is COVER
    assert CATEGORIES.get("manhole") is COVER
    assert "manhole" in CATEGORIES
    assert "lamp" not in CATEGORIES


def test_the_two_kinds_may_use_the_same_code() -> None:
    part = Category("x", Kind.COMPONENT, "01049", "部件", "part")
    event = Category("x", Kind.EVENT, "01049", "事件", "event")
    both = Categories([part, event])
    assert both.get("x:component:01049") is part
    assert both.get("x:event:01049") is event


def test_they_keep_their_order_and_their_classes() -> None:
    assert list(CATEGORIES) == [COVER, LAMP, RUBBISH, NOISE]
    assert len(CATEGORIES) == 4
    assert CATEGORIES.classes == {"city:component:01": (COVER, LAMP), "city:event:01": (RUBBISH,)}
    assert NOISE.class_key == ""


def test_equal_lists_are_equal_values() -> None:
    assert Categories([COVER, LAMP]) == Categories([replace(COVER), LAMP])
    assert hash(Categories([COVER])) == hash(Categories([replace(COVER)]))
    assert Categories([COVER, LAMP]) != Categories([LAMP, COVER])


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("city:component:0100", COVER.key),
        ("manhol", COVER.key),
        ("路灯不亮了", LAMP.key),
        ("street light", LAMP.key),
    ],
)
def test_a_wrong_key_is_answered_with_what_was_perhaps_meant(wrong: str, meant: str) -> None:
    with pytest.raises(UnknownCategory) as refused:
        CATEGORIES.get(wrong)
    assert meant in refused.value.about["near"]
    assert meant in str(refused.value)
    assert refused.value.about["category"] == wrong


def test_nothing_like_it_means_no_suggestion() -> None:
    with pytest.raises(UnknownCategory) as refused:
        CATEGORIES.get("☃")
    assert refused.value.about["near"] == []
    assert "did you mean" not in str(refused.value)


def test_a_letter_in_place_of_a_key_is_cut_short() -> None:
    with pytest.raises(UnknownCategory) as refused:
        CATEGORIES.get("x" * 10_000_000)
    assert len(str(refused.value)) < 200


def test_everything_wrong_with_a_list_is_said_at_once() -> None:
    wrong = [
        COVER,
        replace(COVER, name_zh="again"),
        replace(LAMP, aliases=("lamp", "light")),
        replace(RUBBISH, aliases=("light", LAMP.key)),
        replace(NOISE, standard="a:b"),
        replace(NOISE, code=""),
        replace(NOISE, standard=""),
    ]
    with pytest.raises(BadRules) as refused:
        Categories(wrong)
    problems = refused.value.about["problems"]
    named = [
        COVER.key,
        "'manhole'",
        "'light'",
        LAMP.key,
        "'a:b:event:02001'",
        "'city:event:'",
        "':event:02001'",
    ]
    for name in named:
        assert any(name in problem for problem in problems), name
    assert len(problems) == len(named)


def test_an_alias_given_twice_by_one_category_is_a_mistake() -> None:
    with pytest.raises(BadRules, match="'lamp' stands 2 times"):
        Categories([replace(LAMP, aliases=("lamp", "lamp"))])


def test_an_empty_list_is_a_list() -> None:
    assert len(Categories([])) == 0


def test_what_nobody_stated_is_two_working_days_and_marked() -> None:
    assert RUBBISH.limit is DEFAULT_LIMIT
    assert RUBBISH.limit_is_default
    assert str(DEFAULT_LIMIT) == "2wd"
    assert not COVER.limit_is_default


def test_everything_has_a_chinese_name() -> None:
    assert set(KIND_ZH) == set(Kind)
    assert set(URGENCY_ZH) == set(Urgency)


# -- case standards

MISSING = CaseStandard("missing", Limit.parse("2eh"), condition_zh="缺失", department="duty")
BROKEN = CaseStandard("broken", Limit.parse("4wh"))


def test_a_case_standard_is_found_by_its_code() -> None:
    cover = replace(COVER, standards=(MISSING, BROKEN))
    assert cover.standard_of("broken") is BROKEN
    with pytest.raises(UnknownStandard) as refused:
        cover.standard_of("gone")
    assert refused.value.about == {"category": COVER.key, "standard": "gone", "known": ["missing", "broken"]}


def test_what_is_filed_under_none_of_them_has_what_the_category_says() -> None:
    cover = replace(COVER, standards=(MISSING,), calendar="crew", automatic="at once")
    own = cover.standard_of(None)
    assert (own.code, own.limit, own.urgency, own.department, own.calendar, own.automatic) == (
        "",
        COVER.limit,
        COVER.urgency,
        COVER.department,
        "crew",
        "at once",
    )


def test_a_condition_in_either_language_is_one() -> None:
    assert BROKEN.condition_is_missing
    assert not MISSING.condition_is_missing
    assert not replace(BROKEN, condition_en="broken").condition_is_missing


def test_two_standards_of_one_code_are_refused_and_one_without_a_code() -> None:
    wrong = replace(COVER, standards=(MISSING, replace(BROKEN, code="missing"), replace(BROKEN, code="")))
    with pytest.raises(BadRules) as refused:
        Categories([wrong, replace(LAMP, standards=(MISSING,))])
    assert refused.value.about["problems"] == [
        f"category {COVER.key!r} has 2 case standards 'missing'",
        f"category {COVER.key!r} has a case standard without a code",
    ]
