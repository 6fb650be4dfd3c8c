"""What endpoints answer with: JSON written once, quickly, and the models that the API's description shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from starlette.responses import Response

from gridgov.rows import iso


class Answer(Response):
    """A JSON answer; times in UTC with a Z, never cached by anybody in between."""

    media_type = "application/json"

    def __init__(self, content: Any = None, status_code: int = 200, **more: Any) -> None:
        super().__init__(content, status_code, **more)
        self.headers.setdefault("Cache-Control", "no-store")

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return orjson.dumps(content, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
