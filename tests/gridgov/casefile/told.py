"""A story for tests of the file of an incident: one that went through nearly everything, with hostile words."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any, Final

from PIL import Image

from tests.gridgov import scene
from tests.gridgov.conftest import Site

#: What would be markup, a script, a reversed line, or the end of a page, if it were not escaped.
HOSTILE: Final = "</td></table><script>alert('x')</script>\u202e\"'&<img src=x onerror=y>"
NAME: Final = "王<b>小明"
PHONE: Final = "13800138000"


def picture(colour: str) -> bytes:
    """A small photo."""
    out = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(out, "JPEG")
    return out.getvalue()


def photo(site: Site, colour: str) -> str:
    """Upload a photo; its digest."""
    answer = site.as_("inspector").client.post(
        "/api/photos", content=picture(colour), headers=site.as_("inspector").headers
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["digest"])


class Told:
    """An incident, and what is done with it, each act with the number its author saw."""

    def __init__(self, site: Site, id_: str) -> None:
        self.site, self.id, self.number = site, id_, 1

    def do(self, who: str, act: str, **more: Any) -> Told:
        """Somebody does something; it has to be allowed."""
        answer = self.site.as_(who).act(act, self.id, self.number, **more)
        assert answer.status_code == 200, f"{who} {act}: {answer.text}"
        read = self.site.as_("leader").get(f"/api/incidents/{self.id}").json()
        self.number = read["row"]["number"]
        return self

    def get(self, form: str = "file", who: str = "leader", **params: Any) -> Any:
        """The file of it, as somebody gets it."""
        return self.site.as_(who).get(f"/api/incidents/{self.id}/{form}", params=params)


def reported(site: Site, **more: Any) -> Told:
    """A report by phone, with the citizen's name and a photo."""
    sent = {
        "words": HOSTILE,
        "address": f"北街 12 号 {HOSTILE}",
        "reporter": {"name": NAME, "phone": PHONE},
        "channel": "hotline",
        "photos": [photo(site, "red")],
    }
    return Told(site, str(site.as_("clerk").report(scene.COVER, "N1", **sent | more)["incident"]))


def long_life(site: Site) -> Told:
    """Asked and verified, joined by another, filed, returned, extended, supervised, enforced, handled, not
    put right, handled again, closed late, appealed and called back.
    """
    told = reported(site)
    told.do("clerk", "ask", reason=HOSTILE)
    told.do("inspector", "verify", found=True, reason="在", photos=[photo(site, "green")])
    other = site.as_("inspector_n").report(scene.COVER, "N1", words="同一个井盖")
    joined = site.as_("clerk").act("join", other["incident"], 1, leader=told.id, reason="同一井盖")
    assert joined.status_code == 200, joined.text
    told.number += 1
    told.do("clerk", "file")
    told.do("dispatcher", "dispatch", co_handlers=["cleaning"])
    told.do("water", "return", reason="不属本局")
    told.do("dispatcher", "dispatch", department="water", co_handlers=["cleaning"])
    told.do("water", "accept").do("cleaning", "accept")
    told.do("water", "apply", wish="extension", reason=HOSTILE)
    told.do("dispatcher", "grant", reason="同意")
    told.do("supervisor", "supervise", reason="限期说明").do("water", "answer", reason="正在办")
    told.do("cleaning", "report_part", reason="清理完", photos=[])
    told.do(
        "water",
        "enforce",
        measure="责令改正",
        legal_basis=HOSTILE,
        document="文〔2026〕1号",
        words=f"某公司 {HOSTILE}",
    )
    told.do("water", "handle", reason="已换", photos=[photo(site, "blue")])
    told.do("leader", "check", passed=False, reason="仍松动")
    site.later(timedelta(days=20))
    told.do("water", "handle", reason="已固定", photos=[photo(site, "white")])
    told.do("leader", "check", passed=True).do("leader", "close")
    told.do("water", "appeal", reason="材料迟到").do("supervisor", "decide", granted=True, reason="属实")
    told.do("clerk", "call_back", contacted=True, solved=True, satisfied=False, words=f"不满意 {HOSTILE}")
    return told.do("leader", "note", words=HOSTILE)
