"""What each word of a text is worth to a trained classifier, by what it can say of that."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.features.word_vocabulary import UNKNOWN, WordIds, words_and_marks
from wholescript.models.attention_maps import attention_maps, rollout
from wholescript.models.transformer_classifier import EncoderWithHead
from wholescript.training.document_classifier import Fitted
from wholescript.training.documents import TextBatches, class_logits


def weighs_words(fitted: Any) -> bool:
    """Return whether `word_evidence` can ask a model."""
    encoder = isinstance(fitted, Fitted) and isinstance(fitted.tokenize, WordIds)
    return encoder or hasattr(fitted, "by_word")


def word_evidence(fitted: Any, text: str) -> pd.DataFrame:
    """Return a row a word of a text: `word`, and `evidence`, in nats, for the likeliest class.

    Of models of the language of each class it is the log of how much likelier the word is, after
    those before it, under that class than under the runner-up; the last row is of the end of the
    text, and the rows add up to the log-likelihood ratio of the text. Of an encoder over words it
    is how far the logits of the two come closer when the word becomes an unknown one; a further
    column `attention` is its share in the last states, `attention_maps.rollout`.

    Raises:
        ParameterError: the model is neither.
    """
    if hasattr(fitted, "by_word"):
        words, logs = fitted.by_word(text)
        first, second = _two_best(fitted.predict_proba([text])[0])
        evidence = logs[:, first].astype(np.float64) - logs[:, second]
        return pd.DataFrame({"word": [*words, ""], "evidence": evidence})
    if weighs_words(fitted):
        return _occluded(fitted, text)
    raise ParameterError(
        "single words are weighed by models of the language of each class, and by encoders over "
        "words"
    )


def _occluded(fitted: Fitted, text: str) -> pd.DataFrame:
    assert isinstance(fitted.network, EncoderWithHead)
    ids = fitted.tokenize([text])[0][: fitted.max_length]
    hidden = np.tile(ids, (len(ids), 1))
    np.fill_diagonal(hidden, UNKNOWN)
    rows = [ids, *hidden]
    batches = TextBatches(rows, np.zeros(len(rows), np.int64), fitted.batch_size, fitted.padding)
    logits, _ = class_logits(fitted.network, batches, fitted.way)
    first, second = _two_best(logits[0])
    odds = logits[:, first].astype(np.float64) - logits[:, second]
    encoder = fitted.network.encoder
    tokens = torch.from_numpy(ids)[None]
    maps = attention_maps(
        encoder.transformer, lambda: encoder(tokens, torch.ones_like(tokens, dtype=torch.bool))
    )
    return pd.DataFrame(
        {
            "word": words_and_marks(text)[: len(ids)],
            "evidence": odds[0] - odds[1:],
            "attention": rollout(maps).mean(0).double().numpy(),
        }
    )


def _two_best(scores: NDArray[np.float32]) -> tuple[int, int]:
    order = np.argsort(-scores, kind="stable")
    return int(order[0]), int(order[1])
