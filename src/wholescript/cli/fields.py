"""Options of a command made from the fields of a dataclass: names, types, defaults, help texts."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import Group, Parameter
from docstring_parser import parse_from_object

from wholescript.cli.help import as_typed, pair_as_typed
from wholescript.settings import OPTION, NonNegativeInt, bounds, is_checkable
from wholescript.training.settings import monitor_hint

MODEL = Group("Model", sort_key=1)
TRAINING = Group("Training", sort_key=2)
RUN = Group("Run", sort_key=3)
PRETRAIN = "pretrain"
PRETRAIN_EPOCHS = "pretrain_epochs"


@dataclass(frozen=True)
class Option:
    """An option: the `path` of fields that it sets, its type, default (None: unset) and help."""

    path: tuple[str, ...]
    hint: Any
    default: Any
    help: str
    alias: str = ""

    @property
    def name(self) -> str:
        """The name of the parameter: that of the field, or the one that its metadata has."""
        return self.alias or self.path[-1]

    @property
    def parameter(self) -> inspect.Parameter:
        """The parameter of a command's function."""
        what, default, of = self.help.removesuffix(".").partition("; default:")
        limit = bounds(self.hint)
        is_list = _is_list(self.hint)
        if is_list and "repeatable" not in self.help:
            limit = f"{limit}; repeatable" if limit else "repeatable"
        text = f"{what} ({limit}){default}{of}." if limit else self.help
        group = TRAINING if len(self.path) > 1 else MODEL
        shown = pair_as_typed if isinstance(self.default, tuple) and not is_list else as_typed
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=self.default,
            annotation=Annotated[self.hint, Parameter(help=text, group=group, show_default=shown)],
        )


def options_of(settings: Any, without: Iterable[str] = ()) -> Iterator[Option]:
    """Yield the options of a dataclass, those of a nested one after its own.

    A field that is neither number, text, choice nor tuple of them has no option, except `pretrain`:
    its option is the number of epochs.
    """
    hints, helps, nested = get_type_hints(settings, include_extras=True), _helps(settings), []
    for each in fields(settings):
        hint, default = hints[each.name], _default(each)
        if not each.init or each.name in without or not each.repr:
            continue
        if each.name == PRETRAIN:
            yield Option((PRETRAIN_EPOCHS,), NonNegativeInt, 0, helps[PRETRAIN])
        elif is_dataclass(default) and "train_config" in each.name:
            changed = {"monitor": monitor_hint(settings)}
            nested += [
                Option(
                    (each.name, part.name),
                    changed.get(part.name, part.hint),
                    getattr(default, part.name),
                    part.help,
                )
                for part in options_of(type(default), without)
            ]
        elif is_checkable(hint):
            of_machine = each.default is MISSING  # such as the precision
            shown = hint | None if of_machine else hint
            alias = each.metadata.get(OPTION, "")
            start = None if of_machine else default
            yield Option((each.name,), shown, start, helps[each.name], alias)
    yield from nested


def build(cls: Any, options: Iterable[Option], values: Mapping[str, Any], **fixed: Any) -> Any:
    """Construct a class from the values of its options; nested ones change its defaults."""
    given: dict[str, Any] = dict(fixed)
    nested: dict[str, dict[str, Any]] = {}
    for option in options:
        value = values[option.name]
        if option.name == PRETRAIN_EPOCHS or (value is None and option.default is None):
            continue
        if len(option.path) > 1:
            nested.setdefault(option.path[0], {})[option.name] = value
        else:
            given[option.path[-1]] = value
    defaults = {each.name: _default(each) for each in fields(cls)}
    given |= {name: replace(defaults[name], **changed) for name, changed in nested.items()}
    return cls(**given)


def _is_list(hint: Any) -> bool:
    """Return whether an annotation is that of a tuple of any length."""
    return any(arg is Ellipsis or _is_list(arg) for arg in get_args(hint))


def _default(each: "Field[Any]") -> Any:
    if each.default is not MISSING:
        return each.default
    if each.default_factory is MISSING:
        return None
    return each.default_factory() if each.name != "bfloat16" else None


def _helps(settings: Any) -> dict[str, str]:
    """Return the docstrings of the fields of a dataclass and of its bases, as one line each."""
    found: dict[str, str] = {}
    for cls in reversed(settings.__mro__):
        if is_dataclass(cls):
            for entry in parse_from_object(cls).params:
                found[entry.arg_name] = " ".join((entry.description or "").split())
    return found
