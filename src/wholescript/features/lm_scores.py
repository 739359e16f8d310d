"""Scores of scripts by a language model: caching, the published table, and a summary per film.

language_model.parquet    one row per window that was read, for each film
language_model.json       model, windows, prompts, offsets without content, hash of the table
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from wholescript.errors import BundleError
from wholescript.features.film_cache import cache_arrays, load_cached_arrays
from wholescript.features.lm_prompts import NOMINATED, OUTSTANDING
from wholescript.features.lm_windows import (
    VALUES,
    WindowScorer,
    prompt_texts,
    split_windows,
    spread_order,
)
from wholescript.features.pretrained_decoders import PretrainedLM, load_pretrained_lm
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.files import CACHE, sha256_of, write_atomic
from wholescript.settings import PositiveInt, check_fields

WINDOWS = "language_model.parquet"
TITLES = "language_model_titles.parquet"
FACTS = "language_model.json"
ANSWERS = ("log_odds_nominated", "log_odds_outstanding", "log_odds_few_shot")
SURPRISAL_NAMES = {
    "loss_mean": "loss, mean",
    "loss_between_windows": "loss, deviation between windows",
    "loss_trend": "loss, slope from first to last window",
    "loss_std": "loss, deviation within a window",
    "entropy": "entropy of the prediction",
    "loss_minus_entropy": "loss minus entropy",
    "accuracy": "tokens predicted right",
    "context_gain": "loss, first minus last quarter",
    "loss_dialogue": "loss of dialogue",
    "loss_action": "loss of action",
    "dialogue_minus_action": "loss, dialogue minus action",
    "dialogue_share": "share of dialogue",
    "dialogue_share_between_windows": "share of dialogue, deviation",
    "characters_per_token": "characters per token",
    "bits_per_character": "bits per character",
}
"""The columns of `summarize_films` on how well the model predicts a script, and what they are."""
SURPRISAL = tuple(SURPRISAL_NAMES)

_ROWS = ("window", "n_windows")


@dataclass(frozen=True)
class LMScoringConfig:
    """A model, the tokens of a window, and the windows that are read in a round of all films."""

    model: str = "smollm2"
    window: PositiveInt = 512
    windows_per_round: PositiveInt = 2

    def __post_init__(self) -> None:
        """Raise ParameterError for a size below 1."""
        check_fields(self)

    def load(self) -> PretrainedLM:
        """Load the language model, in bfloat16 where the processor is fast at it.

        Raises:
            DependencyError, ParameterError: the model cannot be loaded.
        """
        dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
        return load_pretrained_lm(self.model, dtype=dtype)


class ScriptScorer:
    """Scores scripts round by round; `examples` are those of `WindowScorer`."""

    def __init__(
        self, config: LMScoringConfig, lm: PretrainedLM, examples: Sequence[tuple[str, str]]
    ) -> None:
        self.config, self.lm = config, lm
        self.windows = WindowScorer(lm, examples)

    @cached_property
    def fingerprint(self) -> str:
        """The first 12 hex digits of the SHA-256 of model, windows and prompts with examples."""
        prompts = [vars(prompt) for prompt in (*self.windows.questions, self.windows.few_shot)]
        settings = json.dumps([asdict(self.config), prompts])
        return hashlib.sha256(settings.encode()).hexdigest()[:12]

    def path_of(self, text_sha1: str, round_number: int, cache: Path = CACHE) -> Path:
        """Return the cache file of a round of a script; other prompts have other files."""
        folder = cache / "lm-scores" / self.fingerprint / str(round_number)
        return folder / f"{text_sha1}.safetensors"

    def score_round(self, text: str, round_number: int) -> NDArray[np.float32]:
        """Return the windows of a round, (n, 2 + len(VALUES)): index, number of all, values.

        A script that has no more windows has no rows.
        """
        windows = split_windows(self.lm, text, self.config.window)
        size = self.config.windows_per_round
        chosen = spread_order(len(windows))[round_number * size : (round_number + 1) * size]
        if not chosen:
            return np.zeros((0, len(_ROWS) + len(VALUES)), np.float32)
        values = self.windows.score(windows, chosen)
        index = np.array([[window, len(windows)] for window in chosen], np.float32)
        return np.concatenate([index, values], 1)


def cache_lm_scores(
    scripts: Iterable[tuple[str, str]],
    scorer: ScriptScorer,
    round_number: int,
    *,
    total: int | None = None,
    cache: Path = CACHE,
) -> None:
    """Score a round of windows of scripts, given as (SHA-1 of the text, text).

    One cache file per film is written; films that have one are skipped, so an interrupted run can
    be continued.

    """
    cache_arrays(
        scripts,
        partial(scorer.path_of, round_number=round_number, cache=cache),
        partial(scorer.score_round, round_number=round_number),
        "windows",
        title=f"{scorer.config.model}, round {round_number + 1}",
        total=total,
    )


def load_lm_scores(
    film_ids: Sequence[str],
    text_sha1s: Sequence[str],
    scorer: ScriptScorer,
    n_rounds: int,
    *,
    cache: Path = CACHE,
) -> pd.DataFrame:
    """Return the table of `n_rounds` rounds: `film_id`, `window`, `n_windows`, and `VALUES`.

    Raises:
        DataError: scripts are not in the cache or damaged; the message gives their number.
    """
    parts = []
    for number in range(n_rounds):
        path_of = partial(scorer.path_of, round_number=number, cache=cache)
        films = load_cached_arrays(
            text_sha1s, path_of, "windows", what=f"{scorer.config.model} scores"
        )
        for film_id, rows in zip(film_ids, films, strict=True):
            table = pd.DataFrame(rows, columns=[*_ROWS, *VALUES])
            parts.append(table.assign(film_id=film_id))
    table = pd.concat(parts, ignore_index=True)
    table = table.astype({name: np.int32 for name in _ROWS})
    return table[["film_id", *_ROWS, *VALUES]].sort_values(["film_id", "window"], ignore_index=True)


def scoring_facts(scorer: ScriptScorer, example_ids: Sequence[str]) -> dict[str, Any]:
    """Return what identifies the scores: model, windows, prompts, offsets without content."""
    prompts = dict(zip(ANSWERS, scorer.windows.questions, strict=False))
    return {
        **asdict(scorer.config),
        "questions": {"log_odds_nominated": NOMINATED, "log_odds_outstanding": OUTSTANDING},
        "prompts": {name: prompt_texts(prompt, scorer.lm) for name, prompt in prompts.items()},
        "examples": list(example_ids),
        "content_free": dict(zip(ANSWERS, scorer.windows.content_free_log_odds(), strict=True)),
    }


def write_lm_scores(
    folder: Path, windows: pd.DataFrame, titles: pd.DataFrame, facts: Mapping[str, Any]
) -> None:
    """Write both tables, windows rounded to what float16 holds, and then the facts with hashes."""
    values = windows[list(VALUES)].astype(np.float16).astype(np.float32)
    hashes = {}
    for name, table in ((WINDOWS, windows.assign(**values)), (TITLES, titles)):
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False, compression="zstd", compression_level=19)
        write_atomic(folder / name, buffer.getvalue())
        hashes[name] = hashlib.sha256(buffer.getvalue()).hexdigest()
    write_atomic(folder / FACTS, json.dumps({**facts, "sha256": hashes}, indent=2) + "\n")


def read_lm_scores(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return windows, titles and facts that `write_lm_scores` wrote.

    Raises:
        BundleError: a file is absent or was altered.
    """
    if not (folder / FACTS).is_file():
        raise BundleError(f"{FACTS} is missing from the bundle: restore it from git")
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
    for name, sha256 in facts["sha256"].items():
        if not (folder / name).is_file():
            raise BundleError(f"{name} is missing from the bundle: restore it from git")
        if sha256_of(folder / name) != sha256:
            raise BundleError(
                f"{name} does not match {FACTS}: restore both from git, or run "
                "`wholescript data language-model` again"
            )
    return pd.read_parquet(folder / WINDOWS), pd.read_parquet(folder / TITLES), facts


