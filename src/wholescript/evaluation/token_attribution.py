"""What each word of a text is worth to a trained classifier, by what it can say of that."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.features.word_vocabulary import (
    UNK_ID,
    WordVocabulary,
    tokenize_words_and_punctuation,
)
from wholescript.models.attention_maps import attention_maps, attention_rollout
from wholescript.models.transformer_classifier import TransformerClassifier
from wholescript.training.document_classifier import FittedDocumentClassifier
from wholescript.training.documents import DocumentBatchLoader, class_logits


def supports_token_attribution(fitted: Any) -> bool:
    """Return whether `attribute_tokens` can ask a model."""
    encoder = isinstance(fitted, FittedDocumentClassifier) and isinstance(
        fitted.tokenize, WordVocabulary
    )
    return encoder or hasattr(fitted, "by_word")


def attribute_tokens(fitted: Any, text: str) -> pd.DataFrame:
    """Return a row a word of a text: `word`, and `evidence`, in nats, for the likeliest class.

    Of models of the language of each class it is the log of how much likelier the word is, after
    those before it, under that class than under the runner-up; the last row is of the end of the
    text, and the rows add up to the log-likelihood ratio of the text. Of an encoder over words it
    is how far the logits of the two come closer when the word becomes an unknown one; a further
    column `attention` is its share in the last states, `attention_maps.attention_rollout`.

    Raises:
        ParameterError: the model is neither.
    """
    if hasattr(fitted, "by_word"):
        words, logs = fitted.token_log_probs(text)
        first, second = _top_two(fitted.predict_proba([text])[0])
        evidence = logs[:, first].astype(np.float64) - logs[:, second]
        return pd.DataFrame({"word": [*words, ""], "evidence": evidence})
    if supports_token_attribution(fitted):
        return _occlusion_attribution(fitted, text)
    raise ParameterError(
        "single words are weighed by models of the language of each class, and by encoders over "
        "words"
    )


def _occlusion_attribution(fitted: FittedDocumentClassifier, text: str) -> pd.DataFrame:
    assert isinstance(fitted.network, TransformerClassifier)
    ids = fitted.tokenize([text])[0][: fitted.max_length]
    occluded = np.tile(ids, (len(ids), 1))
    np.fill_diagonal(occluded, UNK_ID)
    rows = [ids, *occluded]
    batches = DocumentBatchLoader(
        rows, np.zeros(len(rows), np.int64), fitted.batch_size, fitted.pad_token_id
    )
    logits, _ = class_logits(fitted.network, batches, fitted.objective)
    first, second = _top_two(logits[0])
    odds = logits[:, first].astype(np.float64) - logits[:, second]
    encoder = fitted.network.encoder
    tokens = torch.from_numpy(ids)[None]
    maps = attention_maps(
        encoder.transformer, lambda: encoder(tokens, torch.ones_like(tokens, dtype=torch.bool))
    )
    return pd.DataFrame(
        {
            "word": tokenize_words_and_punctuation(text)[: len(ids)],
            "evidence": odds[0] - odds[1:],
            "attention": attention_rollout(maps).mean(0).double().numpy(),
        }
    )


def _top_two(scores: NDArray[np.float32]) -> tuple[int, int]:
    order = np.argsort(-scores, kind="stable")
    return int(order[0]), int(order[1])
