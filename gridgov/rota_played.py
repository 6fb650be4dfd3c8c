"""The rota of the demo: its inspectors are on duty, and say where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from dispatch.lifecycle import Role
from geodata.datum import Datum
from gridgov.made_up import position
from gridgov.players import Player
from gridgov.terrain import Terrain

#: A duty lasts a week at most; the demo's inspectors get little sleep.
ON_DUTY_FOR: Final = timedelta(days=6)


def go_on_duty(
    people: Sequence[Player], leader: Player, terrain: Terrain, now: datetime, ids: Callable[[], str]
) -> None:
    """Put every inspector on duty in their own grids (值班), unless they are, and let them say where they
    are. Verifying and checking goes to them from then on.
    """
    for one in people:
        for path in [a.path for a in one.assignments if a.role is Role.INSPECTOR and a.runs(now)]:
            if one.get("/api/duty/mine")["now"] is None:
                ends = (now + ON_DUTY_FOR).isoformat()
                duty = {"id": ids(), "person": one.id, "path": list(path), "ends_at": ends}
                leader.post("/api/duty", duty)
            one.post("/api/duty/position", position(*terrain.point(path), Datum.wgs84))
