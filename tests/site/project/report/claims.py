"""Claims of the small site."""

from wholescript.experiments.results import Results
from wholescript.publish.claims import claim


@claim("Gated attention is not better than TF-IDF.")
def tfidf_is_not_beaten(results: Results) -> bool:
    """The lower bound of the paired difference is not above zero."""
    return results.difference("evaluation/gated - evaluation/tfidf:auc").low <= 0
