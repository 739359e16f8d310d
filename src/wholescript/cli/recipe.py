"""Recipes: `--config FILE.yaml` gives any option of a command; the command line wins.

What both give is checked here before it is converted, since Cyclopts rounds a fraction.
"""

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from cyclopts import App, ArgumentCollection, CoercionError, Token

from wholescript.errors import ParameterError, did_you_mean
from wholescript.settings import problem

CONFIG = "--config"


def read_recipe(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Add the values of the file that `--config` names to the arguments of a command.

    A key is an option without its dashes, with `-` or `_`.

    Raises:
        ParameterError: the file is no YAML mapping, or a key is no option of the command.
    """
    options = {name: each for each in arguments for name in each.names if name.startswith("--")}
    config = options.get(CONFIG)
    if config is None or not config.tokens:
        return
    path = Path(config.tokens[0].value)
    for key, value in _read(path).items():
        name = f"--{key.replace('_', '-').lower()}"
        if name not in options or name == CONFIG:
            known = [option.removeprefix("--") for option in options if option != CONFIG]
            wanted = did_you_mean(name.removeprefix("--"), known)
            raise ParameterError(f"{path}: {key!r} is no option of `{' '.join(commands)}`{wanted}")
        if options[name].tokens or value is None:
            continue  # given on the command line, or left at its default
        values = value if isinstance(value, list) else [value]
        if not values:
            hint = options[name].field_info.annotation
            raise ParameterError(f"{path}: {key} is empty; it {problem((), hint)}")
        for index, one in enumerate(values):
            text = str(one).lower() if isinstance(one, bool) else str(one)
            token = Token(keyword=name, value=text, source=str(path), index=index)
            options[name].append(token)


def refuse_fractions(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Raise CoercionError for a fraction, such as 1.5, in an option that takes whole numbers."""
    for argument in arguments:
        types = _types(argument.field_info.annotation)
        for token in argument.tokens if int in types and float not in types else ():
            try:
                is_fraction = "." in token.value and not float(token.value).is_integer()
            except ValueError:
                continue  # no number: the conversion says so
            if is_fraction:
                raise CoercionError(argument=argument, token=token, target_type=int)


def _types(hint: Any) -> set[Any]:
    """Return the types that an annotation consists of."""
    parts = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return set().union(*map(_types, parts)) if parts else {hint}


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParameterError(f"the recipe {path} cannot be read: {error}") from None
    if not isinstance(recipe, dict):
        raise ParameterError(f"the recipe {path} must be a mapping, such as `epochs: 3`")
    return {str(key): value for key, value in recipe.items()}
