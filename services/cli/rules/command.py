"""`koi rules`: all that a person does with rule files before anybody is written to."""

import typer

from services.cli.rules.checking import rules_check, rules_schema
from services.cli.rules.forecasting.command import diff, simulate
from services.cli.rules.testing.command import rules_test

rules_app = typer.Typer(help="Rule files: check them, test them, see what they would have done.", no_args_is_help=True)
rules_app.command("check")(rules_check)
rules_app.command("test")(rules_test)
rules_app.command("simulate")(simulate)
rules_app.command("diff")(diff)
rules_app.command("schema")(rules_schema)
