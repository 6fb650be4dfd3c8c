"""PostGIS against a real server: tables, queries, systems, odd geometries; and messages that hold no password."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import psycopg
import pytest
from psycopg import sql
from shapely.geometry import box

from geodata.errors import BadGridsTable, MislabelledCrs, MissingColumn, MissingExtra, UnreadableTable
from geodata.features import read_features
from geodata.read import read
from geodata.sources import Postgis, postgis_of
from geodata.table import Table
from tests.geodata.drawings import astray

pytestmark = pytest.mark.slow

SQUARE, BESIDE = box(114.0, 22.5, 114.1, 22.6), box(114.1, 22.5, 114.2, 22.6)

TABLES = """
CREATE SCHEMA survey;
CREATE TABLE survey.tract (code char(20), number numeric(24, 15), name text, geom geometry(Polygon, 4490));
CREATE TABLE survey.metres (code text, geom geometry(Polygon, 4547));
CREATE TABLE survey."Odd ""Name" (code text, geom geometry);
CREATE TABLE survey.two (code text, drawn geometry, label geometry);
CREATE TABLE survey.round (code text, geom geography);
CREATE TABLE survey.words (code text);
CREATE TABLE survey.empty (code text, geom geometry);
CREATE TABLE survey.local (code text, geom geometry);
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext)
    SELECT 990001, 'survey office', 1, srtext FROM spatial_ref_sys WHERE srid = 4547;
INSERT INTO survey.tract VALUES
    ('440306001000001', 1, '新安', ST_SetSRID('POLYGON((114 22.5,114.1 22.5,114.1 22.6,114 22.6,114 22.5))'::geometry, 4490)),
    ('440306001000002', 2.5, NULL, NULL),
    ('440306001000003', 3, '西乡', ST_SetSRID('POLYGON((114.1 22.5,114.2 22.5,114.2 22.6,114.1 22.6,114.1 22.5))'::geometry, 4490));
INSERT INTO survey.metres SELECT code, ST_Transform(geom, 4547) FROM survey.tract WHERE geom IS NOT NULL;
INSERT INTO survey.local SELECT code, ST_SetSRID(geom, 990001) FROM survey.metres;
INSERT INTO survey.round SELECT code, ST_SetSRID(geom, 4326)::geography FROM survey.tract;
INSERT INTO survey.two SELECT code, ST_Transform(geom, 4326), ST_PointOnSurface(geom) FROM survey.tract;
INSERT INTO survey."Odd ""Name" VALUES
    ('flat', 'SRID=4326;POLYGON((114 22.5,114.1 22.5,114.1 22.6,114 22.6,114 22.5))'),
    ('high', 'SRID=4326;MULTIPOLYGON Z (((114.1 22.5 9,114.2 22.5 9,114.2 22.6 9,114.1 22.6 9,114.1 22.5 9)))'),
    ('point', 'SRID=4326;POINT(114 22.5)'),
    ('empty', 'SRID=4326;POLYGON EMPTY'),
    ('none', NULL),
    ('curve', 'SRID=4326;CURVEPOLYGON(CIRCULARSTRING(114.3 22.5,114.4 22.6,114.5 22.5,114.4 22.4,114.3 22.5))');
CREATE ROLE reader LOGIN PASSWORD 'sesame-1827';
CREATE TABLE survey.secret (code text, geom geometry);
GRANT USAGE ON SCHEMA survey TO reader;
GRANT SELECT ON survey.tract TO reader;
CREATE DATABASE plain;
"""


@pytest.fixture(scope="module")
def tables(postgis_url: str) -> Iterator[str]:
    """The survey's tables in the temporary server; a connection as a city's file has it, without password."""
    parts = urlsplit(postgis_url)
    with psycopg.connect(postgis_url, autocommit=True) as connection:
        for statement in TABLES.split(";\n"):
            if statement.strip():
                connection.execute(sql.SQL(statement))
        yield f"host={parse_qs(parts.query)['host'][0]} dbname=postgres user=postgres"
        connection.execute("DROP SCHEMA survey CASCADE")
        connection.execute("DELETE FROM spatial_ref_sys WHERE srid = 990001")
        connection.execute("DROP DATABASE plain")
        connection.execute("DROP ROLE reader")


@pytest.fixture
def password(postgis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The password as libpq finds it in the environment."""
    secret = urlsplit(postgis_url).password or ""
    monkeypatch.setenv("PGPASSWORD", secret)
    return secret


@pytest.fixture
def database(tables: str, password: str) -> str:
    """A connection as the city's file has it, whose password stands in the environment."""
    del password
    return tables


