"""What all commands share: the application, its consoles, its errors, its `-p NAME VALUE`."""

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from wholescript.errors import WholeScriptError

DEFAULT_TARGET = "nominated_for_writing"

out = Console()
err = Console(stderr=True)


class _PlainErrors(TyperGroup):
    """Prints the errors that a user can mend as they are, and ends with code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except WholeScriptError as error:
            err.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            err.print("interrupted: what was written is whole; the same command goes on from there")
            raise typer.Exit(130) from None


class NameValue(TyperCommand):
    """Takes `-p NAME VALUE`, as papermill does, and hands on `NAME=VALUE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join each name with its value."""
        joined: list[str] = []
        rest = iter(args)
        for arg in rest:
            joined.append(arg)
            if arg in {"-p", "--parameter"} and (name := next(rest, None)) is not None:
                joined.append(name if "=" in name else f"{name}={next(rest, '')}")
        return super().parse_args(ctx, joined)


app = typer.Typer(
    cls=_PlainErrors, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def _describe() -> None:
    """Whole Script: a report on reading long texts, with evidence that anyone can rerun."""
