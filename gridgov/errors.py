"""What the service itself refuses, beside what the rules and the store refuse."""

from __future__ import annotations

from typing import Any

from geodata.datum import Datum


class ServiceError(Exception):
    """The service refuses this."""

    def __init__(self, message: str | None = None, **about: Any) -> None:
        self.message = message or " ".join((self.__doc__ or "").split())
        self.about = about
        super().__init__(self.message)


class MissingNumber(ServiceError):
    """An act on an incident carries `seen`, the number of the entry its author last saw; read the incident
    first.
    """


class BadInput(ServiceError):
    """Something in the request is not what was expected."""


class UnnamedDatum(BadInput):
    """A point names no datum, and neither does the city: a point is nowhere without one."""

    def __init__(self) -> None:
        known = ", ".join(Datum)
        super().__init__(
            f"this point names no datum: send `datum` with it ({known}), or set one for all points that name"
            ' none in the city\'s file, under [city], such as datum = "gcj02"',
            datums=list(Datum),
        )


class BadPhoto(ServiceError):
    """This is not a photo of a kind we keep: expected JPEG, PNG or WebP."""


class UnknownPhoto(ServiceError):
    """No such photo has been uploaded; upload it first, then name it by its digest."""


class OutsideScope(ServiceError):
    """Your assignments do not cover this."""


class NotSignedIn(ServiceError):
    """Sign in first: send a session's cookie, or a token as `Authorization: Bearer ...`."""


class WrongPassword(ServiceError):
    """The name or the password is wrong."""


class TooManyTries(ServiceError):
    """Too many wrong passwords for this name from this address; wait before the next try."""


class SignInBusy(ServiceError):
    """Too many people are signing in at this moment; try again in a few seconds."""


class FiguresBusy(ServiceError):
    """Too many figures are being worked out at this moment; try again in a few seconds."""


class MapsBusy(ServiceError):
    """Too many maps are being drawn at this moment; try again in a few seconds."""


class NotAllowed(ServiceError):
    """This is for people in another role."""


class CrossOrigin(ServiceError):
    """A page of another site sent this; a signed-in browser acts only from this site's own pages."""


class NameTaken(ServiceError):
    """Somebody of this name is there already; choose another."""


class UnknownPerson(ServiceError):
    """There is nobody with this id."""


class UnknownAssignment(ServiceError):
    """There is no such assignment of this person."""


class AssignmentEnded(ServiceError):
    """This assignment has ended already; what is past stays as it was."""


class WeakPassword(ServiceError):
    """A password has 10 to 200 characters."""


class NoSuchPhoto(ServiceError):
    """This incident has no such photo."""


class UnknownEdition(ServiceError):
    """There is no such edition of the grids."""


class EditionScheduled(ServiceError):
    """Another edition waits for its date: withdraw it first, or wait."""


class EditionInForce(ServiceError):
    """This edition is in force, or was: only one that waits for its date can be withdrawn. Import the drawing
    that is to come next.
    """


class UnknownCarried(ServiceError):
    """There is no such assignment among those carried over."""


class AlreadyDecided(ServiceError):
    """Somebody has confirmed or declined this already."""


class LayerOfAnotherEdition(ServiceError):
    """These specialised grids were checked with another edition than the one in force: check and import them
    again.
    """


class UnknownField(ServiceError):
    """No field of this key has a layer of specialised grids in force."""


class UnknownLayerVersion(ServiceError):
    """There is no such version of a layer of specialised grids."""


class UnknownQuestion(ServiceError):
    """There is no such question of yours."""


class QuestionAnswered(ServiceError):
    """This question was answered already."""


class TooManyQuestions(ServiceError):
    """Too many acts of yours wait for your answer: answer some of them, then send this one again."""
