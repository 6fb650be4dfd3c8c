"""What the city's file may say of targets and notices, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from gridgov import city
from gridgov.city import BadCityFile
from gridgov.outbox.rules import EVENTS, Kind, Language, Target, why_no_url
from tests.gridgov.conftest import TOWN
from tests.gridgov.outbox.conftest import notice, webhook

EMAIL = '\n[[targets]]\nname = "leaders"\nkind = "email"\naddresses = ["duty@example.org"]\nroles = ["manager", "escalated"]\n'
HOOK = webhook("https://bureau.example/hook")


def telling(more: str) -> Any:
    return city.parse(TOWN + more, 1).telling


def problems(more: str) -> list[tuple[str, str]]:
    """What is wrong: the line it stands in, and the message."""
    with pytest.raises(BadCityFile) as wrong:
        city.parse(TOWN + more, 1)
    lines = (TOWN + more).splitlines()
    return [(lines[p.line - 1].strip() if p.line else "", p.message) for p in wrong.value.problems]


def test_a_city_without_targets_tells_nobody() -> None:
    assert telling("").targets == telling("").notices == ()


def test_targets_and_notices_are_read() -> None:
    found = telling(
        HOOK
        + EMAIL
        + notice(
            '"overdue", "escalated"',
            '"bureau", "leaders"',
            more='categories = ["t:event:rubbish"]\nunder = ["D/N"]\ndepartments = ["water"]\n'
            'urgencies = ["urgent"]\nstages = ["handling"]\nchannels = ["hotline"]\nlanguage = "en"',
        )
    )
    assert found.target("bureau") == Target("bureau", Kind.WEBHOOK, "https://bureau.example/hook")
    assert found.target("leaders").roles == ("manager", "escalated")
    [one] = found.notices
    assert (one.on, one.to) == (frozenset({"overdue", "escalated"}), ("bureau", "leaders"))
    assert one.categories == {"t:event:rubbish"}
    assert one.under == (("D", "N"),)
    assert one.language is Language.EN
    assert found.wanted == {"overdue", "escalated"}


def test_what_can_be_told_of() -> None:
    assert {"reported", "warning", "overdue", "escalated", "passed_on", "undone"} <= set(EVENTS)
    # Imported history is silent, and a notice of a clock is called by its threshold.
    assert {"imported", "noticed"}.isdisjoint(EVENTS)


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        (HOOK + notice('"reportd"'), 'on = ["reportd"]', "there is no entry that can be told of 'reportd'; did you mean 'reported'"),
        (HOOK + notice('"imported"'), 'on = ["imported"]', "there is no entry that can be told of 'imported'"),
        (HOOK + notice(to='"buro"'), 'to = ["buro"]', "there is no target 'buro'; did you mean 'bureau'?"),
        (HOOK + notice(more='departments = ["watr"]'), 'departments = ["watr"]', "there is no department 'watr'; did you mean 'water'?"),
        (HOOK + notice(more='categories = ["t:event:rubish"]'), 'categories = ["t:event:rubish"]', "there is no category 't:event:rubish'; did you mean 't:event:rubbish'"),
        (HOOK + notice(more='classes = ["t:event:01"]'), 'classes = ["t:event:01"]', "there is no class 't:event:01'"),
        (HOOK + notice(more='urgencies = ["soon"]'), 'urgencies = ["soon"]', "there is no urgency 'soon'"),
        (HOOK + notice(more='stages = ["shut"]'), 'stages = ["shut"]', "there is no stage 'shut'"),
        (HOOK + notice(more='under = ["D//N"]'), 'under = ["D//N"]', "'D//N' is no grid path"),
        (HOOK + notice(more='language = "de"'), 'language = "de"', "'de' is not known: write zh or en"),
        (HOOK + notice(more="colour = 1"), "colour = 1", "there is no such key"),
        (HOOK + HOOK, 'name = "bureau"', "two targets are called 'bureau'"),
        (webhook("https://a:b@bureau.example/"), 'url = "https://a:b@bureau.example/"', "an address with a name or password in it is not taken"),
        (HOOK + 'roles = ["manager"]\n', 'roles = ["manager"]', "a webhook has no roles"),
        (EMAIL.replace("manager", "administrator"), 'roles = ["administrator", "escalated"]', "there is no role to be told 'administrator'"),
        (EMAIL.replace("duty@", "duty at "), 'addresses = ["duty at example.org"]', "'duty at example.org' is no e-mail address"),
        (EMAIL.replace("email", "sms"), 'kind = "sms"', "'sms' is not known: write webhook or email"),
        ('\n[[targets]]\nname = "x"\nkind = "email"\n', "[[targets]]", "e-mail to whom?"),
        ('\n[[targets]]\nname = "x"\nkind = "webhook"\n', "[[targets]]", "a webhook needs an address"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(more: str, line: str, message: str) -> None:
    [(found, said)] = problems(more)
    assert found == line
    assert said.startswith(message)


def test_what_names_a_target_that_cannot_be_read_is_not_wrong_as_well() -> None:
    assert len(problems(webhook("ftp://bureau.example/") + notice())) == 1


def test_fifty_targets_are_enough() -> None:
    [(_, said)] = problems("".join(webhook("https://x.example/", f"t{n}") for n in range(51)))
    assert said == "a city has 50 targets at most, found 51"


@pytest.mark.parametrize(
    "url",
    [
        "https://u@x.example/",
        "https://u:p@x.example/",
        "ftp://x.example/",
        "https:///hook",
        "x.example/hook",
        "https://x.example:99999/",
        "https://x.example/\r\nX: y",
        "https://x.example/a b",
        "https://x.example/#part",
        "https://[::1/",
        "https://例子.example/",
        "https://x.example\\@evil.example/",
    ],
)
def test_addresses_that_nothing_is_sent_to(url: str) -> None:
    said = why_no_url(url)
    assert said is not None
    assert url not in said


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/in", "https://x.example/in?key=1", "http://[::1]:80/"]
)
def test_addresses_that_are_in_order(url: str) -> None:
    assert why_no_url(url) is None


def test_a_class_stands_for_its_categories_and_their_aliases() -> None:
    more = (
        '\n[[categories.own]]\ncode = "a"\nname_zh = "甲"\nclass_code = "01"\nclass_zh = "类"\naliases = ["old:a"]\n'
        + HOOK
        + notice(more='classes = ["t:event:01"]')
    )
    [one] = telling(more).notices
    assert one.categories == {"t:event:a", "old:a"}
