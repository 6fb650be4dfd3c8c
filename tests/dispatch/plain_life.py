"""The whole life of incidents as a newcomer would write it down after reading the rule-book: slow, flat, no tables
shared with the code.

A whiteboard for each incident; whoever acts gets a copy of it, and the copy counts where nothing was wrong. It
knows nothing of entries or decisions. Of `dispatch` it takes only what is tried by itself: is this moment working
time, the routing of a category at a place, and the names of the errors.
"""

from copy import deepcopy
from datetime import datetime, timedelta

from dispatch import errors
from dispatch.deadlines import Limit, Unit
from dispatch.errors import DispatchError
from tests.dispatch.plain_board import Board, Clock, Part
from tests.dispatch.plain_ground import Ground
from tests.dispatch.plain_hands import Departments, words
from tests.dispatch.plain_playbook import FOR_GOOD, OURS, Asked, Person, Wrong, may
from tests.dispatch.plain_time import end_of


class Life(Departments):
    """All whiteboards, and what anybody does to them."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.boards: dict[str, Board] = {}
        #: A clock of handling that goes on: on which board. When it ends is told, and proven by counting.
        self.owed: list[str] = []

    def report(self, name: str, who: str, asked: Asked, now: datetime) -> None:
        """A new whiteboard."""
        assert asked.category is not None
        board = Board(self.ground, name, "intake", asked.category, asked.standard, asked.path or ())
        board.reporter, board.photos = who, asked.photos
        board.eyes.add(who)
        board.routed()
        board.starts("intake", now)
        self.boards[name] = board

    def tries(
        self, act: str, name: str, who: Person, asked: Asked, now: datetime
    ) -> type[DispatchError] | None:
        """What is wrong with an act; None where it is done."""
        before = self.boards[name]
        board = deepcopy(before)
        try:
            may(act, board, who)
            board.entries += 1
            getattr(self, f"act_{act}")(board, who, asked, now)
        except Wrong as wrong:
            return wrong.kind
        board.last = None
        if act not in FOR_GOOD:
            before.last = None
            board.last = (who.name, now, before)
        self.boards[name] = board
        return None

    def wrong_with(
        self, act: str, name: str, who: Person, asked: Asked, now: datetime
    ) -> type[DispatchError] | None:
        """The same, and nothing is done."""
        try:
            may(act, self.boards[name], who)
        except Wrong as wrong:
            return wrong.kind
        return deepcopy(self).tries(act, name, who, asked, now)

    # -- before dispatch

    def act_note(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        pass

    def act_attach(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        board.photos += tuple(one for one in asked.photos if one not in board.photos)

    def act_place(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        board.path = asked.path or ()
        board.routed()

    def act_ask(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        board.stage = "verifying"
        board.starts("verify", now)
        board.sends("verify", now)

    def act_verify(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        self.looks(board, "verify", who, asked)
        board.stage = "intake"
        board.starts("intake", now)

    def looks(self, board: Board, act: str, who: Person, asked: Asked) -> None:
        """Whoever is sent goes; who of those who may looks first has looked. Nobody who handled it."""
        if who.name in board.hands:
            raise Wrong(errors.SamePerson)
        self.shows(board, act, asked)
        if not asked.yes:
            words(asked.words)
        board.photos += asked.photos
        board.eyes.add(who.name)
        board.looked()

    def act_file(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        """The case standard of the report stays, where only its category is named once more."""
        if asked.category != board.category or asked.standard is not None:
            self.names_a_thing(board, asked)
        board.stage, board.filed_at = "dispatch", now
        board.routed()
        board.looked()
        board.starts("dispatch", now)

    def names_a_thing(self, board: Board, asked: Asked) -> None:
        if asked.category is not None:
            if asked.category not in self.ground.categories:
                raise Wrong(errors.UnknownCategory)
            category = self.ground.categories.get(asked.category)
            if asked.standard not in (None, *(one.code for one in category.standards)):
                raise Wrong(errors.UnknownStandard)
            board.category, board.standard = category.key, asked.standard

    def act_reject(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        words(asked.words)
        self.ends(board, "rejected", now)

    def ends(self, board: Board, stage: str, now: datetime) -> None:
        board.stage, board.clock, board.left, board.until = stage, None, None, None
        board.supervision = board.applied = None
        board.looked()

    def act_cancel(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        words(asked.words)
        self.ends(board, "cancelled", now)

    def act_self_handle(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if who.name != board.reporter:
            raise Wrong(errors.NotYours)
        if not board.photos or not set(asked.photos) - set(board.photos):
            raise Wrong(errors.EvidenceMissing)
        words(asked.words)
        board.self_handled, board.closed_at, board.handled_by = True, now, who.name
        board.photos += asked.photos
        self.ends(board, "closed", now)

    def act_join(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        leader = self.boards[asked.other]
        if leader.name == board.name or leader.stage not in OURS.split():
            raise Wrong(errors.CannotJoin)
        board.leader = leader.name
        self.ends(board, "joined", now)
        leader.followers.append(board.name)
        leader.entries += 1
        leader.last = None

    def act_adopt(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        board.stage, board.due_at = "intake", None
        board.routed()
        board.starts("intake", now)

    # -- the desk

    def act_dispatch(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        chosen = asked.department or board.owner
        others = board.with_them if asked.co_handlers is None else asked.co_handlers
        if {chosen, *others} - set(self.ground.routing.departments):
            raise Wrong(errors.UnknownDepartment)
        board.with_them = tuple(one for one in dict.fromkeys(others) if one != chosen)
        self.gives(board, chosen, now)

    def gives(self, board: Board, chosen: str, now: datetime) -> None:
        if board.left is not None and board.left_by == chosen:
            self.owed.append(board.name)
        board.dispatched(chosen, board.with_them, now)

    def act_correct(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        before = deepcopy(board)
        self.names_a_thing(board, asked)
        board.path = board.path if asked.path is None else asked.path
        if (board.category, board.standard, board.path) == (before.category, before.standard, before.path):
            raise Wrong(errors.NothingToCorrect)
        words(asked.words)
        board.routed()
        if board.stage == "handling":
            self.is_elsewhere(board, before, now)
        elif board.limit != board.norm().limit:
            board.left = board.left_by = None

    def is_elsewhere(self, board: Board, before: Board, now: datetime) -> None:
        """Where it is another's now, or has another limit, it waits to be given anew, and the clock stands.

        Whom the desk chose against the book keeps it while the book says the same as before.
        """
        by_the_book = deepcopy(before)
        by_the_book.routed()
        same_limit = board.norm().limit == board.limit
        if same_limit and board.owner in (board.lead, by_the_book.owner):
            board.owner, board.with_them = before.owner, before.with_them
            return
        board.pauses(now)
        board.left_by = board.lead
        if not same_limit:
            board.left = board.left_by = None
        board.stage, board.lead, board.applied = "dispatch", None, None
        board.own = Part()
        board.starts("dispatch", now)

    def act_involve(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        wanted = tuple(dict.fromkeys(asked.co_handlers or ()))
        if set(wanted) - set(self.ground.routing.departments):
            raise Wrong(errors.UnknownDepartment)
        board.with_them = tuple(one for one in wanted if one != board.lead)
        board.parts = {one: board.parts.get(one, Part()) for one in board.with_them}

    def act_grant(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.applied is None:
            raise Wrong(errors.NothingApplied)
        wish, until = board.applied
        board.applied = None
        if wish == "extension":
            assert board.limit is not None
            assert board.due_at is not None
            assert board.handling is not None
            board.extensions, board.extended = board.extensions + 1, board.extended + 1
            board.overdue = [said for said in board.overdue if said != f"handling/{board.handling.run}"]
            board.goes_on(end_of(board.limit, board.due_at))
            return
        assert until is not None
        if until <= now:
            raise Wrong(errors.BadDate)
        board.pauses(now)
        board.stage, board.until, board.suspensions = "suspended", until, board.suspensions + 1

    def act_refuse(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.applied is None:
            raise Wrong(errors.NothingApplied)
        words(asked.words)
        board.applied = None

    def act_resume(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        self.resumes(board)

    def resumes(self, board: Board) -> None:
        board.stage, board.until = "handling", None
        self.owed.append(board.name)

    def act_close(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.supervision is not None:
            raise Wrong(errors.SupervisionOpen)
        board.closed_at, board.unhappy = now, False
        self.ends(board, "closed", now)

    # -- those who look, and those above

    def act_check(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        self.looks(board, "check", who, asked)
        if asked.yes:
            board.stage = "closing"
            board.starts("closing", now)
            return
        board.stage, board.handled_by = "handling", None
        board.counts["reworks"] += 1
        assert board.due_at is not None
        board.goes_on(board.due_at)

    def act_supervise(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.supervision is not None:
            raise Wrong(errors.AlreadySupervised)
        words(asked.words)
        board.supervisions += 1
        board.supervision = Clock("supervision", board.entries, end_of(Limit(1, Unit.WD), now))

    def act_decide(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.appeal != "open":
            raise Wrong(errors.NothingApplied)
        words(asked.words)
        board.appeal = "granted" if asked.yes else "refused"

    def act_call_back(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if not asked.contacted and asked.content is not None:
            raise Wrong(errors.NobodyReached)
        board.unhappy = asked.content is False
        board.call_backs += 1

    def act_reopen(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        words(asked.words)
        board.counts["reopenings"] += 1
        again = "dispatch" if board.stage == "closed" else "intake"
        if board.self_handled:
            board.filed_at = now
        board.stage = again
        board.starts(again, now)
        board.lead = board.left_by = board.left = board.limit = board.due_at = board.handling = None
        board.last_lead = board.handled_by = board.closed_at = None
        board.own, board.parts, board.unhappy, board.self_handled = Part(), {}, False, False

    def act_task(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if not asked.person_may:
            raise Wrong(errors.CannotGo)
        if asked.person in board.hands:
            raise Wrong(errors.SamePerson)
        board.task = "verify" if board.stage == "verifying" else "check"
        board.task_person, board.task_state = asked.person, "offered"
        board.task_by = end_of(Limit(self.ground.task_minutes, Unit.WM), now)

    def act_accept_task(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.task_person != who.name:
            raise Wrong(errors.NoTask)
        if board.task_state == "accepted":
            raise Wrong(errors.NoTask)
        board.task_state, board.task_by = "accepted", None

    def act_decline_task(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.task_person != who.name:
            raise Wrong(errors.NoTask)
        words(asked.words)
        self.passes_over(board, now)

    def passes_over(self, board: Board, now: datetime) -> None:
        assert board.task is not None
        assert board.task_person is not None
        board.passed_over.append(board.task_person)
        board.sends(board.task, now)

    def act_take_back(self, board: Board, who: Person, asked: Asked, now: datetime) -> None:
        if board.last is None:
            raise Wrong(errors.NothingToTakeBack)
        by, when, before = board.last
        if by != who.name:
            raise Wrong(errors.NothingToTakeBack)
        if now > when + timedelta(minutes=5):
            raise Wrong(errors.TooLate)
        entries = board.entries
        vars(board).update(vars(deepcopy(before)))
        board.entries = entries

    # -- what happens by itself

    def something_came_after(self, name: str) -> None:
        """A clock turned yellow: that changes nothing, but something came after the last act."""
        self.boards[name].last = None

    def one_look(self, name: str, now: datetime) -> bool:
        """Is something to be said of an incident by now? Then it is, with what follows from it."""
        board = self.boards[name]
        for clock in (board.clock, board.supervision):
            if clock is not None and now >= clock.due and f"{clock.name}/{clock.run}" not in board.overdue:
                board.overdue.append(f"{clock.name}/{clock.run}")
                board.entries += 1
                if clock.name == "dispatch" and board.returned:
                    board.entries += 1
                    unit = self.ground.answers_for(board.path)
                    board.with_them = tuple(one for one in board.with_them if one != unit)
                    self.gives(board, unit, now)
                return True
        if board.task_state == "offered" and board.task_by is not None and now >= board.task_by:
            board.entries += 1
            self.passes_over(board, now)
            return True
        if board.until is not None and now >= board.until:
            board.entries += 1
            self.resumes(board)
            return True
        return False
