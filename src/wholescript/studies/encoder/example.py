"""The text whose words are attributed: a review of our own, or a test text of other data."""

from wholescript.experiments.documents.attribution import TokenAttribution
from wholescript.experiments.documents.study import DocumentStudy
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset

REVIEW = (
    "I expected to hate this film. The first hour is slow, and nobody would call the dialogue "
    "subtle, but the ending is so honest that I forgot every complaint. Not a masterpiece, and "
    "still one of the warmest films of the year."
)
FEWEST_WORDS, MOST_WORDS = 5, 40
"""Words of a test text that has some to compare and fits on the axis of a figure."""


def attribution_run(study: DocumentStudy, model: Run) -> Run | None:
    """Return the token attribution of one text by the trained model of a run.

    The text is a review of our own for film reviews, else the first test text of a length that
    can be drawn, or the beginning of the first one. Returns None, and prints why, if there is no
    attribution.
    """
    data = StoredDataset(model.name) if study.is_stored else model
    return study.run(TokenAttribution(_text(study)), data)


def _text(study: DocumentStudy) -> str:
    if isinstance(study.main, StoredDataset) or study.main.name == study.recipe.first:
        return REVIEW
    texts = study.main.splits["test"].texts
    cut = " ".join(texts[0].split()[:MOST_WORDS])
    return next((text for text in texts if FEWEST_WORDS <= len(text.split()) <= MOST_WORDS), cut)
