"""What was done without network: applied where it means the same, else a question, and never lost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from gridgov import questions
from gridgov.storage.question_tables import QuestionRow
from tests.gridgov import scene
from tests.gridgov.conftest import Site

#: Ten in the morning in Shanghai, when the phone has no network; it has again at 10:40.
TEN = "2026-11-23T10:00:30+08:00"
WITHOUT_NETWORK = timedelta(minutes=40)


def offline(seen: int, **more: Any) -> dict[str, Any]:
    """An act as a phone keeps it until there is a network."""
    return {"id": str(uuid.uuid4()), "seen": seen, "offline": True, "happened_at": TEN, **more}


def row_of(site: Site, incident: str) -> dict[str, Any]:
    return dict(site.as_("leader").get(f"/api/incidents/{incident}").json()["row"])


def last_entry(site: Site, incident: str) -> dict[str, Any]:
    return dict(site.as_("leader").get(f"/api/incidents/{incident}").json()["history"][-1])


def done(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def asked(answer: Any) -> dict[str, Any]:
    """The problem that a question is told with."""
    assert answer.status_code == 409, answer.text
    problem = dict(answer.json())
    assert problem["type"] == "urn:gridgov:problem:changed-meanwhile"
    return problem


def verifying(site: Site) -> str:
    """An incident that somebody is to look at; its second entry asks for it."""
    id_ = str(site.as_("inspector").report()["incident"])
    done(site.as_("clerk").act("ask", id_, 1))
    return id_


def checking(site: Site) -> tuple[str, int]:
    """An incident that was handled and waits for its check, and its number."""
    id_ = str(site.as_("inspector").report()["incident"])
    lead = str(done(site.as_("clerk").act("file", id_, 1))["department"])
    done(site.as_("dispatcher").act("dispatch", id_, 2))
    return id_, int(done(site.as_(lead).act("handle", id_, 3, reason="修好了"))["number"])


def handled_again(site: Site) -> tuple[str, dict[str, Any]]:
    """An incident whose first handling was checked by another and failed, and that was handled again; and the
    check of the first handling that an inspector made without network.
    """
    id_, seen = checking(site)
    check = offline(seen, passed=True)
    failed = done(site.as_("leader").act("check", id_, seen, passed=False, reason="还在漏"))
    done(site.as_("water").act("handle", id_, failed["number"], reason="又修了"))
    return id_, check


class TestInTheBasement:
    """A verification made at 10:00, sent at 10:40."""

    def test_where_only_a_warning_was_given_it_is_done_as_of_ten(self, site: Site) -> None:
        id_ = verifying(site)
        verification = offline(2, found=True)
        site.later(WITHOUT_NETWORK)
        site.service.sweeper.sweep()
        told = site.as_("leader").get(f"/api/incidents/{id_}").json()["history"][2:]
        assert {entry["kind"] for entry in told} <= {"noticed", "escalated"}
        assert told
        receipt = done(site.as_("inspector").post(f"/api/incidents/{id_}/verify", verification))
        assert receipt["stage"] == "intake"
        entry = last_entry(site, id_)
        assert (entry["kind"], entry["by"]) == ("verified", "inspector")
        assert entry["happened_at"] == "2026-11-23T02:00:30.000000Z"
        assert entry["recorded_at"] > "2026-11-23T02:40"

    def test_where_the_clerk_filed_it_meanwhile_it_is_a_question_that_cannot_be_confirmed(
        self, site: Site
    ) -> None:
        id_ = verifying(site)
        verification = offline(2, found=True, reason="确有其事")
        done(site.as_("clerk").act("file", id_, 2))
        site.later(WITHOUT_NETWORK)
        phone = site.as_("inspector")
        problem = asked(phone.post(f"/api/incidents/{id_}/verify", verification))
        assert problem["then"] == {"stage": "verifying", "leads_to": "intake"}
        assert problem["now"]["stage"] == "dispatch"
        assert problem["now"]["why"] == "NotInThisStage"
        assert [one["what"] for one in problem["changes"]] == ["stage"]
        assert [entry["kind"] for entry in problem["meanwhile"]] == ["filed"]
        assert row_of(site, id_)["number"] == 3

        question = done(phone.get(f"/api/questions/{problem['question']}"))
        assert (question["row"]["stage"], question["row"]["number"]) == ("dispatch", 3)
        assert question["body"]["reason"] == "确有其事"
        assert question["changes"][0]["what_zh"] == "环节"
        refused = phone.post(f"/api/questions/{question['id']}/confirm", {"seen": 3})
        assert refused.json()["type"] == "urn:gridgov:problem:not-in-this-stage"
        assert done(phone.get(f"/api/questions/{question['id']}"))["answer"] is None

        dropped = done(phone.post(f"/api/questions/{question['id']}/drop", {"reason": "已立案"}))
        assert (dropped["answer"], dropped["reason"]) == ("dropped", "已立案")
        assert [one["answer"] for one in done(phone.get("/api/questions"))["questions"]] == ["dropped"]
        again = phone.post(f"/api/incidents/{id_}/verify", verification)
        assert again.status_code == 409
        assert again.json()["type"] == "urn:gridgov:problem:question-answered"
        assert "已立案" in again.json()["detail"]
        assert row_of(site, id_)["number"] == 3

    def test_where_it_was_handled_again_the_check_is_a_question_and_confirmed_on_what_is_there_now(
        self, site: Site
    ) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        problem = asked(phone.post(f"/api/incidents/{id_}/check", check))
        assert [one["what"] for one in problem["changes"]] == ["round"]
        assert problem["then"] == problem["now"] == {"stage": "checking", "leads_to": "closing"}
        assert [entry["kind"] for entry in problem["meanwhile"]] == ["checked", "handled"]
        number = row_of(site, id_)["number"]
        receipt = done(phone.post(f"/api/questions/{problem['question']}/confirm", {"seen": number}))
        assert (receipt["stage"], receipt["repeated"]) == ("closing", False)
        assert last_entry(site, id_)["happened_at"] == "2026-11-23T02:00:30.000000Z"
        assert done(phone.get(f"/api/questions/{problem['question']}"))["answer"] == "confirmed"

    def test_where_nobody_did_anything_it_is_done(self, site: Site) -> None:
        id_ = verifying(site)
        receipt = done(site.as_("inspector").post(f"/api/incidents/{id_}/verify", offline(2, found=True)))
        assert receipt["number"] == 3

    def test_a_remark_beside_it_changes_nothing(self, site: Site) -> None:
        id_ = verifying(site)
        done(site.as_("clerk").act("note", id_, 2, words="报告人又来电"))
        online = offline(2, found=True) | {"offline": False}
        assert site.as_("inspector").post(f"/api/incidents/{id_}/verify", online).status_code == 409
        done(site.as_("inspector").post(f"/api/incidents/{id_}/verify", offline(2, found=True)))

    def test_a_remark_is_added_whatever_happened(self, site: Site) -> None:
        id_, note = site.closed(), offline(1, words="路过看到已修好")
        done(site.as_("inspector").post(f"/api/incidents/{id_}/note", note))
        assert last_entry(site, id_)["words"] == "路过看到已修好"


class TestSentAgain:
    """A phone that got no answer sends it once more."""

    def test_an_open_question_is_the_same_one(self, site: Site) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        first = asked(phone.post(f"/api/incidents/{id_}/check", check))
        again = asked(phone.post(f"/api/incidents/{id_}/check", check))
        told = ("question", "asked_at", "changes", "then", "now", "number", "seen")
        assert {name: again[name] for name in told} == {name: first[name] for name in told}
        assert [entry["kind"] for entry in again["meanwhile"]] == ["checked", "handled"]
        assert len(done(phone.get("/api/questions"))["questions"]) == 1

    def test_after_confirming_it_is_answered_with_the_receipt(self, site: Site) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        number = row_of(site, id_)["number"]
        first = done(phone.post(f"/api/questions/{question}/confirm", {"seen": number}))
        for again in (
            phone.post(f"/api/incidents/{id_}/check", check),
            phone.post(f"/api/questions/{question}/confirm", {"seen": number}),
            phone.post(f"/api/questions/{question}/confirm", {"seen": number + 1}),
        ):
            assert done(again) == first | {"repeated": True}
        assert row_of(site, id_)["number"] == number + 1
        refused = phone.post(f"/api/questions/{question}/drop", {"reason": "不必了"})
        assert refused.json()["type"] == "urn:gridgov:problem:question-answered"

    def test_what_was_done_and_not_marked_is_marked_when_it_is_confirmed_again(self, site: Site) -> None:
        """As when the program stopped between the two."""
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        number = row_of(site, id_)["number"]
        done(phone.post(f"/api/questions/{question}/confirm", {"seen": number}))
        table = QuestionRow.__table__  # type: ignore[attr-defined]
        with site.service._written.begin() as connection:
            connection.execute(table.update().values(answer=None, answered_at=None))
        done(phone.post(f"/api/incidents/{id_}/check", check))
        refused = phone.post(f"/api/questions/{question}/drop", {"reason": "不必了"})
        assert refused.json()["type"] == "urn:gridgov:problem:question-answered"
        assert done(phone.get(f"/api/questions/{question}"))["answer"] is None
        done(phone.post(f"/api/questions/{question}/confirm", {"seen": number}))
        assert done(phone.get(f"/api/questions/{question}"))["answer"] == "confirmed"
        assert row_of(site, id_)["number"] == number + 1

    def test_what_was_done_while_it_was_dropped_elsewhere_was_confirmed(self, site: Site) -> None:
        """Two devices of one person: the act that stands in the ledger counts."""
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        done(phone.post(f"/api/questions/{question}/confirm", {"seen": row_of(site, id_)["number"]}))
        table = QuestionRow.__table__  # type: ignore[attr-defined]
        with site.service._written.begin() as connection:
            connection.execute(table.update().values(answer="dropped", reason="不必了"))
        done(phone.post(f"/api/questions/{question}/confirm", {"seen": 6}))
        told = done(phone.get(f"/api/questions/{question}"))
        assert (told["answer"], told["reason"]) == ("confirmed", None)

    def test_dropping_twice_keeps_the_first_reason(self, site: Site) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        first = done(phone.post(f"/api/questions/{question}/drop", {"reason": "重复"}))
        assert done(phone.post(f"/api/questions/{question}/drop", {"reason": "另一个"})) == first
        refused = phone.post(f"/api/questions/{question}/confirm", {"seen": 6})
        assert refused.json()["type"] == "urn:gridgov:problem:question-answered"

    @pytest.mark.parametrize("other", [{"passed": False, "reason": "没修"}, {"seen": 3}])
    def test_the_same_id_with_another_content_is_a_conflict(self, site: Site, other: dict[str, Any]) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        asked(phone.post(f"/api/incidents/{id_}/check", check))
        answer = phone.post(f"/api/incidents/{id_}/check", check | other)
        assert answer.json()["type"] == "urn:gridgov:problem:id-reused"

    def test_an_act_done_online_is_the_same_when_it_is_sent_again_as_made_without_network(
        self, site: Site
    ) -> None:
        """The phone sent it, got no answer, and lost the network."""
        id_ = verifying(site)
        sent = offline(2, found=True)
        first = done(site.as_("inspector").post(f"/api/incidents/{id_}/verify", sent | {"offline": False}))
        again = done(site.as_("inspector").post(f"/api/incidents/{id_}/verify", sent))
        assert again == first | {"repeated": True}


class TestWhoseItIs:
    """A question is its author's alone."""

    def test_another_person_finds_none(self, site: Site) -> None:
        id_, check = handled_again(site)
        question = asked(site.as_("inspector_n").post(f"/api/incidents/{id_}/check", check))["question"]
        for name in ("leader", "inspector", "administrator"):
            other = site.as_(name)
            assert done(other.get("/api/questions"))["questions"] == []
            for answer in (
                other.get(f"/api/questions/{question}"),
                other.post(f"/api/questions/{question}/confirm", {"seen": 6}),
                other.post(f"/api/questions/{question}/drop", {"reason": "不是我的"}),
            ):
                assert answer.status_code == 404
                assert answer.json()["type"] == "urn:gridgov:problem:unknown-question"
        taken = site.as_("leader").post(f"/api/incidents/{id_}/check", check)
        assert taken.json()["type"] == "urn:gridgov:problem:id-reused"

    def test_it_waits_for_them_after_signing_in_again(self, site: Site) -> None:
        id_, check = handled_again(site)
        asked(site.as_("inspector_n").post(f"/api/incidents/{id_}/check", check))
        site.later(timedelta(days=3))
        assert site.as_("inspector_n").get("/api/questions").json()["questions"][0]["id"] == check["id"]

    def test_open_ones_come_first_then_the_newest(self, site: Site) -> None:
        phone, ids = site.as_("inspector_n"), []
        for _ in range(3):
            id_, check = handled_again(site)
            ids.append(asked(phone.post(f"/api/incidents/{id_}/check", check))["question"])
        done(phone.post(f"/api/questions/{ids[2]}/drop", {"reason": "重复"}))
        found = [one["id"] for one in done(phone.get("/api/questions"))["questions"]]
        assert found == [ids[1], ids[0], ids[2]]

    def test_what_left_their_sight_is_kept_and_tells_nothing_of_where_it_went(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report()["incident"])
        assert done(site.as_("clerk").act("file", id_, 1))["department"] == "water"
        done(site.as_("dispatcher").act("dispatch", id_, 2))
        handling = offline(3, reason="修好了")
        done(site.as_("water").act("return", id_, 3, reason="不归我们"))
        done(site.as_("dispatcher").act("dispatch", id_, 4, department="cleaning"))
        phone = site.as_("water")
        assert phone.get(f"/api/incidents/{id_}").status_code == 404
        problem = asked(phone.post(f"/api/incidents/{id_}/handle", handling))
        assert problem["now"]["why"] == "UnknownIncident"
        assert (problem["meanwhile"], problem["changes"], problem["number"]) == ([], [], None)
        assert "cleaning" not in str(problem)
        again = asked(phone.post(f"/api/incidents/{id_}/handle", handling))
        assert again["meanwhile"] == []
        question = done(phone.get(f"/api/questions/{problem['question']}"))
        assert (question["row"], question["meanwhile"]) == (None, [])
        assert question["body"]["reason"] == "修好了"
        refused = phone.post(f"/api/questions/{problem['question']}/confirm", {"seen": 5})
        assert refused.status_code == 404

    def test_what_they_never_might_see_stays_unknown(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report()["incident"])
        done(site.as_("clerk").act("file", id_, 1))
        answer = site.as_("cleaning").post(f"/api/incidents/{id_}/handle", offline(1, reason="x"))
        assert answer.status_code == 404
        assert site.as_("cleaning").get("/api/questions").json()["questions"] == []


