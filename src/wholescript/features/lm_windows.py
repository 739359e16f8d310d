"""What a causal language model makes of windows of a script: losses of tokens, and answers.

One pass over a window gives the loss of each token and the keys and values after which the
questions are asked, so that a question costs only its own tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax

from wholescript.features.layout import dialogue_mask
from wholescript.features.lm_prompts import (
    CONTENT_FREE,
    NOMINATED,
    OUTSTANDING,
    TITLE,
    Prompt,
    build_prompt,
    yes_and_no,
)
from wholescript.features.pretrained_decoders import PretrainedLM

VALUES = (
    "loss",
    "loss_std",
    "entropy",
    "accuracy",
    "longest_run",
    "loss_first_quarter",
    "loss_last_quarter",
    "loss_dialogue",
    "loss_action",
    "dialogue_share",
    "characters_per_token",
    "log_odds_nominated",
    "log_odds_outstanding",
    "log_odds_few_shot",
)
"""What `score_windows` returns of each window.

Losses and entropies are means in nats per token, `accuracy` the share of tokens that the model
holds most probable, `longest_run` the most such tokens in a row, and the log-odds are those of yes
against no. The loss of dialogue or action is NaN where a window has none.
"""

N_SHOT_TOKENS = 128  # of a script, for a question with examples before it


@dataclass(frozen=True)
class Windows:
    """The tokens of a script in windows of equal length, the last incomplete one left out.

    `ids` (n, length) int64, `dialogue` (n, length) whether a token begins in dialogue,
    `n_characters` (n,). A script shorter than a window is one window.
    """

    ids: NDArray[np.int64]
    dialogue: NDArray[np.bool_]
    n_characters: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.ids)


def split_windows(lm: PretrainedLM, text: str, length: int) -> Windows:
    """Tokenize a script and split it into windows of `length` tokens."""
    encoded = lm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = np.array(encoded["input_ids"], np.int64)
    spans = np.array(encoded["offset_mapping"], np.int64).reshape(-1, 2)
    length = min(length, len(ids))
    n = len(ids) // length
    dialogue = np.append(dialogue_mask(text), False)[spans[:, 0]]
    starts, ends = spans[: n * length : length, 0], spans[length - 1 : n * length : length, 1]
    return Windows(
        ids[: n * length].reshape(n, length),
        dialogue[: n * length].reshape(n, length),
        ends - starts,
    )


def spread_order(n: int) -> list[int]:
    """Return 0 to n - 1 so that every beginning is spread over the whole (van der Corput).

    A script can so be read in rounds: each adds windows between those that are read.
    """
    bits = max(n - 1, 1).bit_length()
    reversed_bits = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits))
    return [i for i in reversed_bits if i < n]


class WindowScorer:
    """Scores windows of scripts by a language model; see `VALUES`.

    `examples` are parts of scripts with their answers, Yes or No, for the question with examples.
    """

    def __init__(self, lm: PretrainedLM, examples: Sequence[tuple[str, str]]) -> None:
        self.lm = lm
        shared, self.yes, self.no = yes_and_no(lm.tokenizer)

        def ask(question: str, examples: Sequence[tuple[str, str]] = ()) -> Prompt:
            prompt = build_prompt(lm.tokenizer, question, examples)
            return Prompt(prompt.before, [*prompt.after, *shared])

        self.questions = [ask(NOMINATED), ask(OUTSTANDING)]
        self.few_shot = ask(NOMINATED, examples)
        self._title = build_prompt(lm.tokenizer, TITLE)

    @torch.inference_mode()
    def score(self, windows: Windows, chosen: Sequence[int]) -> NDArray[np.float32]:
        """Return the values of the windows `chosen`, (n_chosen, len(VALUES)) float32."""
        ids = torch.from_numpy(windows.ids[list(chosen)])
        before = self._tokens(self.questions[0].before, len(ids))
        read = self._read(torch.cat([before, ids], 1))
        n_before = before.shape[1]
        # The last token before a window predicts the window's first one.
        states = read.last_hidden_state[:, n_before - 1 : -1]
        likelihoods = [self._likelihoods(*pair) for pair in zip(states, ids, strict=True)]
        answers = []
        for prompt in self.questions:
            after = self._read(self._tokens(prompt.after, len(ids)), read.past_key_values)
            answers.append(self._log_odds(after))
            read.past_key_values.crop(-len(prompt.after))
        answers.append(self._few_shot_log_odds(ids))
        rows = []
        for row, window in enumerate(chosen):
            values = _summarize(likelihoods[row], windows.dialogue[window])
            rate = windows.n_characters[window] / ids.shape[1]
            rows.append([*values, rate, *(answer[row] for answer in answers)])
        return np.array(rows, np.float32)

    @torch.inference_mode()
    def content_free_log_odds(self) -> list[float]:
        """Return the mean log-odds of inputs without content, for each of the three questions.

        Subtracted from the log-odds of a script they remove the model's preference for an answer.
        """
        found = []
        for prompt in (*self.questions, self.few_shot):
            odds = []
            for text in CONTENT_FREE:
                ids = [*prompt.before, *self.lm.encode(text), *prompt.after]
                odds.append(self._log_odds(self._read(self._tokens(ids, 1)))[0])
            found.append(float(np.mean(odds)))
        return found

    @torch.inference_mode()
    def title_scores(self, window: NDArray[np.int64], titles: Sequence[str]) -> NDArray[np.float64]:
        """Return log P(title) in nats after a window, (length,), for each title, (n,)."""
        shared = [*self._title.before, *window.tolist(), *self._title.after]
        read = self._read(self._tokens(shared, 1))
        answers = [self.lm.encode(title) for title in titles]
        longest = max(map(len, answers))
        padded = torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids in answers])
        first = read.last_hidden_state[:, -1:].expand(len(titles), -1, -1)
        states = first
        if longest > 1:
            read.past_key_values.batch_repeat_interleave(len(titles))
            later = self._read(padded[:, :-1], read.past_key_values).last_hidden_state
            states = torch.cat([first, later], 1)
        logits = self.lm.model.get_output_embeddings()(states).float()
        found = log_softmax(logits, -1).gather(-1, padded.unsqueeze(-1)).squeeze(-1)
        lengths = torch.tensor([len(ids) for ids in answers])
        real = torch.arange(longest) < lengths.unsqueeze(1)
        return np.asarray((found * real).sum(1).double().numpy())

    def _few_shot_log_odds(self, ids: Tensor) -> NDArray[np.float32]:
        prompt = self.few_shot
        shared = self._read(self._tokens(prompt.before, 1)).past_key_values
        shared.batch_repeat_interleave(len(ids))
        own = torch.cat([ids[:, :N_SHOT_TOKENS], self._tokens(prompt.after, len(ids))], 1)
        return self._log_odds(self._read(own, shared))

    def _read(self, ids: Tensor, past: Any = None) -> Any:
        return self.lm.model.base_model(input_ids=ids, past_key_values=past, use_cache=True)

    def _log_odds(self, read: Any) -> NDArray[np.float32]:
        logits = self.lm.model.get_output_embeddings()(read.last_hidden_state[:, -1]).float()
        return np.asarray((logits[:, self.yes] - logits[:, self.no]).numpy(), np.float32)

    def _likelihoods(self, states: Tensor, ids: Tensor) -> NDArray[np.float32]:
        """Return loss, entropy and whether the most probable token is right, (3, length)."""
        log_p = log_softmax(self.lm.model.get_output_embeddings()(states).float(), -1)
        loss = -log_p.gather(1, ids.unsqueeze(1)).squeeze(1)
        entropy = -(log_p.exp() * log_p).sum(1)
        return torch.stack([loss, entropy, (log_p.argmax(1) == ids).float()]).numpy()

    def _tokens(self, ids: Sequence[int], n: int) -> Tensor:
        return torch.tensor([list(ids)]).expand(n, -1)


def prompt_texts(prompt: Prompt, lm: PretrainedLM) -> tuple[str, str]:
    """Return what a model reads before and after the text of a script."""
    before, after = (str(lm.tokenizer.decode(ids)) for ids in (prompt.before, prompt.after))
    return before, after


def _summarize(likelihoods: NDArray[np.float32], dialogue: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the first ten of `VALUES`."""
    loss, entropy, right = likelihoods
    quarter = max(len(loss) // 4, 1)
    runs = np.diff(np.flatnonzero(np.concatenate([[True], right == 0, [True]]))) - 1
    return (
        float(loss.mean()),
        float(loss.std()),
        float(entropy.mean()),
        float(right.mean()),
        float(runs.max()),
        float(loss[:quarter].mean()),
        float(loss[-quarter:].mean()),
        _mean(loss[dialogue]),
        _mean(loss[~dialogue]),
        float(dialogue.mean()),
    )


def _mean(values: NDArray[np.float32]) -> float:
    return float(values.mean()) if len(values) else float("nan")
