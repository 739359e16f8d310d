from dataclasses import replace

import pytest
import torch

from tests.studies.generative.test_class_lm import PROMPTS, SHORT, prompted, scratch
from tests.training.planted_documents import CLASS_WORDS, CLASSES, planted
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.errors import DataError, ParameterError
from wholescript.studies.generative.synthesis import SamplingConfig, generate_documents

SAMPLING = SamplingConfig(max_tokens=30, min_words=3, batch_size=8)


@pytest.fixture(scope="module")
def train():
    return planted(300, words=7)


@pytest.fixture(scope="module")
def fitted(train):
    config = replace(SHORT, epochs=15)
    return scratch(train_config=config).fit(train, planted(60, seed=1, words=7), seed=0)


def test_documents_have_words_of_their_class(fitted, tmp_path):
    synthetic = generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path)
    assert synthetic.labels == [c for c in range(CLASSES) for _ in range(12)]
    right = [
        any(word in text.split() for word in CLASS_WORDS[label])
        for text, label in zip(synthetic.texts, synthetic.labels, strict=True)
    ]
    assert sum(right) > 0.7 * len(right)
    assert len(set(synthetic.texts)) == len(synthetic.texts)
    assert all(len(text.split()) >= 3 for text in synthetic.texts)


def test_copies_of_real_documents_are_rejected(fitted, train, tmp_path):
    unfiltered = generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path)
    real = NgramIndex.from_texts(train.texts, 4)
    filtered = generate_documents(fitted, 12, real, SAMPLING, tmp_path)
    assert real.contains_ngram_of(unfiltered.texts).any(), "there is something to reject"
    assert not real.contains_ngram_of(filtered.texts).any()
    assert filtered.counts["n_copied"] > 0
    rejections = ("n_too_short", "n_duplicates", "n_copied")
    n_rejected = sum(filtered.counts[reason] for reason in rejections)
    assert filtered.counts["n_generated"] == n_rejected + len(filtered.texts)


def test_a_resumed_call_generates_the_same_documents(fitted, tmp_path):
    whole = generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path / "a")
    generate_documents(fitted, 5, NgramIndex.from_texts([]), SAMPLING, tmp_path / "b")
    stored = {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert (
        generate_documents(fitted, 12, NgramIndex.from_texts([]), SAMPLING, tmp_path / "b") == whole
    )
    assert all((tmp_path / "b" / name).read_bytes() == content for name, content in stored.items())


def test_generation_omits_the_prompt_and_leaves_the_model_unchanged(train, tmp_path):
    tuned = prompted(tmp_path / "decoder", train_config=replace(SHORT, epochs=1))
    fitted = tuned.fit(planted(60), planted(30, seed=1), seed=0)
    fitted = replace(fitted, bfloat16=True)
    before = [
        {name: value.clone() for name, value in class_lm.model.state_dict().items()}
        for class_lm in fitted.class_lms
    ]
    sampling = replace(SAMPLING, min_words=1)
    synthetic = generate_documents(
        fitted, 4, NgramIndex.from_texts([]), sampling, tmp_path / "drafts"
    )
    assert len(synthetic.texts) == 4 * CLASSES
    assert not any(text.startswith(tuple(PROMPTS)) for text in synthetic.texts)
    for class_lm, was in zip(fitted.class_lms, before, strict=True):
        now = class_lm.model.state_dict()
        assert all(torch.equal(now[name], value) for name, value in was.items())


def test_documents_depend_on_the_seed(fitted, tmp_path):
    texts = [
        generate_documents(
            fitted, 5, NgramIndex.from_texts([]), SAMPLING, tmp_path / str(seed), seed=seed
        ).texts
        for seed in (0, 1)
    ]
    assert texts[0] != texts[1]


def test_too_many_rejections_are_an_error(fitted, tmp_path):
    with pytest.raises(DataError, match="were rejected"):
        generate_documents(
            fitted,
            1,
            NgramIndex.from_texts([]),
            replace(SAMPLING, min_words=SAMPLING.max_tokens),
            tmp_path,
        )


def test_n_per_class_below_1_is_an_error(fitted, tmp_path):
    with pytest.raises(ParameterError, match="n_per_class=0"):
        generate_documents(fitted, 0, NgramIndex.from_texts([]), SAMPLING, tmp_path)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_p": 1.1}, {"max_tokens": 0}])
def test_sampling_fields_out_of_range_are_an_error(options):
    with pytest.raises(ParameterError):
        SamplingConfig(**options)
