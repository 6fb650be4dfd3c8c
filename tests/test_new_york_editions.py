"""New York's council districts, redrawn in 2023, through the whole system: the requests of December 2019 agree
with the lines of their time, and far less with the later ones.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest

from tests.installation import CITIES, Asker, Installation, again

pytestmark = pytest.mark.slow

#: What the city wrote down beside 987 requests, against the lines then in force and the later ones: measured
#: with GeoPandas before this was built.
THEN, LATER = 0.9980, 0.8511
DECEMBER = {"from": "2019-12-01T00:00:00-05:00", "to": "2020-01-01T00:00:00-05:00"}

GRIDS = """
[grids]
file = "council_{year}.geojson.gz"

[[grids.levels]]
key = "council"
zh = "市议会选区"
en = "council district"
code = "council_district"
"""
#: In 2023 the number 43 went to another place; the city takes that into account.
RENUMBERED = """
[[grids.accept]]
finding = "CODE_REUSED"
grids = ["43"]
reason = "the numbers of council districts go on with the people who live there, not with the ground"
"""
#: The district that the city wrote down stands where the department would: figures can be filtered by it.
STATED = """
[department]
column = "council_district"
values = { "" = "none" }
unknown = "keep_and_mark"
"""


@dataclass(frozen=True)
class NewYork:
    """The requests of December 2019, and an installation with both editions that recorded them in the first."""

    table: pd.DataFrame
    installation: Installation
    folder: Path

    @property
    def stated(self) -> pd.DataFrame:
        return self.table[self.table["council_district"].notna() & self.table["longitude"].notna()]


def city_file(folder: Path, year: int, more: str = "") -> Path:
    """New York's file with the council districts of a year."""
    text = (CITIES / "new_york.toml").read_text(encoding="utf-8")
    start, end = text.index("[grids]"), text.index("[[departments]]")
    file = folder / f"new_york_{year}.toml"
    file.write_text(text[:start] + GRIDS.format(year=year) + more + text[end:], encoding="utf-8")
    return file


def mapping_file(folder: Path) -> Path:
    """New York's mapping with the stated district as department, and nothing compared."""
    text = (CITIES / "new_york.mapping.toml").read_text(encoding="utf-8")
    start, end = text.index("[department]"), text.index("[position]")
    file = folder / "december.mapping.toml"
    text = text[:start] + STATED + text[end : text.index("[[compare]]")]
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def city(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> NewYork:
    """The lines of 2013, the requests of December 2019, then the lines of 2023."""
    folder, files = shared_data / "nyc", tmp_path_factory.mktemp("files")
    table = pd.read_csv(folder / "requests.csv.gz", dtype=str)
    december = table[table["created_date"].str.startswith("2019-12")]
    december.to_csv(files / "december.csv", index=False, quoting=csv.QUOTE_MINIMAL)
    made = Installation(tmp_path_factory.mktemp("new_york"))
    first, second = city_file(files, 2013), city_file(files, 2023, RENUMBERED)
    made.done("init")
    made.done("city", "apply", first)
    made.done("grids", "import", first, "--folder", folder, "--name", "2013")
    told = made.done(
        "incidents", "import", files / "december.csv", "--mapping", mapping_file(files), "--json"
    ).json
    assert told["imported"] == len(december) == 1014
    made.done("grids", "import", second, "--folder", folder, "--name", "2023")
    return NewYork(december, made, folder)


@pytest.fixture(scope="module")
def manager(city: NewYork) -> Iterator[Asker]:
    """Somebody who may see all figures."""
    with city.installation.served() as people:
        yield people["manager"]


def located_by_geopandas(city: NewYork, year: int) -> pd.Series:
    """The district of each request in the lines of a year, as text; missing where it lies in none."""
    lines = geopandas.read_file(f"/vsigzip/{city.folder}/council_{year}.geojson.gz")
    placed = city.table[city.table["longitude"].notna()]
    points = geopandas.points_from_xy(placed["longitude"].astype(float), placed["latitude"].astype(float))
    frame = geopandas.GeoDataFrame(index=placed.index, geometry=points, crs=4326)
    found = frame.sjoin(lines, predicate="intersects")["council_district"].map(str)
    assert not found.index.has_duplicates, "no point lies on the line between two"
    return found.reindex(city.table.index)


def reported(answer: Any) -> Counter[str | None]:
    """How many were reported in each district; None is in none."""
    return Counter({group["key"]: group["tally"]["reported"] for group in answer["groups"]})


@pytest.mark.parametrize(("edition", "share"), [(1, THEN), (2, LATER)])
def test_the_citys_own_column_agrees_with_the_lines_of_its_time(
    city: NewYork, manager: Asker, edition: int, share: float
) -> None:
    """Row by row: of those for which the city wrote a district down, the figures show how many lie in it."""
    agree = total = 0
    for district in sorted(city.stated["council_district"].unique()):
        asked = DECEMBER | {"by": "council", "edition": edition, "department": district}
        counts = reported(manager.get("/api/closure", **asked))
        agree, total = agree + counts[str(int(district))], total + counts.total()
    assert total == 987
    assert agree / total == pytest.approx(share, abs=0.00005)


@pytest.mark.parametrize(("edition", "year"), [(1, 2013), (2, 2023)])
def test_figures_in_an_edition_are_what_geopandas_counts_in_its_lines(
    city: NewYork, manager: Asker, edition: int, year: int
) -> None:
    """What was closed is kept as recorded in the first; the three still open were moved to the second with it."""
    expected = Counter(located_by_geopandas(city, year).dropna())
    still_open = int((city.stated["status"] != "Closed").sum())
    assert still_open == 3
    answer = manager.get("/api/closure", by="council", edition=edition, **DECEMBER)
    counts = reported(answer)
    assert counts.pop(None) == len(city.table) - expected.total()
    assert counts == expected
    assert (answer["edition"], answer["edition_name"]) == (edition, str(year))
    assert answer["located_again"] == (still_open if edition == 1 else 987 - still_open)
    assert sum(group["tally"]["reported"] for group in answer["groups"]) == 1014


def test_as_recorded_what_is_closed_stays_in_the_lines_of_its_time(city: NewYork, manager: Asker) -> None:
    then, later = located_by_geopandas(city, 2013), located_by_geopandas(city, 2023)
    expected = Counter(then.where(city.table["status"] == "Closed", later).dropna())
    answer = manager.get("/api/closure", by="council", edition="as_recorded", **DECEMBER)
    counts = reported(answer)
    del counts[None]
    assert counts == expected
    assert (answer["edition"], answer["located_again"]) == ("as_recorded", 0)


def test_the_month_is_shown_in_the_edition_of_its_time_and_today_in_the_later(manager: Asker) -> None:
    """Before the first edition there was none: the first stands for what came before it."""
    then = manager.get("/api/closure", by="council", **DECEMBER)
    assert then["edition"] == 1
    assert then["groups"] == manager.get("/api/closure", by="council", edition=1, **DECEMBER)["groups"]
    assert manager.get("/api/closure", by="council")["edition"] == 2


def test_the_command_line_gives_the_figures_of_the_api(city: NewYork, manager: Asker) -> None:
    over_http = manager.get("/api/closure", by="council", edition=2, under="43")
    in_terminal = city.installation.done(
        "closure", "--by", "council", "--edition", "2", "--under", "43", *again(over_http), "--json"
    ).json
    for answer in (over_http, in_terminal):
        del answer["generated_at"]
    assert in_terminal == over_http
    assert over_http["total"]["tally"]["reported"] >= over_http["located_again"] > 0
