"""`koi templates`: all that a person does with texts before anybody is written to."""

import typer

from services.cli.templates.checking import templates_check, templates_schema, templates_values
from services.cli.templates.previewing import templates_preview

templates_app = typer.Typer(help="The texts of messages: check them, see them as they are sent.", no_args_is_help=True)
templates_app.command("check")(templates_check)
templates_app.command("preview")(templates_preview)
templates_app.command("values")(templates_values)
templates_app.command("schema")(templates_schema)
