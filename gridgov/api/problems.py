"""Every refusal as a problem document (RFC 9457): one table from error to status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dispatch import errors as rules
from geodata import errors as geodata
from gridgov import errors as service
from gridgov.api.ogc import errors as ogc
from gridgov.city import RulesMoved, StillInUse
from gridgov.duty import errors as duty
from gridgov.frames import BadCursor
from gridgov.outbox.acts import UnknownDelivery, UnknownTarget
from gridgov.outbox.smtp import NoMailServer
from gridgov.statistics import errors as statistics
from gridgov.statistics.wire import StatisticsFault
from gridgov.storage import errors as storage

MEDIA_TYPE: Final = "application/problem+json"
#: The ways to sign in that most routes take.
BEARER: Final = ("Bearer",)
#: Seconds after which it makes sense to try again what failed because the server was busy.
RETRY_S: Final = 2
#: A value sent to us is shown back at most this long: enough to recognise it.
SHOWN: Final = 200
#: At most so many findings of a request that is not what was expected.
MOST_FINDINGS: Final = 50

STATUS: Final[Mapping[type[Exception], int]] = {
    rules.UnknownCategory: 422,
    rules.UnknownDepartment: 422,
    rules.UnknownStandard: 422,
    rules.NotInThisStage: 409,
    rules.NotForThisRole: 403,
    rules.NothingToUndo: 409,
    rules.NotYours: 403,
    rules.SamePerson: 403,
    rules.PartsOpen: 409,
    rules.SupervisionOpen: 409,
    rules.NotSupervised: 409,
    rules.AlreadySupervised: 409,
    rules.NotLate: 409,
    rules.NothingApplied: 409,
    rules.AlreadyApplied: 409,
    rules.TooLate: 409,
    rules.NoMore: 409,
    rules.BadDate: 422,
    rules.EvidenceMissing: 422,
    rules.NothingToCorrect: 422,
    rules.NobodyReached: 422,
    rules.CannotJoin: 409,
    rules.UnknownCrew: 422,
    rules.CannotGo: 422,
    rules.NoTask: 409,
    rules.AlreadyDone: 409,
    rules.NothingToTakeBack: 409,
    rules.NotRunning: 409,
    rules.NotEscalated: 409,
    rules.NotAsked: 403,
    rules.ReasonMissing: 422,
    rules.BadRules: 422,
    rules.BadLimit: 422,
    rules.CalendarTooShort: 422,
    rules.NaiveTime: 422,
    rules.BadPeriod: 422,
    rules.DispatchError: 500,
    geodata.BadPoint: 422,
    geodata.UnknownGrid: 404,
    geodata.UnknownLevel: 404,
    geodata.UnknownTile: 404,
    geodata.GeodataError: 422,
    service.MissingNumber: 428,
    service.BadInput: 422,
    service.BadPhoto: 415,
    service.UnknownPhoto: 422,
    service.NoSuchPhoto: 404,
    service.OutsideScope: 403,
    service.NotSignedIn: 401,
    service.WrongPassword: 401,
    service.TooManyTries: 429,
    service.SignInBusy: 503,
    service.FiguresBusy: 503,
    service.MapsBusy: 503,
    service.NotAllowed: 403,
    service.CrossOrigin: 403,
    service.NameTaken: 409,
    service.UnknownPerson: 404,
    service.UnknownAssignment: 404,
    service.AssignmentEnded: 409,
    service.UnknownEdition: 404,
    service.LayerOfAnotherEdition: 409,
    service.UnknownField: 404,
    service.UnknownLayerVersion: 404,
    service.EditionScheduled: 409,
    service.EditionInForce: 409,
    service.UnknownCarried: 404,
    service.AlreadyDecided: 409,
    service.WeakPassword: 422,
    service.UnknownQuestion: 404,
    service.QuestionAnswered: 409,
    service.TooManyQuestions: 409,
    service.ServiceError: 422,
    storage.Stale: 409,
    storage.ChangedMeanwhile: 409,
    storage.IdReused: 409,
    storage.UnknownIncident: 404,
    storage.NoRulesYet: 503,
    storage.StoreBusy: 503,
    storage.StoreFailed: 503,
    storage.StorageError: 503,
    BadCursor: 422,
    RulesMoved: 409,
    UnknownTarget: 404,
    UnknownDelivery: 404,
    NoMailServer: 409,
    StillInUse: 409,
    duty.UnknownDuty: 404,
    duty.PastDuty: 409,
    duty.NotForDuty: 409,
    duty.AlreadyOnDuty: 409,
    duty.NobodyToStandInFor: 409,
    duty.StoodInFor: 409,
    duty.NotOnDuty: 409,
    duty.CannotTakeOver: 409,
    statistics.CopyUnusable: 503,
    statistics.CopyHeld: 503,
    statistics.NotReadyYet: 503,
    statistics.NotThatFarBack: 503,
    statistics.NotCarriedYet: 503,
    statistics.TookTooLong: 503,
    StatisticsFault: 500,
    ogc.BadQuery: 400,
    ogc.NoSuchCollection: 404,
    ogc.NoSuchFeature: 404,
}
#: What an error is about that is nobody's business: a class listed here shows its message alone.
_SILENT: Final = (storage.StoreHeld, storage.StoreNotReady, statistics.CopyHeld)
#: Phrases that differ between versions of Python.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
_MEMBERS: Final = frozenset({"type", "title", "status", "detail"})

log = structlog.get_logger(__name__)


def status_of(error: Exception) -> int:
    """The status of the nearest class that the table has; 500 for what it does not know."""
    return next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), 500)


def problem(
    status: int,
    name: str,
    title: str,
    detail: str,
    about: Mapping[str, Any] = MappingProxyType({}),
    challenges: Sequence[str] = BEARER,
) -> Response:
    """A problem document; ``about`` are its further members, ``challenges`` the ways to sign in that a 401
    names (RFC 9110, 11.6.1).
    """
    body = {"type": f"urn:gridgov:problem:{name}", "title": title, "status": status, "detail": detail}
    body |= {key: value for key, value in about.items() if key not in _MEMBERS}
    answer = Response(orjson.dumps(body, default=str), status, media_type=MEDIA_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        for challenge in challenges:
            answer.headers.append("WWW-Authenticate", challenge)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        answer.headers["Retry-After"] = str(about.get("retry_after", RETRY_S))
    return answer


def problem_of(error: Exception) -> Response:
    """The problem document of one of our errors; what is not foreseen shows nothing of itself."""
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(
            500, "fault", "Something went wrong here, not with the request.", "It has been logged."
        )
    about: Mapping[str, Any] = {} if isinstance(error, _SILENT) else getattr(error, "about", {})
    title = " ".join((type(error).__doc__ or "").split())
    detail = str(getattr(error, "message", error))
    challenges = getattr(error, "challenges", BEARER)
    return problem(status, _kebab(type(error).__name__), title, detail, _shown(about), challenges)


def install(app: FastAPI) -> None:
    """Answer every foreseen error with its problem document."""
    for base in (rules.DispatchError, geodata.GeodataError, service.ServiceError, storage.StorageError):
        app.add_exception_handler(base, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)


async def _ours(_: Request, error: Exception) -> Response:
    if status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("fault", exc_info=error)
    return problem_of(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    findings = [_finding(item) for item in error.errors()[:MOST_FINDINGS]]
    detail = "; ".join(f"{finding['at']}: {finding['expected']}" for finding in findings[:5])
    title = "The request is not what was expected."
    return problem(422, "bad-request", title, detail, {"findings": findings})


async def _plain(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = _PHRASES.get(error.status_code) or HTTPStatus(error.status_code).phrase
    answer = problem(error.status_code, _kebab(phrase.title().replace(" ", "")), phrase, str(error.detail))
    answer.headers.update(dict(error.headers or {}))
    return answer


def _finding(item: Mapping[str, Any]) -> dict[str, Any]:
    """One thing wrong with a request: where, what was expected, and what was found, unless it may be a
    secret.
    """
    at = ".".join(str(part) for part in item["loc"])
    found = None if "password" in at else _cut(item.get("input"))
    expected = str(item["msg"]).removeprefix("Value error, ")
    return {"at": _cut(at), "expected": _cut(expected), "found": found}


def _cut(value: Any) -> Any:
    if isinstance(value, bool | int | type(None)):
        return value if not isinstance(value, int) or abs(value) < 1 << 53 else str(value)[:SHOWN]
    if isinstance(value, dict | list):
        return f"({type(value).__name__} of {len(value)})"
    return str(value)[:SHOWN].encode("utf-8", "replace").decode()


def _shown(about: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in about.items()}


def _kebab(name: str) -> str:
    """
    >>> _kebab("NotInThisStage")
    'not-in-this-stage'
    """
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
