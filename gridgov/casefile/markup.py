"""HTML put together so that text can never become markup: the one place where text is escaped.

Only :func:`element` makes markup; whatever else it is given is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

#: What cannot be seen but turns the order of letters round, hides some, or is no character at all; it is
#: written out, so that what is printed is what was written.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
#: Elements without an end.
_VOID: Final = frozenset({"meta", "img", "br"})


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe to show."""

    source: str


Child = Html | str | int | None


def text(written: str) -> Html:
    r"""Text as markup that shows just it.

    >>> text("<b>&\u202e\x00").source
    '&lt;b&gt;&amp;⟨U+202E⟩⟨U+0000⟩'
    """
    plain = written.replace("\r\n", "\n").replace("\r", "\n")
    return Html(escape(_UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", plain)))


def element(tag: str, /, *children: Child | Iterable[Child], class_: str = "", **attributes: str) -> Html:
    """An element; children that are no markup are text, None is nothing.

    >>> element("p", "a < b", class_="en").source
    '<p class="en">a &lt; b</p>'
    """
    given = ({"class": class_} if class_ else {}) | attributes
    told = "".join(f' {key.replace("_", "-")}="{text(value).source}"' for key, value in given.items())
    if tag in _VOID:
        return Html(f"<{tag}{told}>")
    return Html(f"<{tag}{told}>{''.join(_source(children))}</{tag}>")


def _source(children: Iterable[Child | Iterable[Child]]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            yield child.source
        elif isinstance(child, str | int):
            yield text(str(child)).source
        else:
            yield from _source(child)


def page(title: str, style: str, policy: str, body: Html) -> str:
    """A whole page that fetches nothing and runs nothing, wherever it is opened.

    ``style`` and ``policy`` are ours: nothing that anybody else wrote may stand in them.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang='zh-CN').source}\n"
