"""What goes over the socket between whoever asks for figures and the process that has the copy: one line of
JSON each way. Errors travel by name, and only those of a fixed table are raised again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from pydantic import BaseModel

from dispatch import errors as rules
from geodata import errors as geodata
from gridgov import errors as service
from gridgov.statistics import errors as ours
from gridgov.statistics.question import Opening, Question
from gridgov.statistics.uncollected import uncollected
from gridgov.storage import errors as storage

#: Bytes of a question, and of an answer: thousands of grids with a survival curve each are some 20 MB.
LONGEST_QUESTION: Final = 1_000_000
LONGEST_ANSWER: Final = 200_000_000
#: What can be asked, and what comes with it.
ASKED: Final[Mapping[str, type[BaseModel] | None]] = {
    "ask": Question,
    "open": Opening,
    "returns": Question,
    "status": None,
    "snapshot": None,
    "rebuild": None,
}
#: The errors that travel; any other arrives as the first.
ERRORS: Final[Mapping[str, type[Exception]]] = {
    cls.__name__: cls
    for cls in (
        service.ServiceError,
        service.BadInput,
        service.FiguresBusy,
        service.OutsideScope,
        service.UnknownEdition,
        service.UnknownField,
        ours.CopyUnusable,
        ours.CopyOfAnother,
        ours.CopyHeld,
        ours.NotReadyYet,
        ours.NotThatFarBack,
        ours.TookTooLong,
        rules.DispatchError,
        rules.BadPeriod,
        rules.NaiveTime,
        rules.UnknownCategory,
        rules.UnknownDepartment,
        geodata.GeodataError,
        geodata.UnknownGrid,
        geodata.UnknownLevel,
        storage.StorageError,
        storage.NoRulesYet,
        storage.StoreNotReady,
    )
}


class StatisticsFault(service.ServiceError):
    """The process that works out figures has met a fault; it is in its log."""


def question_line(do: str, what: BaseModel | None = None) -> bytes:
    """A question as it travels."""
    sent = None if what is None else what.model_dump(mode="json", by_alias=True)
    return orjson.dumps({"do": do, "what": sent}) + b"\n"


def asked_in(line: bytes) -> tuple[str, Any]:
    """What a line asks, and the question or opening that came with it. Raises BadInput for what is none."""
    try:
        said = orjson.loads(line)
        do, what = said["do"], said["what"]
        model = ASKED[do]
        return do, None if model is None else model.model_validate_json(orjson.dumps(what))
    except (ValueError, KeyError, TypeError) as error:
        raise service.BadInput(f"this is no question: {type(error).__name__}") from error


def answer_line(answer: Any) -> bytes:
    """An answer as it travels."""
    return orjson.dumps({"answer": answer}, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"


def is_fault(error: Exception) -> bool:
    """Is this none of the errors that travel?"""
    return ERRORS.get(type(error).__name__) is not type(error)


def error_line(error: Exception) -> bytes:
    """One of our errors as it travels; of any other nothing is told."""
    if is_fault(error):
        return orjson.dumps({"error": StatisticsFault.__name__, "message": None, "about": {}}) + b"\n"
    told = {"error": type(error).__name__, "message": str(error), "about": getattr(error, "about", {})}
    return orjson.dumps(told, default=str) + b"\n"


def answered_in(line: bytes) -> Any:
    """The answer in a line; raises the error that is in it instead, StatisticsFault for no such line."""
    try:
        with uncollected():
            said = orjson.loads(line)
        if "answer" in said:
            return said["answer"]
        name, message, about = said["error"], said["message"], dict(said["about"])
    except (ValueError, KeyError, TypeError) as error:
        raise StatisticsFault() from error
    raise again(name, message, about)


def again(name: str, message: str | None, about: Mapping[str, Any]) -> Exception:
    """An error of the table as it was raised; some take other arguments than a message when they are new."""
    cls = ERRORS.get(name)
    if cls is None:
        return StatisticsFault()
    error = cls.__new__(cls, message)
    Exception.__init__(error, message)
    error.__dict__.update(message=message, about=dict(about))
    return error
