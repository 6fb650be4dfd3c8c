"""What the operator of this machine does to an installation: in this process where the store is free, through
the running server where that holds the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx2
import orjson

from dispatch.errors import DispatchError
from dispatch.lifecycle import Role
from geodata.errors import GeodataError
from geodata.grids import Hierarchy
from gridgov import accounts, city, commands, specialised
from gridgov.accounts import Passwords, Person
from gridgov.api.dependencies import operator_session
from gridgov.api.editions import as_body
from gridgov.api.specialised import layer_body
from gridgov.clock import new_id, new_token
from gridgov.commands import ImportedRow
from gridgov.duty import acts as duty
from gridgov.duty.acts import Copied
from gridgov.duty.rota import Asked
from gridgov.errors import ServiceError
from gridgov.importing.run import OPERATOR, Outcome
from gridgov.outbox import acts
from gridgov.rows import iso
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.batch import Receipt
from gridgov.storage.errors import IdReused, StoreHeld
from gridgov.succession import decide_carried

#: An edition of 5,000 grids is put in force in some seconds; an ill server takes for ever.
PATIENCE_S: Final = 120.0
#: Who writes where the store is free: an administrator of the whole installation.
_OPERATOR: Final = operator_session("").person


class ServerRefused(ServiceError):
    """The running server refused this."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        detail = problem.get("detail") or problem.get("title") or "no reason given"
        super().__init__(f"the running server refused: {detail}", status=status, problem=dict(problem))


class ServerSilent(ServiceError):
    """The store is held by a server that does not answer: look at it, or stop it."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to add, with one assignment; ``password`` None asks for one to be made."""

    name: str
    display_name: str
    role: Role
    path: tuple[str, ...] = ()
    department: str | None = None
    password: str | None = None
    ends_at: datetime | None = None
    email: str | None = None


