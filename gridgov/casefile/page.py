"""The file of an incident as one page for screen and paper: Chinese first, A4, nothing fetched or run."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from dispatch.clocks import CLOCK_ZH, Clock
from dispatch.readings import COLOUR_ZH, STATE_ZH, Reading
from gridgov.casefile.explained import RECIPE
from gridgov.casefile.markup import Html, element, page
from gridgov.casefile.overview import SUBJECTS, Row, about, act_of, head, times_of, where
from gridgov.casefile.values import DAMAGED, MISSING, WHOLE, CaseFile, Kept, Line, Picture, Reporter
from gridgov.due_times import hours
from gridgov.telling_names import Names, Said, both, limit

STYLE: Final = """
@page { size: A4; margin: 16mm 14mm 18mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 9pt sans-serif } }
body { font: 10.5pt/1.5 "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif;
  color: #111; background: #fff; margin: 0 auto; max-width: 190mm; padding: 4mm }
h1 { font-size: 17pt; margin: 2mm 0 }
h2 { font-size: 12.5pt; margin: 6mm 0 2mm; border-bottom: 1.5px solid #111; break-after: avoid }
h3 { font-size: 10.5pt; margin: 0; break-after: avoid }
p { margin: 1mm 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 1mm 2mm; border-bottom: .5px solid #999;
  overflow-wrap: anywhere }
.sheet > thead > tr > td { border-bottom: 1px solid #111; font-size: 9pt; padding: 0 0 1mm }
.sheet > tbody > tr > td { border: 0; padding: 0 }
th { overflow-wrap: normal }
.label { width: 34mm; white-space: nowrap }
.clocks { font-size: 9pt }
.clocks th, .clocks .en { font-size: 7.5pt }
.clocks th, .clocks td { padding: 1mm }
.when { white-space: nowrap }
.en { color: #444; font-size: 9pt }
.entry { border-bottom: .5px solid #999; padding: 2mm 0; break-inside: avoid }
.words { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 2px solid #666; padding-left: 2mm;
  unicode-bidi: isolate }
.said { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate }
.hash { font: 7.5pt/1.35 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; color: #222 }
.wrong { font-weight: bold; border: 2px solid #a00; color: #a00; padding: 1mm 2mm }
.right { border: 1px solid #060; padding: 1mm 2mm }
.made-up { background: #fff3cd; border-left: 4px solid #b58100; padding: 1mm 2mm }
figure { margin: 2mm 0; break-inside: avoid }
img { max-width: 85mm; max-height: 85mm; display: block }
@media print { body { max-width: none; padding: 0 } a { color: inherit } }
"""
_HASH: Final = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: Its own style, known by its hash, and photos that stand in the page itself: nothing else.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
)

_STATE: Final = {
    WHOLE: both("完好", "whole"),
    MISSING: both("文件缺失", "its file is missing"),
    DAMAGED: both(
        "文件已损坏：内容与散列不符", "its file is damaged: its content is not what its digest says"
    ),
}


def render(file: CaseFile, pictures: Mapping[str, str] | None = None) -> str:
    """The page. ``pictures`` are small ones to show, ``data:`` addresses by digest; the others are listed."""
    number = file.incident.case_number
    running = element("tr", element("td", _running(file)))
    content = element("tr", element("td", *_sections(file, pictures or {})))
    sheet = element("table", element("thead", running), element("tbody", content), class_="sheet")
    return page(f"案卷档案 {number}", STYLE, POLICY, sheet)


def _running(file: CaseFile) -> list[Html]:
    """What stands at the head of every printed page: a table's head is repeated on each."""
    told = file.names.moment(file.read_at)
    return [
        element("span", f"案卷档案 {file.incident.case_number} · {file.city.zh}"),
        element("span", f" · Incident file · {told} {file.names.zone}", class_="en"),
    ]


def _sections(file: CaseFile, pictures: Mapping[str, str]) -> Iterable[Html]:
    yield from _title(file)
    yield from _table(both("概况", "Overview"), head(file))
    yield from _table(both("地点", "Place"), where(file))
    yield from _reporters(file)
    yield from _clocks(file)
    for title, acts in SUBJECTS:
        lines = about(file, acts)
        if lines:
            yield from _subject(title, lines, file.names)
    yield from _history(file)
    yield from _photos(file, pictures)
    yield from _chain(file)


def _two(said: Said, tag: str = "span") -> Html:
    """Words in both languages; once where they are the same."""
    if said.zh == said.en:
        return element(tag, said.zh)
    return element(tag, said.zh, " ", element("span", said.en, class_="en"))


def _title(file: CaseFile) -> Iterable[Html]:
    yield element("h1", f"案卷档案 {file.incident.case_number}")
    yield _two(both(f"{file.city.zh} · 网格化管理", f"{file.city.en} · file of an incident"), "p")
    if file.made_up:
        yield element(
            "p",
            _two(both("演示数据：城市和网格都是虚构的", "Demo: city and grids are made up")),
            class_="made-up",
        )
    at, who = file.names.moment(file.read_at), file.read_by
    printed = both(
        f"{at}（{file.names.zone}）由 {who.zh} 调阅打印，共 {len(file.lines)} 条记录",
        f"Read {at} ({file.names.zone}) by {who.en}: {len(file.lines)} entries",
    )
    yield _two(printed, "p")
    yield _verdict(file)


def _verdict(file: CaseFile) -> Html:
    if file.is_whole:
        told = both(
            "打印时已逐条核验：全部记录的散列与台账一致",
            "Verified when printed: the hash of every entry is the one the ledger holds",
        )
        return element("p", _two(told), class_="right")
    broken = [str(line.entry.number) for line in file.lines if not line.stored.is_whole]
    told = both(
        f"打印时核验不通过：第 {'、'.join(broken)} 条与台账保存的散列不一致",
        f"Not verified when printed: entries {', '.join(broken)} are not what the ledger's hashes say",
    )
    return element("p", _two(told), class_="wrong")


def _heading(title: Said) -> Html:
    return _two(title, "h2")


def _table(title: Said, rows: Iterable[Row]) -> Iterable[Html]:
    yield _heading(title)
    lines = [
        element("tr", element("th", _two(label), class_="label"), element("td", *_value(value)))
        for label, value in rows
    ]
    yield element("table", element("tbody", lines))


def _value(said: Said) -> list[Html]:
    shown = [element("div", said.zh, class_="said")]
    return shown if said.zh == said.en else [*shown, element("div", said.en, class_="said en")]


def _grid(columns: Sequence[Said], rows: Iterable[Sequence[Html | str]], class_: str = "") -> Html:
    top = element("tr", [element("th", _two(name)) for name in columns])
    lines = [element("tr", [element("td", cell) for cell in row]) for row in rows]
    return element("table", element("thead", top), element("tbody", lines), class_=class_)


def _reporters(file: CaseFile) -> Iterable[Html]:
    yield _heading(both("上报人", "Reporters"))
    columns = (
        both("案卷", "Incident"),
        both("上报时间", "Reported"),
        both("渠道", "Channel"),
        both("录入人", "Sent in by"),
        both("姓名电话", "Name and phone"),
    )
    rows = [
        (one.case_number, file.names.moment(one.reported_at), one.channel, _two(one.by), _citizen(one))
        for one in file.reporters
    ]
    yield _grid(columns, rows)


def _citizen(one: Reporter) -> Html:
    if one.withheld:
        return _two(both("对阅读者保密", "withheld from whoever reads this"))
    if one.name or one.phone:
        return element("span", " ".join(part for part in (one.name, one.phone) if part))
    return _two(both("已删除", "erased") if one.erased else both("（未留）", "(none given)"))


def _clocks(file: CaseFile) -> Iterable[Html]:
    yield _heading(both("时限", "Clocks"))
    columns = (
        both("环节", "Clock"),
        both("时限", "Limit"),
        both("起算", "Started"),
        both("到期", "Due"),
        both("状态", "State"),
        both("已用", "Elapsed"),
        both("暂停", "Paused"),
        both("剩余", "Remaining"),
        both("超期", "Overdue"),
    )
    yield _grid(columns, [_clock(one, file.names) for one in file.clocks], "clocks")
    note = both(
        "时间以小时:分钟计；工作时限只计工作时间",
        "Lengths in hours:minutes, of working time where the limit is in working time",
    )
    yield _two(note, "p")


def _clock(one: Reading, names: Names) -> Sequence[Html | str]:
    length = limit(one.limit)
    if one.extensions:
        more = f" ×{one.extensions + 1}"
        length = both(length.zh + more, length.en + more)
    state = both(f"{STATE_ZH[one.state]}（{COLOUR_ZH[one.colour]}）", f"{one.state} ({one.colour})")
    return (
        _two(both(CLOCK_ZH[Clock(one.clock)], one.clock)),
        _two(length),
        _when(names.moment(one.started_at)),
        "–" if one.due_at is None else _when(names.moment(one.due_at)),
        _two(state),
        hours(one.elapsed),
        hours(one.paused),
        hours(one.remaining),
        hours(one.overdue) if one.overdue > timedelta(0) else "–",
    )


def _when(moment: str) -> Html:
    """A moment on two lines: the date, and the time of the day."""
    day, _, time = moment.partition(" ")
    return element("span", element("span", day, class_="when"), " ", element("span", time, class_="when"))


def _subject(title: Said, lines: Sequence[Line], names: Names) -> Iterable[Html]:
    yield _heading(title)
    rows = [
        (
            element("a", f"#{line.entry.number}", href=f"#e{line.entry.number}"),
            _at(line, names),
            element("div", *_value(_whole(line)), _kept(line.kept)),
        )
        for line in lines
    ]
    yield _grid((both("序号", "Entry"), both("时间", "Time"), both("内容", "What happened")), rows)


def _at(line: Line, names: Names) -> Html:
    """When an entry was recorded, and below when it is said to have happened, where that is another time."""
    recorded, happened = names.moment(line.entry.recorded_at), names.moment(line.entry.happened_at)
    said = (
        None
        if recorded == happened
        else element("div", _two(both("发生于", "happened")), " ", _when(happened))
    )
    return element("div", _when(recorded), said)


def _whole(line: Line) -> Said:
    return both(f"{line.by.zh} {line.said.zh}", f"{line.by.en} {line.said.en}")


def _history(file: CaseFile) -> Iterable[Html]:
    yield _heading(both("全部记录", "All entries, in order"))
    for line in file.lines:
        yield _entry(line, file.names)


def _entry(line: Line, names: Names) -> Html:
    act, at, row = act_of(line), times_of(line, names), line.stored.row
    title = both(
        f"#{line.entry.number} {act.zh} · {at.zh}",
        f"{act.en} · kind {row['kind']} · position {row['position']}",
    )
    return element(
        "section",
        _two(title, "h3"),
        *_value(_whole(line)),
        _kept(line.kept),
        [element("p", f"照片 photo {digest}", class_="hash") for digest in line.photos],
        element("p", f"散列 hash {line.stored.hash.hex()}", class_="hash"),
        element("p", f"前条 previous {row['previous'].hex()}", class_="hash"),
        class_="entry",
        id=f"e{line.entry.number}",
    )


def _kept(kept: Kept | None) -> Html | None:
    """The words of an entry, or that they were erased."""
    if kept is None:
        return None
    parts = [element("div", kept.words, class_="words")] if kept.words else []
    if kept.address:
        parts.append(element("div", f"地址 address: {kept.address}", class_="words"))
    return element("div", parts, _proof(kept))


def _proof(kept: Kept) -> Html:
    if kept.erased_at is not None:
        return element("p", _two(both("文字已依规删除", "the words were erased")))
    if kept.matches is None:
        return element("p", _two(both("文字不在库中", "the words are not in the store")), class_="wrong")
    if kept.matches:
        return element(
            "p", _two(both("文字与台账中的散列一致", "these are the words whose hash the ledger holds"))
        )
    told = both("文字与台账中的散列不一致", "these are not the words whose hash the ledger holds")
    return element("p", _two(told), class_="wrong")


def _photos(file: CaseFile, pictures: Mapping[str, str]) -> Iterable[Html]:
    yield _heading(both("照片", "Photos"))
    if not file.pictures:
        yield _two(both("（无）", "(none)"), "p")
    for one in file.pictures:
        yield _photo(one, pictures.get(one.digest))


def _photo(one: Picture, address: str | None) -> Html:
    shown = None if address is None else element("img", src=address, alt=f"照片 {one.digest[:10]}")
    where_ = ", ".join(f"#{number}" for number in one.entries)
    size = "" if one.size is None else f" · {one.width}×{one.height} · {one.size} B · {one.media_type}"
    caption = [element("p", f"SHA-256 {one.digest}", class_="hash"), element("p", f"{where_}{size}")]
    state = element("p", _two(_STATE[one.state]), class_="" if one.state == WHOLE else "wrong")
    return element("figure", shown, element("figcaption", caption, state))


def _chain(file: CaseFile) -> Iterable[Html]:
    yield _heading(both("散列链", "Chain of hashes"))
    yield _verdict(file)
    ledger = file.ledger
    told = both(
        f"台账分册 {ledger.stream}（纪元 {ledger.epoch}），打印时最后位置 {ledger.position}",
        f"Ledger stream {ledger.stream} (epoch {ledger.epoch}), at position {ledger.position} when printed",
    )
    yield _two(told, "p")
    yield element("p", f"台账末条散列 hash of its last entry {ledger.hash.hex()}", class_="hash")
    columns = (
        both("序号", "Entry"),
        both("位置", "Position"),
        both("散列（重算）", "Hash, recomputed"),
        both("下条位置", "Next position"),
        both("下条所存", "Held by the next"),
    )
    yield _grid(columns, [_link(line) for line in file.lines], "hash")
    yield _heading(both("如何重算", "How to recompute"))
    for said in RECIPE:
        yield element("p", said.zh)
        yield element("p", said.en, class_="en")


def _link(line: Line) -> Sequence[Html | str]:
    one = line.stored
    held = "✗ –" if one.next_previous is None else f"{'✓' if one.is_whole else '✗'} {one.next_previous.hex()}"
    after = "台账之首 head" if one.next_position is None else str(one.next_position)
    return (str(line.entry.number), str(one.row["position"]), one.hash.hex(), after, held)
