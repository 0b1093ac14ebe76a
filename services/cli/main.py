"""`koi`: what a person types."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from services.cli.campaign.command import campaign_app
from services.cli.deliveries.command import deliveries
from services.cli.explain.command import explain
from services.cli.notify.command import notify_app
from services.cli.policy.command import policy_app
from services.cli.rules.command import rules_app
from services.cli.scores.command import score, scores_app
from services.cli.silence.command import silence_app
from services.cli.templates.command import templates_app
from services.cli.terminal import ERR, OUT, bad_settings, fail, many
from services.contracts.errors import KoipondError
from services.contracts.topics import TOPICS
from services.runtime.problems import FileError

app = typer.Typer(
    name="koi",
    help="Koipond keeps a brand's private customer pool alive: scores, tiers and re-activation, per event.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
topics_app = typer.Typer(help="The Kafka topics: list them, create them.", no_args_is_help=True)
mappings_app = typer.Typer(help="Vendor mapping files: check them.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
app.add_typer(rules_app, name="rules")
app.add_typer(mappings_app, name="mappings")
app.add_typer(scores_app, name="scores")
app.add_typer(policy_app, name="policy")
app.add_typer(silence_app, name="silence")
app.add_typer(notify_app, name="notify")
app.add_typer(templates_app, name="templates")
app.add_typer(campaign_app, name="campaign")
app.command()(score)
app.command()(explain)
app.command()(deliveries)


class ServiceName(StrEnum):
    """The services that `koi run` starts."""

    INGEST = "ingest"
    SCORING = "scoring"
    RULES = "rules"
    NOTIFIER = "notifier"


@app.command()
def run(service: Annotated[ServiceName, typer.Argument(help="which service")]) -> None:
    """Run one service until it is stopped (Ctrl-C or SIGTERM). Settings come from KOI_… variables; see `koi settings`."""
    module = _service_module(service)
    _warn_of_misspelt(service)
    try:
        settings = module.SETTINGS()
        _require_port(settings.host, settings.port)
        module.main()
    except ValidationError as error:
        bad_settings(error)
    except FileError as error:
        fail(str(error))


@app.command()
def settings(service: Annotated[ServiceName, typer.Argument(help="which service")]) -> None:
    """List every setting of a service: variable, default and meaning."""
    kind = _service_module(service).SETTINGS
    table = Table("variable", "default", "meaning", box=None, header_style="bold")
    for name, field in kind.model_fields.items():
        default = "" if field.is_required() else _as_variable(field.default)
        table.add_row(_variable(name), escape(default), escape(field.description or ""))
    OUT.print(table)


@topics_app.command("list")
def topics_list() -> None:
    """Show every topic: who writes it, who reads it, how long it is kept."""
    table = Table("topic", "key", "kept", "written by", "read by", "what it carries", header_style="bold")
    for topic in TOPICS:
        kept = "compacted" if topic.retention is None else f"{topic.retention.days} days"
        table.add_row(topic.name, topic.key, kept, topic.owner, ", ".join(topic.readers), topic.about)
    OUT.print(table)


@topics_app.command("create")
def topics_create() -> None:
    """Create the topics that are missing. Never changes one that exists."""
    from services.cli.topics import create_topics  # noqa: PLC0415 - the client library is slow to import
    from services.runtime.settings import Settings  # noqa: PLC0415

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is in our one line
    try:
        results = asyncio.run(create_topics(Settings()))
    except ValidationError as error:
        bad_settings(error)
    except KoipondError as error:
        fail(f"cannot create topics: {error}")
    for result in results:
        OUT.print(f"{result.name}: {escape(result.outcome)}")
    if any(result.differs for result in results):
        raise typer.Exit(1)


@mappings_app.command("check")
def mappings_check(path: Annotated[Path, typer.Argument(help="a mapping file, or a folder", exists=True)]) -> None:
    """Check vendor mapping files and say everything that is wrong with them."""
    from services.ingest.mapping import load_mappings  # noqa: PLC0415

    try:
        mappings = load_mappings(path)
    except FileError as error:
        fail(str(error))
    OUT.print(f"{escape(str(path))}: {many(len(mappings), 'mapping')} {'is' if len(mappings) == 1 else 'are'} fine")


@app.command()
def features(
    markdown: Annotated[bool, typer.Option("--markdown", help="print the table of docs/rules.md")] = False,
) -> None:
    """List what a condition of a rule may name: the feature catalogue."""
    from services.rules.language.catalogue import CATALOGUE, catalogue_table  # noqa: PLC0415

    if markdown:
        sys.stdout.write(catalogue_table())
        return
    table = Table("name", "type", "unit", "time changes it", "meaning", box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    table.columns[-1].overflow = "fold"  # a long word is never cut off
    for feature in CATALOGUE.values():
        # lines break at blanks only
        meaning = feature.meaning.replace("、", "、 ").replace("`", "")
        table.add_row(escape(feature.name), str(feature.type), feature.unit, str(feature.moves), escape(meaning))
    OUT.print(table)


@app.command()
def schemas(
    write: Annotated[Path | None, typer.Option(help="write the files into this folder")] = None,
) -> None:
    """Say whether the JSON Schemas under docs/contracts are those of the code, or write them."""
    from services.cli import schemas as generated  # noqa: PLC0415

    if write is not None:
        generated.write(write)
        OUT.print(f"written to {escape(str(write))}")
        return
    stale = generated.stale(Path("docs/contracts"))
    for path in stale:
        ERR.print(f"{path} is stale", markup=False)
    if stale:
        fail("run: koi schemas --write docs/contracts")
    OUT.print("docs/contracts is up to date")


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI document of the whole pipeline (JSON)."""
    from services.cli.asyncapi import document  # noqa: PLC0415

    sys.stdout.write(document())


