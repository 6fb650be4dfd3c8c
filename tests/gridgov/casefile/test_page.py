"""The file of an incident over HTTP: all of it, in order, escaped, for those who may see it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from dispatch.lifecycle import ACT_ZH, Act
from gridgov.casefile.page import STYLE
from gridgov.storage.ledger import MAIN, entry_hash, read_head, rows_since
from tests.gridgov import scene
from tests.gridgov.casefile.told import HOSTILE, NAME, PHONE, Told, long_life, photo, reported
from tests.gridgov.conftest import Site


class Page(HTMLParser):
    """A page as a browser would take it: which elements there are, with which attributes, and its text."""

    VOID = ("meta", "img", "br")

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.entries: dict[str, str] = {}
        self._entry: str | None = None
        self.feed(source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "section":
            self._entry = str(dict(attrs)["id"])
            self.entries[self._entry] = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self._entry = None

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            assert data == STYLE
            return
        self.pieces.append(data)
        if self._entry is not None:
            self.entries[self._entry] += data

    @property
    def text(self) -> str:
        """All that can be read in it."""
        return "".join(self.pieces)


def page_of(told: Told, who: str = "leader", **params: Any) -> Page:
    answer = told.get(who=who, **params)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def test_the_page_has_every_entry_in_order_with_its_hash(site: Site) -> None:
    told = long_life(site)
    page = page_of(told)
    with site.service.reader.connect() as connection:
        rows = [row for row in rows_since(connection, 0, 1000) if row["incident"] == told.id]
        head = read_head(connection, MAIN)
    assert list(page.entries) == [f"e{number}" for number in range(1, told.number + 1)]
    for row in rows:
        shown = page.entries[f"e{row['number']}"]
        assert f"散列 hash {entry_hash(row).hex()}" in shown
        assert f"前条 previous {row['previous'].hex()}" in shown
        assert f"kind {row['kind']} · position {row['position']}" in shown
    assert head.previous.hex() in page.text
    assert "打印时已逐条核验" in page.text


def test_the_page_tells_who_did_what_in_which_role(site: Site) -> None:
    page = page_of(long_life(site))
    told = "\n".join(page.entries.values())
    for line in (
        "受理员 Clerk 请求核实",
        "网格员 Inspector 核实属实",
        "派遣员 Dispatcher 派遣至 水务局，处置时限 4工作小时，至 2026-11-23",
        "处置部门 Water 水务局 退回",
        "处置部门 Cleaning 代表 环卫所 签收",
        "派遣员 Dispatcher 批准延期",
        "督查员 Supervisor 督办",
        "值班长 Leader 核查不通过，返工，理由：“仍松动”",
        "值班长 Leader 结案",
        "受理员 Clerk 回访：已联系上，已解决，不满意",
    ):
        assert line in told, line
    for heading in (
        "概况",
        "上报人",
        "时限",
        "延期与挂账",
        "督办",
        "执法",
        "回访",
        "申诉",
        "并案",
        "照片",
        "散列链",
    ):
        assert heading in page.text, heading
    assert "小镇 > 街道N > 网格N1" in page.text


def test_hostile_words_are_shown_as_they_were_written_and_are_nothing_else(site: Site) -> None:
    told = long_life(site)
    answer = told.get()
    page = Page(answer.text)
    allowed = {
        *("html", "head", "meta", "title", "style", "body", "table", "thead", "tbody", "tr", "th", "td"),
        *("h1", "h2", "h3", "p", "span", "div", "section", "figure", "figcaption", "a"),
    }
    assert {tag for tag, _ in page.tags} <= allowed
    assert {name for _, attributes in page.tags for name in attributes} <= {
        *("class", "id", "href", "lang", "charset", "content", "http-equiv", "name"),
    }
    assert all(re.fullmatch(r"#e\d+", a["href"] or "") for tag, a in page.tags if tag == "a")
    shown = HOSTILE.replace("\u202e", "⟨U+202E⟩")
    assert page.text.count(shown) >= 8
    assert "\u202e" not in answer.text
    assert NAME in page.text


def test_nothing_is_fetched_or_run(site: Site) -> None:
    told = reported(site)
    answer = told.get(photos=True)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    (within,) = [a["content"] for t, a in Page(answer.text).tags if t == "meta" and "http-equiv" in a]
    assert within is not None
    assert policy.startswith(within)
    assert not re.search(r"https?://|@import|url\(", answer.text)


def test_photos_are_listed_or_stand_small_in_the_page(site: Site) -> None:
    told = reported(site)
    listed, shown = page_of(told), page_of(told, photos=True)
    digest = photo(site, "red")
    assert f"SHA-256 {digest}" in listed.text
    assert [a for tag, a in listed.tags if tag == "img"] == []
    (image,) = [a for tag, a in shown.tags if tag == "img"]
    assert str(image["src"]).startswith("data:image/jpeg;base64,")


def test_a_photo_that_is_gone_or_another_is_said_to_be(site: Site) -> None:
    told = reported(site, photos=[photo(site, "red"), photo(site, "green")])
    gone, changed = (site.service.photos.path(photo(site, colour)) for colour in ("red", "green"))
    gone.unlink()
    changed.write_bytes(b"x")
    page = page_of(told, photos=True)
    assert "文件缺失" in page.text
    assert "内容与散列不符" in page.text
    assert [a for tag, a in page.tags if tag == "img"] == []


def test_erased_words_are_said_to_be_erased(site: Site) -> None:
    told = reported(site)
    before = page_of(told)
    assert "文字与台账中的散列一致" in before.text
    shown = HOSTILE.replace("\u202e", "⟨U+202E⟩")
    assert before.entries["e1"].count(shown) == 2, "words and address"
    with site.service.writer._engine.begin() as connection:  # erasing has no command yet
        connection.execute(
            text("UPDATE private SET words=NULL, reporter_name=NULL, reporter_phone=NULL, erased_at=1")
        )
    page = page_of(told)
    assert "文字已依规删除" in page.entries["e1"]
    assert page.entries["e1"].count(shown) == 1
    assert PHONE not in page.text
    assert "已删除" in page.text


def test_words_that_are_not_those_of_the_ledger_are_named(site: Site) -> None:
    told = reported(site)
    with site.service.writer._engine.begin() as connection:
        connection.execute(text("UPDATE private SET words='别的话'"))
    assert "文字与台账中的散列不一致" in page_of(told).text


@pytest.mark.parametrize(("who", "told_of"), [("leader", True), ("clerk", True), ("dispatcher", False)])
def test_a_citizens_name_is_for_those_who_may_know_it(site: Site, who: str, told_of: bool) -> None:
    told = reported(site)
    for form in ("file", "file.json"):
        answer = told.get(form, who)
        assert (PHONE in answer.text) is told_of
    assert ("对阅读者保密" in told.get(who=who).text) is not told_of


def test_the_reporters_of_what_was_joined_are_told_too(site: Site) -> None:
    first = reported(site)
    second = reported(site, reporter={"name": "李四", "phone": "13911112222"}, photos=[])
    second.do("clerk", "join", leader=first.id)
    reporters = first.get("file.json").json()["reporters"]
    assert [(one["name"], one["phone"]) for one in reporters] == [(NAME, PHONE), ("李四", "13911112222")]
    hidden = first.get("file.json", "dispatcher").json()["reporters"]
    assert [(one["name"], one["withheld"]) for one in hidden] == [(None, True), (None, True)]
    joined = page_of(second)
    assert "并入案卷 D-20261123-00001" in joined.text
    assert second.get("file.json").json()["leader"]["case_number"] == "D-20261123-00001"


@pytest.mark.parametrize("form", ["file", "file.json", "file.zip"])
def test_whoever_does_not_see_the_incident_gets_nothing(site: Site, form: str) -> None:
    told = Told(site, str(site.as_("inspector").report(scene.COVER, "S1")["incident"]))
    assert told.get(form, "inspector_n").status_code == 404
    assert told.get(form, "administrator").status_code == 404
    assert told.get(form, "inspector_s").status_code == 200
    assert site.client.get(f"/api/incidents/{told.id}/{form}").status_code == 401


def test_a_leader_that_the_reader_does_not_see_is_not_told_of(site: Site) -> None:
    leader = Told(site, str(site.as_("inspector").report(scene.COVER, "S1")["incident"]))
    told = Told(site, str(site.as_("inspector").report(scene.COVER, "N1")["incident"]))
    told.do("clerk", "join", leader=leader.id)
    assert told.get("file.json", "dispatcher_n").json()["leader"] is None
    assert "不在阅读者的管辖范围内" in told.get(who="dispatcher_n").text


def test_every_reading_is_logged_without_personal_data(site: Site) -> None:
    told = reported(site)
    with capture_logs() as logged:
        for form in ("file", "file.json", "file.zip"):
            assert told.get(form).status_code == 200
    lines = [line for line in logged if line["event"] == "case file read"]
    assert [(line["form"], line["by"], line["incident"]) for line in lines] == [
        (form, "leader", told.id) for form in ("html", "json", "zip")
    ]
    assert NAME not in str(logged)
    assert PHONE not in str(logged)


def test_the_values_are_those_of_the_page(site: Site) -> None:
    told = long_life(site)
    values = told.get("file.json").json()
    page = page_of(told)
    assert values["form"] == 1
    assert values["chain"]["whole"] is True
    assert values["chain"]["broken"] == []
    assert values["row"]["number"] == len(values["history"]) == told.number
    for entry in values["history"]:
        shown = page.entries[f"e{entry['number']}"]
        assert entry["hash"] in shown
        assert entry["sentence_zh"].replace("\u202e", "⟨U+202E⟩") in shown
        assert entry["act_zh"] in shown
    assert {entry["act_zh"] for entry in values["history"]} >= {ACT_ZH[Act.FOLLOW], ACT_ZH[Act.APPEAL]}
    handling = next(one for one in values["clocks"] if one["clock"] == "handling")
    assert handling["extensions"] == 1


def test_an_entry_that_was_changed_in_the_store_is_named(site: Site) -> None:
    told = reported(site).do("clerk", "ask", reason="看看")
    with site.service.writer._engine.begin() as connection:
        connection.execute(
            text("UPDATE entry SET body = replace(body, '看看', '算了') WHERE incident = :id"),
            {"id": told.id},
        )
    page = page_of(told)
    assert "打印时核验不通过：第 2 条" in page.text
    values = told.get("file.json").json()
    assert values["chain"]["broken"] == [2]


def test_a_file_by_case_number(site: Site) -> None:
    reported(site)
    answer = site.as_("leader").get("/api/incidents/D-20261123-00001/file")
    assert answer.status_code == 200
    assert "<title>案卷档案 D-20261123-00001</title>" in answer.text


def test_imported_history_has_its_file_too(site: Site) -> None:
    """What another system stated, told by the system's operator; no clock ever ran."""
    row = {
        "source": "old",
        "number": f"A-1 {HOSTILE}",
        "channel": "phone",
        "category": "old things",
        "department": "nobody now",
        "status": "Closed",
        "closed": True,
        "reported_at": "2020-05-04T03:02:01Z",
        "closed_at": "2020-05-06T03:02:01Z",
        "marks": ["no_position"],
    }
    answer = site.as_("administrator").post("/api/imports", {"rows": [row]})
    assert answer.status_code == 200, answer.text
    (found,) = site.as_("clerk").get("/api/incidents").json()["rows"]
    page = page_of(Told(site, found["id"]), "clerk")
    for part in (
        "自 old 导入，原编号 A-1",
        "类别",
        "old things",
        "上报于 2020-05-04 11:02:01",
        "标记 no_position",
    ):
        assert part in page.text
    assert "打印时已逐条核验" in page.text
