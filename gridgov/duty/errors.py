"""What can be wrong with a duty, a stand-in or a hand-over."""

from __future__ import annotations

from gridgov.errors import BadInput, ServiceError


class UnknownDuty(ServiceError):
    """There is no such duty."""


class BadDuty(BadInput):
    """A duty names a grid, begins before it ends, and is no longer than a week."""


class PastDuty(ServiceError):
    """What is past stays as it was: a duty begins now or later, and one that has ended is not changed."""


class NotForDuty(ServiceError):
    """Only an inspector or a shift leader of a grid can be on duty there, for as long as they are one."""


class AlreadyOnDuty(ServiceError):
    """This person is on duty already at that time; withdraw that duty or cut it short first."""


class NobodyToStandInFor(ServiceError):
    """A stand-in takes somebody's place where and while that person is on duty."""


class StoodInFor(ServiceError):
    """Somebody stands in for this person at that time; withdraw that first."""


class NotOnDuty(ServiceError):
    """This person is not on duty now."""


class CannotTakeOver(ServiceError):
    """This person cannot take over from that one."""
