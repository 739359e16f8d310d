"""Scoring of a corpus by a language model, and the stored scores of the bundled films."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from wholescript.data.films import Corpus
from wholescript.errors import DataError
from wholescript.experiments.workspace import current_workspace
from wholescript.features.build import BUNDLE_FOLDER
from wholescript.features.layout import dialogue_mask
from wholescript.features.lm_prompts import CONTENT_FREE
from wholescript.features.lm_scores import (
    LMScoringConfig,
    ScriptScorer,
    cache_lm_scores,
    load_lm_scores,
    read_lm_scores,
    scoring_facts,
    summarize_films,
)
from wholescript.features.lm_windows import N_SHOT_TOKENS, split_windows, spread_order
from wholescript.features.pretrained_decoders import PretrainedLM
from wholescript.files import CACHE
from wholescript.studies.screenplays.data import RUN_PROFILES, ScreenplayData, screenplay_data

N_TITLES = 20
EXAMPLE_ANSWERS = ("No", "Yes", "Yes", "No")


@dataclass(frozen=True)
class LMScores:
    """The scores of films: `windows` that were read, one row each, `titles`, and `facts`.

    `titles` is what `rank_titles` returns; `facts` identify the scores (`scoring_facts`).
    """

    windows: pd.DataFrame
    titles: pd.DataFrame
    facts: dict[str, Any]

    def summarize(self, film_ids: list[str]) -> pd.DataFrame:
        """Return a row for each film; see `summarize_films`."""
        return summarize_films(self.windows, film_ids, self.facts["content_free"])

    def first(self, n_windows: int) -> "LMScores":
        """Return the scores of the `n_windows` windows of each film that were scored first."""
        order = {n: {w: i for i, w in enumerate(spread_order(n))} for n in set(self._n_windows)}
        places = [order[n][w] for n, w in zip(self._n_windows, self.windows["window"], strict=True)]
        return replace(self, windows=self.windows[np.array(places) < n_windows])

    @property
    def n_read(self) -> int:
        """The largest number of windows that were read of a film."""
        return int(self.windows.groupby("film_id").size().max())

    @property
    def _n_windows(self) -> "pd.Series[int]":
        return self.windows["n_windows"]


def open_lm_scores(data: ScreenplayData, config: LMScoringConfig, *, seed: int) -> LMScores:
    """Return the scores of the films of a notebook: the stored ones of bundled films.

    Films with texts are scored: in the run profile smoke one window each, else a round of them.
    """
    if data.corpus.texts is None:
        return LMScores(*read_lm_scores(BUNDLE_FOLDER))
    if RUN_PROFILES[data.profile_name].n_text_chunks:
        config = replace(config, windows_per_round=1)
    return score_corpus(data.corpus, config, 1, examples=data.corpus, seed=seed)


def score_corpus(
    corpus: Corpus,
    config: LMScoringConfig,
    n_rounds: int,
    *,
    examples: Corpus,
    n_title_films: int | None = None,
    seed: int = 0,
    cache: Path = CACHE,
) -> LMScores:
    """Score `n_rounds` rounds of windows of all films; finished films are read from the cache.

    Two positive films and two others of `examples` are shown in the prompt with examples, and are
    not scored. The title is asked of `n_title_films`.

    Raises:
        DataError: films have no texts, or `examples` lack a class.
        DependencyError, ParameterError: the model cannot be loaded.
    """
    if corpus.texts is None:
        raise DataError("the bundled films have no texts: use --source local --path FILE")
    if not len(examples):
        raise DataError(
            "there is no film to show as an example: the command needs films with core=False in a "
            "column `core`, some of each class"
        )
    chosen = choose_examples(examples, seed)
    lm = config.load()
    scorer = ScriptScorer(config, lm, example_texts(lm, config.window, examples, chosen))
    corpus = corpus.select(~np.isin(corpus.film_ids, chosen))  # the answers were shown
    sha1s = corpus.films["text_sha1"].tolist()
    for number in range(n_rounds):
        cache_lm_scores(scripts(corpus), scorer, number, total=len(corpus), cache=cache)
    windows = load_lm_scores(list(corpus.film_ids), sha1s, scorer, n_rounds, cache=cache)
    titles = rank_titles(corpus, scorer, n_films=n_title_films, seed=seed)
    return LMScores(windows, titles, scoring_facts(scorer, chosen))


def scripts(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """Yield the SHA-1 and the text of each film."""
    assert corpus.texts is not None
    for film_id, sha1 in zip(corpus.film_ids, corpus.films["text_sha1"], strict=True):
        yield sha1, corpus.texts[film_id]


def choose_examples(corpus: Corpus, seed: int) -> list[str]:
    """Return the films of the prompt with examples, one for each of `EXAMPLE_ANSWERS`.

    They are drawn among the scripts with names in capitals above the dialogue, as most have.

    Raises:
        DataError: there are too few of a class.
    """
    assert corpus.texts is not None
    rng = np.random.default_rng(seed)
    labels = np.asarray(corpus.labels)
    drawn = {}
    for answer, label in (("No", 0), ("Yes", 1)):
        needed, found = EXAMPLE_ANSWERS.count(answer), []
        for row in rng.permutation(np.flatnonzero(labels == label)):
            film_id = corpus.film_ids[row]
            if dialogue_mask(corpus.texts[film_id]).any():
                found.append(film_id)
            if len(found) == needed:
                break
        else:
            raise DataError(
                f"{len(found)} film(s) with dialogue under names in capitals have the label "
                f"{label}; the prompt with examples needs {needed}"
            )
        drawn[answer] = iter(found)
    return [next(drawn[answer]) for answer in EXAMPLE_ANSWERS]


def example_texts(
    lm: PretrainedLM, window: int, corpus: Corpus, film_ids: list[str]
) -> list[tuple[str, str]]:
    """Return the beginning of the middle window of each film, with its answer."""
    assert corpus.texts is not None
    found = []
    for film_id, answer in zip(film_ids, EXAMPLE_ANSWERS, strict=True):
        windows = split_windows(lm, corpus.texts[film_id], window)
        ids = windows.ids[len(windows) // 2][:N_SHOT_TOKENS]
        found.append((str(lm.tokenizer.decode(ids)), answer))
    return found


def rank_titles(
    corpus: Corpus, scorer: ScriptScorer, *, n_films: int | None = None, seed: int = 0
) -> pd.DataFrame:
    """Ask the model for the title of each film after a window from the middle of its script.

    Titles are ranked by log P(title | window) - log P(title | input without content), among
    `N_TITLES` of which the others are drawn. A model that knows a film should rank its title first;
    but so does one that reads a name in the window, so `named` says whether a word of the title
    stands there. Returns `film_id`, `rank` (1 is best), `n_titles` (of how many) and `named`.
    """
    assert corpus.texts is not None
    rng = np.random.default_rng(seed)
    titles = corpus.films["title"].tolist()
    rows = np.sort(rng.choice(len(corpus), min(n_films or len(corpus), len(corpus)), replace=False))
    every = list(dict.fromkeys(titles))
    n_others = min(N_TITLES, len(every)) - 1
    candidates = {
        row: [titles[row], *rng.choice([t for t in every if t != titles[row]], n_others, False)]
        for row in rows
    }
    asked = list(dict.fromkeys(title for titles in candidates.values() for title in titles))
    prior = dict(zip(asked, _content_free_title_scores(scorer, asked), strict=True))
    found = []
    for row, listed in tqdm(candidates.items(), "titles", unit="film"):
        windows = split_windows(scorer.lm, corpus.texts[corpus.film_ids[row]], scorer.config.window)
        window = windows.ids[spread_order(len(windows))[min(1, len(windows) - 1)]]
        gains = scorer.windows.title_scores(window, listed) - [prior[title] for title in listed]
        read = str(scorer.lm.tokenizer.decode(window))
        found.append(
            {
                "film_id": corpus.film_ids[row],
                "rank": 1 + int((gains[1:] >= gains[0]).sum()),
                "n_titles": len(listed),
                "named": names_title(read, titles[row]),
            }
        )
    return pd.DataFrame(found)


def names_title(text: str, title: str) -> bool:
    """Return whether a word of a title of more than three letters, or the title, is in a text."""
    words = re.findall(r"\w+", title.lower())
    wanted = [word for word in words if len(word) > 3] or [r"\W+".join(words)]
    return any(re.search(rf"\b{word}\b", text.lower()) for word in wanted)


def _content_free_title_scores(scorer: ScriptScorer, titles: list[str]) -> NDArray[np.float64]:
    """Return the mean log P(title) in nats after inputs without content, (n,)."""
    inputs = [np.array(scorer.lm.encode(text), np.int64) for text in CONTENT_FREE]
    batches = [titles[start : start + N_TITLES] for start in range(0, len(titles), N_TITLES)]
    return np.concatenate(
        [
            np.mean([scorer.windows.title_scores(ids, batch) for ids in inputs], axis=0)
            for batch in tqdm(batches, "titles without content", leave=False)
        ]
    )


def with_lm_scores(data: ScreenplayData, scores: LMScores) -> ScreenplayData:
    """Return the films that have scores, whose summary is columns of their table; with new folds.

    Raises:
        DataError: too few films have scores.
    """
    scored = np.isin(data.corpus.film_ids, scores.windows["film_id"].unique())
    corpus = data.corpus.select(scored)
    first_test_year = current_workspace().parameters.get("first_test_year")
    found = screenplay_data(
        corpus,
        data.dataset.features.select(corpus.film_ids),
        data.profile_name,
        data.seed,
        first_test_year,
    )
    summary = scores.summarize(corpus.film_ids).reset_index(drop=True)
    films = pd.concat([found.dataset.films.reset_index(drop=True), summary], axis=1)
    return replace(found, dataset=replace(found.dataset, films=films))
