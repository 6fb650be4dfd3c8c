"""The doors to polygons that GDAL does not read here: GeoParquet files and PostGIS databases.

Both stand on a library that is an optional extra, and is asked for only here. What comes through is Raw:
whether its coordinates can be what they claim is asked in geodata.features, as of any file.

The city's file names a database as libpq knows it (a service, or host, port, dbname, user) and never a
password: that comes from libpq's own places, such as ~/.pgpass, the service file or PGPASSWORD, and stands
in no message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from geodata.errors import BadGridsTable, MissingExtra
from geodata.raw import Raw
from geodata.table import Table

GEOPARQUET: Final = (".parquet", ".geoparquet")
"""How names of GeoParquet files end."""

_SECRET = re.compile(r"password\s*=|://[^/@]*:[^/@]*@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Postgis:
    """A table (`schema.table`) or one SELECT of a database; `geometry` is its column where it has several."""

    connection: str
    table: str | None = None
    query: str | None = None
    geometry: str | None = None

    @property
    def name(self) -> str:
        """What findings call it."""
        return self.table or "PostGIS query"

    def __str__(self) -> str:
        return f"the PostGIS table {self.table}" if self.table else "the PostGIS query"


def postgis_of(entry: Table) -> Postgis | None:
    """The source that a table of the city's file names by `postgis`, or None. Raises BadGridsTable."""
    connection = entry.text("postgis", default=None)
    found = [key for key in ("table", "query", "geometry") if entry.get(key) is not None]
    if connection is None:
        if found:
            raise BadGridsTable(
                f"{entry.name} has `{found[0]}`, which needs `postgis`, the database it is in"
            )
        return None
    if holds_secret(connection):
        raise refuse_secret(entry.name)
    if ("table" in found) == ("query" in found):
        raise BadGridsTable(f"{entry.name} reads from PostGIS and needs either `table` or `query`")
    for key in ("file", "layer", "encoding"):
        if entry.get(key) is not None:
            raise BadGridsTable(f"{entry.name} has `postgis` and `{key}`; a database has no `{key}`")
    query, geometry = (entry.text(key, default=None) for key in ("query", "geometry"))
    return Postgis(connection, entry.text("table", default=None), query, geometry)


def holds_secret(connection: str) -> bool:
    """Does a password stand in this connection?

    >>> holds_secret("postgresql://reader:sesame@db/survey"), holds_secret("service=survey")
    (True, False)
    """
    return _SECRET.search(connection) is not None


def refuse_secret(source: object) -> BadGridsTable:
    """The error for a password in the city's file; it does not repeat it."""
    return BadGridsTable(
        f"`postgis` of {source} holds a password, and the city's file is no place for one: leave it out, put "
        "it into ~/.pgpass, into the service file (service=...) or into PGPASSWORD"
    )


def read_postgis(source: Postgis) -> Raw:
    """Read the rows of a table or query. Raises UnreadableTable, MissingExtra, BadGridsTable."""
    try:
        from geodata import postgis  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(source, "postgis", "psycopg") from error
    return postgis.read(source)


def read_geoparquet(path: Path) -> Raw:
    """Read the primary geometry column and every plain column. Raises UnreadableFile, MissingExtra."""
    try:
        from geodata import geoparquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(path, "geoparquet", "pyarrow") from error
    return geoparquet.read(path)
