"""What OGC API - Features refuses."""

from __future__ import annotations

from gridgov.errors import ServiceError


class BadQuery(ServiceError):
    """A parameter of this request is unknown here, or its value is not what was expected."""


class NoSuchCollection(ServiceError):
    """There is no such collection; `/ogc/collections` names those there are."""


class NoSuchFeature(ServiceError):
    """There is no such feature in this collection."""
