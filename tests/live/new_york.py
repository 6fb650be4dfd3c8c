"""New York as a running installation, and where each of its reports has to go, found without our own code."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely

from dispatch.lifecycle import Role
from geodata.check import accept, acceptances, check, settle
from geodata.read import read
from gridgov import accounts, city
from gridgov.accounts import Passwords, Person
from gridgov.clock import new_id
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from tests.gridgov.scene import LONG_AGO

CITY = Path(__file__).parent.parent / "cities" / "new_york.toml"
#: Before the kind of a request, this makes the key of its category.
KEY = "nyc311:event:"
PASSWORD = "a password of the tests"


@dataclass(frozen=True)
class Row:
    """One of the city's requests: what it is about, where, and who has to get it."""

    number: str
    complaint: str
    lon: float
    lat: float
    path: tuple[str, ...]
    department: str


def rows(data: Path, many: int) -> list[Row]:
    """So many of New York's requests with coordinates, evenly out of the file, all that lie outside the tracts included."""
    table = requests(data)
    owner = departments(table)
    table = table.dropna(subset=["longitude", "latitude"]).reset_index(drop=True)
    paths = located(data, table["longitude"].to_numpy(), table["latitude"].to_numpy())
    outside = [at for at, path in enumerate(paths) if not path]
    evenly = np.linspace(0, len(table) - 1, min(many, len(table))).astype(int)
    chosen = sorted(set([*outside, *evenly.tolist()][:many])) if many < len(table) else range(len(table))
    return [
        Row(
            str(table["unique_key"][at]),
            table["complaint_type"][at],
            float(table["longitude"][at]),
            float(table["latitude"][at]),
            paths[at],
            owner[table["complaint_type"][at]],
        )
        for at in chosen
    ]


def requests(data: Path) -> pd.DataFrame:
    """The city's table."""
    columns = ["unique_key", "complaint_type", "agency", "longitude", "latitude"]
    return pd.read_csv(data / "nyc" / "requests.csv.gz", usecols=columns).dropna(subset=["complaint_type"])


def departments(table: pd.DataFrame) -> dict[str, str]:
    """Who answers for each kind of request: whom the city's file names, else the agency that most of them went to."""
    counted = table.groupby(["complaint_type", "agency"]).size().reset_index(name="many")
    counted = counted.sort_values(["complaint_type", "many", "agency"], ascending=[True, False, True])
    best = counted.drop_duplicates("complaint_type")
    return dict(zip(best["complaint_type"], best["agency"], strict=True)) | _named()


def _named() -> dict[str, str]:
    """The agency of each kind of request that the city's file itself has as a category."""
    own = tomllib.loads(CITY.read_text())["categories"]["own"]
    return {category["code"]: category["department"] for category in own}


def located(data: Path, lons: np.ndarray, lats: np.ndarray) -> list[tuple[str, ...]]:
    """Borough, CDTA, NTA and tract of each point, () outside all tracts; of two tracts the smaller code."""
    tracts = geopandas.read_file(f"/vsigzip/{data / 'nyc' / 'tract2020.geojson.gz'}").sort_values(
        "boroct2020"
    )
    tracts = tracts.reset_index(drop=True)
    tree = shapely.STRtree(tracts.geometry.to_numpy())
    point, tract = tree.query(shapely.points(lons, lats), predicate="intersects")
    first = np.full(len(lons), -1)
    for at, found in sorted(zip(point.tolist(), tract.tolist(), strict=True), reverse=True):
        first[at] = found
    names = tracts[["cdta2020", "nta2020", "boroct2020"]].astype(str).to_numpy().tolist()
    return [() if at < 0 else (names[at][0][:2], *names[at]) for at in first.tolist()]


def city_text(table: pd.DataFrame) -> str:
    """The city's file, with every other kind of request as a category too."""
    own = [
        "[[categories.own]]\n"
        f"code = {json.dumps(name)}\nname_zh = {json.dumps(name)}\nname_en = {json.dumps(name)}\n"
        f"department = {json.dumps(agency)}\n"
        for name, agency in sorted(departments(table).items())
        if name not in _named()
    ]
    return "\n".join([CITY.read_text(), *own])


@dataclass(frozen=True)
class Somebody:
    """A person to be: name, role, grid, department."""

    name: str
    role: Role
    path: tuple[str, ...] = ()
    department: str | None = None


def install(folder: Path, data: Path, people: list[Somebody]) -> dict[str, str]:
    """A store in ``folder`` with New York's rules, tracts and these people; their ids by name."""
    settings = Settings(data=folder)
    init(settings.database_url, new_id())
    text = city_text(requests(data))
    grids = tomllib.loads(text)["grids"]
    drawing = read(grids, data / "nyc")
    found = accept(check(drawing), acceptances(grids))
    with Service.open(settings) as service:
        service.writer.run(city.apply(text, "tests"))
        service.writer.run(
            city.import_edition(settle(drawing, found), "2020", made_up=False, findings=[], by="tests")
        )
        return add_people(service, people)


def add_people(service: Service, people: list[Somebody]) -> dict[str, str]:
    """People who all have the same password, a name that stands more than once holding several assignments; ids by name."""
    hashed, held = Passwords().hash(PASSWORD), defaultdict[str, list[Assignment]](list)
    for one in people:
        held[one.name].append(Assignment(new_id(), one.role, one.path, one.department, LONG_AGO))
    ids = {name: new_id() for name in held}
    for name, id_ in ids.items():
        service.writer.run(accounts.add(Person(id_, name, name, tuple(held[name])), hashed))
    return ids
