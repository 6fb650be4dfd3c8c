"""What departments do with an incident, as a newcomer would write it down; see `plain_life`."""

from datetime import datetime, timedelta

from dispatch import errors
from dispatch.errors import DispatchError
from tests.dispatch.plain_board import Board, Part
from tests.dispatch.plain_ground import Ground
from tests.dispatch.plain_playbook import Asked, Person, Wrong


def words(given: object) -> None:
    """A reason has to be given."""
    if isinstance(given, str) and not given.strip():
        raise Wrong(errors.ReasonMissing)


class Departments:
    """Their acts on a copy of a whiteboard."""

    ground: Ground

    def act_return(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        words(asked.words)
        board.pauses(now)
        board.left_by, board.lead, board.returned = board.lead, None, True
        board.stage, board.applied, board.own = "dispatch", None, Part()
        board.counts["returns"] += 1
        board.starts("dispatch", now)

    def act_handle(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        wrong = self.shows(board, "handle", asked)
        if who.name in board.eyes:
            wrong.append(errors.SamePerson)
        if any(part.state != "done" for part in board.parts.values()):
            wrong.append(errors.PartsOpen)
        if not asked.words.strip():
            wrong.append(errors.ReasonMissing)
        if wrong:
            raise Wrong(*wrong)
        board.stage, board.handled_by, board.applied = "checking", who.name, None
        board.hands.add(who.name)
        board.photos += asked.photos
        board.starts("check", now)
        board.sends("check", now)

    def shows(self, board: Board, act: str, asked: Asked) -> list[type[DispatchError]]:
        needed = dict(board.norm().photos).get(act, 0)
        return [errors.EvidenceMissing] if len(set(asked.photos)) < needed else []

    def whose_part(self, board: Board, who: Person, asked: Asked, only_part: bool) -> Part:
        """The part that is meant: the one that is named, or theirs where they have only one."""
        theirs = {one: part for one, part in board.parts.items() if one in who.departments}
        if not only_part and board.lead in who.departments and board.lead is not None:
            theirs = {board.lead: board.own, **theirs}
        if asked.department is not None:
            if asked.department not in theirs:
                raise Wrong(errors.NotYours, errors.AlreadyDone)
            return theirs[asked.department]
        if not theirs:
            raise Wrong(errors.NotYours)
        return next(iter(theirs.values()))

    def act_accept(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        part = self.whose_part(board, who, asked, False)
        if part.taken_by is not None or part.state != "open":
            raise Wrong(errors.AlreadyDone)
        part.state, part.taken_by = "accepted", who.name

    def act_assign(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        part = self.whose_part(board, who, asked, False)
        department = board.lead if part is board.own else next(d for d, p in board.parts.items() if p is part)
        wrong: list[type[DispatchError]] = []
        if asked.crew is None and asked.person is None:
            wrong.append(errors.CannotGo)
        if asked.crew is not None and self.ground.crews.get(department or "") != asked.crew:
            wrong.append(errors.UnknownCrew)
        if asked.person is not None and not asked.person_may:
            wrong.append(errors.CannotGo)
        if asked.person in board.eyes:
            wrong.append(errors.SamePerson)
        if part.state == "done":
            wrong.append(errors.AlreadyDone)
        if wrong:
            raise Wrong(*wrong)
        part.crew, part.assignee = asked.crew, asked.person

    def act_decline(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        part = self.whose_part(board, who, asked, True)
        words(asked.words)
        if part.state == "done":
            raise Wrong(errors.AlreadyDone)
        department = next(d for d, p in board.parts.items() if p is part)
        del board.parts[department]
        board.with_them = tuple(one for one in board.with_them if one != department)

    def act_report_part(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        wrong: list[type[DispatchError]] = [errors.SamePerson] if who.name in board.eyes else []
        try:
            part = self.whose_part(board, who, asked, True)
        except Wrong as too:
            raise Wrong(*wrong, *too.kinds) from too
        if not asked.words.strip():
            wrong.append(errors.ReasonMissing)
        if part.state == "done":
            wrong.append(errors.AlreadyDone)
        if wrong:
            raise Wrong(*wrong)
        part.state = "done"
        board.hands.add(who.name)
        board.photos += asked.photos

    def act_apply(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        wrong: list[type[DispatchError]] = [] if asked.words.strip() else [errors.ReasonMissing]
        if board.applied is not None:
            wrong.append(errors.AlreadyApplied)
        if asked.wish == "extension":
            assert board.due_at is not None
            if now >= board.due_at:
                wrong.append(errors.TooLate)
            if board.extended == 2:
                wrong.append(errors.NoMore)
        else:
            if board.suspensions:
                wrong.append(errors.NoMore)
            if asked.until is None or not now < asked.until <= now + timedelta(days=366):
                wrong.append(errors.BadDate)
        if wrong:
            raise Wrong(*wrong)
        board.applied = asked.wish, asked.until if asked.wish == "suspension" else None

    def act_answer(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.supervision is None:
            raise Wrong(errors.NotSupervised)
        words(asked.words)
        board.supervision = None

    def act_enforce(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        words(asked.words)
        board.enforcements += 1

    def act_appeal(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.appeal is not None:
            raise Wrong(errors.NoMore, errors.AlreadyDone)
        if board.due_at is None or board.closed_at is None or board.closed_at <= board.due_at:
            raise Wrong(errors.NotLate)
        words(asked.words)
        board.appeal, board.appealed_by = "open", board.lead
