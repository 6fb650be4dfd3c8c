"""What can be wrong with the copy that figures are asked of."""

from gridgov.errors import ServiceError


class CopyUnusable(ServiceError):
    """The copy that figures are asked of cannot be used; it is made again from the store."""


class CopyOfAnother(CopyUnusable):
    """The copy is one of another ledger: a store was put back, or another was put in its place."""


class CopyHeld(ServiceError):
    """Another process has the copy that figures are asked of."""


class NotReadyYet(ServiceError):
    """Figures are being made ready from the store; ask again in a moment."""


class NotThatFarBack(ServiceError):
    """The copy cannot say yet how things stood then: the past is still being read."""


class NotCarriedYet(ServiceError):
    """Incidents are not carried over into this edition of the grids yet: they are, then it is asked again."""


class TookTooLong(ServiceError):
    """This question took too long and was given up; ask for a shorter period, or in a quieter hour."""
