"""What acts on an incident carry, each checked at the door; see `gridgov.api.bodies`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StrictBool

from dispatch.categories import Urgency
from dispatch.handling_facts import Wish
from dispatch.lifecycle import Act
from gridgov.api.bodies import Body, Code, Id, Line, Moment, Photos, Position, Words
from gridgov.sent import SentAct


class ActBody(Body):
    """An act on an incident. ``seen`` is the number of the entry its author last saw; it cannot be left
    out. ``offline``: it was made without network, at ``happened_at``; where what it means has changed since,
    it is kept and comes back as a question.
    """

    id: Id
    seen: Annotated[int, Field(strict=True, ge=1, le=1 << 31)] | None = None
    happened_at: Moment | None = None
    offline: StrictBool = False

    def sent(self, incident: str, act: Act) -> SentAct:
        """As commands take it."""
        more = {name: getattr(self, name) for name in type(self).model_fields if name not in _COMMON}
        if more.get("position") is not None:
            more["position"] = self.position.sent()  # type: ignore[attr-defined]
        for name in ("urgency", "leader", "wish"):
            if more.get(name) is not None:
                more[name] = str(more[name])
        return SentAct(str(self.id), incident, act, self.seen, self.happened_at, offline=self.offline, **more)


_COMMON = frozenset(ActBody.model_fields)


class Reasoned(ActBody):
    """With a reason in words, for others to read."""

    reason: Words = ""


class PlaceBody(ActBody):
    """Where it is (定位)."""

    position: Position


class FileBody(ActBody):
    """Accept it as ours (立案), with category, case standard or urgency put right where they were wrong."""

    category: Code | None = None
    standard: Code | None = None
    urgency: Urgency | None = None


class DispatchBody(ActBody):
    """Give it to its department (派遣), or to the one named. Co-handlers left out are those it was routed
    to.
    """

    department: Code | None = None
    co_handlers: Annotated[tuple[Code, ...], Field(max_length=20)] | None = None


class VerifyBody(Reasoned):
    """Is it there (核实)? Where it is not, the reason says what was seen instead."""

    found: StrictBool
    photos: Photos = ()


class HandleBody(Reasoned):
    """It is put right (处置): what was done, as the reason, and photos of it."""

    photos: Photos = ()


class CheckBody(Reasoned):
    """Has it been put right (核查)? Where it has not, the reason says why."""

    passed: StrictBool
    photos: Photos = ()


class NoteBody(ActBody):
    """A remark (备注)."""

    words: Annotated[Words, Field(min_length=1)]


class AttachBody(ActBody):
    """Photos beside it (附件)."""

    photos: Annotated[Photos, Field(min_length=1)]


class CorrectBody(Reasoned):
    """Put right where it is, what it is, or how urgent (更正). A category, be it the same, is named anew: its
    case standard is the one beside it, or none.
    """

    position: Position | None = None
    category: Code | None = None
    standard: Code | None = None
    urgency: Urgency | None = None


class SelfHandleBody(Reasoned):
    """Put right on the spot by whoever reported it (自行处置): what was done, photos of after; of before too
    where the report has none.
    """

    photos: Annotated[Photos, Field(min_length=1)]
    before: Photos = ()


class JoinBody(Reasoned):
    """It is the same as another incident and follows it for good (并案)."""

    leader: Annotated[Code, Field(description="id or case number of the incident that it follows")]


class PartBody(ActBody):
    """For a department, where one acts for several: the lead's before a co-handler's where it is left out."""

    department: Code | None = None


class DeclineBody(Reasoned):
    """A co-handler has no part in it (谢绝协办)."""

    department: Code | None = None


class AssignBody(Reasoned):
    """Hand it to a crew or a person inside the department (分办)."""

    department: Code | None = None
    crew: Code | None = None
    person: Code | None = None


class InvolveBody(Reasoned):
    """Who has a part in it beside the lead, from now on (协办调整); an empty list for nobody."""

    co_handlers: Annotated[tuple[Code, ...], Field(max_length=20)]


class ReportPartBody(Reasoned):
    """A co-handler's part is done (协办反馈): what was done, as the reason, and photos of it."""

    department: Code | None = None
    photos: Photos = ()


class ApplyBody(Reasoned):
    """Ask for more time (延期), or that the clock stands still until a date (挂账)."""

    wish: Wish
    until: Moment | None = None


class EnforceBody(ActBody):
    """A measure was taken (执法): what, by which law, the document's number; ``words`` say against whom, and
    can be erased.
    """

    measure: Annotated[Line, Field(min_length=1)]
    legal_basis: Annotated[Line, Field(min_length=1)]
    document: Annotated[Line, Field(min_length=1)]
    words: Annotated[Words, Field(min_length=1)]


class DecideBody(Reasoned):
    """Is an appeal right (申诉裁定)?"""

    granted: StrictBool


class CallBackBody(ActBody):
    """What came of ringing back whoever reported it (回访)."""

    contacted: StrictBool
    solved: StrictBool | None = None
    satisfied: StrictBool | None = None
    words: Words | None = None


class TaskBody(ActBody):
    """Say who goes and looks (派单)."""

    person: Code


#: What each act's body is; reporting and importing are not acts on an incident.
BODIES: Final[dict[Act, type[ActBody]]] = {
    Act.PLACE: PlaceBody,
    Act.CORRECT: CorrectBody,
    Act.SELF_HANDLE: SelfHandleBody,
    Act.JOIN: JoinBody,
    Act.FILE: FileBody,
    Act.ASK: Reasoned,
    Act.VERIFY: VerifyBody,
    Act.REJECT: Reasoned,
    Act.DISPATCH: DispatchBody,
    Act.UNDO: Reasoned,
    Act.ACCEPT: PartBody,
    Act.DECLINE: DeclineBody,
    Act.ASSIGN: AssignBody,
    Act.INVOLVE: InvolveBody,
    Act.REPORT_PART: ReportPartBody,
    Act.RETURN: Reasoned,
    Act.APPLY: ApplyBody,
    Act.GRANT: Reasoned,
    Act.REFUSE: Reasoned,
    Act.RESUME: Reasoned,
    Act.SUPERVISE: Reasoned,
    Act.ANSWER: Reasoned,
    Act.ENFORCE: EnforceBody,
    Act.HANDLE: HandleBody,
    Act.CHECK: CheckBody,
    Act.CLOSE: ActBody,
    Act.APPEAL: Reasoned,
    Act.DECIDE: DecideBody,
    Act.CALL_BACK: CallBackBody,
    Act.REOPEN: Reasoned,
    Act.CANCEL: Reasoned,
    Act.ADOPT: ActBody,
    Act.TASK: TaskBody,
    Act.ACCEPT_TASK: ActBody,
    Act.DECLINE_TASK: Reasoned,
    Act.TAKE_BACK: Reasoned,
    Act.ACKNOWLEDGE: Reasoned,
    Act.PASS_ON: Reasoned,
    Act.NOTE: NoteBody,
    Act.ATTACH: AttachBody,
}
