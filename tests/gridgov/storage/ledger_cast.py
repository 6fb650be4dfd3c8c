"""Who and what the ledger's machine draws from: people, places, words, and things sent by them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from dispatch.errors import BrokenHistory
from dispatch.lifecycle import Act, Role, Stage
from gridgov import commands
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.storage.batch import Command
from tests.gridgov import scene

OFFICE = scene.Somebody("office", scene.assignment(Role.HANDLER, ("D",), "office"))
KEEPER = scene.Somebody("keeper", scene.assignment(Role.ADMINISTRATOR))
#: Sees little, but for what they are sent to look at.
STRANGER = scene.Somebody("square", scene.assignment(Role.INSPECTOR, ("D", "S", "S2")))
SUPERVISOR = scene.Somebody("supervisor", scene.assignment(Role.SUPERVISOR, ("D", "N")))
PEOPLE = (*scene.PEOPLE, OFFICE, KEEPER, STRANGER, SUPERVISOR)
HANDLERS = {
    "water": scene.WATER,
    "cleaning": scene.CLEANING,
    "north_office": scene.NORTH,
    "office": OFFICE,
}
CATEGORIES = (scene.COVER, scene.RUBBISH, scene.NOISE, "t:event:dragon")
PLACES = (None, scene.OUTSIDE, *(scene.at(grid) for grid in ("N1", "N2", "S1", "S2")))
WORDS = (None, "", "井盖破损，积水", "two words\tand a 'quote\"")
REASONS = ("", " ", "已处理", "not ours")
#: What moves an incident on from each stage, whoever looks: the shift leader may do all but handle.
ONWARD = {
    Stage.INTAKE: (Act.FILE, Act.ASK),
    Stage.VERIFYING: (Act.VERIFY,),
    Stage.DISPATCH: (Act.DISPATCH,),
    Stage.HANDLING: (Act.HANDLE, Act.HANDLE, Act.RETURN),
    Stage.SUSPENDED: (Act.RESUME,),
    Stage.CHECKING: (Act.CHECK,),
    Stage.CLOSING: (Act.CLOSE,),
    Stage.CLOSED: (Act.REOPEN,),
    Stage.REJECTED: (Act.REOPEN,),
    Stage.IMPORTED: (Act.ADOPT,),
}
#: What nobody does.
NOBODYS = frozenset(
    {Act.REPORT, Act.IMPORT, Act.RELOCATE, Act.NOTICE, Act.ESCALATE, Act.FOLLOW, Act.EXPIRE_TASK}
)
#: With these, words have to come that can be erased; with the last they can.
WORDED = (Act.NOTE, Act.ENFORCE, Act.CALL_BACK)
PHOTOS = ((), ("a" * 64,), ("b" * 64,))
PARTS = (None, (), ("cleaning",), ("water", "north_office"), ("police",))
NOT_REFUSALS = (BrokenHistory,)

people = st.sampled_from(PEOPLE)
ids = st.uuids(version=4).map(str)
offsets = st.sampled_from((None, -86_400, -1, 0, 60, 7_200))


@dataclass(frozen=True)
class DrawnAnew:
    """The boundaries were drawn anew: an incident is to be located again."""

    incident: str
    seen: int
    edition: int


@dataclass(frozen=True)
class RanOut:
    """A sweeper saw that something of an incident's clock was to be said from this moment on."""

    incident: str
    seen: int
    look_at: datetime


@dataclass(frozen=True)
class Sent:
    """Something sent: who, what, and how to make the command of it, as often as it is sent again."""

    by: Any
    content: SentReport | SentAct | ImportedRow | DrawnAnew | RanOut

    def command(self) -> Command:
        if isinstance(self.content, DrawnAnew):
            return commands.relocate(self.content.incident, self.content.seen, self.content.edition)
        if isinstance(self.content, RanOut):
            return commands.notice(self.content.incident, self.content.seen, self.content.look_at)
        if isinstance(self.content, SentReport):
            return commands.report(self.by, self.content)
        if isinstance(self.content, SentAct):
            return commands.act(self.by, self.content)
        return commands.import_row(self.by.id, self.content)

    @property
    def id(self) -> str:
        if isinstance(self.content, DrawnAnew | RanOut):
            return self.command().id
        if isinstance(self.content, ImportedRow):
            return str(uuid.uuid5(commands.IMPORTED, f"{self.content.source}\n{self.content.number}"))
        return self.content.id


class Jumping(scene.Clock):
    """A clock of tests that can be put forward and back."""

    def jump(self, by: timedelta) -> None:
        self.now += by