class TestWhatIsRefused:
    """Made without network or not, these are mistakes, and no questions."""

    def test_a_missing_number(self, site: Site) -> None:
        id_ = verifying(site)
        sent = offline(2, found=True)
        del sent["seen"]
        answer = site.as_("inspector").post(f"/api/incidents/{id_}/verify", sent)
        assert (answer.status_code, answer.json()["type"]) == (428, "urn:gridgov:problem:missing-number")

    def test_a_number_that_is_still_to_come(self, site: Site) -> None:
        id_ = verifying(site)
        answer = site.as_("inspector").post(f"/api/incidents/{id_}/verify", offline(9, found=True))
        assert answer.json()["type"] == "urn:gridgov:problem:stale"

    def test_what_was_not_allowed_then_either(self, site: Site) -> None:
        id_ = verifying(site)
        done(site.as_("clerk").act("file", id_, 2))
        answer = site.as_("inspector").post(f"/api/incidents/{id_}/check", offline(2, passed=True))
        assert answer.json()["type"] == "urn:gridgov:problem:not-in-this-stage"
        assert site.as_("inspector").get("/api/questions").json()["questions"] == []

    def test_confirming_without_a_number(self, site: Site) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        answer = phone.post(f"/api/questions/{question}/confirm", {})
        assert answer.status_code == 428

    def test_confirming_what_has_changed_again_stays_open(self, site: Site) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        number = row_of(site, id_)["number"]
        done(site.as_("leader").act("check", id_, number, passed=False, reason="还在漏"))
        stale = phone.post(f"/api/questions/{question}/confirm", {"seen": number})
        assert stale.json()["type"] == "urn:gridgov:problem:stale"
        assert [entry["kind"] for entry in stale.json()["meanwhile"]] == ["checked"]
        assert done(phone.get(f"/api/questions/{question}"))["answer"] is None

    def test_dropping_without_a_reason(self, site: Site) -> None:
        id_, check = handled_again(site)
        phone = site.as_("inspector_n")
        question = asked(phone.post(f"/api/incidents/{id_}/check", check))["question"]
        for reason in ("", "  "):
            assert phone.post(f"/api/questions/{question}/drop", {"reason": reason}).status_code == 422
        assert done(phone.get(f"/api/questions/{question}"))["answer"] is None


