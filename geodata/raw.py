"""What a source holds before its coordinate system is tried: every reader gives this, whatever it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.errors import BadText

Column = NDArray[np.generic] | BadText
"""A column's cells as they stand there; or, where its text does not decode, what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Raw:
    """The features of one source as they stand there; whether that can be right, geodata.features asks.

    `geometries` are shapely's or None, one a feature, in the source's own coordinates (x first); `columns`
    have one cell a feature; `crs` is what the source says of its coordinate system, in any text pyproj takes;
    `remarks` is what the library that read it had to say.
    """

    geometries: NDArray[np.object_]
    columns: Mapping[str, Column]
    crs: str | None
    remarks: tuple[str, ...] = ()
