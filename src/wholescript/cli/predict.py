"""`wholescript predict`: a nomination from screenplays, or the classes of texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wholescript.cli.options import Delimiter, Encoding, Quotes, Store, open_workspace
from wholescript.cli.output import echo, out, warn
from wholescript.prediction.parsers import FORMATS
from wholescript.printable import printable
from wholescript.settings import PositiveInt

MIN_COLOURED_ATTRIBUTION = 1  # nats

group = App(name="predict")


@group.command
def film(
    *scripts: Annotated[
        Path,
        Parameter(
            allow_leading_hyphen=True,  # for `-` alone
            help=f"Screenplays ({', '.join(FORMATS)}; their content decides how they are read), "
            "folders of them, quoted patterns such as 'scripts/*.txt', or - for standard input.",
        ),
    ],
    year: Annotated[
        int | None,
        Parameter(help="Year of the film; warns if it is outside the training years."),
    ] = None,
    figure: Annotated[
        Path | None,
        Parameter(negative=(), help="Figure file, .png or .svg; default: SCRIPT.prediction.png."),
    ] = None,
    no_figure: Annotated[bool, Parameter(negative=(), help="Do not draw a figure.")] = False,
    json: Annotated[
        bool, Parameter(negative=(), help="Print the predictions as one JSON list.")
    ] = False,
) -> None:
    """Predict the probability of a nomination for writing; exit code 2 if a script fails.

    The other scripts are predicted all the same. A figure that cannot be written is a warning, and
    exit code 2 only if it was asked for with --figure.

    Example: `wholescript predict film script.fountain --year 2019`
    """
    import sys
    from dataclasses import asdict
    from json import dumps

    from wholescript.errors import ParameterError, WholeScriptError
    from wholescript.prediction.figure import figure_paths, write_figure
    from wholescript.prediction.parsers import printable_path, read_script
    from wholescript.prediction.predict import predict as predict_script
    from wholescript.prediction.predictor import load_predictor
    from wholescript.prediction.text_output import explanation_lines, summary_line

    if not scripts:
        raise ParameterError("give at least one screenplay, such as script.fountain")
    paths = _expand(scripts)
    figures = [None] * len(paths) if no_figure else figure_paths(paths, figure)
    predictor, results, failed = load_predictor(), list[dict[str, Any]](), False
    for path, figure_path in zip(paths, figures, strict=True):
        name = printable_path(path)
        try:
            prediction = predict_script(read_script(path), predictor, year=year)
        except WholeScriptError as error:
            results.append({"file": name, "error": str(error)})
            warn(f"error: {error}")
            failed = True
            continue
        shown = None
        if figure_path is not None:
            try:
                write_figure(prediction, printable_path(Path(path.name)), figure_path)
                shown = printable_path(figure_path)
            except WholeScriptError as error:
                other = "name another file with --figure, or " if len(paths) == 1 else ""
                warn(f"warning: {error}: {other}draw none with --no-figure")
                failed = failed or figure is not None
        results.append({"file": name, **asdict(prediction), "figure": shown})
        if not json:
            lines = [f"{name}: {summary_line(prediction)}", *explanation_lines(prediction)]
            lines += [f"figure: {shown}"] if shown is not None else []
            echo("\n  ".join(lines))
    if json:
        echo(dumps(results, indent=2))
    if failed:
        sys.exit(2)


def _expand(given: Sequence[Path]) -> list[Path]:
    """Return the scripts that paths, folders and patterns stand for; print what is left out."""
    from wholescript.data.checks import list_some
    from wholescript.errors import ParameterError
    from wholescript.prediction.parsers import STANDARD_INPUT, printable_path
    from wholescript.prediction.script_paths import find_scripts

    scripts: list[Path] = []
    for path in given:
        if str(path).startswith("-") and path != STANDARD_INPUT:
            raise ParameterError(f"unknown option {path}; a file of that name is ./{path}")
        found, left_out = find_scripts(path)
        scripts += found
        if left_out:
            names = list_some([printable_path(file) for file in left_out])
            warn(f"left out, give the name of one to use it: {names}")
    return scripts


@group.command
def text(
    run: Annotated[str, Parameter(help="A run, such as questions/tfidf-svm-s0.")],
    *texts: Annotated[str, Parameter(help="Texts to classify, each in quotes.")],
    top: Annotated[PositiveInt, Parameter(help="Most probable classes to show.")] = 3,
    store_attribution: Annotated[
        bool,
        Parameter(negative=(), help="Store the token attributions of one text as a run."),
    ] = False,
    table: Annotated[
        Path | None, Parameter(help="Table of texts instead: CSV, TSV, JSON lines or Parquet.")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(help="Where the rows of --table go, with their label and its probability."),
    ] = None,
    text_column: Annotated[
        str | None, Parameter(help="Column of the texts in --table; default: inferred.")
    ] = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    quoting: Quotes = None,
    store: Store = None,
) -> None:
    """Classify texts with a trained model; show token attributions if the model has them.

    Example: `wholescript predict text questions/tfidf-svm "Who wrote Hamlet?"`

    A table: `wholescript predict text questions/tfidf-svm --table new.csv --output out.csv`
    """
    from wholescript.data.characters import describe_repairs
    from wholescript.data.labelled.cleaning import repair_text
    from wholescript.errors import ParameterError
    from wholescript.evaluation.token_attribution import (
        attribute_tokens,
        supports_token_attribution,
    )
    from wholescript.experiments.documents.attribution import TokenAttribution
    from wholescript.experiments.documents.load import load_trained_run
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.experiments.experiment import run as execute

    of_table = {"encoding": encoding, "delimiter": delimiter, "quoting": quoting}
    is_default = encoding == "utf-8" and delimiter is None and quoting is None
    if not is_default or table is not None or output is not None or text_column is not None:
        if table is None or output is None or texts or store_attribution:
            raise ParameterError("--table FILE and --output FILE need each other, and no texts")
        _predict_table(run, table, output, text_column, store, of_table)
        return
    if not texts:
        raise ParameterError("give at least one text, in quotes, or --table and --output")
    if store_attribution and len(texts) > 1:
        raise ParameterError(
            f"--store-attribution stores the attributions of one text; {len(texts)} were given"
        )
    workspace = open_workspace(store)
    ((found, *_),) = find_document_runs(workspace.store, [run]).values()
    fitted = load_trained_run(workspace.project, found)
    classes = found.config["classes"]
    for text in texts:
        for repair in describe_repairs(text).repairs:
            warn(f"note on {text[:30]!r}: {repair}")
    repaired = [repair_text(text)[0] for text in texts]
    for one, row in zip(repaired, fitted.predict_proba(repaired), strict=True):
        best = sorted(zip(row, classes, strict=True), reverse=True)[:top]
        echo(", ".join(f"{printable(name)} {probability:.1%}" for probability, name in best))
        if supports_token_attribution(fitted):
            out.print(_attribution_line(attribute_tokens(fitted, one)))
    if store_attribution:
        stored = execute(TokenAttribution(repaired[0]), found, workspace)
        echo(f"stored {stored.name}")


def _predict_table(
    run: str,
    table: Path,
    output: Path,
    text_column: str | None,
    store: Path | None,
    text_format: Mapping[str, Any],
) -> None:
    from wholescript.api.documents import open_run
    from wholescript.prediction.tables import predict_table

    predicted = predict_table(open_run(run, store), table, output, text_column, **text_format)
    echo(f"wrote {len(predicted):,} rows to {output}")


def _attribution_line(table: Any) -> Any:
    """Return the tokens with their attributions in nats, the large ones in colour."""
    from rich.text import Text

    line = Text()
    for token, value in zip(table["token"], table["attribution"], strict=True):
        if abs(value) <= MIN_COLOURED_ATTRIBUTION:
            style = ""
        else:
            style = "bold green" if value > 0 else "bold red"
        line.append(f"{printable(token.strip()) or 'end'} ", style).append(f"{value:+.1f} ", "dim")
    return line
