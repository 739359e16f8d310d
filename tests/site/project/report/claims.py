"""Claims of the small site."""

from wholescript.publish.claims import Condition, StoredQuantities, claim


@claim("Gated attention is not better than TF-IDF.")
def tfidf_is_not_beaten(stored: StoredQuantities) -> list[Condition]:
    """The lower bound of the paired difference is not above zero."""
    return [stored.difference("evaluation/gated - evaluation/tfidf:auc").low <= 0]


@claim("The AUROC of TF-IDF is above chance.")
def tfidf_above_chance(stored: StoredQuantities) -> list[Condition]:
    """The value lies above one half."""
    return [stored.metric("evaluation/tfidf:auc").value > 0.5]
