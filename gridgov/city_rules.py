"""A city's file made into rules: everything wrong in it is found in one reading.

The parts stand in `gridgov.city_calendars`, `gridgov.city_categories`, `gridgov.city_routing` and
`gridgov.outbox.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from dispatch.rules import Rules
from geodata.datum import Datum
from geodata.sources import holds_secret, refuse_secret
from gridgov import city_calendars, city_categories, city_routing
from gridgov.city_categories import Named
from gridgov.city_tables import CityTable
from gridgov.city_text import BadCityFile, Reader, Where
from gridgov.city_values import UNREAD, one_of
from gridgov.in_force import CityFacts
from gridgov.outbox import rules as outbox


@dataclass(frozen=True, slots=True)
class City:
    """A city as its file describes it; ``text`` is the file itself, ``grids`` its table `[grids]`,
    ``specialised`` its `[[specialised]]`, ``countries`` whose holidays its calendars have, by their keys (""
    is the city's own), ``telling`` who is told what.
    """

    version: int
    facts: CityFacts
    rules: Rules
    grids: Mapping[str, Any]
    specialised: tuple[Any, ...]
    countries: Mapping[str, str]
    text: str
    telling: outbox.Telling


@lru_cache(maxsize=8)
def parse(text: str, version: int) -> City:
    """The city that this file describes; its rules get this version.

    Raises BadCityFile with every problem in it and its place: no TOML at all, unknown tables and keys, values
    that are not as expected, rules that contradict themselves or name what does not exist.
    """
    reader = Reader(text)
    facts, fallback = _facts(reader)
    calendars = city_calendars.calendars(reader, facts.zone if facts else None)
    departments = city_routing.departments(reader)
    codes = frozenset(one.code for one in departments)
    automatic, names = city_categories.automatic_rules(reader)
    categories = city_categories.categories(reader, Named(codes, calendars, names))
    fields = city_categories.fields(reader)
    likeness = city_categories.likeness(reader)
    routing = city_routing.routing(reader, departments, fallback, categories, fields, calendars.city)
    clocks, ladder = city_calendars.clocks(reader, calendars), city_calendars.ladder(reader, calendars)
    telling = outbox.parse(reader, categories, codes)
    grids = reader.section("grids")
    layers = tuple(one for _, one in reader.several(("specialised",), reader.data.get("specialised", [])))
    if reader.problems or facts is None or routing is None or calendars.city is None:
        raise BadCityFile(sorted(reader.problems, key=lambda problem: problem.line or 0))
    rules = Rules(
        version,
        routing.categories,
        routing,
        calendars.city,
        calendars=calendars.others,
        clocks=clocks,
        automatic=automatic,
        ladder=ladder,
        fields=fields[0],
        likeness=likeness,
    )
    kept = MappingProxyType(dict(grids))
    return City(version, facts, rules, kept, layers, calendars.countries, text, telling)


def _facts(reader: Reader) -> tuple[CityFacts | None, str | None]:
    if "city" not in reader.data:
        reader.wrong(("city",), "the file needs a table [city]")
        return None, None
    raw = reader.section("city")
    told = reader.table(("city",), raw, CityTable)
    if told is None:
        return None, str(raw.get("fallback_department", UNREAD))
    datum = one_of(reader, ("city", "datum"), told.datum, Datum)
    facts = CityFacts(told.name_zh, told.name_en, told.case_prefix, told.zone, told.made_up, datum)
    return facts, told.fallback_department


def require_no_secret(city: City) -> None:
    """Raise BadCityFile where the file holds a password to a database of polygons: it would be kept with the
    rules, and given back to whoever asks for them. A version in force from before this was refused goes on.
    """
    reader = Reader(city.text)
    tables: list[tuple[Where, Any]] = [(("grids",), city.grids)]
    tables += reader.several(("grids", "levels"), city.grids.get("levels", []))
    tables += [(("specialised", number), one) for number, one in enumerate(city.specialised)]
    for where, table in tables:
        connection = table.get("postgis") if isinstance(table, Mapping) else None
        if isinstance(connection, str) and holds_secret(connection):
            reader.wrong((*where, "postgis"), refuse_secret("this table").message)
    if reader.problems:
        raise BadCityFile(reader.problems)
