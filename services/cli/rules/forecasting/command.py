"""`koi rules simulate` and `koi rules diff`: what a person types; the work is done in `forecasting`, imported when it is needed."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.terminal import ERR, OUT, errors_in_one_line

if TYPE_CHECKING:
    from services.cli.rules.forecasting.simulate import Wanted

Rules = Annotated[Path, typer.Argument(help="a rule file, or a folder of them", exists=True)]
Events = Annotated[
    list[Path] | None,
    typer.Option("--events", help="event file: .jsonl, .csv, .tsv or .txt, also .gz, .xz, .bz2; may be repeated"),
]
Topic = Annotated[
    list[str] | None, typer.Option(help="read a topic from Kafka instead, as it is now: koi.events", metavar="TOPIC")
]
Mapping = Annotated[
    list[Path] | None, typer.Option(help="mapping file or folder that says which column is what", metavar="FILE")
]
Delimiter = Annotated[str | None, typer.Option(help="of tables: comma, semicolon, tab, pipe, space or one character")]
Zone = Annotated[str | None, typer.Option(help="business time zone; else KOI_ZONE, else Asia/Shanghai")]
Scoring = Annotated[
    Path | None, typer.Option(help="scoring file (docs/scoring.md); else that in KOI_SCORING", metavar="FILE")
]
Since = Annotated[
    str | None,
    typer.Option("--from", help="count from this date or instant on; what was before only warms up", metavar="T"),
]
Until = Annotated[
    str | None, typer.Option("--to", help="read and count until the end of this date, or this instant", metavar="T")
]
Report = Annotated[Path | None, typer.Option(help="a page with pictures to write, HTML", metavar="FILE")]
Csv = Annotated[Path | None, typer.Option(help="a table to write, CSV: what each rule did on each day", metavar="FILE")]
Workers = Annotated[int | None, typer.Option(min=1, help="processes; else as many as there are processors, at most 4")]
Policy = Annotated[
    Path | None,
    typer.Option(help="policy file of the notifier, for its caps; else those it has without one", metavar="FILE"),
]
CapDay = Annotated[
    int | None,
    typer.Option(min=0, help="messages of a category that a customer gets on a day at most; else the policy's"),
]
CapWeek = Annotated[int | None, typer.Option(min=0, help="and in any 7 days")]
AsJson = Annotated[bool, typer.Option("--json", help="print everything as JSON instead of tables")]


def simulate(
    rules: Rules,
    *,
    events: Events = None,
    topic: Topic = None,
    mapping: Mapping = None,
    delimiter: Delimiter = None,
    zone: Zone = None,
    scoring: Scoring = None,
    since: Since = None,
    until: Until = None,
    report: Report = None,
    csv: Csv = None,
    workers: Workers = None,
    policy: Policy = None,
    cap_day: CapDay = None,
    cap_week: CapWeek = None,
    as_json: AsJson = False,
) -> None:
    """Say what rules would have done: replay past events through the services' own code, and send nothing."""
    with errors_in_one_line("rules cannot be simulated"):
        from services.cli.rules.forecasting import forecast, show  # noqa: PLC0415
        from services.cli.rules.forecasting.report import page  # noqa: PLC0415
        from services.cli.rules.forecasting.simulate import simulate as simulated_by  # noqa: PLC0415
        from services.cli.rules.forecasting.simulate import tell_refusals  # noqa: PLC0415
        from services.cli.scores.rows import write_rows  # noqa: PLC0415

        found = simulated_by(
            _wanted(
                events,
                topic,
                mapping,
                delimiter=delimiter,
                zone=zone,
                scoring=scoring,
                since=since,
                until=until,
                workers=workers,
                caps=(policy, cap_day, cap_week),
            ),
            [rules],
        )
        if csv is not None:
            write_rows(csv, forecast.HEADER, forecast.rows(found.forecasts[0]))
        if report is not None:
            page(found, str(rules)).write(report)
        tell_refusals(found.refusals)
        if as_json:
            _print_json(show.as_json(found))
        else:
            OUT.print(show.tables(found))
        _tell_written(csv, report)


def diff(
    old: Rules,
    new: Rules,
    *,
    events: Events = None,
    topic: Topic = None,
    mapping: Mapping = None,
    delimiter: Delimiter = None,
    zone: Zone = None,
    scoring: Scoring = None,
    since: Since = None,
    until: Until = None,
    report: Report = None,
    csv: Csv = None,
    workers: Workers = None,
    policy: Policy = None,
    cap_day: CapDay = None,
    cap_week: CapWeek = None,
    as_json: AsJson = False,
) -> None:
    """Say what other rules would have done otherwise: replay past events under both, and send nothing."""
    with errors_in_one_line("rules cannot be simulated"):
        from services.cli.rules.forecasting import diff, diff_show  # noqa: PLC0415
        from services.cli.rules.forecasting.diff_report import page  # noqa: PLC0415
        from services.cli.rules.forecasting.simulate import simulate as simulated_by  # noqa: PLC0415
        from services.cli.rules.forecasting.simulate import tell_refusals  # noqa: PLC0415
        from services.cli.scores.rows import write_rows  # noqa: PLC0415

        notes = diff.Notes()
        found = simulated_by(
            _wanted(
                events,
                topic,
                mapping,
                delimiter=delimiter,
                zone=zone,
                scoring=scoring,
                since=since,
                until=until,
                workers=workers,
                caps=(policy, cap_day, cap_week),
            ),
            [old, new],
            notes.hear,
        )
        difference = diff.Difference.of(found.forecasts[diff.OLD], found.forecasts[diff.NEW], notes)
        if csv is not None:
            write_rows(csv, diff.HEADER, diff.rows(difference))
        if report is not None:
            page(found, difference, str(old), str(new)).write(report)
        tell_refusals(found.refusals)
        if as_json:
            _print_json(diff_show.as_json(found, difference))
        else:
            OUT.print(diff_show.tables(found, difference))
        _tell_written(csv, report)


def _wanted(
    events: list[Path] | None,
    topic: list[str] | None,
    mapping: list[Path] | None,
    **more: Any,
) -> "Wanted":
    from services.cli.rules.forecasting.caps import limits_of  # noqa: PLC0415
    from services.cli.rules.forecasting.simulate import Wanted  # noqa: PLC0415
    from services.notifier.policy import models, reading  # noqa: PLC0415

    policy, day, week = more.pop("caps")
    said = models.Policy() if policy is None else reading.load(models.Policy, policy)
    limits = limits_of(said, day, week)
    return Wanted(tuple(events or ()), tuple(topic or ()), tuple(mapping or ()), limits=limits, **more)


def _print_json(found: dict[str, Any]) -> None:
    # not through the console, which would break lines
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def _tell_written(*places: Path | None) -> None:
    written = [str(place) for place in places if place is not None]
    if written:
        ERR.print(f"written to {' and '.join(written)}", markup=False, highlight=False)
