"""How much is written at once: a target of very many addresses keeps no report waiting."""

from __future__ import annotations

from gridgov import city
from gridgov.outbox.reading import AT_ONCE, CHUNK, part
from tests.gridgov.outbox.conftest import Opened, notice

MANY = 600
ADDRESSES = ", ".join(f'"p{n}@example.org"' for n in range(MANY))
EVERYBODY = f'\n[[targets]]\nname = "everybody"\nkind = "email"\naddresses = [{ADDRESSES}]\n'


def test_a_part_ends_where_it_leads_to_many_deliveries_and_none_is_missed(opened: Opened) -> None:
    with opened(start=False) as town:
        town.apply(EVERYBODY + notice(to='"everybody"'))
        town.reports(9)
        with town.service.reader.connect() as connection:
            in_force = city.current(connection)
            assert in_force is not None
            telling, position = in_force.telling, 0
            parts: list[int] = []
            ids: set[str] = set()
            while True:
                found = part(connection, telling, (), (), "epoch", position, town.service.stream, CHUNK)
                parts.append(len(found.deliveries))
                ids |= {one.id for one in found.deliveries}
                position = found.upto
                if not found.more:
                    break
    assert [many for many in parts if many] == [4 * MANY, 4 * MANY, MANY]
    assert max(parts) < AT_ONCE + MANY
    assert len(ids) == 9 * MANY
