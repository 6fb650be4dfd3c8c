"""Reads a table or a query of a PostGIS database with psycopg (the extra `postgis`), and never writes.

One read-only transaction with a limit on time does it all. Curves come as lines (32 segments a quarter
circle, as ST_CurveToLine makes them by itself), heights are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from geodata.errors import UnreadableTable
from geodata.raw import Raw
from geodata.sources import Postgis, refuse_secret

CONNECT_SECONDS: Final = 10
STATEMENT_SECONDS: Final = 300
"""A hundred thousand polygons come in seconds; what takes longer waits for a lock or asks for too much."""

_BPCHAR: Final = 1042
"""The type character(n), which PostgreSQL fills up with blanks."""


def read(source: Postgis) -> Raw:
    """Read the rows of a table or query. Raises UnreadableTable, BadGridsTable."""
    connection = _connect(source)
    try:
        with connection:
            connection.read_only = True
            return _read(connection, source)
    except (psycopg.Error, UnicodeDecodeError) as error:
        raise UnreadableTable(source, _why(error)) from error


def _connect(source: Postgis) -> psycopg.Connection[Any]:
    try:
        told = conninfo_to_dict(source.connection)
    except psycopg.Error:
        # libpq quotes the part it stumbles over, which may be a password: nothing of it is passed on.
        raise UnreadableTable(
            source,
            "`postgis` in the city's file is no connection that libpq understands; write "
            '"service=survey" or "host=db.example dbname=survey user=reader"',
        ) from None
    usual = {"connect_timeout": CONNECT_SECONDS} if "connect_timeout" not in told else {}
    if any("password" in key for key in told):
        raise refuse_secret(source)
    try:
        return psycopg.connect(make_conninfo(source.connection, **usual), client_encoding="UTF8")
    except psycopg.Error as error:
        raise UnreadableTable(
            source,
            f"no connection to its database: {str(error).strip()}. What `postgis` in the city's file leaves "
            "out comes from PGHOST, PGUSER, PGSERVICE and so on, the password from ~/.pgpass or PGPASSWORD",
        ) from error


def _read(connection: psycopg.Connection[Any], source: Postgis) -> Raw:
    """Everything of the source, in the order in which it stands in its table."""
    _limit(connection)
    schema = _schema_of_postgis(connection, source)
    try:
        columns, geometry = _describe(connection, source, schema)
    except errors.UndefinedTable as error:
        connection.rollback()
        tables = _tables(connection, schema)
        raise UnreadableTable(source, f"{_why(error)}; the database has these: {tables}") from error
    cells = [
        sql.SQL("{}::text" if kind == _BPCHAR else "{}").format(sql.Identifier(name))
        for name, kind in columns
    ]
    shape = sql.SQL("{}::{}.geometry").format(sql.Identifier(geometry), sql.Identifier(schema))
    wanted = sql.SQL(
        "SELECT {schema}.ST_AsBinary({schema}.ST_Force2D({schema}.ST_CurveToLine({shape}))), "
        "{schema}.ST_SRID({shape}) {cells} FROM {relation}"
    ).format(
        schema=sql.Identifier(schema),
        shape=shape,
        cells=sql.SQL("").join(sql.SQL(", {}").format(cell) for cell in cells),
        relation=_relation(source),
    )
    rows = connection.execute(wanted, prepare=True).fetchall()
    if not rows:
        raise UnreadableTable(source, "it has no rows")
    srids = {srid for _, srid, *_ in rows if srid is not None}
    if len(srids) > 1:
        mixed = ", ".join(map(str, sorted(srids)))
        raise UnreadableTable(source, f"its geometries mix the SRIDs {mixed}; select those of one by `query`")
    crs = _crs(connection, schema, srids.pop()) if srids else None
    blobs = np.array([row[0] for row in rows], dtype=object)
    named = {name: _column([row[at] for row in rows]) for at, (name, _) in enumerate(columns, 2)}
    return Raw(shapely.from_wkb(blobs, on_invalid="ignore"), named, crs)


def _limit(connection: psycopg.Connection[Any]) -> None:
    """Limits on time, and plans that read a table from its start: the same rows come in the same order."""
    connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
    connection.execute(f"SET LOCAL lock_timeout = '{CONNECT_SECONDS}s'")
    connection.execute("SET LOCAL synchronize_seqscans = off")
    connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")


def _schema_of_postgis(connection: psycopg.Connection[Any], source: Postgis) -> str:
    row = connection.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'postgis'"
    ).fetchone()
    if row is None:
        raise UnreadableTable(source, "its database has no PostGIS (CREATE EXTENSION postgis)")
    return str(row[0])


def _relation(source: Postgis) -> Any:
    """What stands after FROM. It is sent as one prepared statement, in which no second one can hide."""
    if source.table is not None:
        return sql.Identifier(*source.table.split("."))
    # The query is the operator's own words, run with the operator's rights in a read-only transaction.
    return sql.SQL("(\n{}\n) AS asked").format(sql.SQL((source.query or "").strip().rstrip(";")))


def _describe(
    connection: psycopg.Connection[Any], source: Postgis, schema: str
) -> tuple[list[tuple[str, int]], str]:
    """The columns that are no geometry, with their types' numbers, and the geometry column's name."""
    kinds = connection.execute(
        "SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "WHERE n.nspname = %s AND t.typname IN ('geometry', 'geography')",
        [schema],
    ).fetchall()
    shapes = {kind for (kind,) in kinds}
    cursor = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(_relation(source)), prepare=True)
    has = [(column.name, column.type_code) for column in cursor.description or ()]
    geometries = [name for name, kind in has if kind in shapes]
    if source.geometry is None and len(geometries) == 1:
        return [column for column in has if column[1] not in shapes], geometries[0]
    if source.geometry in geometries:
        return [column for column in has if column[1] not in shapes], str(source.geometry)
    listed = ", ".join(geometries) or "none"
    if source.geometry is not None:
        raise UnreadableTable(source, f"it has no geometry column {source.geometry!r}; it has: {listed}")
    raise UnreadableTable(source, f"it has not one geometry column but: {listed}; say which by `geometry`")


def _tables(connection: psycopg.Connection[Any], schema: str) -> str:
    """The tables with geometry that the database has, for a message."""
    view = sql.SQL(
        "SELECT DISTINCT f_table_schema || '.' || f_table_name FROM {}.geometry_columns ORDER BY 1 LIMIT 20"
    )
    rows = connection.execute(view.format(sql.Identifier(schema))).fetchall()
    return ", ".join(str(name) for (name,) in rows) or "none with a geometry"


def _crs(connection: psycopg.Connection[Any], schema: str, srid: int) -> str | None:
    """What PostGIS knows a SRID as; 0 and numbers it does not know are no coordinate system."""
    row = connection.execute(
        sql.SQL("SELECT auth_name, auth_srid, srtext FROM {}.spatial_ref_sys WHERE srid = %s").format(
            sql.Identifier(schema)
        ),
        [srid],
    ).fetchone()
    if row is None:
        return None
    authority, number, text = row
    return f"{authority}:{number}" if authority in ("EPSG", "ESRI") else text


def _column(values: Sequence[object]) -> NDArray[np.generic]:
    """One column; a whole number kept with decimals, as Shapefiles leave behind, is a whole number again."""
    cells = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        whole = isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
        cells[at] = int(value) if whole and isinstance(value, Decimal) else value
    return cells


def _why(error: BaseException) -> str:
    """The server's own words, and what to do about the commonest."""
    if isinstance(error, UnicodeDecodeError):
        return f"its text is not what the database says it is: {error}"
    words = (getattr(getattr(error, "diag", None), "message_primary", None) or str(error)).strip()
    if isinstance(error, errors.InsufficientPrivilege):
        return f"{words}; its owner can allow it: GRANT USAGE ON SCHEMA ..., GRANT SELECT ON ..."
    if isinstance(error, errors.QueryCanceled):
        return f"{words}; it may take {STATEMENT_SECONDS} s"
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return f"{words}; a `query` may only read"
    return words
