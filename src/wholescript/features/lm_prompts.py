"""Questions about a part of a script for a language model, answered yes or no.

The prompts were written before any score was computed, and no other was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

NOMINATED = "Was this screenplay nominated for an Academy Award for its writing? Answer Yes or No."
OUTSTANDING = "Is this an outstanding piece of writing? Answer Yes or No."
TITLE = "What is the title of this film?"
CONTENT_FREE = ("", "N/A", "[MASK]")
"""Inputs without content, for contextual calibration (Zhao et al., 2021)."""

_EXCERPT = "<excerpt>"
_ANSWER = "<answer>"
_INTRODUCTION = f"This is a part of the screenplay of a film:\n\n{_EXCERPT}\n\n"


@dataclass(frozen=True)
class Prompt:
    """The token ids before and after the text of a script; an answer follows."""

    before: list[int]
    after: list[int]


def build_prompt(
    tokenizer: PreTrainedTokenizerBase,
    question: str,
    examples: Sequence[tuple[str, str]] = (),
) -> Prompt:
    """Return the prompt of a question, with answered examples (text, answer) before it.

    A model with a chat template gets a conversation, any other plain text.
    """
    turns = []
    for text, answer in (*examples, (_EXCERPT, _ANSWER)):
        request = _INTRODUCTION.replace(_EXCERPT, text) + question
        turns += [{"role": "user", "content": request}, {"role": "assistant", "content": answer}]
    if tokenizer.chat_template:
        shown = str(tokenizer.apply_chat_template(turns, tokenize=False))
    else:
        shown = "\n\n".join(
            f"{turn['content']}\nAnswer:" if turn["role"] == "user" else turn["content"]
            for turn in turns
        ).replace("Answer:\n\n", "Answer: ")
    start = shown.rindex(_EXCERPT)
    end = shown.rindex(_ANSWER)
    # An answer in plain text begins with the space before it.
    before, after = shown[:start], shown[start + len(_EXCERPT) : end].rstrip(" ")
    return Prompt(*(tokenizer.encode(part, add_special_tokens=False) for part in (before, after)))


def yes_and_no(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], int, int]:
    """Return the token ids that both answers begin with, and the first in which each differs."""
    space = "" if tokenizer.chat_template else " "
    yes, no = (tokenizer.encode(space + word, add_special_tokens=False) for word in ("Yes", "No"))
    shared = next(i for i, pair in enumerate(zip(yes, no, strict=False)) if pair[0] != pair[1])
    return yes[:shared], yes[shared], no[shared]
