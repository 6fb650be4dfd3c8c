"""A made-up district of any size that tiles exactly, its shared borders jagged, its middle dense; by seed.

Voronoi cells of evenly strewn sites, each shared edge then bent inside the kite that the edge makes with the
sites on either side: kites of different edges meet in corners only, so that bent edges never cross.
Streets and communities grow over neighbouring cells, so that each is in one piece, unless enclaves or islands
are asked for. What comes out is an invention and says so: its name is 虚构区 unless another is given.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from geodata.enclaves import give, heights, rings
from geodata.grids import WGS84, Grid, Hierarchy, Level, measured, merged

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Edge = tuple[int, int]

LEVELS = (
    Level("district", "区", "district"),
    Level("street", "街道", "street"),
    Level("community", "社区", "community"),
    Level("micro_grid", "微网格", "micro-grid"),
)
MOST_CHILDREN = 999
"""Codes number children with three digits (domain: district 6 digits, then three a level)."""
SITES_PER_GRID = 2.5
"""Sites strewn per micro-grid wanted: the ones outside the outline only give the outer cells their shape."""
VERTICES_A_SIDE = 8
"""Bends in a side of mean length; a cell has about six sides, so 45 to 50 vertices."""
MOST_VERTICES = 1000
"""A side of some 100 m then bends every 10 cm; finer, rounding to DECIMALS would begin to show."""
BEND = 0.6
"""How far into its kite an edge may bend: short of 1, so that rounding cannot make edges touch."""
DECIMALS = 9
"""0.1 mm; at 6 decimals, points on borders begin to change sides."""


def district(
    seed: int,
    streets: Sequence[tuple[str, str]],
    communities: int = 124,
    micro_grids: int = 4833,
    code: str = "440306",
    name: str = "虚构区",
    *,
    centre: tuple[float, float] = (113.88, 22.66),
    area_km2: float = 400.0,
    vertices_a_side: float = VERTICES_A_SIDE,
    enclaves: int = 0,
    islands: int = 0,
) -> Hierarchy:
    """A district > streets > communities > micro-grids; the same for the same arguments.

    `streets` are (code, name) pairs, the codes with the district's `code` in front. Communities are called
    第001社区 and numbered on in the district, micro-grids 001微网格 and numbered in their community; their
    codes add three digits each, from 001 in each parent. `centre` is (longitude, latitude) in degrees; the
    area comes out within 1 % of `area_km2`. A side of mean length has `vertices_a_side` vertices, and a
    micro-grid about six sides. So many `enclaves` of one micro-grid lie within another, which then has a
    hole, and so many `islands` off the coast; both make micro-grids in several parts. Raises ValueError for
    numbers that make no such district.

    >>> streets = [("440306001", "甲街道"), ("440306002", "乙街道")]
    >>> made_up = district(1, streets, communities=4, micro_grids=20)
    >>> [len(made_up.at(level.key)) for level in made_up.levels]
    [1, 2, 4, 20]
    """
    _check_numbers(len(streets), communities, micro_grids)
    if not 1 < vertices_a_side <= MOST_VERTICES:
        raise ValueError(
            f"a side has more than 1 and at most {MOST_VERTICES} vertices, not {vertices_a_side}"
        )
    rng = np.random.default_rng(seed)
    sites = _sites(rng, micro_grids)
    cells, corners = _voronoi(sites)
    corners, sites = _scaled(corners, sites, cells[:micro_grids], area_km2)
    sides = _sides(cells, micro_grids)
    polygons = _polygons(rng, cells[:micro_grids], corners, sites, sides, centre, vertices_a_side)
    if enclaves or islands:
        polygons = _scattered(rng, polygons, sites, sides, centre, enclaves, islands)
    neighbours = _neighbours(sides, micro_grids)
    street_of = _grow(sites[:micro_grids], neighbours, np.zeros(micro_grids, int), [len(streets)])
    sizes = np.bincount(street_of, minlength=len(streets))
    community_of = _grow(sites[:micro_grids], neighbours, street_of, _shares(sizes, communities))
    return _named(polygons, street_of, community_of, streets, code, name)


def _check_numbers(streets: int, communities: int, micro_grids: int) -> None:
    if not 1 <= streets <= communities <= micro_grids:
        raise ValueError(
            f"expected 1 <= {streets} streets <= {communities} communities <= {micro_grids} grids"
        )
    if (
        streets > MOST_CHILDREN
        or communities > streets * MOST_CHILDREN
        or micro_grids > communities * MOST_CHILDREN
    ):
        raise ValueError("a parent has at most 999 children: three digits of their code number them")


def _sites(rng: np.random.Generator, wanted: int) -> Floats:
    """Sites strewn evenly (the R2 sequence, shaken), denser in the middle; the `wanted` come first.

    They are the ones nearest to the middle, as measured against a wavy outline.
    R2: Martin Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018).
    """
    total = math.ceil(wanted * SITES_PER_GRID) + 60
    plastic = 1.32471795724474602596
    steps = np.arange(1, total + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    even = 2 * ((0.5 + steps) % 1) - 1 + rng.uniform(-0.7, 0.7, (total, 2)) / math.sqrt(total)
    radius2 = np.sum(even**2, axis=1, keepdims=True)
    sites = even * (0.7 + 0.3 * radius2)
    angle = np.arctan2(sites[:, 1], sites[:, 0])
    outline = np.ones(total)
    for waves in range(2, 6):
        outline += rng.uniform(0.02, 0.08) * np.cos(waves * angle + rng.uniform(0, 2 * math.pi))
    order = np.argsort(np.hypot(sites[:, 0], sites[:, 1]) / outline, kind="stable")
    ordered: Floats = sites[order]
    return ordered


def _voronoi(sites: Floats) -> tuple[list[Ints], Floats]:
    """The Voronoi cell of each site as corner numbers, counter-clockwise, and the corners' places."""
    diagram = shapely.voronoi_polygons(shapely.multipoints(sites), ordered=True)
    rings = shapely.get_exterior_ring(shapely.orient_polygons(shapely.get_parts(diagram)))
    points, owner = shapely.get_coordinates(rings, return_index=True)
    corners, number = np.unique(points, axis=0, return_inverse=True)
    ends = np.cumsum(np.bincount(owner))[:-1]
    return [ring[:-1] for ring in np.split(number.reshape(-1).astype(np.int64), ends)], corners