class Operator(Protocol):
    """What can be done either way; answers are plain values, the same either way."""

    def apply_city(self, text: str, seen: int | None) -> dict[str, Any]:
        """Put a city's file in force: version, new, changes, notes."""
        ...

    def import_edition(
        self,
        hierarchy: Hierarchy,
        name: str,
        made_up: bool,
        findings: list[dict[str, Any]],
        effective_at: datetime | None = None,
    ) -> dict[str, Any]:
        """Put grids in force, at once or from a moment on: edition, new, effective_at, changes."""
        ...

    def withdraw_edition(self, edition: int) -> None:
        """Call off an edition before it takes effect."""
        ...

    def decide_carried(self, id_: str, confirmed: bool) -> None:
        """Confirm or decline an assignment that was carried over to other grids."""
        ...

    def put_layer(self, sent: specialised.Sent) -> dict[str, Any]:
        """Put a field's layer of specialised grids in force: version, new."""
        ...

    def remove_layer(self, key: str) -> None:
        """Take a field's layer off."""
        ...

    def import_rows(self, rows: Sequence[ImportedRow]) -> list[Outcome]:
        """Bring in history; what came of each row, in their order."""
        ...

    def add_person(self, person: NewPerson) -> dict[str, Any]:
        """Add somebody: id, name, and the password where it was made here."""
        ...

    def set_email(self, person: str, email: str | None) -> None:
        """Say where somebody is told of what they do not watch."""
        ...

    def add_duty(self, asked: Asked) -> dict[str, Any]:
        """Write a duty down: the duty."""
        ...

    def end_duty(self, id_: str, at: datetime | None) -> dict[str, Any]:
        """Cut a duty short or withdraw it: the duty, and whether it was withdrawn."""
        ...

    def copy_week(self, asked: Copied) -> dict[str, Any]:
        """Write a week's duties down for a later one: counts, and what became of each."""
        ...

    def import_rota(self, text: str, dry_run: bool) -> dict[str, Any]:
        """Write a table of duties down: counts, and what became of each row."""
        ...

    def look_after_outbox(self, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do one of ``resend``, ``discard``, ``secret``, ``test`` for a target; see `gridgov.outbox.acts`."""
        ...


@contextmanager
def operator(settings: Settings) -> Iterator[Operator]:
    """Whoever can write to the store now. Raises StoreHeld where its holder is no server, StoreNotReady."""
    try:
        service = Service.open(settings)
    except StoreHeld as held:
        url, token = held.about.get("url"), held.about.get("token")
        if not url or not token:
            raise
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE_S, trust_env=False) as client:
            yield Through(client)
        return
    with service:
        yield Here(service)


class Here:
    """The operator in this process, which holds the store."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def apply_city(self, text: str, seen: int | None) -> dict[str, Any]:
        """Put a city's file in force; raises BadCityFile, RulesMoved, StillInUse."""
        applied: city.Applied = self._service.writer.run(city.apply(text, OPERATOR, seen))
        return asdict(applied) | {
            "changes": [str(change) for change in applied.changes],
            "notes": list(applied.notes),
        }

    def import_edition(
        self,
        hierarchy: Hierarchy,
        name: str,
        made_up: bool,
        findings: list[dict[str, Any]],
        effective_at: datetime | None = None,
    ) -> dict[str, Any]:
        """Put grids in force; open incidents are located in them before this returns."""
        chore = city.import_edition(
            hierarchy, name, made_up=made_up, findings=findings, by=OPERATOR, effective_at=effective_at
        )
        imported: city.Imported = self._service.writer.run(chore)
        self._service.relocator.sweep()
        return asdict(imported)

    def withdraw_edition(self, edition: int) -> None:
        """Call off an edition; raises UnknownEdition, EditionInForce."""
        self._service.writer.run(city.withdraw(edition, OPERATOR))

    def decide_carried(self, id_: str, confirmed: bool) -> None:
        """Confirm or decline an assignment; raises UnknownCarried, AlreadyDecided."""
        self._service.writer.run(decide_carried(id_, OPERATOR, confirmed=confirmed))

    def put_layer(self, sent: specialised.Sent) -> dict[str, Any]:
        """Put a layer in force; raises LayerOfAnotherEdition, BadInput."""
        done: specialised.Put = self._service.writer.run(specialised.put(sent, OPERATOR))
        return asdict(done)

    def remove_layer(self, key: str) -> None:
        """Take a layer off; raises UnknownField."""
        self._service.writer.run(specialised.remove(key, OPERATOR))

    def import_rows(self, rows: Sequence[ImportedRow]) -> list[Outcome]:
        """Bring in history."""
        submit = self._service.writer.submit
        return [_outcome(future) for future in [submit(commands.import_row(OPERATOR, row)) for row in rows]]

    def add_person(self, person: NewPerson) -> dict[str, Any]:
        """Add somebody; raises NameTaken, WeakPassword, UnknownGrid, UnknownDepartment, NoRulesYet."""
        made = new_token() if person.password is None else None
        held = Assignment(
            new_id(), person.role, person.path, person.department, self._service.clock(), person.ends_at
        )
        if held.path or held.department:
            accounts.require_known(held, self._service.in_force)
        somebody = Person(new_id(), person.name, person.display_name, (held,), email=person.email)
        hashed = Passwords().hash(made or person.password or "")
        self._service.writer.run(accounts.add(somebody, hashed))
        return {"id": somebody.id, "name": somebody.name} | ({} if made is None else {"password": made})

    def set_email(self, person: str, email: str | None) -> None:
        """Say where somebody is told; raises UnknownPerson, BadInput."""
        self._service.writer.run(accounts.set_email(person, email))

    def add_duty(self, asked: Asked) -> dict[str, Any]:
        """Write a duty down; raises UnknownGrid, UnknownPerson, and what `Rota.add` raises."""
        return duty.add(self._service, _OPERATOR, asked)

    def end_duty(self, id_: str, at: datetime | None) -> dict[str, Any]:
        """Cut a duty short or withdraw it; raises UnknownDuty, and what `Rota.shorten` raises."""
        return duty.end(self._service, _OPERATOR, id_, at)

    def copy_week(self, asked: Copied) -> dict[str, Any]:
        """Write a week's duties down for a later one; raises BadDuty."""
        return duty.copy_week(self._service, _OPERATOR, asked)

    def import_rota(self, text: str, dry_run: bool) -> dict[str, Any]:
        """Write a table of duties down; raises BadInput."""
        return duty.bring_in(self._service, _OPERATOR, text, dry_run)

    def look_after_outbox(self, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do it here; raises UnknownTarget, UnknownDelivery, BadInput, NoMailServer."""
        return acts.done(self._service, act, asked, OPERATOR)


def _outcome(future: Future[Receipt]) -> Outcome:
    try:
        return Outcome(repeated=future.result().repeated)
    except (DispatchError, GeodataError, IdReused) as refused:
        return Outcome(code=type(refused).__name__, reason=str(refused))


class Through:
    """The operator as a client of the server that holds the store."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def apply_city(self, text: str, seen: int | None) -> dict[str, Any]:
        """Put a city's file in force; raises ServerRefused, ServerSilent."""
        return self._ask("PUT", "/api/city", {"text": text, "seen": seen})

    def import_edition(
        self,
        hierarchy: Hierarchy,
        name: str,
        made_up: bool,
        findings: list[dict[str, Any]],
        effective_at: datetime | None = None,
    ) -> dict[str, Any]:
        """Put grids in force; raises ServerRefused, ServerSilent. Open incidents follow in the background."""
        body = as_body(hierarchy, name, made_up=made_up, findings=findings)
        return self._ask("POST", "/api/editions", body | {"effective_at": effective_at})

    def withdraw_edition(self, edition: int) -> None:
        """Call off an edition; raises ServerRefused, ServerSilent."""
        self._ask("POST", f"/api/editions/{edition}/withdraw", {})

    def decide_carried(self, id_: str, confirmed: bool) -> None:
        """Confirm or decline an assignment; raises ServerRefused, ServerSilent."""
        decision = "confirm" if confirmed else "decline"
        self._ask("POST", f"/api/editions/carried/{quote(id_, safe='')}/{decision}", {})

    def put_layer(self, sent: specialised.Sent) -> dict[str, Any]:
        """Put a layer in force; raises ServerRefused, ServerSilent."""
        return self._ask("POST", "/api/specialised", layer_body(sent))

    def remove_layer(self, key: str) -> None:
        """Take a layer off; raises ServerRefused, ServerSilent."""
        self._ask("DELETE", f"/api/specialised/{quote(key, safe='')}", {})

    def import_rows(self, rows: Sequence[ImportedRow]) -> list[Outcome]:
        """Bring in history; raises ServerRefused, ServerSilent."""
        if not rows:
            return []
        told = self._ask("POST", "/api/imports", {"rows": [asdict(row) for row in rows]})["rows"]
        return [
            Outcome(code=one["error"], reason=one["detail"])
            if one["outcome"] == "refused"
            else Outcome(repeated=one["outcome"] == "repeated")
            for one in told
        ]

    def add_person(self, person: NewPerson) -> dict[str, Any]:
        """Add somebody; raises ServerRefused, ServerSilent."""
        assignment = {
            "role": str(person.role),
            "path": list(person.path),
            "department": person.department,
            "ends_at": person.ends_at,
        }
        body = {
            "name": person.name,
            "display_name": person.display_name,
            "password": person.password,
            "email": person.email,
            "assignments": [assignment],
        }
        answer = self._ask("POST", "/api/people", body)
        return {key: answer[key] for key in ("id", "name", "password") if key in answer}

    def set_email(self, person: str, email: str | None) -> None:
        """Say where somebody is told; raises ServerRefused, ServerSilent."""
        self._ask("PUT", f"/api/people/{quote(person, safe='')}/email", {"email": email})

    def add_duty(self, asked: Asked) -> dict[str, Any]:
        """Write a duty down; raises ServerRefused, ServerSilent."""
        return self._ask("POST", "/api/duty", {k: v for k, v in asdict(asked).items() if v is not None})

    def end_duty(self, id_: str, at: datetime | None) -> dict[str, Any]:
        """Cut a duty short or withdraw it; raises ServerRefused, ServerSilent."""
        return self._ask("POST", f"/api/duty/{quote(id_, safe='')}/withdraw", {"at": at})

    def copy_week(self, asked: Copied) -> dict[str, Any]:
        """Write a week's duties down for a later one; raises ServerRefused, ServerSilent."""
        return self._ask("POST", "/api/duty/copy_week", asdict(asked) | {"week": asked.week.isoformat()})

    def import_rota(self, text: str, dry_run: bool) -> dict[str, Any]:
        """Write a table of duties down; raises ServerRefused, ServerSilent."""
        return self._ask("POST", "/api/duty/import", {"text": text, "dry_run": dry_run})

    def look_after_outbox(self, act: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Let the server do it; raises ServerRefused, ServerSilent."""
        return self._ask("POST", f"/api/outbox/{act}", asked)

    def _ask(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        content = orjson.dumps(body, default=iso, option=orjson.OPT_PASSTHROUGH_DATETIME)
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._client.request(method, path, content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise ServerSilent(
                f"the server at {self._client.base_url} holds the store and does not answer: {error}"
            ) from error
        if answer.status_code >= 400:
            raise ServerRefused(answer.status_code, _problem(answer))
        found: dict[str, Any] = answer.json()
        return found


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"detail": f"status {answer.status_code}"}
