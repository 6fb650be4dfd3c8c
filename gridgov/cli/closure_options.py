"""What `gridgov closure` can be asked: its options, each with its help."""

from __future__ import annotations

from typing import Annotated

import typer

from gridgov.statistics.periods import EXPECTED
from gridgov.statistics.question import MORE

Text = str | None

By = Annotated[
    str,
    typer.Option(
        help="none, department, crew, category, class, field, channel, urgency, inspector; day, week,"
        " month, quarter, year; the key of a level, or that of a layer of specialised grids."
    ),
]
PeriodName = Annotated[Text, typer.Option(help=f"The period: {EXPECTED}.")]
Start = Annotated[Text, typer.Option("--from", help="Its start instead: a local date or time.")]
End = Annotated[Text, typer.Option("--to", help="Its end, not included.")]
Under = Annotated[Text, typer.Option(help="Only within this grid: its path, codes joined by /.")]
EditionName = Annotated[
    Text,
    typer.Option(
        help="Whose levels and grids: the number of an edition, as_recorded for every incident where it"
        " was recorded; left out, the edition in force at the period's end."
    ),
]
Department = Annotated[Text, typer.Option(help="Only of this department.")]
Crew = Annotated[Text, typer.Option(help="Only of this crew.")]
Category = Annotated[Text, typer.Option(help="Only in this category.")]
ClassName = Annotated[Text, typer.Option("--class", help="Only in this class of categories.")]
Field = Annotated[Text, typer.Option(help="Only in this field of governance.")]
Channel = Annotated[Text, typer.Option(help="Only what came this way.")]
Urgency = Annotated[Text, typer.Option(help="Only of this urgency.")]
Inspector = Annotated[Text, typer.Option(help="Only reported by the inspector of this id.")]
Specialised = Annotated[Text, typer.Option(help="Only within this specialised grid: layer/code.")]
More = Annotated[Text, typer.Option(help=f"Besides, joined by commas: {', '.join(MORE)}.")]
Compare = Annotated[Text, typer.Option(help="Beside it: previous, year_before, or another period.")]
Against = Annotated[Text, typer.Option(help="Beside it: another grid, instead of --under.")]
AsOf = Annotated[Text, typer.Option("--as-of", help="As it stood at this local date or time.")]
Position = Annotated[
    int | None,
    typer.Option(min=0, help="As it stood at this position; with --as-of, those of a printed report."),
]
Opened = Annotated[
    Text, typer.Option("--open", help="The incidents behind this count, such as closed or due.")
]
Key = Annotated[Text, typer.Option(help="Of this group only, with --open; '' is the row that has no key.")]
After = Annotated[int, typer.Option(min=0, help="Where the page before ended, with --open.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many, with --open.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]