def _scaled(corners: Floats, sites: Floats, cells: Sequence[Ints], area_km2: float) -> tuple[Floats, Floats]:
    """Corners and sites in metres, the cells' area then being `area_km2`."""
    area = sum(Polygon(corners[cell]).area for cell in cells)
    scale = math.sqrt(area_km2 * 1e6 / area)
    return corners * scale, sites * scale


def _sides(cells: Sequence[Ints], inner: int) -> dict[Edge, list[int]]:
    """Each side of the inner cells, smaller corner first, and the cells on it: an inner one first."""
    sides: dict[Edge, list[int]] = {}
    for cell, ring in enumerate(cells):
        numbers = ring.tolist()
        for a, b in zip(numbers, numbers[1:] + numbers[:1], strict=True):
            side = (min(a, b), max(a, b))
            if cell < inner:
                sides.setdefault(side, []).append(cell)
            elif side in sides:
                sides[side].append(cell)
    return sides


def _polygons(
    rng: np.random.Generator,
    cells: Sequence[Ints],
    corners: Floats,
    sites: Floats,
    sides: dict[Edge, list[int]],
    centre: tuple[float, float],
    vertices_a_side: float,
) -> NDArray[np.object_]:
    """The cells with bent sides as polygons in degrees; neighbours get the very same points of their side."""
    ends = np.array(list(sides))
    lengths = np.linalg.norm(corners[ends[:, 1]] - corners[ends[:, 0]], axis=1)
    spacing = float(lengths.mean()) / (vertices_a_side - 1)
    places = _in_degrees(corners, centre)
    bent: dict[Edge, Floats] = {}
    for (side, owners), length in zip(sides.items(), lengths, strict=True):
        path = _bend(rng, corners[side[0]], corners[side[1]], sites[owners[0]], int(length / spacing))
        bent[side] = _in_degrees(path, centre)
    rings = []
    for ring in cells:
        points = []
        for a, b in zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True):
            points.append(places[a : a + 1])
            points.append(bent[a, b] if a < b else bent[b, a][::-1])
        rings.append(Polygon(np.concatenate(points)))
    return np.array(rings, dtype=object)


