"""The plain pages, the service's health, and the door that every request passes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from gridgov.api import problems
from gridgov.app import create_app
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from tests.gridgov.conftest import QUICK, Site


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_fetches_nothing_and_runs_nothing(site: Site, path: str) -> None:
    answer = site.client.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<link|<img|<iframe|https?://|//[a-z]", answer.text)


def test_the_first_page_says_what_is_running(site: Site) -> None:
    site.as_("inspector").report()
    text = re.sub(r"<[^>]+>", " ", site.client.get("/").text)
    for told in ("小镇", "Small town", "虚构", "类别", "街道", "网格"):
        assert told in text
    assert "案卷" not in text  # how much is reported is not for everybody


def test_the_first_page_of_an_empty_installation_says_what_to_do(settings: Settings) -> None:
    init(settings.database_url, "e")
    with Service.open(settings) as service, TestClient(create_app(service, passwords=QUICK)) as client:
        assert "gridgov city apply" in client.get("/").text
        health = client.get("/healthz")
        assert (health.status_code, health.json()["checks"]["rules"]) == (503, False)


def test_the_docs_list_every_operation(site: Site) -> None:
    text = site.client.get("/docs").text
    described = site.client.get("/openapi.json").json()["paths"]
    assert len(described) > 30
    for path, methods in described.items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in text


def test_every_operation_tells_what_it_is_for(site: Site) -> None:
    for path, methods in site.client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)


class TestHealth:
    """Ready means that reports can be taken."""

    def test_all_is_well(self, site: Site) -> None:
        answer = site.client.get("/healthz")
        assert answer.json() == {
            "live": True, "ready": True, "checks": {"writer": True, "store": True, "rules": True},
        }  # fmt: skip

    def test_a_writer_that_stopped_is_told(self, site: Site) -> None:
        site.service.writer.stop()
        answer = site.client.get("/healthz")
        assert (answer.status_code, answer.json()["checks"]["writer"]) == (503, False)

    def test_a_store_that_is_gone_is_told(self, site: Site) -> None:
        with site.service.reader.connect() as connection:
            path = connection.engine.url.database
        assert path
        site.service.reader.dispose()
        site.service.reader = site.service.reader.execution_options()
        object.__setattr__(site.service.reader, "connect", _broken)
        answer = site.client.get("/healthz")
        assert (answer.status_code, answer.json()["checks"]["store"]) == (503, False)


def _broken() -> Any:
    raise problems.storage.StoreNotReady()


class TestDoor:
    """What every request passes."""

    def test_every_answer_has_an_id_and_is_closed_to_other_pages(self, site: Site) -> None:
        for path in ("/", "/api/me", "/nowhere"):
            answer = site.client.get(path)
            assert len(answer.headers["x-request-id"]) == 36
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")

    def test_a_proxys_id_is_kept_if_it_is_one(self, site: Site) -> None:
        for sent, kept in (("abc-12345", True), ("x" * 65, False), ("a b c d e f", False), ("short", False)):
            answer = site.client.get("/healthz", headers={"X-Request-ID": sent})
            assert (answer.headers["x-request-id"] == sent) is kept

    def test_a_fault_is_logged_with_its_id_and_shown_to_nobody(self, site: Site) -> None:
        site.service.reader.dispose()
        site.client.app.state.parts = None  # type: ignore[attr-defined]
        with structlog.testing.capture_logs() as logged:
            answer = site.client.get("/api/me")
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:gridgov:problem:fault")
        assert "NoneType" not in answer.text
        assert [line["event"] for line in logged if line["log_level"] == "error"] == ["fault"]

    def test_a_refusal_is_logged_without_what_was_searched_for(self, site: Site) -> None:
        with structlog.testing.capture_logs() as logged:
            site.client.get("/api/incidents?q=王小明")
        (line,) = (line for line in logged if line["event"] == "refused")
        assert (line["path"], line["status"]) == ("/api/incidents", 401)
        assert "王小明" not in json.dumps(logged, ensure_ascii=False, default=str)


class TestProblems:
    """One table from error to status."""

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (problems.storage.StoreBusy(), 503),
            (problems.storage.StoreFailed(), 503),
            (problems.storage.NoRulesYet(), 503),
            (problems.service.TooManyTries(retry_after=77), 429),
            (problems.rules.BrokenHistory(), 500),
            (problems.rules.UnknownEntry(), 500),
            (RuntimeError("inside"), 500),
        ],
    )
    def test_statuses(self, error: Exception, status: int) -> None:
        answer = problems.problem_of(error)
        assert answer.status_code == status
        told = json.loads(bytes(answer.body))
        assert told["status"] == status
        assert "inside" not in told["detail"]
        if status in (429, 503):
            assert answer.headers["retry-after"] == ("77" if status == 429 else "2")

    def test_every_error_of_ours_has_a_status(self) -> None:
        """A class that is added and not thought of here is at least of its package's kind, never a 500."""
        for module in (problems.rules, problems.service, problems.storage, problems.geodata):
            for error in vars(module).values():
                if isinstance(error, type) and issubclass(error, Exception) and error in problems.STATUS:
                    assert 400 <= problems.STATUS[error] <= 503

    def test_who_holds_the_store_and_its_token_are_not_told(self) -> None:
        held = problems.storage.StoreHeld("held", token="secret", url="http://127.0.0.1:1")
        assert b"secret" not in bytes(problems.problem_of(held).body)
