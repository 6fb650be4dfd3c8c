"""What can be wrong with an act on an incident, or with the rules it is decided by.

A docstring is the default message; what the error is about stands in its attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


class DispatchError(Exception):
    """The rules refuse this."""

    def __init__(self, message: str | None = None, **about: object) -> None:
        self.message = message or " ".join((self.__doc__ or "").split())
        self.about = about
        super().__init__(self.message)


class BadCounts(DispatchError):
    """A share is of a whole number that is not smaller than it, and of none below nought."""


class UnknownCategory(DispatchError):
    """No category of the rules in force has this key or alias."""

    def __init__(self, key: str, near: Sequence[str] = ()) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"the rules in force have no category {key!r}{hint}", category=key, near=list(near))


class UnknownStandard(DispatchError):
    """The category has no such case standard."""

    def __init__(self, category: str, code: str, known: Sequence[str]) -> None:
        choice = f"it has {', '.join(known)}" if known else "it has none: leave it out"
        super().__init__(
            f"category {category} has no case standard {code[:40]!r}; {choice}",
            category=category,
            standard=code[:40],
            known=list(known),
        )


class UnknownDepartment(DispatchError):
    """The rules in force have no such department."""

    def __init__(self, code: str, near: Sequence[str] = ()) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(
            f"the rules in force have no department {code!r}{hint}", department=code, near=list(near)
        )


class UnknownUrgency(DispatchError):
    """There is no such urgency."""

    def __init__(self, urgency: str, known: Sequence[str]) -> None:
        super().__init__(
            f"there is no urgency {urgency[:40]!r}: write {', '.join(known)}",
            urgency=urgency[:40],
            known=list(known),
        )


class NotInThisStage(DispatchError):
    """The act is not open in the stage where the incident stands."""

    def __init__(self, act: str, stage: str, open_acts: Sequence[str]) -> None:
        choice = ", ".join(open_acts) or "nothing"
        super().__init__(
            f"{act} is not possible while the incident is in stage {stage}; open now: {choice}",
            act=act,
            stage=stage,
            open=list(open_acts),
        )


class NotForThisRole(DispatchError):
    """The act belongs to somebody in another role."""

    def __init__(self, act: str, needed: Sequence[str], held: Sequence[str]) -> None:
        yours = ", ".join(held) or "none of them"
        super().__init__(
            f"{act} belongs to {' or '.join(needed)}; on this incident you are {yours}",
            act=act,
            needed=list(needed),
            held=list(held),
        )


class NotYours(DispatchError):
    """This belongs to somebody else, although your role is right."""


class SamePerson(DispatchError):
    """Patrol and handling are separate people (巡办分离)."""

    def __init__(self, act: str, did: str) -> None:
        super().__init__(
            f"who {did} an incident does not {act} it too: patrol and handling are separate people;"
            " somebody else has to",
            act=act,
            did=did,
        )


class PartsOpen(DispatchError):
    """Co-handlers have not reported their parts yet."""

    def __init__(self, departments: Sequence[str]) -> None:
        super().__init__(
            f"not reported yet: the part of {', '.join(departments)}; the dispatch desk can take them out",
            departments=list(departments),
        )


class SupervisionOpen(DispatchError):
    """It is supervised, and nobody has answered yet: it has to be answered first."""


class NotSupervised(DispatchError):
    """There is no supervision to answer."""


class AlreadySupervised(DispatchError):
    """It is supervised already, and waits for an answer."""


class NothingApplied(DispatchError):
    """No application waits for an answer."""


class AlreadyApplied(DispatchError):
    """An application waits for an answer already."""


class TooLate(DispatchError):
    """The time in which this could be done is over."""


class NoMore(DispatchError):
    """This can be done only so often, and was."""


class NotLate(DispatchError):
    """It was closed within its limit: there is nothing to appeal against."""


class BadDate(DispatchError):
    """A suspension is until a moment that is still to come, at most a year away."""


class EvidenceMissing(DispatchError):
    """More photos are demanded than there are."""

    def __init__(self, act: str, who: str, needed: int, given: int) -> None:
        super().__init__(
            f"{who} demands {needed} photo(s) to {act}, and there are {given}",
            act=act,
            needed=needed,
            given=given,
        )


class NothingToCorrect(DispatchError):
    """Say what is to be corrected: the place, the category, the case standard or the urgency."""


class NobodyReached(DispatchError):
    """Somebody who was not reached cannot have said that it is solved, or that they are satisfied."""


class CannotJoin(DispatchError):
    """This cannot be joined to that."""


class UnknownCrew(DispatchError):
    """The department has no such crew."""

    def __init__(self, department: str, crew: str, known: Sequence[str]) -> None:
        choice = f"it has {', '.join(known)}" if known else "it has none: leave it out, or name a person"
        super().__init__(
            f"department {department} has no crew {crew[:40]!r}; {choice}",
            department=department,
            crew=crew[:40],
            known=list(known),
        )


class CannotGo(DispatchError):
    """This person cannot be sent, or given it: they have no such role there."""


class NoTask(DispatchError):
    """Nobody is asked to look here, or somebody else is."""


class AlreadyDone(DispatchError):
    """This was done already."""


class NothingToTakeBack(DispatchError):
    """Only one's own last act can be taken back, and only before anything was built on it."""


class NothingToUndo(DispatchError):
    """Only what the rules did by themselves can be taken back, and only before anybody built on it."""


class NotRunning(DispatchError):
    """The clock does not run any more, or this was noticed before."""


class NotEscalated(DispatchError):
    """Nothing waits for an answer here: it is not escalated, or was answered, or there is no further step."""


class NotAsked(DispatchError):
    """It was escalated to others."""

    def __init__(self, level: str, asked: Sequence[str], held: Sequence[str]) -> None:
        yours = ", ".join(held) or "none of them"
        super().__init__(
            f"it was escalated to {' or '.join(asked)} for the {level}; there you are {yours}",
            level=level,
            needed=list(asked),
            held=list(held),
        )


class ReasonMissing(DispatchError):
    """This act needs a reason in words."""

    def __init__(self, act: str) -> None:
        super().__init__(f"{act} needs a reason in words, so that others can answer for it later", act=act)


class BadRules(DispatchError):
    """The rules contradict themselves or name something that does not exist."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the rules cannot be used: " + "; ".join(problems), problems=list(problems))


class BadLimit(DispatchError):
    """A time limit is a positive whole number and one of em, eh, ed, wm, wh, wd, such as 4wh."""


class CalendarTooShort(DispatchError):
    """The calendar has no working time left within the years it covers."""


class NaiveTime(DispatchError):
    """A time without a zone is another moment in every city."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(f"{moment.isoformat()} has no time zone, so it is no moment: add one", moment=moment)


class BadPeriod(DispatchError):
    """A period ends after it starts."""


class UnknownEntry(DispatchError):
    """The ledger holds an entry of a kind or version this program does not know."""


class BrokenHistory(DispatchError):
    """The entries of an incident do not follow from one another."""