@pytest.mark.parametrize(
    ("table", "crs"),
    [("survey.tract", "EPSG:4490"), ("survey.metres", "EPSG:4547"), ("survey.round", "EPSG:4326")],
)
def test_a_table_comes_in_the_crs_of_its_srid(database: str, table: str, crs: str) -> None:
    found = read_features(Postgis(database, table))
    drawn = [one for one in found.geometries if one is not None]
    assert found.source.crs == crs
    assert max(map(astray, drawn, [SQUARE, BESIDE])) < 1e-9
    assert found.source.file == table


def test_columns_come_as_text_without_blanks_or_idle_decimals_and_a_null_is_none(database: str) -> None:
    found = read_features(Postgis(database, "survey.tract"))
    assert found.column("code") == ["440306001000001", "440306001000002", "440306001000003"]
    assert found.column("number") == ["1", "2.500000000000000", "3"]
    assert found.column("name") == ["新安", None, "西乡"]
    assert found.geometries[1] is None
    with pytest.raises(
        MissingColumn, match=r"survey.tract has no column 'codes'; it has: code, number, name"
    ):
        found.column("codes")


def test_mixed_geometries_come_flat_and_curves_as_lines(database: str) -> None:
    found = read_features(Postgis(database, 'survey.Odd "Name'))
    kinds = [None if one is None else one.geom_type for one in found.geometries]
    assert kinds == ["Polygon", "MultiPolygon", "Point", "Polygon", None, "Polygon"]
    assert not any(one is not None and one.has_z for one in found.geometries)
    assert found.geometries[3].is_empty
    # a circle of radius 0.1 in 4 x 32 pieces: the lines cut less than one part in a thousand off
    assert found.geometries[5].area == pytest.approx(np.pi * 0.01, rel=1e-3)


def test_a_query_reads_part_of_a_table_and_may_end_in_a_comment(database: str) -> None:
    query = "SELECT code, geom FROM survey.tract WHERE name LIKE '西%' -- the west\n;"
    found = read_features(Postgis(database, query=query))
    assert found.column("code") == ["440306001000003"]
    assert found.source.file == "PostGIS query"


def test_a_crs_of_the_surveys_own_is_taken_by_its_text(database: str) -> None:
    found = read_features(Postgis(database, "survey.local"))
    assert max(map(astray, found.geometries, [SQUARE, BESIDE])) < 1e-9


def test_of_several_geometry_columns_one_is_named(database: str) -> None:
    with pytest.raises(UnreadableTable, match=r"but: drawn, label; say which by `geometry`"):
        read_features(Postgis(database, "survey.two"))
    with pytest.raises(UnreadableTable, match="no geometry column 'geom'; it has: drawn, label"):
        read_features(Postgis(database, "survey.two", geometry="geom"))
    found = read_features(Postgis(database, "survey.two", geometry="drawn"))
    assert list(found.columns) == ["code"]


def test_the_citys_file_reads_a_hierarchy_from_it(database: str) -> None:
    level = {"key": "tract", "code": "code", "postgis": database, "table": "survey.tract"}
    drawing = read({"levels": [level]}, Path("nowhere"))
    assert [one.code[-1] for one in drawing.drawn] == ["1", "2", "3"]
    assert drawing.drawn[2].source == "survey.tract, feature 3"
    whole = {"postgis": database, "table": "survey.tract", "levels": [{"key": "tract", "code": "code"}]}
    assert read(whole, Path("nowhere")).drawn == drawing.drawn


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            {"table": "survey.tracts"},
            r'relation "survey.tracts" does not exist; .* survey.metres, .*survey.tract',
        ),
        ({"table": "survey.words"}, "not one geometry column but: none"),
        ({"table": "survey.empty"}, "it has no rows"),
        ({"query": "SELECT code FROM survey.tract WHERE"}, "syntax error"),
        ({"query": "SELECT geom, x FROM survey.tract"}, 'column "x" does not exist'),
        (
            {"query": "SELECT geom FROM survey.tract UNION ALL SELECT geom FROM survey.metres"},
            "mix the SRIDs 4490, 4547; select those of one by `query`",
        ),
        ({"query": "SELECT geom, pg_sleep(9) FROM survey.tract"}, "statement timeout; it may take"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_to_do(
    database: str, source: dict[str, str], words: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geodata.postgis.STATEMENT_SECONDS", 1)
    with pytest.raises(UnreadableTable, match=words) as caught:
        read_features(Postgis(database, **source))
    assert password not in caught.value.message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1) AS a; COMMIT; CREATE TABLE survey.made (a int); SELECT * FROM (SELECT 1",
        "WITH gone AS (DELETE FROM survey.tract RETURNING *) SELECT * FROM gone",
        "SELECT geom, set_config('transaction_read_only', 'off', true) FROM survey.tract",
        "SELECT geom, lo_create(77777) FROM survey.tract",
    ],
)
def test_a_query_cannot_write(database: str, postgis_url: str, query: str) -> None:
    with pytest.raises(UnreadableTable):
        read_features(Postgis(database, query=query))
    with psycopg.connect(postgis_url) as connection:
        row = connection.execute("SELECT count(*), to_regclass('survey.made') FROM survey.tract").fetchone()
    assert row == (3, None)


