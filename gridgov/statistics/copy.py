"""The columnar copy of the incidents (DuckDB) that figures are asked of: it follows the ledger, and is made
again from the store at any time.

Three tables of the same columns: ``standing``, what is open; ``ended``; and ``superseded``, what an incident
was before, from position ``since`` up to, not including, ``until``. So the copy can say how things stood at
any position, and a question about now never looks at the past. One process has the file, one thread writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import numpy as np
import orjson
from numpy.typing import NDArray

from dispatch.lifecycle import ENDED
from gridgov.statistics import facts
from gridgov.statistics.errors import CopyOfAnother, CopyUnusable

#: What the tables are like; a copy of another version is made again.
VERSION: Final = 1
#: Bytes that DuckDB may take for what it keeps in memory; 11 million incidents are asked comfortably with it.
MEMORY: Final = "800MB"
#: All tables of facts.
FACTS: Final = ("standing", "ended", "superseded")
#: Points, as longitudes and latitudes, to the numbers of the grids that they lie in; 0 is none.
Locate = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int32]]

_META: Final = ("version", "epoch", "position", "recorded_at", "built_at", "history_upto")
_TABLES: Final = ("standing", "ended")
_ENDED: Final = ", ".join(f"'{stage}'" for stage in sorted(ENDED))
_STRUCTURE: Final = orjson.dumps([dict(facts.SOURCE)]).decode()


@dataclass(frozen=True, slots=True)
class Version:
    """What an incident was from position ``since`` on, up to ``until``, None while it still is: ``row`` has
    the columns of `facts.SOURCE`, of which ``position`` is ``since``.
    """

    row: Mapping[str, Any]
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """How far the copy has come: all entries up to ``position`` are in it, the last of them recorded at
    ``recorded_at`` (UTC microseconds). It was made at position ``built_at`` (0: it followed from the start),
    and the past of incidents first reported up to position ``history_upto`` is in it too.
    """

    epoch: str
    position: int
    recorded_at: int
    built_at: int
    history_upto: int

    def reaches_back_to(self, position: int) -> bool:
        """Can the copy say how things stood at this position?"""
        return position >= self.built_at or self.history_upto >= position


class Copy:
    """The copy in a file, open. ``threads`` that answer a question together; ``confined``: nothing but what
    lies beside the file can be read and written through it, whatever a question may hold.
    """

    def __init__(self, file: Path, threads: int | None = None, *, confined: bool = True) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        more = {} if threads is None else {"threads": threads}
        try:
            self._db = duckdb.connect(
                str(file),
                config={
                    "memory_limit": MEMORY,
                    "temp_directory": str(file.with_suffix(".spill")),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    **more,
                },
            )
            if confined:
                self._db.execute("SET allowed_directories = [?]", [str(file.parent)])
                self._db.execute("SET enable_external_access = false")
        except duckdb.Error as error:
            raise CopyUnusable(f"{file} cannot be opened: {error}", file=str(file)) from error
        self._writing = threading.Lock()
        #: How points are located in each edition that the tables have a column of; see `carrying`.
        self.located: dict[int, Locate] = {}
        #: Editions that anything was recorded in, None for points of none; filled by who carries over.
        self.drawings: set[int | None] = set()

    def close(self) -> None:
        """Write down what is in memory, and let go of the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it is

    def begin(self, epoch: str) -> None:
        """Make the tables of a new copy, of a ledger of which nothing is in it yet."""
        with self.writing() as db:
            db.execute("CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
            db.execute(
                "CREATE TABLE grid (id INTEGER NOT NULL, drawing INTEGER NOT NULL,"
                " path_text VARCHAR NOT NULL, depth INTEGER NOT NULL)"
            )
            db.execute(
                "CREATE TABLE ancestor (id INTEGER NOT NULL, depth INTEGER NOT NULL,"
                " path_text VARCHAR NOT NULL)"
            )
            db.execute("CREATE TABLE carried (edition INTEGER NOT NULL)")
            for name in _TABLES:
                db.execute(facts.table(name))
            db.execute(facts.table("superseded", "until BIGINT NOT NULL"))
            self.note(db, version=VERSION, epoch=epoch, position=0, recorded_at=0, built_at=0, history_upto=0)

    def known(self, epoch: str | None = None) -> Known:
        """How far it has come. Raises CopyUnusable for a file that is no copy, or one of another version, and
        CopyOfAnother where it is not of the ledger with this epoch.
        """
        with self.asking() as db:
            return known(db, epoch)

    @staticmethod
    def note(db: duckdb.DuckDBPyConnection, **values: Any) -> None:
        """Write down how far the copy has come, in the transaction of ``db``."""
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [[k, str(v)] for k, v in values.items()])

    # -- asking and writing

    @contextmanager
    def asking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of one's own that sees the copy as it stands now, whatever is written meanwhile."""
        with self._db.cursor() as db:
            db.execute("BEGIN TRANSACTION")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The same, to change it: all of it, or nothing. One at a time."""
        with self._writing, self._db.cursor() as db:
            db.execute("BEGIN TRANSACTION")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextmanager
    def attached(self, store: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that writes, each statement by itself, with a store's file to read from, as ``st``."""
        with self._writing, self._db.cursor() as db:
            db.execute(f"ATTACH '{_quoted(store)}' AS st (TYPE sqlite, READ_ONLY)")
            yield db
            db.execute("DETACH st")

    def part(self, position: int, recorded_at: int) -> list[int]:
        """All incidents, as they were read into ``ended`` while the ledger went on, by `facts.read`: keep
        what stood so at a position, and put what is open where it belongs. Returns what is missing of before
        that position.
        """
        with self.writing() as db:
            later = f"since > {position:d}"
            lacks = db.execute(
                f"SELECT seq FROM ended WHERE {later} AND seq <= {position:d} ORDER BY seq"
            ).fetchall()
            db.execute(f"DELETE FROM ended WHERE {later}")
            db.execute(
                f"INSERT INTO standing BY NAME SELECT * REPLACE ({facts.NEVER_SAID}) FROM ended"
                f" WHERE stage NOT IN ({_ENDED})"
            )
            db.execute(f"DELETE FROM ended WHERE stage NOT IN ({_ENDED})")
            self.note(db, position=position, recorded_at=recorded_at, built_at=position)
        return [seq for (seq,) in lacks]

    # -- what happens to incidents

    def add_grids(self, grids: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Know these grids: (edition, path) of each that is not known yet."""
        with self.writing() as db:
            (last,) = _one(db, "SELECT coalesce(max(id), 0) FROM grid")
            ids = enumerate(grids, last + 1)
            rows = [
                {
                    "id": n,
                    "drawing": edition,
                    "paths": [
                        "".join(f"{code}/" for code in path[: depth + 1]) for depth in range(len(path))
                    ],
                }
                for n, (edition, path) in ids
            ]
            db.execute(
                """CREATE OR REPLACE TEMP TABLE drawn AS SELECT unnest(from_json(?,
                '[{"id": "INTEGER", "drawing": "INTEGER", "paths": ["VARCHAR"]}]'), recursive := true)""",
                [orjson.dumps(rows).decode()],
            )
            db.execute("INSERT INTO grid SELECT id, drawing, paths[-1], len(paths) FROM drawn")
            db.execute(
                "INSERT INTO ancestor SELECT id, depth, paths[depth] FROM drawn,"
                " LATERAL unnest(range(1, len(paths) + 1)) AS d(depth)"
            )
            db.execute("DROP TABLE drawn")

    def change(self, versions: Sequence[Version], position: int, recorded_at: int) -> None:
        """Take up what entries up to ``position`` made of incidents: of each that changed, all versions
        since, the last of which has no end. What it was so far is superseded by the first of them.
        """
        with self.writing() as db:
            if versions:
                _stage(db, versions)
                self._carry(db)
                _supersede(db)
                _settle(db)
            self.note(db, position=position, recorded_at=recorded_at)

    def add_past(self, versions: Sequence[Version], history_upto: int) -> None:
        """Take up what incidents were before the copy knew them."""
        with self.writing() as db:
            if versions:
                _stage(db, versions)
                self._carry(db)
                _settle(db)
            self.note(db, history_upto=history_upto)

    def _carry(self, db: duckdb.DuckDBPyConnection) -> None:
        """Give what is staged the columns of the editions that incidents are carried over into."""
        self.drawings |= drawings(db, "staged")
        for edition in carried_columns(db):
            db.execute(f"ALTER TABLE staged ADD COLUMN in_{edition:d} INTEGER")
            fill(db, "staged", edition, self.located[edition])


def known(db: duckdb.DuckDBPyConnection, epoch: str | None = None) -> Known:
    """See Copy.known; as the connection sees it."""
    try:
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    except duckdb.CatalogException as error:
        raise CopyUnusable("the file is no copy of incidents") from error
    if meta.keys() != set(_META) or meta["version"] != str(VERSION):
        raise CopyUnusable("the copy is one of another version of the program")
    if epoch is not None and meta["epoch"] != epoch:
        raise CopyOfAnother(epoch=epoch)
    numbers = {key: int(meta[key]) for key in ("position", "recorded_at", "built_at", "history_upto")}
    return Known(meta["epoch"], **numbers)


def relation(position: int | None = None) -> str:
    """All incidents with the columns of the copy, as they are now or as they stood at a position."""
    if position is None:
        return "(FROM ended UNION ALL FROM standing)"
    then = f"since <= {position:d}"
    return (
        f"(FROM ended WHERE {then} UNION ALL FROM standing WHERE {then} UNION ALL"
        f" SELECT * EXCLUDE (until) FROM superseded WHERE {then} AND until > {position:d})"
    )


def carried_columns(db: duckdb.DuckDBPyConnection) -> list[int]:
    """The editions that the tables of facts have a column of, in the order of the columns."""
    found = db.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = 'standing' AND NOT internal"
        " ORDER BY column_index"
    ).fetchall()
    return [int(name[3:]) for (name,) in found if name.startswith("in_")]


def drawings(db: duckdb.DuckDBPyConnection, table: str) -> set[int | None]:
    """The editions that what lies in a grid or has a point was recorded in."""
    found = db.execute(
        f"SELECT edition FROM {table} WHERE lon IS NOT NULL OR grid <> 0 GROUP BY edition"
    ).fetchall()
    return {edition for (edition,) in found}


def fill(db: duckdb.DuckDBPyConnection, table: str, edition: int, locate: Locate, most: int = 1 << 31) -> int:
    """Locate at most so many of the points in a table that were recorded in another edition than this one and
    are not in its column yet; returns how many that were.
    """
    column = f"in_{edition:d}"
    found = db.execute(
        f"SELECT rowid AS row, lon, lat FROM {table} WHERE {column} IS NULL AND lon IS NOT NULL"
        f" AND edition IS DISTINCT FROM {edition:d} LIMIT {most:d}"
    ).fetchnumpy()
    rows = np.asarray(found["row"])
    if len(rows):
        grids = locate(np.asarray(found["lon"]), np.asarray(found["lat"]))
        db.register("points_located", {"row": rows, "grid": grids})
        db.execute(
            f"UPDATE {table} SET {column} = found.grid FROM points_located AS found"
            f" WHERE {table}.rowid = found.row"
        )
        db.unregister("points_located")
    return len(rows)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _one(db: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = db.execute(query).fetchone()
    assert found is not None
    return found


def _stage(db: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> None:
    """The versions as a table ``staged`` with the columns of the copy and ``until``."""
    rows = [dict(one.row) for one in versions]
    db.execute(
        "CREATE OR REPLACE TEMP TABLE given AS"
        f" SELECT unnest(from_json(?, '{_STRUCTURE}'), recursive := true)",
        [orjson.dumps(rows).decode()],
    )
    db.execute(
        """CREATE OR REPLACE TEMP TABLE ends AS SELECT unnest(from_json(?,
        '[{"seq": "BIGINT", "since": "BIGINT", "until": "BIGINT"}]'), recursive := true)""",
        [
            orjson.dumps(
                [{"seq": v.row["first"], "since": v.row["position"], "until": v.until} for v in versions]
            ).decode()
        ],
    )
    db.execute(
        "CREATE OR REPLACE TEMP TABLE staged AS SELECT made.*, ends.until"
        f" FROM ({facts.selected('given')}) AS made JOIN ends USING (seq, since)"
    )


def _supersede(db: duckdb.DuckDBPyConnection) -> None:
    """What those that are staged were so far ends where the first of their new versions begins."""
    db.execute(
        "CREATE OR REPLACE TEMP TABLE changed AS SELECT seq, min(since) AS since FROM staged GROUP BY seq"
    )
    for name in _TABLES:
        db.execute(
            f"INSERT INTO superseded BY NAME SELECT {name}.*, changed.since AS until FROM {name}"
            " JOIN changed USING (seq)"
        )
        db.execute(f"DELETE FROM {name} WHERE seq IN (SELECT seq FROM changed)")


def _settle(db: duckdb.DuckDBPyConnection) -> None:
    """Put what is staged where it belongs."""
    db.execute("INSERT INTO superseded BY NAME SELECT * FROM staged WHERE until IS NOT NULL")
    for name, where in (("ended", "IN"), ("standing", "NOT IN")):
        db.execute(
            f"INSERT INTO {name} BY NAME SELECT * EXCLUDE (until) FROM staged"
            f" WHERE until IS NULL AND stage {where} ({_ENDED})"
        )
    for name in ("given", "ends", "staged"):
        db.execute(f"DROP TABLE {name}")
