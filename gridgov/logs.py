"""Log lines on standard error: one JSON object each, or coloured lines for people. They never hold a secret
or a citizen's words.

Request paths are logged without their query, which may hold words somebody searched for.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final

import structlog

#: Names under which a secret might come along with an error's details.
SECRETS: Final = frozenset({"token", "password", "authorization", "cookie", "set-cookie"})
#: Addresses come from strangers: what moves a terminal's cursor, or begins another line, is written out.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SEVERAL_LINES: Final = frozenset({"event", "exception", "stack"})
#: Without the values of local variables: among them are tokens and citizens' words.
_TRACEBACK: Final = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure(log_format: str, level: str) -> None:
    """Send what structlog and the standard library log to standard error, from ``level`` upward."""
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
        without_control,
    ]
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if log_format == "console"
        else [
            structlog.processors.ExceptionRenderer(_TRACEBACK),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    for name in ("httpx2", "httpcore2"):
        # They write down whole addresses, which may hold a key, and headers at their debug level.
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    talkative = logging.getLogger("uvicorn.error")
    talkative.addFilter(_WITHOUT_QUERIES)
    # At its debug level the websockets library writes every header down, cookies and tokens among them.
    talkative.setLevel(max(least, logging.INFO))


class _WithoutQueries(logging.Filter):
    """Cuts the query off the addresses of websockets that the server tells of: it may hold a cursor."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every line passes."""
        if isinstance(record.args, tuple) and "WebSocket" in str(record.msg):
            record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
        return True


_WITHOUT_QUERIES: Final = _WithoutQueries()


def without_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take out the value of anything that is called like a secret."""
    for name in SECRETS & event.keys():
        event[name] = "(left out)"
    return event


def without_control(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Write out control characters in what is told: a line of the log is one line, and nothing but text."""
    for name, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            lines = value.split("\n") if name in _SEVERAL_LINES else [value]
            event[name] = "\n".join(
                _CONTROL.sub(lambda found: ascii(found.group())[1:-1], one) for one in lines
            )
    return event
