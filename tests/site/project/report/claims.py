"""Claims of the small site."""

from wholescript.experiments.results import Results
from wholescript.publish.claims import claim


@claim("Gated attention is not better than word counts.")
def words_are_not_beaten(results: Results) -> bool:
    """The paired interval does not lie above zero."""
    return results.difference("evaluation/gated - evaluation/tfidf:auc").low <= 0
