"""What departments do with an incident, as a newcomer would write it down; see `plain_life`."""

from datetime import datetime, timedelta

from dispatch import errors
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
        self.did_not_look(board, who)
        if any(part.state != "done" for part in board.parts.values()):
            raise Wrong(errors.PartsOpen)
        self.shows(board, "handle", asked)
        words(asked.words)
        board.stage, board.handled_by, board.applied = "checking", who.name, None
        board.hands.add(who.name)
        board.photos += asked.photos
        board.starts("check", now)
        board.sends("check", now)

    def did_not_look(self, board: Board, who: Person) -> None:
        if who.name in board.eyes:
            raise Wrong(errors.SamePerson)

    def shows(self, board: Board, act: str, asked: Asked) -> None:
        if len(set(asked.photos)) < dict(board.norm().photos).get(act, 0):
            raise Wrong(errors.EvidenceMissing)

    def theirs(self, board: Board, who: Person) -> dict[str, Part]:
        """The lead's part and the others', as far as they are theirs."""
        lead = {} if board.lead is None else {board.lead: board.own}
        return {one: part for one, part in (lead | board.parts).items() if one in who.departments}

    def still_open(self, board: Board, who: Person, parts: dict[str, Part]) -> list[str]:
        """The parts of theirs that are not done."""
        found = [one for one in self.theirs(board, who) if one in parts and parts[one].state != "done"]
        if not found:
            raise Wrong(errors.AlreadyDone)
        return found

    def meant(self, board: Board, who: Person, asked: Asked, can: list[str]) -> str:
        """The part that is named, or of those that can be meant the first."""
        if asked.department is None:
            return can[0]
        if asked.department not in self.theirs(board, who):
            raise Wrong(errors.NotYours)
        if asked.department not in can:
            raise Wrong(errors.AlreadyDone)
        return asked.department

    def act_accept(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        theirs = self.theirs(board, who)
        can = [one for one, part in theirs.items() if part.taken_by is None and part.state == "open"]
        if not can:
            raise Wrong(errors.AlreadyDone)
        part = theirs[self.meant(board, who, asked, can)]
        part.state, part.taken_by = "accepted", who.name

    def act_assign(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        theirs = self.theirs(board, who)
        department = self.meant(board, who, asked, self.still_open(board, who, theirs))
        if asked.crew is not None and self.ground.crews.get(department) != asked.crew:
            raise Wrong(errors.UnknownCrew)
        if asked.person is not None and not asked.person_may:
            raise Wrong(errors.CannotGo)
        if asked.person in board.eyes:
            raise Wrong(errors.SamePerson)
        if asked.crew is None and asked.person is None:
            raise Wrong(errors.CannotGo)
        theirs[department].crew, theirs[department].assignee = asked.crew, asked.person

    def act_decline(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        department = self.meant(board, who, asked, self.still_open(board, who, board.parts))
        words(asked.words)
        del board.parts[department]
        board.with_them = tuple(one for one in board.with_them if one != department)

    def act_report_part(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        can = self.still_open(board, who, board.parts)
        self.did_not_look(board, who)
        department = self.meant(board, who, asked, can)
        words(asked.words)
        board.parts[department].state = "done"
        board.hands.add(who.name)
        board.photos += asked.photos

    def act_apply(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.applied is not None:
            raise Wrong(errors.AlreadyApplied)
        if asked.wish == "extension":
            assert board.due_at is not None
            if board.extended == 2:
                raise Wrong(errors.NoMore)
            if now >= board.due_at:
                raise Wrong(errors.TooLate)
        else:
            if board.suspensions:
                raise Wrong(errors.NoMore)
            if asked.until is None or not now < asked.until <= now + timedelta(days=366):
                raise Wrong(errors.BadDate)
        words(asked.words)
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
            raise Wrong(errors.NoMore)
        if board.due_at is None or board.closed_at is None or board.closed_at <= board.due_at:
            raise Wrong(errors.NotLate)
        words(asked.words)
        board.appeal, board.appealed_by = "open", board.lead