def summarize_films(
    table: pd.DataFrame, film_ids: Sequence[str], content_free: Mapping[str, float]
) -> pd.DataFrame:
    """Return a row for each film: its surprisal (`SURPRISAL`), answers and windows read.

    Answers are mean log-odds over windows minus those of inputs without content (`content_free`).
    `loss_trend` is the slope of the loss from the first to the last window, `context_gain` the
    loss of the first quarter of a window minus that of the last; `share_read` is that of windows.

    Raises:
        BundleError: a film has no scores.
    """
    films = table.groupby("film_id")
    if missing := sorted(set(film_ids) - set(films.groups)):
        raise BundleError(
            f"{len(missing)} films have no scores of a language model, {missing[0]!r} first: "
            "run `wholescript data language-model`"
        )
    means = films[list(VALUES)].mean()
    deviations = films[list(VALUES)].std().fillna(0)
    position = (table["window"] + 0.5) / table["n_windows"]
    centred = position - position.groupby(table["film_id"]).transform("mean")
    products = (centred * table["loss"]).groupby(table["film_id"]).sum()
    squares = (centred**2).groupby(table["film_id"]).sum()
    summary = pd.DataFrame(
        {
            "loss_mean": means["loss"],
            "loss_between_windows": deviations["loss"],
            "loss_trend": (products / squares.where(squares > 0)).fillna(0),
            "loss_std": means["loss_std"],
            "entropy": means["entropy"],
            "loss_minus_entropy": means["loss"] - means["entropy"],
            "accuracy": means["accuracy"],
            "context_gain": means["loss_first_quarter"] - means["loss_last_quarter"],
            "loss_dialogue": means["loss_dialogue"],
            "loss_action": means["loss_action"],
            "dialogue_minus_action": means["loss_dialogue"] - means["loss_action"],
            "dialogue_share": means["dialogue_share"],
            "dialogue_share_between_windows": deviations["dialogue_share"],
            "characters_per_token": means["characters_per_token"],
            "bits_per_character": means["loss"] / np.log(2) / means["characters_per_token"],
        }
    )
    for name in ANSWERS:
        summary[name] = means[name] - content_free[name]
    summary["longest_run"] = films["longest_run"].max()
    summary["n_read"] = films.size()
    summary["share_read"] = films.size() / films["n_windows"].first()
    return summary.loc[list(film_ids)]
