"""What can be wrong with a drawing of the grids, with the file it came in, or with a point.

A docstring is the default message; what the error is about stands in its attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from geodata.findings import Finding


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """A question to put behind an unknown name, where a known one is like it; else nothing.

    >>> did_you_mean("Blok", ["ward", "block"])
    " Did you mean 'block'?"
    """
    close = get_close_matches(given.lower(), [name.lower() for name in known], n=1)
    return next((f" Did you mean {name!r}?" for name in known if close and name.lower() == close[0]), "")


class GeodataError(Exception):
    """The map, or a point on it, cannot be used."""

    def __init__(self, message: str | None = None, **about: object) -> None:
        self.message = message or " ".join((self.__doc__ or "").split())
        self.about = about
        super().__init__(self.message)


class UnreadableFile(GeodataError):
    """The file is missing, or holds no polygons that can be read."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"{path} cannot be read as a polygon file: {why}", path=str(path), why=why)
        self.path = str(path)


class UnreadableTable(GeodataError):
    """The table cannot be read from its PostGIS database."""

    def __init__(self, table: object, why: str) -> None:
        super().__init__(f"{table} cannot be read: {why}", table=str(table), why=why)
        self.table = str(table)


class MissingExtra(GeodataError):
    """A kind of source is read by a library that is not installed."""

    def __init__(self, source: object, extra: str, library: str) -> None:
        super().__init__(
            f"{source} is read with {library}, which is not installed: pip install 'gridgov[{extra}]'",
            source=str(source),
            extra=extra,
            library=library,
        )
        self.extra = extra


class ChooseLayer(UnreadableFile):
    """The file holds several layers, and nobody said which."""

    def __init__(self, path: object, layers: Sequence[str]) -> None:
        super().__init__(
            path,
            f"it holds {len(layers)} layers: {', '.join(layers)}. "
            f'Say in the city\'s file which one is meant, e.g. layer = "{layers[0]}"',
        )
        self.layers = tuple(layers)


class UnknownLayer(UnreadableFile):
    """The city's file names a layer that the file does not have."""

    def __init__(self, path: object, layer: str, layers: Sequence[str]) -> None:
        super().__init__(
            path,
            f"it has no layer {layer!r}; its layers are: {', '.join(layers)}."
            f"{did_you_mean(layer, layers)} Correct `layer` in the city's file",
        )
        self.layer = layer
        self.layers = tuple(layers)


class BadText(UnreadableFile):
    """The text of a file does not decode in the encoding stated for it."""


class MissingColumn(GeodataError):
    """The city's file names a column that the polygon file does not have."""

    def __init__(self, path: object, column: str, columns: Sequence[str]) -> None:
        has = ", ".join(columns) or "none"
        super().__init__(
            f"{path} has no column {column!r}; it has: {has}.{did_you_mean(column, columns)} "
            "Correct the name in the city's file",
            path=str(path),
            column=column,
            columns=list(columns),
        )
        self.column = column
        self.columns = tuple(columns)


class MislabelledCrs(GeodataError):
    """The coordinates do not fit the coordinate system that the file claims for them."""


class SwappedAxes(MislabelledCrs):
    """The coordinates fit their coordinate system only when each pair is read the other way round."""


class SeveralFaults(GeodataError):
    """More than one thing is wrong with the sources of a drawing."""

    def __init__(self, errors: Sequence[GeodataError]) -> None:
        lines = "\n".join(f"  {error.message}" for error in errors)
        super().__init__(
            f"{len(errors)} things are wrong with what the city's file names:\n{lines}",
            errors=[error.message for error in errors],
        )
        self.errors = tuple(errors)


class BadGridsTable(GeodataError):
    """The table [grids] of the city's file is not as geodata.read describes it."""


class BadCode(GeodataError):
    """A grid code is 1 to 64 printable characters, without a slash or spaces around it."""

    def __init__(self, code: object, where: str) -> None:
        super().__init__(
            f"{where}: {code!r} is no grid code; a code is text of 1 to 64 printable characters, "
            "without '/' and without spaces around it",
            code=code,
            where=where,
        )
        self.code = code