def test_no_srid_is_no_crs(database: str) -> None:
    source = Postgis(database, query="SELECT code, ST_SetSRID(geom, 0) AS geom FROM survey.tract")
    with pytest.raises(MislabelledCrs, match="does not say"):
        read_features(source)
    assert read_features(source, crs="EPSG:4490").source.crs == "EPSG:4490"


def test_wrong_credentials_are_told_with_the_places_to_look_and_no_password(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "not-the-one-5309")
    with pytest.raises(
        UnreadableTable, match=r"password authentication failed .*~/.pgpass or PGPASSWORD"
    ) as caught:
        read_features(Postgis(database, "survey.tract"))
    assert "5309" not in f"{caught.value.message} {caught.value.about} {caught.value.__cause__}"


def test_a_table_that_may_not_be_read_names_the_right_that_is_missing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "sesame-1827")
    as_reader = database.replace("user=postgres", "user=reader")
    assert len(read_features(Postgis(as_reader, "survey.tract")).geometries) == 3
    with pytest.raises(UnreadableTable, match=r"permission denied .* GRANT SELECT"):
        read_features(Postgis(as_reader, "survey.secret"))


def test_a_service_file_is_all_that_the_citys_file_needs(
    database: str, tmp_path: Path, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "\n".join(["[survey]", *database.split(), f"password={password}", ""])
    (tmp_path / "services").write_text(lines)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.delenv("PGPASSWORD")
    assert len(read_features(Postgis("service=survey", "survey.tract")).geometries) == 3
    with pytest.raises(UnreadableTable, match='definition of service "surveys" not found'):
        read_features(Postgis("service=surveys", "survey.tract"))


def test_a_database_without_postgis_says_so(database: str) -> None:
    with pytest.raises(UnreadableTable, match="CREATE EXTENSION postgis"):
        read_features(Postgis(database.replace("dbname=postgres", "dbname=plain"), "survey.tract"))


@pytest.mark.parametrize(
    "connection",
    [
        "host=db password=sesame-1827",
        "host=db sslpassword = 'sesame-1827'",
        "postgresql://reader:sesame-1827@db/survey",
        "postgresql://db/survey?user=reader&PassWord=sesame-1827",
    ],
)
def test_a_password_in_the_citys_file_is_refused_and_not_repeated(connection: str) -> None:
    with pytest.raises(BadGridsTable, match=r"holds a password.*~/.pgpass") as caught:
        postgis_of(Table({"postgis": connection, "table": "survey.tract"}, "[grids]"))
    assert "1827" not in f"{caught.value.message} {caught.value.about}"


@pytest.mark.parametrize(
    ("connection", "error"),
    [
        ("postgresql://db/survey?user=reader&pass%77ord=sesame-1827", BadGridsTable),
        ("host=db sesame-1827", UnreadableTable),
        ("postgresql://[sesame-1827", UnreadableTable),
    ],
)
def test_nor_is_one_that_only_libpq_understands(connection: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        read_features(Postgis(connection, "survey.tract"))
    assert "1827" not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"table": "survey.tract"}, "`table`, which needs `postgis`"),
        ({"postgis": "service=survey"}, "either `table` or `query`"),
        ({"postgis": "service=survey", "table": "a", "query": "SELECT"}, "either `table` or `query`"),
        ({"postgis": "service=survey", "table": "a", "file": "b.gpkg"}, "`postgis` and `file`"),
        ({"postgis": "service=survey", "table": "a", "encoding": "GBK"}, "no `encoding`"),
    ],
)
def test_a_table_of_the_citys_file_that_contradicts_itself_is_refused(
    entries: dict[str, str], words: str
) -> None:
    with pytest.raises(BadGridsTable, match=words):
        postgis_of(Table(entries, "[grids]"))


def test_without_psycopg_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "geodata.postgis", raising=False)
    monkeypatch.delattr("geodata.postgis", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'gridgov\[postgis\]'"):
        read_features(Postgis("service=survey", "survey.tract"))
