"""`koi score` and `koi scores`: what a person types; the work is done in `running`, which is imported when it is needed."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.terminal import errors_in_one_line

scores_app = typer.Typer(help="Scores of all customers: export them from the live states.", no_args_is_help=True)


class Against(StrEnum):
    """Which population customers are scored against, from files."""

    NOW = "now"
    EPOCH = "epoch"


class LiveAgainst(StrEnum):
    """The same, from the live states."""

    NOW = "now"
    LIVE = "live"


Out = Annotated[str, typer.Option(help="the table to write, CSV; - for standard output", metavar="FILE")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="a date (the end of that business day) or an instant", metavar="T"),
]
Config = Annotated[
    Path | None, typer.Option(help="scoring file (docs/scoring.md); else that in KOI_SCORING", metavar="FILE")
]
Report = Annotated[Path | None, typer.Option(help="a page with pictures to write, HTML", metavar="FILE")]

Bom = Annotated[bool, typer.Option("--bom", help="begin the table with a byte order mark, as Excel wants it")]


def score(
    files: Annotated[list[Path], typer.Argument(help="event files: .jsonl, .csv, .tsv or .txt, also .gz, .xz, .bz2")],
    *,
    as_of: AsOf = None,
    config: Config = None,
    out: Out = "scores.csv",
    mapping: Annotated[
        list[Path] | None, typer.Option(help="mapping file or folder that says which column is what", metavar="FILE")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="of tables: comma, semicolon, tab, pipe, space or one character")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="business time zone; else KOI_ZONE, else Asia/Shanghai")] = None,
    cutoffs: Annotated[
        Against, typer.Option(help="the population that scores are made against: as of now, or of the last epoch")
    ] = Against.NOW,
    report: Report = None,
    bom: Bom = False,
    strict: Annotated[bool, typer.Option("--strict", help="fail if a line cannot be used")] = False,
) -> None:
    """Score all customers from files of events, by the same fold as the live service.

    Without --as-of, as of the end of the day of the last event.
    """
    with errors_in_one_line("scores cannot be made"):
        from services.cli.scores.running import Goal, score_files  # noqa: PLC0415

        score_files(
            Goal(as_of, config, out, report, bom),
            files,
            mapping or (),
            delimiter,
            zone,
            at_epoch=cutoffs is Against.EPOCH,
            strict=strict,
        )


@scores_app.command("export")
def export(
    *,
    as_of: AsOf = None,
    config: Config = None,
    out: Out = "scores.csv",
    cutoffs: Annotated[
        LiveAgainst,
        typer.Option(help="the population that scores are made against: as of now, or as the live service has it"),
    ] = LiveAgainst.NOW,
    report: Report = None,
    bom: Bom = False,
) -> None:
    """Score all customers from the live states in Redis, which are only read. Same columns as koi score.

    Without --as-of, as of this moment, or on the event clock as of how far event time has come.
    """
    with errors_in_one_line("scores cannot be made"):
        from services.cli.scores.running import Goal, export_live  # noqa: PLC0415
        from services.runtime.settings import Settings  # noqa: PLC0415

        goal = Goal(as_of, config, out, report, bom)
        asyncio.run(export_live(goal, Settings(), as_live=cutoffs is LiveAgainst.LIVE))
