import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import DependencyError
from wholescript.features.pretrained_files import package_folder
from wholescript.features.tokenizers import count_gpt2_tokens, gpt2_tokenizer


@pytest.mark.usefixtures("encoder_packages")
class TestGPT2:
    def test_published_token_ids(self):
        assert gpt2_tokenizer().encode("Hello world").ids == [15496, 995]
        assert gpt2_tokenizer().get_vocab_size() == 50_257

    @pytest.mark.parametrize(("text", "tokens"), [("", 0), ("Hello world", 2), ("\n", 1)])
    def test_counts(self, text, tokens):
        assert count_gpt2_tokens(text) == tokens

    @given(st.text(max_size=60))
    def test_any_text_is_restored(self, text):
        tokenizer = gpt2_tokenizer()
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_absent_package_error_gives_the_command():
    with pytest.raises(DependencyError, match=r"'no_such_package'.*pip install --no-deps -r"):
        package_folder("no_such_package")
