"""A table of a city's TOML file, asked for its entries; errors name the table and the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeGuard, overload

from geodata.errors import BadGridsTable, BadPoint, check_point, did_you_mean

NEEDED: Literal["needed"] = "needed"


class Table:
    """One table; `name` says in messages which one it is. Every method raises BadGridsTable."""

    def __init__(self, entries: object, name: str) -> None:
        if not isinstance(entries, Mapping):
            raise BadGridsTable(f"{name} is {entries!r}; expected a table")
        self.name = name
        self._entries: dict[str, object] = {str(key): value for key, value in entries.items()}

    def get(self, key: str) -> object:
        """Whatever stands there, or None."""
        return self._entries.get(key)

    def only(self, *known: str) -> None:
        """Refuse entries by any other name, which would otherwise be passed over in silence."""
        unknown = sorted(set(self._entries) - set(known))
        if unknown:
            raise BadGridsTable(
                f"{self.name} has {', '.join(map(repr, unknown))}, which means nothing there; "
                f"it may have: {', '.join(known)}.{did_you_mean(unknown[0], known)}"
            )

    @overload
    def text(self, key: str) -> str: ...
    @overload
    def text(self, key: str, *, default: None) -> str | None: ...
    def text(self, key: str, *, default: Literal["needed"] | None = NEEDED) -> str | None:
        """A text that is not empty."""
        value = self._entries.get(key)
        if value is None and default is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise BadGridsTable(f"{self.name} needs a text for `{key}`, not {value!r}")
        return value

    def whole(self, key: str, *, default: int | None) -> int | None:
        """A whole number, 0 or more."""
        value = self._entries.get(key, default)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise BadGridsTable(f"{self.name} needs a whole number of 0 or more for `{key}`, not {value!r}")
        return value

    def number(self, key: str) -> float | None:
        """A number, 0 or more, or None where it is left out."""
        value = self._entries.get(key)
        if value is None:
            return None
        if not _is_number(value) or not value >= 0:
            raise BadGridsTable(f"{self.name} needs a number of 0 or more for `{key}`, not {value!r}")
        return float(value)

    def truth(self, key: str) -> bool:
        """True or false; false where it is left out."""
        value = self._entries.get(key, False)
        if not isinstance(value, bool):
            raise BadGridsTable(f"{self.name} needs true or false for `{key}`, not {value!r}")
        return value

    def point(self, key: str) -> tuple[float, float] | None:
        """A place as [longitude, latitude] in degrees, or None where it is left out."""
        value = self._entries.get(key)
        if value is None:
            return None
        numbers = [one for one in value if _is_number(one)] if isinstance(value, list) else []
        if len(numbers) != 2 or numbers != value:
            raise BadGridsTable(f"{self.name} needs [longitude, latitude] for `{key}`, not {value!r}")
        try:
            check_point(*numbers)
        except BadPoint as error:
            raise BadGridsTable(f"`{key}` of {self.name}: {error.message}") from error
        return float(numbers[0]), float(numbers[1])

    def texts(self, key: str) -> dict[str, str]:
        """A table of texts; empty where it is left out."""
        value = self._entries.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            raise BadGridsTable(f"{self.name} needs a table of texts for `{key}`, not {value!r}")
        return {str(name): str(text) for name, text in value.items()}

    def list_of_texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, or None where it is left out."""
        value = self._entries.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
            raise BadGridsTable(f"{self.name} needs a list of texts for `{key}`, not {value!r}")
        return tuple(str(text) for text in value)

    def tables(self, key: str) -> list[object]:
        """A list of tables; empty where it is left out."""
        value = self._entries.get(key, [])
        if not isinstance(value, list):
            raise BadGridsTable(f"{self.name} needs a list for `{key}`: write [[grids.{key}]]")
        return list(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
