"""Two plain pages: what is running here, and what its API can do. Nothing is fetched from anywhere else,
nothing runs in them.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from gridgov.api.dependencies import Anybody, GridGov, Parts
from gridgov.storage.errors import NoRulesYet

router = APIRouter(include_in_schema=False)

STYLE: Final = """
body { font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2733; background: #fff }
h1 { font-size: 1.6rem; margin: .2rem 0 }
h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td { border-bottom: 1px solid #d9dee4; padding: .35rem .6rem; vertical-align: top }
code { background: #f2f4f7; padding: .05rem .3rem }
a { color: #0b57a4 }
.n { text-align: right; font-variant-numeric: tabular-nums }
.en { color: #57636f }
.made-up { background: #fff3cd; padding: .4rem .8rem; border-left: 4px solid #b58100 }
"""
_HASH: Final = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: The style is the only thing that the page may use, and it is known by its hash.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/", dependencies=[Anybody])
def home(gridgov: GridGov) -> HTMLResponse:
    """What is running here: the city, its rules and grids. How much is reported is not for everybody."""
    try:
        body = _running(gridgov)
    except NoRulesYet as refused:
        body = f"<h1>gridgov</h1><p>还没有规则或网格 <span class=en>{escape(refused.message)}</span></p>"
    return _page("gridgov", body)


@router.get("/docs", dependencies=[Anybody])
def docs(request: Request) -> HTMLResponse:
    """What the API can do, written from its own description."""
    described = request.app.openapi()
    parts = ["<h1>接口 <span class=en>API</span></h1>", _INTRODUCTION]
    for tag, operations in _by_tag(described).items():
        parts.append(f"<h2>{escape(tag)}</h2><table>")
        parts += [_operation(*operation) for operation in operations]
        parts.append("</table>")
    return _page("gridgov API", "".join(parts))


_INTRODUCTION: Final = (
    '<p><a href="/openapi.json">openapi.json</a> 是机器可读的完整描述。'
    "<span class=en>The full description for programs; any OpenAPI viewer shows it.</span></p>"
    "<p>程序登录 <span class=en>Programs sign in with</span> "
    '<code>POST /api/sessions {"name", "password", "kind": "bearer"}</code>'
    " 然后 <span class=en>then send</span> <code>Authorization: Bearer TOKEN</code></p>"
    "<p>实时消息 <span class=en>Live</span> <code>WS /api/feed?cursor=…</code></p>"
)


def _page(title: str, body: str) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><main>{body}</main></html>'
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _running(gridgov: Parts) -> str:
    force = gridgov.service.in_force
    made_up = (
        "<p class=made-up>演示数据：城市和网格都是虚构的 "
        "<span class=en>Demo: city and grids are made up</span></p>"
        if force.city.made_up or force.atlas.made_up
        else ""
    )
    hierarchy = force.atlas.hierarchy
    levels = [(f"{one.name_zh}", one.name_en, len(hierarchy.at(n))) for n, one in enumerate(hierarchy.levels)]
    facts = [
        ("版次", "edition", f"{force.atlas.edition} {force.atlas.name}"),
        ("规则版本", "rules", force.rules.version),
        ("类别", "categories", len(force.rules.categories)),
        ("部门", "departments", len(force.rules.routing.departments)),
    ]
    return (
        f"<h1>{escape(force.city.name_zh)} <span class=en>{escape(force.city.name_en)}</span></h1>"
        "<p>网格化管理服务正在运行 <span class=en>gridgov is running</span> · "
        '<a href="/docs">接口说明 <span class=en>API</span></a> · '
        '<a href="/healthz">运行状况 <span class=en>health</span></a></p>'
        f"{made_up}{_table(facts)}<h2>网格 <span class=en>grids</span></h2>{_table(levels)}"
    )


def _table(rows: list[tuple[str, str, Any]]) -> str:
    lines = "".join(
        f"<tr><td>{escape(zh)} <span class=en>{escape(en)}</span><td class=n>{escape(_number(value))}"
        for zh, en, value in rows
    )
    return f"<table>{lines}</table>"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


Operation = tuple[str, str, dict[str, Any]]


def _by_tag(described: dict[str, Any]) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["其他 other"])[0]
            found.setdefault(tag, []).append((method.upper(), path, operation))
    return found


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    told = operation.get("description") or operation.get("summary", "")
    asked = ", ".join(f"<code>{escape(one['name'])}</code>" for one in operation.get("parameters", ()))
    return (
        f"<tr><td><code>{method} {escape(path)}</code>"
        f"<td>{escape(told)}{'<br><span class=en>' + asked + '</span>' if asked else ''}"
    )