class TestNothingIsLost:
    """What cannot be kept is refused in words; what is kept has all that was sent."""

    @pytest.fixture
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(questions, "MOST_OPEN", 2)

    @pytest.mark.usefixtures("_few")
    def test_too_many_open_ones_are_refused_until_some_are_answered(self, site: Site) -> None:
        phone, acts = site.as_("inspector_n"), [handled_again(site) for _ in range(3)]
        first, _ = (asked(phone.post(f"/api/incidents/{id_}/check", check)) for id_, check in acts[:2])
        id_, check = acts[2]
        full = phone.post(f"/api/incidents/{id_}/check", check)
        assert (full.status_code, full.json()["waiting"]) == (409, 2)
        assert full.json()["type"] == "urn:gridgov:problem:too-many-questions"
        done(phone.post(f"/api/questions/{first['question']}/drop", {"reason": "重复"}))
        asked(phone.post(f"/api/incidents/{id_}/check", check))

    def test_words_are_kept_while_it_is_open_and_go_with_the_answer(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report()["incident"])
        done(site.as_("clerk").act("file", id_, 1))
        done(site.as_("dispatcher").act("dispatch", id_, 2))
        measure = {"measure": "责令改正", "legal_basis": "条例第九条", "document": "深罚 7 号"}
        enforcement = offline(3, words="某某餐饮店", **measure)
        done(site.as_("dispatcher").act("correct", id_, 3, category=scene.NOISE, reason="是噪声"))
        phone = site.as_("water")
        problem = asked(phone.post(f"/api/incidents/{id_}/enforce", enforcement))
        assert "某某餐饮店" not in str(problem)
        url = f"/api/questions/{problem['question']}"
        kept = done(phone.get(url))
        assert (kept["words"], kept["body"]["document"]) == ("某某餐饮店", "深罚 7 号")
        assert "words" not in kept["body"]
        changed_words = phone.post(f"/api/incidents/{id_}/enforce", enforcement | {"words": "别家"})
        assert changed_words.json()["type"] == "urn:gridgov:problem:id-reused"
        dropped = done(phone.post(f"{url}/drop", {"reason": "类别有误"}))
        assert dropped["words"] is None
        assert dropped["body"]["measure"] == "责令改正"
        with site.service.reader.connect() as connection:
            raw = connection.exec_driver_sql("SELECT * FROM question").mappings().one()
        assert "某某餐饮店" not in str(dict(raw))

    def test_a_position_and_a_leader_come_back_as_they_were_sent(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report(scene.RUBBISH, None)["incident"])
        where = {"lon": 114.005, "lat": 22.515, "datum": "wgs84", "accuracy_m": 5.0}
        other = where | {"lat": 22.505}
        sent = offline(1, position=where)
        done(site.as_("leader").act("place", id_, 1, position=other))
        clerk = site.as_("clerk")
        problem = asked(clerk.post(f"/api/incidents/{id_}/place", sent))
        assert {one["what"] for one in problem["changes"]} == {"place", "point"}
        assert done(clerk.get(f"/api/questions/{problem['question']}"))["body"]["position"] == where
        receipt = done(clerk.post(f"/api/questions/{problem['question']}/confirm", {"seen": 2}))
        assert receipt["path"] == ["D", "N", "N1"]

    def test_what_the_time_alone_made_impossible_is_kept(self, site: Site) -> None:
        """An extension asked for before the end of the limit, sent after it."""
        id_ = str(site.as_("inspector").report()["incident"])
        done(site.as_("clerk").act("file", id_, 1))
        done(site.as_("dispatcher").act("dispatch", id_, 2))
        wish = offline(3, wish="extension", reason="等配件")
        site.later(timedelta(days=2))
        phone = site.as_("water")
        problem = asked(phone.post(f"/api/incidents/{id_}/apply", wish))
        assert problem["now"]["why"] == "TooLate"
        assert problem["then"] == {"stage": "handling", "leads_to": "handling"}
        assert done(phone.get(f"/api/questions/{problem['question']}"))["body"]["reason"] == "等配件"
