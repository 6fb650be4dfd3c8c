"""What the service itself refuses, beside what the rules and the store refuse."""

from __future__ import annotations

from typing import Any


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


class BadPhoto(ServiceError):
    """This is not a photo of a kind we keep: expected JPEG, PNG or WebP."""


class UnknownPhoto(ServiceError):
    """No such photo has been uploaded; upload it first, then name it by its digest."""


class OutsideScope(ServiceError):
    """Your assignments do not cover this."""