def _bend(rng: np.random.Generator, start: Floats, end: Floats, site: Floats, bends: int) -> Floats:
    """`bends` points between start and end, wandering to either side yet within the kite of the edge.

    Both sites of a Voronoi edge mirror each other in it, so that one of them gives the kite's height.
    """
    along = end - start
    length = float(np.hypot(*along))
    steps = rng.normal(size=bends + 1)
    if bends < 1:
        return np.empty((0, 2))
    share = np.arange(1, bends + 1) / (bends + 1)
    walk = np.cumsum(steps)
    bridge = walk[:-1] - share * walk[-1]
    across = np.array([-along[1], along[0]]) / length
    height = abs(float((site - start) @ across))
    foot = float((site - start) @ along) / length**2
    rising = share / foot if foot > 0 else np.full(bends, np.inf)
    falling = (1 - share) / (1 - foot) if foot < 1 else np.full(bends, np.inf)
    room = BEND * np.minimum(height * np.minimum(rising, falling), 0.25 * length)
    offset = room * np.clip(bridge / math.sqrt(bends + 1), -1, 1)
    bent: Floats = start + share[:, None] * along + offset[:, None] * across
    return bent


def _in_degrees(points: Floats, centre: tuple[float, float]) -> Floats:
    """Metres east and north of the centre as (longitude, latitude), on a sphere, rounded to DECIMALS."""
    degree = math.pi / 180 * WGS84.a
    scale = np.array([degree * math.cos(math.radians(centre[1])), degree])
    degrees: Floats = np.round(np.array(centre) + points / scale, DECIMALS)
    return degrees


def _scattered(
    rng: np.random.Generator,
    polygons: NDArray[np.object_],
    sites: Floats,
    sides: dict[Edge, list[int]],
    centre: tuple[float, float],
    enclaves: int,
    islands: int,
) -> NDArray[np.object_]:
    """The polygons with enclaves, each of a neighbour, and islands, each of the nearest coast."""
    inner = len(polygons)
    neighbours = _neighbours(sides, inner)
    coast: dict[int, int] = {}
    for owners in sides.values():
        if len(owners) == 2 and max(owners) >= inner:
            coast.setdefault(max(owners), min(owners))
    hosts = [cell for cell in range(inner) if neighbours[cell]]
    if not (0 <= enclaves <= len(hosts) and 0 <= islands <= len(coast)):
        raise ValueError(
            f"there is room for {len(hosts)} enclaves and {len(coast)} islands at most, "
            f"not for {enclaves} and {islands}"
        )
    within = sorted(rng.choice(hosts, enclaves, replace=False).tolist()) if enclaves else []
    offshore = sorted(rng.choice(sorted(coast), islands, replace=False).tolist()) if islands else []
    around = rings(rng, within + offshore, sites, heights(sites), BEND)
    drawn = [_in_degrees(ring, centre) for ring in around]
    parts: dict[int, list[Floats]] = {}
    owners_of = [int(rng.choice(neighbours[host])) for host in within] + [coast[cell] for cell in offshore]
    for owner, ring in zip(owners_of, drawn, strict=True):
        parts.setdefault(owner, []).append(ring)
    return give(polygons, dict(zip(within, drawn, strict=False)), parts)


def _neighbours(sides: dict[Edge, list[int]], inner: int) -> list[list[int]]:
    """For each inner cell the inner cells it shares a side with, in order of their numbers."""
    found: list[set[int]] = [set() for _ in range(inner)]
    for owners in sides.values():
        if len(owners) == 2 and max(owners) < inner:
            found[owners[0]].add(owners[1])
            found[owners[1]].add(owners[0])
    return [sorted(cells) for cells in found]