class BadHierarchy(GeodataError):
    """The levels and grids do not make a hierarchy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the grids do not make a hierarchy: " + "; ".join(problems), problems=list(problems))
        self.problems = tuple(problems)


class BadFieldLayer(GeodataError):
    """The specialised grids do not make a layer of a field."""

    def __init__(self, key: str, problems: Sequence[str]) -> None:
        said = "; ".join(problems)
        super().__init__(
            f"the specialised grids of field {key!r} make no layer: {said}", problems=list(problems)
        )
        self.key = key
        self.problems = tuple(problems)


class UnknownGrid(GeodataError):
    """The hierarchy has no such grid."""

    def __init__(self, path: Sequence[str], why: str = "") -> None:
        shown = "/".join(path) or "(empty path)"
        super().__init__(f"no grid {shown}" + (f": {why}" if why else ""), path=list(path))
        self.path = tuple(path)


class UnknownLevel(GeodataError):
    """The hierarchy has no such level."""

    def __init__(self, level: int | str, keys: Sequence[str]) -> None:
        has = ", ".join(keys)
        super().__init__(f"no level {level!r}; the levels are {has}", level=level, levels=list(keys))
        self.level = level


class UnwritableFile(GeodataError):
    """The grids cannot be written to this file."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"{path} cannot be written: {why}", path=str(path), why=why)
        self.path = str(path)


class UnknownTile(GeodataError):
    """There is no such tile."""

    def __init__(self, z: int, x: int, y: int, why: str) -> None:
        super().__init__(f"no tile {z}/{x}/{y}: {why}", z=z, x=x, y=y)


class BadPoint(GeodataError):
    """A point is a finite longitude in -180..180 and a finite latitude in -90..90."""

    def __init__(self, lon: object, lat: object, position: int | None = None) -> None:
        which = "" if position is None else f" at position {position}"
        hint = ""
        if isinstance(lon, int | float) and isinstance(lat, int | float):
            swapped = 90 < abs(lat) <= 180 and abs(lon) <= 90
            hint = "; longitude and latitude look swapped" if swapped else ""
        super().__init__(
            f"no point on earth{which}: longitude {lon!r}, latitude {lat!r}; expected degrees, "
            f"longitude -180..180, latitude -90..90{hint}",
            lon=lon,
            lat=lat,
            position=position,
        )
        self.lon = lon
        self.lat = lat
        self.position = position


class UnknownDatum(GeodataError):
    """There is no such datum."""

    def __init__(self, datum: object, known: Sequence[str]) -> None:
        super().__init__(
            f"no datum {datum!r}; the datums are {', '.join(known)}", datum=str(datum), datums=list(known)
        )
        self.datum = datum


def check_point(lon: float, lat: float) -> None:
    """Raise BadPoint unless this is a place on earth; degrees."""
    # Written so that NaN counts as bad: every comparison with NaN is false.
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadPoint(lon, lat)


class UnusableIndex(GeodataError):
    """The file holds no index that can be used for these grids; build it anew."""

    def __init__(self, file: object, why: str) -> None:
        super().__init__(
            f"{file} cannot be used as the index of these grids: {why}. Build it anew and save it again",
            file=str(file),
            why=why,
        )
        self.file = str(file)
        self.why = why


class BadTolerance(GeodataError):
    """A tolerance is a distance in metres, more than none and less than a street is wide."""

    def __init__(self, tolerance_m: float, widest_m: float) -> None:
        super().__init__(
            f"a tolerance of {tolerance_m:g} m is not possible; give one above 0 and up to {widest_m:g} m",
            tolerance_m=tolerance_m,
        )
        self.tolerance_m = tolerance_m


class UnreadableDrawing(GeodataError):
    """What the city's file names could not be read as it says."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            "\n".join(finding.message for finding in findings),
            findings=[finding.to_dict() for finding in findings],
        )
        self.findings = tuple(findings)


class UnacceptedFindings(GeodataError):
    """The drawing has errors that the city's file does not accept."""

    SHOWN: ClassVar[int] = 100
    """Errors listed in the message; all are in `findings`."""

    def __init__(self, findings: Sequence[Finding], table: str = "grids") -> None:
        lines = "\n".join(f"  {finding.code}: {finding.message}" for finding in findings[: self.SHOWN])
        if len(findings) > self.SHOWN:
            lines += f"\n  and {len(findings) - self.SHOWN:,} more"
        super().__init__(
            f"the drawing has {len(findings)} error(s) that nobody accepted:\n{lines}\n"
            "Mend them in the polygon file, or accept a finding by name and reason in the city's file "
            f"([[{table}.accept]])",
            findings=[finding.to_dict() for finding in findings],
        )
        self.findings = tuple(findings)
