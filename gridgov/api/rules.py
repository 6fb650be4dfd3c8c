"""The rules in force: categories and case standards, fields, departments, calendars, limits of stages."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gridgov import rules_told
from gridgov.api.answers import Answer
from gridgov.api.dependencies import GridGov, SignedIn

router = APIRouter(prefix="/api", tags=["rules 规则"])


@router.get("/categories")
def categories(_: SignedIn, gridgov: GridGov) -> Response:
    """All categories (类别) with urgency, time limit, usual department and case standards (立案标准); their
    classes (大类) and fields (专业领域), and the rules by which things are filed without a human hand.
    """
    rules = gridgov.service.in_force.rules
    return Answer(
        {
            "rules": rules.version,
            "categories": [rules_told.category(rules, one) for one in rules.categories],
            "classes": rules_told.classes(rules),
            "fields": rules_told.fields(rules),
            "automatic": [rules_told.automatic(one) for one in rules.automatic.values()],
            "duplicates": rules_told.likeness(rules),
        }
    )


@router.get("/departments")
def departments(_: SignedIn, gridgov: GridGov) -> Response:
    """All departments (部门)."""
    rules = gridgov.service.in_force.rules
    found = [rules_told.department(one) for one in rules.routing.departments.values()]
    return Answer({"rules": rules.version, "departments": found})


@router.get("/calendars")
def calendars(_: SignedIn, gridgov: GridGov) -> Response:
    """The calendars (工作日历), the city's under the key "": hours, days off and make-up workdays from this
    year on, and the years whose days nobody has published yet.
    """
    service = gridgov.service
    rules = service.in_force.rules
    return Answer({"rules": rules.version, "calendars": rules_told.calendars(rules, service.clock())})


@router.get("/clocks")
def clocks(_: SignedIn, gridgov: GridGov) -> Response:
    """How long each stage (环节) may take, when it turns yellow, and who is asked where it took longer."""
    rules = gridgov.service.in_force.rules
    return Answer({"rules": rules.version, **rules_told.clocks(rules)})