def _shares(sizes: Ints, total: int) -> list[int]:
    """Divide `total` in proportion to sizes, at least 1 and at most the size each (largest remainder)."""
    shares = [1] * len(sizes)
    for _ in range(total - len(sizes)):
        open_to_more = [one for one in range(len(sizes)) if shares[one] < sizes[one]]
        shares[max(open_to_more, key=lambda one: (sizes[one] / (shares[one] + 0.5), -one))] += 1
    return shares


def _grow(sites: Floats, neighbours: Sequence[Sequence[int]], within: Ints, parts: Sequence[int]) -> Ints:
    """Divide each region `within` into its number of `parts`, each in one piece; parts are numbered on.

    From seeds far from one another the smallest part always takes the next free neighbour nearest its seed.
    """
    part_of = np.full(len(sites), -1, np.int64)
    first = 0
    for region, number in enumerate(parts):
        seeds = _far_apart(sites, np.flatnonzero(within == region), number)
        fringes = [[(0.0, seed)] for seed in seeds]
        turns = [(0, part) for part in range(number)]
        for part, seed in enumerate(seeds):
            part_of[seed] = first + part
        while turns:
            size, part = heapq.heappop(turns)
            cell = _next_free(fringes[part], part_of, first + part)
            if cell is None:
                continue
            part_of[cell] = first + part
            for other in neighbours[cell]:
                if part_of[other] < 0 and within[other] == region:
                    away = float(np.hypot(*(sites[other] - sites[seeds[part]])))
                    heapq.heappush(fringes[part], (away, other))
            heapq.heappush(turns, (size + 1, part))
        first += number
    return part_of


def _next_free(fringe: list[tuple[float, int]], part_of: Ints, part: int) -> int | None:
    while fringe:
        away, cell = heapq.heappop(fringe)
        if part_of[cell] < 0 or (away == 0.0 and part_of[cell] == part):
            return cell
    return None


def _far_apart(sites: Floats, cells: Ints, number: int) -> list[int]:
    """`number` of the cells, each next one the farthest from those before, starting from the westernmost."""
    chosen = [int(cells[np.argmin(sites[cells, 0])])]
    nearest = np.hypot(*(sites[cells] - sites[chosen[0]]).T)
    while len(chosen) < number:
        chosen.append(int(cells[np.argmax(nearest)]))
        nearest = np.minimum(nearest, np.hypot(*(sites[cells] - sites[chosen[-1]]).T))
    return chosen


def _named(
    polygons: NDArray[np.object_],
    street_of: Ints,
    community_of: Ints,
    streets: Sequence[tuple[str, str]],
    code: str,
    name: str,
) -> Hierarchy:
    grids: list[Grid] = [measured(code, name, 0, None, merged(polygons))]
    for street, (street_code, street_name) in enumerate(streets):
        mine = street_of == street
        grids.append(measured(street_code, street_name, 1, code, merged(polygons[mine])))
        for serial, community in enumerate(np.unique(community_of[mine]).tolist(), 1):
            cells = np.flatnonzero(community_of == community)
            grids += _community(polygons[cells], f"{street_code}{serial:03d}", community + 1, street_code)
    return Hierarchy.build(LEVELS, grids)


def _community(polygons: NDArray[np.object_], code: str, number: int, street: str) -> list[Grid]:
    """A community and its micro-grids, numbered from north to south."""
    if len(polygons) > MOST_CHILDREN:
        raise ValueError(
            f"community {code} would have {len(polygons)} micro-grids, more than {MOST_CHILDREN}"
        )
    whole = measured(code, f"第{number:03d}社区", 2, street, merged(polygons))
    southward = np.argsort(-shapely.bounds(polygons)[:, 3], kind="stable")
    return [whole] + [
        measured(f"{code}{serial:03d}", f"{serial:03d}微网格", 3, code, polygons[cell])
        for serial, cell in enumerate(southward.tolist(), 1)
    ]
