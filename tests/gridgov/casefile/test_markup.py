"""Text never becomes markup, whatever it is."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from gridgov.casefile.markup import Html, element, page, text

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "--></style><!--",
    "&lt;b&gt;&amp;",
    "\ud800 lone",
    "a\x00b\r\nc\rd",
    "\u202eabc\u2066\u200b\ufeff",
)


class Read(HTMLParser):
    """What a browser takes a page for."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()))))
def test_text_stays_text(written: str) -> None:
    """In an element and in an attribute, what was written can be read again, what is unseen written out."""
    made = element("p", written, title=written)
    made.source.encode()
    read = Read(made.source)
    assert read.tags == ["p"]
    assert read.text == read.values[0]
    for letter in "<>&\"'":
        assert read.text.count(letter) == written.count(letter)


def test_what_turns_the_order_of_letters_round_is_written_out() -> None:
    for letter in "\u202a\u202e\u2066\u2069\u200e\u200b\ufeff\x00\x1b\x85\ud800\U000e0041":
        assert text(f"a{letter}b").source == f"a⟨U+{ord(letter):04X}⟩b"
    assert text("中文 👩\u200d🚒 e\u0301\t\n").source == "中文 👩\u200d🚒 e\u0301\t\n"


def test_children_are_nested_and_nothing_is_left_out() -> None:
    made = element("ul", [element("li", 1), element("li", "a", Html("<b>b</b>"))], None, class_="x")
    assert made.source == '<ul class="x"><li>1</li><li>a<b>b</b></li></ul>'
    assert element("br").source == "<br>"


def test_a_page_is_whole_and_its_title_is_text() -> None:
    source = page("</title><script>", "p { margin: 0 }", "default-src 'none'", element("p", "x"))
    read = Read(source)
    assert read.tags == ["html", "head", "meta", "meta", "meta", "meta", "title", "style", "body", "p"]
    assert "default-src 'none'" in read.values