@app.callback(invoke_without_command=True)
def _root(
    show_version: Annotated[bool, typer.Option("--version", help="print the version", is_eager=True)] = False,
) -> None:
    if show_version:
        OUT.print(f"koi {version('koipond')}")
        raise typer.Exit


def _service_module(service: ServiceName) -> Any:
    try:
        return import_module(f"services.{service.value}.app")
    except ModuleNotFoundError as error:
        fail(f"the {service.value} service is not installed here: {error.name} is missing")


def _warn_of_misspelt(service: ServiceName) -> None:
    """Say which `KOI_…` variables no service reads; the other services' own are fine."""
    set_here = sorted(name.upper() for name in os.environ if name.upper().startswith(_variable("")))
    fields = _fields_of([service])
    if all(name in fields for name in set_here):
        return
    fields |= _fields_of(other for other in ServiceName if other is not service)
    for name in set_here:
        if name not in fields:
            bare = {field.removeprefix(_variable("")): field for field in sorted(fields)}
            near = get_close_matches(name.removeprefix(_variable("")), bare, n=1)
            hint = f"did you mean {bare[near[0]]}?" if near else "see koi settings SERVICE"
            ERR.print(f"{name} is not a setting of any service; {hint}", markup=False, highlight=False)


def _fields_of(services: Iterable[ServiceName]) -> set[str]:
    """The variables that these services read; those of one that is not installed here are unknown."""
    found: set[str] = set()
    for service in services:
        with contextlib.suppress(ModuleNotFoundError):
            kind = import_module(f"services.{service.value}.app").SETTINGS
            found |= {_variable(name) for name in kind.model_fields}
    return found


def _variable(name: str) -> str:
    return f"KOI_{name.upper()}"


def _as_variable(value: object) -> str:
    """A default as one would write it into the variable."""
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _require_port(host: str, port: int) -> None:
    """Fail unless `port` can be listened on: a service must not take part before its health can be asked for."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # the server sets it too: connections of the last run that linger do not count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                fail(f"port {port} is taken; choose another with KOI_PORT")
            fail(f"cannot listen on {host}, port {port}: {error.strerror}; see KOI_HOST and KOI_PORT")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
