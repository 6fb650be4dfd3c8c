"""Who may do what and when, as a newcomer would copy it from the rule-book; and what people can be asked with."""

from dataclasses import dataclass
from datetime import datetime

from dispatch import errors
from dispatch.errors import DispatchError
from tests.dispatch.plain_board import Board

EVERYBODY = "inspector intake_clerk dispatcher handler shift_leader supervisor manager"
OURS = "intake verifying dispatch handling suspended checking closing"
OPEN = f"{OURS} imported"
CLERK, DESK = "intake_clerk shift_leader", "dispatcher shift_leader"
ABOVE = "supervisor manager"
LEAD, PART, EITHER = "handler of the lead", "handler of a co-handler", "handler of either"

#: Act: the stages it is open in, and whose it is. Whose are several, they stand behind one another.
PLAYBOOK = {
    "note": (f"{OPEN} closed rejected cancelled joined", EVERYBODY),
    "attach": (OPEN, EVERYBODY),
    "cancel": (OPEN, "shift_leader"),
    "place": ("intake", CLERK),
    "ask": ("intake", CLERK),
    "file": ("intake verifying", CLERK),
    "reject": ("intake verifying", CLERK),
    "verify": ("verifying", "inspector shift_leader"),
    "self_handle": ("intake", "inspector"),
    "join": ("intake verifying dispatch", CLERK),
    "correct": ("intake verifying dispatch handling", ""),
    "dispatch": ("dispatch", DESK),
    "involve": ("handling", DESK),
    "return": ("handling", LEAD),
    "handle": ("handling", LEAD),
    "accept": ("handling", EITHER),
    "assign": ("handling", EITHER),
    "decline": ("handling", PART),
    "report_part": ("handling", PART),
    "apply": ("handling", LEAD),
    "grant": ("handling", DESK),
    "refuse": ("handling", DESK),
    "resume": ("suspended", f"{DESK} {LEAD}"),
    "supervise": ("dispatch handling suspended checking", f"shift_leader {ABOVE}"),
    "answer": ("dispatch handling suspended checking closing", LEAD),
    "enforce": ("handling checking", LEAD),
    "check": ("checking", "inspector shift_leader"),
    "close": ("closing", DESK),
    "appeal": ("closed", LEAD),
    "decide": ("closed", ABOVE),
    "call_back": ("closed", CLERK),
    "reopen": ("closed rejected", "shift_leader manager"),
    "adopt": ("imported", "shift_leader"),
    "task": ("verifying checking", f"{DESK} intake_clerk"),
    "accept_task": ("verifying checking", "inspector shift_leader"),
    "decline_task": ("verifying checking", "inspector shift_leader"),
    "take_back": (f"{OURS} closed rejected cancelled", EVERYBODY),
}
#: What nobody takes back.
FOR_GOOD = ("report", "import", "join", "note", "attach", "enforce", "call_back", "take_back")


class Wrong(Exception):
    """What somebody is told who may not do an act so. Where several things are wrong: first whether they may at all,
    then whether what they ask is possible, then whether they said why.
    """

    def __init__(self, kind: type[DispatchError]) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True)
class Person:
    """Somebody, with the roles they hold here and the departments they handle things for."""

    name: str
    roles: frozenset[str]
    departments: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """All that any act could be asked with; each takes what it needs."""

    words: str = "because"
    yes: bool = True
    path: tuple[str, ...] | None = None
    category: str | None = None
    standard: str | None = None
    department: str | None = None
    co_handlers: tuple[str, ...] | None = None
    photos: tuple[str, ...] = ()
    person: str | None = None
    person_may: bool = True
    crew: str | None = None
    wish: str = "extension"
    until: datetime | None = None
    contacted: bool = True
    content: bool | None = None
    other: str = ""


def whose(act: str, board: Board) -> list[str]:
    """Whose an act is as things stand: roles, and the handlers of somebody."""
    if act == "correct":
        return {"dispatch": f"{DESK} intake_clerk", "handling": DESK}.get(board.stage, CLERK).split()
    if act == "answer" and board.stage == "dispatch":
        return DESK.split()
    text = PLAYBOOK[act][1]
    found = [mine for mine in (LEAD, PART, EITHER) if mine in text]
    for mine in found:
        text = text.replace(mine, "")
    if act == "join" and board.stage == "dispatch":
        found.append("dispatcher")
    if act == "reopen" and board.unhappy and board.stage == "closed":
        found.append("intake_clerk")
    return text.split() + found


def handlers_of(mine: str, board: Board) -> set[str]:
    """The departments that are meant."""
    lead = {board.last_lead} - {None}
    return {LEAD: lead, PART: set(board.parts), EITHER: lead | set(board.parts)}[mine]  # type: ignore[return-value]


def may(act: str, board: Board, who: Person) -> None:
    """The stage first, then the role, then whether it belongs to the handlers of somebody else; but that nothing
    waits for an answer is said to any of them.
    """
    if board.stage not in PLAYBOOK[act][0].split():
        raise Wrong(errors.NotInThisStage)
    belongs = whose(act, board)
    if who.roles & set(belongs):
        return
    departments = [handlers_of(mine, board) for mine in (LEAD, PART, EITHER) if mine in belongs]
    if not departments or "handler" not in who.roles:
        raise Wrong(errors.NotForThisRole)
    if act == "answer" and board.supervision is None:
        raise Wrong(errors.NotSupervised)
    if not who.departments & departments[0]:
        raise Wrong(errors.NotYours)
