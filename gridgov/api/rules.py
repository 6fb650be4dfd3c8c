"""The rules in force: categories and departments."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from dispatch.categories import KIND_ZH, URGENCY_ZH, Category
from gridgov.api.answers import Answer
from gridgov.api.dependencies import GridGov, SignedIn

router = APIRouter(prefix="/api", tags=["rules 规则"])


@router.get("/categories")
def categories(_: SignedIn, gridgov: GridGov) -> Response:
    """All categories (类别) with urgency, time limit and usual department."""
    rules = gridgov.service.in_force.rules
    return Answer({"rules": rules.version, "categories": [_category(one) for one in rules.categories]})


@router.get("/departments")
def departments(_: SignedIn, gridgov: GridGov) -> Response:
    """All departments (部门)."""
    rules = gridgov.service.in_force.rules
    found = [
        {"code": one.code, "name_zh": one.name_zh, "name_en": one.name_en}
        for one in rules.routing.departments.values()
    ]
    return Answer({"rules": rules.version, "departments": found})


def _category(one: Category) -> dict[str, Any]:
    return {
        "key": one.key,
        "standard": one.standard,
        "kind": str(one.kind),
        "kind_zh": KIND_ZH[one.kind],
        "code": one.code,
        "name_zh": one.name_zh,
        "name_en": one.name_en,
        "class_zh": one.class_zh,
        "class_en": one.class_en,
        "urgency": str(one.urgency),
        "urgency_zh": URGENCY_ZH[one.urgency],
        "limit": str(one.limit),
        "limit_is_default": one.limit_is_default,
        "department": one.department,
        "aliases": list(one.aliases),
    }
