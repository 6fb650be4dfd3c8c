"""Points to polygons as PostGIS finds them in one statement, by every way known to be quick.

The server has the memory to hold tables and indexes, writes nothing to disk, and takes workers to cost
nothing. Each way is tried on a sample; scripts/bench_locate.py measures the best one.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from scripts import postgres

SETTINGS = {
    "shared_buffers": "1GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "4GB",
    "jit": "off",
    "autovacuum": "off",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0",
    "min_parallel_index_scan_size": "0",
    "max_wal_size": "8GB",
}
SUBDIVIDED = (32,)
"""Corners at most of the parts that polygons are cut into."""


@dataclass(frozen=True)
class Way:
    """One way to join: which table of points with which of polygons, and how many workers help."""

    name: str
    points: str
    grids: str
    workers: int
    indexes_points: bool = False


@dataclass(frozen=True)
class Took:
    """Seconds by the `clock`, and of one `processor` at work; those of parallel workers are not in it."""

    clock: float
    processor: float

    def __add__(self, other: "Took") -> "Took":
        return Took(self.clock + other.clock, self.processor + other.processor)


def ways(workers: Sequence[int]) -> list[Way]:
    """All ways: an index on the polygons, with points as they come or clustered, polygons whole or cut up; or
    an index on the points, so that a polygon is prepared once for all points in its box.
    """
    found = []
    for many in workers:
        found += [
            Way(f"polygons indexed, {many} workers", "come", "whole", many),
            Way(f"polygons indexed, points clustered, {many} workers", "clustered", "whole", many),
            Way(f"points indexed, {many} workers", "indexed", "bare", many, indexes_points=True),
        ]
        found += [
            Way(
                f"polygons subdivided to {most} corners and indexed, points clustered, {many} workers",
                "clustered",
                f"parts_{most}",
                many,
            )
            for most in SUBDIVIDED
        ]
    return found


class Joins:
    """A database with one set of polygons, numbered as they come, and sets of points."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def take_polygons(self, polygons: NDArray[np.object_]) -> None:
        """Bring in polygons, and what each way needs of them."""
        self._copy("whole", polygons)
        for most in SUBDIVIDED:
            self._do(
                f"CREATE UNLOGGED TABLE parts_{most} AS SELECT n, ST_Subdivide(geom, {most}) geom FROM whole"
            )
            self._do(f"CREATE INDEX ON parts_{most} USING gist (geom)")
        self._do("CREATE UNLOGGED TABLE bare AS SELECT * FROM whole ORDER BY geom")
        self._do("CREATE INDEX ON whole USING gist (geom)")
        self._do("VACUUM ANALYZE")

    def take_points(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Took:
        """Bring in other points than before; what indexing them took."""
        self._do("DROP TABLE IF EXISTS come, clustered, indexed")
        self._copy("come", shapely.points(x, y))
        for table in ("clustered", "indexed"):
            self._do(f"CREATE UNLOGGED TABLE {table} AS SELECT * FROM come ORDER BY geom")
        took = self._timed("CREATE INDEX ON indexed USING gist (geom)")
        self._do("VACUUM ANALYZE come, clustered, indexed")
        return took

    def join(self, way: Way) -> Took:
        """What the join takes; its rows are added up in the server, to send them would take longer."""
        self._do(f"SET max_parallel_workers_per_gather = {way.workers}")
        return self._timed(f"SELECT count(*), sum(p.n::bigint * g.n) {_joined(way)}")

    def answers(self, way: Way, points: int) -> NDArray[np.int64]:
        """The smallest number of the polygons that each point meets, -1 for none."""
        found = np.full(points, -1)
        rows = self._connection.execute(f"SELECT p.n, min(g.n) {_joined(way)} GROUP BY p.n").fetchall()
        for point, number in rows:
            found[point] = number
        return found

    def version(self) -> str:
        """PostgreSQL's and PostGIS's."""
        row = self._connection.execute("SHOW server_version").fetchone()
        post = self._connection.execute("SELECT postgis_lib_version()").fetchone()
        assert row
        assert post
        return f"PostgreSQL {row[0]}, PostGIS {post[0]}"

    def _timed(self, statement: str) -> Took:
        start, before = time.perf_counter(), self._processor()
        self._do(statement)
        return Took(time.perf_counter() - start, self._processor() - before)

    def _processor(self) -> float:
        """Seconds that a processor has worked for our connection, workers left out."""
        stat = Path(f"/proc/{self._connection.info.backend_pid}/stat").read_text(encoding="utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _copy(self, table: str, geometries: NDArray[np.object_]) -> None:
        self._do(f"CREATE UNLOGGED TABLE {table} (n int, geom geometry)")
        blobs = shapely.to_wkb(shapely.set_srid(geometries, 4326), hex=True, include_srid=True)
        with self._connection.cursor().copy(f"COPY {table} FROM STDIN") as sink:
            for number, blob in enumerate(blobs):
                sink.write_row((number, blob))

    def _do(self, statement: str) -> None:
        self._connection.execute(statement)


def _joined(way: Way) -> str:
    return f"FROM {way.points} p JOIN {way.grids} g ON ST_Intersects(g.geom, p.geom)"


@contextmanager
def joins() -> Iterator[Joins]:
    """A database of its own for as long as it is needed; raises postgres.MissingPostgres."""
    # Prepared statements would keep the plan that was made for another number of workers.
    with (
        postgres.server(SETTINGS) as address,
        psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection,
    ):
        yield Joins(connection)
