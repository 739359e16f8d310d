"""Models of a language model's scores, alone and beside n-grams."""

from wholescript.features.lm_scores import ANSWERS, SURPRISAL
from wholescript.models.films.estimator import Estimator
from wholescript.models.films.film_columns import (
    FilmColumnScore,
    FilmColumnsLR,
    NgramColumnsKernelLR,
)
from wholescript.models.films.ngram_kernel import NgramKernelLR
from wholescript.models.films.selection import SelectedEstimator
from wholescript.studies.screenplays.models.configurations import KERNEL_WEIGHTS


def language_model_estimators() -> dict[str, Estimator]:
    """Return the models of a language model's scores, alone and beside n-grams, by display name."""
    questions = {
        "zero-shot: nominated?": ("log_odds_nominated", "lm-zero-shot"),
        "zero-shot: outstanding?": ("log_odds_outstanding", "lm-zero-shot-outstanding"),
        "few-shot: nominated?": ("log_odds_few_shot", "lm-few-shot"),
    }
    answers: dict[str, Estimator] = {
        display_name: FilmColumnScore(column, name)
        for display_name, (column, name) in questions.items()
    }
    return answers | {
        "answers": FilmColumnsLR(name="lm-answers", columns=ANSWERS),
        "surprisal": FilmColumnsLR(name="lm-surprisal", columns=SURPRISAL),
        "surprisal and answers": FilmColumnsLR(
            name="lm-surprisal-answers", columns=(*SURPRISAL, *ANSWERS)
        ),
        "n-grams (1 to 3)": NgramKernelLR(name="ngrams"),
        "n-grams, surprisal": _beside_ngrams("ngrams-surprisal", SURPRISAL),
        "n-grams, surprisal, answers": _beside_ngrams(
            "ngrams-surprisal-answers", (*SURPRISAL, *ANSWERS)
        ),
    }


def _beside_ngrams(name: str, columns: tuple[str, ...]) -> SelectedEstimator:
    """Return n-grams with a kernel on columns; inner folds choose its weight, which may be 0."""
    candidates = [
        NgramColumnsKernelLR(name=f"{name}-{weight}", columns=columns, weight=weight)
        for weight in (0.0, *KERNEL_WEIGHTS)
    ]
    return SelectedEstimator(candidates, name=name)
