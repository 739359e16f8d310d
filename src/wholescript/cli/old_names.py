"""Old names of commands and options: each answers with the new one, for this version only."""

from collections.abc import Sequence

COMMANDS = {
    "prepare": "data prepare",
    "features": "data features",
    "find-proper-names": "data proper-names",
    "label-errors": "data label-errors",
    "generate": "data generate",
    "train sklearn": "train MODEL, such as `wholescript train tfidf-svm DATA`",
    "train generative": "train ngram, ngram-interpolated, class-lm, class-lm-finetune or "
    "shared-trunk",
    "train-end-to-end": "train end-to-end",
    "fit-predictor": "train predictor",
    "compare": "evaluate",
    "classify": "predict text",
    "analyze-headlines": "evaluate headlines",
    "label-sorted-demo": "evaluate label-sorted-demo",
    "smoke": "evaluate smoke",
    "run": "notebook run",
    "rerun": "notebook rerun",
    "serve": "site serve",
    "check": "site check",
    "verify": "site verify",
    "claims": "site claims",
}
GONE = {
    "sweep": "execute the notebook for each value: `wholescript notebook run NAME -p NAME VALUE`",
    "diff": "compare with `git diff --stat`, and `wholescript notebook rerun` for metrics",
    "pipeline": "dvc.yaml is written by hand",
    "why": "ask DVC: `dvc status NAME`",
}
OPTIONS = {
    "--shared-layers": "--n-shared-layers",
    "--keep-layers": "--n-layer",
    "--prompt": "--prompts",
    "--float32": "--no-bfloat16",
    "--published-config": "the options of `encoder-published` in studies/encoder/recipe.yaml",
}


def new_name(arguments: Sequence[str]) -> str | None:
    """Return what to use instead of an old command or option; None if there is none."""
    first, two = " ".join(arguments[:1]), " ".join(arguments[:2])
    for old in (two, first):
        if old in COMMANDS:
            return f"`wholescript {old}` is now `wholescript {COMMANDS[old]}`"
    if first in GONE:
        return f"`wholescript {first}` is gone: {GONE[first]}"
    if first == "predict" and len(arguments) > 1 and _is_file(arguments[1]):
        return "`wholescript predict SCRIPT` is now `wholescript predict film SCRIPT`"
    if first == "train":
        for argument in arguments:
            if (option := argument.partition("=")[0]) in OPTIONS:
                return f"{option} is now {OPTIONS[option]}"
    return None


def _is_file(argument: str) -> bool:
    return argument not in ("film", "text") and "." in argument and not argument.startswith("-")
