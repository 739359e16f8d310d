"""Token attribution: the contribution of each token to the prediction of a trained classifier."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.features.tokenizers import (
    UNK_ID,
    WordTokenizer,
    tokenize_words_and_punctuation,
)
from wholescript.models.attention_maps import attention_maps, attention_rollout
from wholescript.models.transformer_classifier import TransformerClassifier
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.document_classifier import FittedDocumentClassifier
from wholescript.training.objectives.documents import class_logits


def supports_token_attribution(fitted: Any) -> bool:
    """Return whether `attribute_tokens` accepts a fitted classifier."""
    return hasattr(fitted, "token_log_probs") or _is_word_encoder(fitted)


def attribute_tokens(fitted: Any, text: str) -> pd.DataFrame:
    """Return a row per token: `token`, and `attribution` in nats to the predicted class.

    - Class-conditional language models: the log-likelihood ratio of the token, given those before
      it, between the predicted class and the runner-up. The last row, an empty token, is the end of
      the document; the rows sum to the log-likelihood ratio of the document.
    - Encoders over words: the decrease of the logit difference between the two classes when the
      token is replaced by the unknown token (occlusion). A further column `attention` is the
      token's share of the attention rollout.

    Raises:
        ParameterError: the classifier is neither.
    """
    if hasattr(fitted, "token_log_probs"):
        tokens, log_probs = fitted.token_log_probs(text)
        first, second = _top_two(fitted.predict_proba([text])[0])
        attribution = log_probs[:, first].astype(np.float64) - log_probs[:, second]
        return pd.DataFrame({"token": [*tokens, ""], "attribution": attribution})
    if _is_word_encoder(fitted):
        return _occlusion_attribution(fitted, text)
    raise ParameterError(
        "token attribution needs class-conditional language models or an encoder over words"
    )


def _is_word_encoder(fitted: Any) -> bool:
    return isinstance(fitted, FittedDocumentClassifier) and isinstance(
        fitted.tokenize, WordTokenizer
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
    differences = logits[:, first].astype(np.float64) - logits[:, second]
    encoder = fitted.network.encoder
    tokens = torch.from_numpy(ids)[None]
    maps = attention_maps(
        encoder.transformer, lambda: encoder(tokens, torch.ones_like(tokens, dtype=torch.bool))
    )
    return pd.DataFrame(
        {
            "token": tokenize_words_and_punctuation(text)[: len(ids)],
            "attribution": differences[0] - differences[1:],
            "attention": attention_rollout(maps).mean(0).double().numpy(),
        }
    )


def _top_two(scores: NDArray[np.float32]) -> tuple[int, int]:
    order = np.argsort(-scores, kind="stable")
    return int(order[0]), int(order[1])
