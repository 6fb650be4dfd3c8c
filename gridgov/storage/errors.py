"""What the store can refuse, each with what to do about it."""

from __future__ import annotations

from typing import Any


class StorageError(Exception):
    """The store refuses this."""

    def __init__(self, message: str | None = None, **about: Any) -> None:
        self.message = message or " ".join((self.__doc__ or "").split())
        self.about = about
        super().__init__(self.message)


class StoreHeld(StorageError):
    """Another process is writing to this store; stop it, or let the command go through it."""


class StoreNotReady(StorageError):
    """This store has not been set up, or was made by another version: run `gridgov init`."""


class StoreBusy(StorageError):
    """More work is waiting than the writer can take; send it again in a few seconds."""


class StoreFailed(StorageError):
    """The store could not write; nothing of this request was kept. Send it again: its id makes that safe."""


class LedgerDamaged(StorageError):
    """The ledger itself is not whole, and all else is derived from it: put a copy of the store back."""


class Stale(StorageError):
    """The incident has moved on since the caller last saw it."""

    def __init__(self, incident: str, seen: int, number: int, meanwhile: list[dict[str, Any]]) -> None:
        super().__init__(
            f"you saw entry {seen} of this incident, it now has {number};"
            " look at what happened meanwhile and decide again",
            incident=incident,
            seen=seen,
            number=number,
            meanwhile=meanwhile,
        )


class ChangedMeanwhile(StorageError):
    """This was done without network, and what it means has changed since: say whether it is still to be done.

    ``about`` has what it meant ``then`` and means ``now`` (stage, and where it leads or why it is refused),
    the ``changes`` that matter for it and what happened ``meanwhile``.
    """

    def __init__(self, **about: Any) -> None:
        refused = about["now"].get("refused")
        end = f"it cannot be done any more: {refused}" if refused else "it would mean another thing now"
        super().__init__(
            f"{about['act']} was done without network, on entry {about['seen']} of this incident; {end}",
            **about,
        )


class IdReused(StorageError):
    """This id was used before for something else; a new command needs a new id."""


class UnknownIncident(StorageError):
    """There is no such incident, or it is outside what you may see."""


class NoRulesYet(StorageError):
    """No rules or no grids are in force yet: run `gridgov city apply` and `gridgov grids import`. Maps and
    `gridgov grids` need grids alone.
    """
