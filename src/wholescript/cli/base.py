"""The application: its root command, the `train` group, output, and how errors are printed."""

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from wholescript.errors import WholeScriptError

out = Console()
err = Console(stderr=True)


def echo(text: str) -> None:
    """Print a text to stdout as it is: no markup, no colours, no wrapping."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print a text to stderr as it is."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


class _PlainErrors(TyperGroup):
    """Prints errors that the user can fix without a traceback, and exits with code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except WholeScriptError as error:
            warn(f"error: {error}")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            warn("interrupted: files written so far are complete; run the same command to resume")
            raise typer.Exit(130) from None


class NameValue(TyperCommand):
    """Takes `-p NAME VALUE`, as papermill does, and passes `NAME=VALUE` on."""

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
train = typer.Typer(no_args_is_help=True, help="Train a model; stores one run per seed.")
app.add_typer(train, name="train")


@app.callback()
def _root() -> None:
    """Whole Script: a reproducible report on transformers for long documents."""


@train.callback()
def _before_training() -> None:
    from wholescript.training.allocator import tune_allocator

    tune_allocator()
