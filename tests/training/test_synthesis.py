from dataclasses import replace

import pytest
import torch

from tests.training.planted_texts import CLASSES, TOLD, planted
from tests.training.test_generative import PROMPTS, SHORT, prompted, scratch
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.errors import DataError, ParameterError
from wholescript.studies.generative.synthesis import SamplingConfig, generate_documents

SAMPLING = SamplingConfig(max_tokens=30, min_words=3, batch_size=8)


@pytest.fixture(scope="module")
def train():
    return planted(300, words=7)


@pytest.fixture(scope="module")
def fitted(train):
    settings = replace(SHORT, epochs=15)
    return scratch(training=settings).fit(train, planted(60, seed=1, words=7), seed=0)


def test_each_model_writes_of_its_class(fitted, tmp_path):
    written = generate_documents(fitted, 12, NgramIndex.of([]), SAMPLING, tmp_path)
    assert written.labels == [c for c in range(CLASSES) for _ in range(12)]
    right = [
        any(word in text.split() for word in TOLD[label])
        for text, label in zip(written.texts, written.labels, strict=True)
    ]
    assert sum(right) > 0.7 * len(right)
    assert len(set(written.texts)) == len(written.texts)
    assert all(len(text.split()) >= 3 for text in written.texts)


def test_what_copies_a_real_text_is_left_out(fitted, train, tmp_path):
    free = generate_documents(fitted, 12, NgramIndex.of([]), SAMPLING, tmp_path)
    real = NgramIndex.of(train.texts, 4)
    bound = generate_documents(fitted, 12, real, SAMPLING, tmp_path)
    assert real.shared(free.texts).any(), "there was something to leave out"
    assert not real.shared(bound.texts).any()
    assert bound.counts["copied"] > 0
    left_out = sum(bound.counts[why] for why in ("short", "repeated", "copied"))
    assert bound.counts["drawn"] == left_out + len(bound.texts)


def test_a_killed_call_goes_on_to_the_same_texts(fitted, tmp_path):
    whole = generate_documents(fitted, 12, NgramIndex.of([]), SAMPLING, tmp_path / "a")
    generate_documents(fitted, 5, NgramIndex.of([]), SAMPLING, tmp_path / "b")
    kept = {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert generate_documents(fitted, 12, NgramIndex.of([]), SAMPLING, tmp_path / "b") == whole
    assert all((tmp_path / "b" / name).read_bytes() == held for name, held in kept.items())


def test_a_tuned_model_writes_after_its_prompt_and_stays_as_it_is(train, tmp_path):
    tuned = prompted(tmp_path / "decoder", training=replace(SHORT, epochs=1))
    fitted = tuned.fit(planted(60), planted(30, seed=1), seed=0)
    fitted = replace(fitted, bfloat16=True)
    before = [
        {name: value.clone() for name, value in class_lm.model.state_dict().items()}
        for class_lm in fitted.class_lms
    ]
    sampling = replace(SAMPLING, min_words=1)
    written = generate_documents(fitted, 4, NgramIndex.of([]), sampling, tmp_path / "drafts")
    assert len(written.texts) == 4 * CLASSES
    assert not any(text.startswith(tuple(PROMPTS)) for text in written.texts)
    for class_lm, was in zip(fitted.class_lms, before, strict=True):
        now = class_lm.model.state_dict()
        assert all(torch.equal(now[name], value) for name, value in was.items())


def test_another_seed_writes_other_texts(fitted, tmp_path):
    texts = [
        generate_documents(
            fitted, 5, NgramIndex.of([]), SAMPLING, tmp_path / str(seed), seed=seed
        ).texts
        for seed in (0, 1)
    ]
    assert texts[0] != texts[1]


def test_a_model_of_which_nothing_can_be_kept_is_an_error(fitted, tmp_path):
    with pytest.raises(DataError, match="none can be kept"):
        generate_documents(
            fitted, 1, NgramIndex.of([]), replace(SAMPLING, min_words=SAMPLING.max_tokens), tmp_path
        )


def test_nothing_to_write_is_refused(fitted, tmp_path):
    with pytest.raises(ParameterError, match="per_class=0"):
        generate_documents(fitted, 0, NgramIndex.of([]), SAMPLING, tmp_path)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_p": 1.1}, {"longest": 0}])
def test_what_cannot_be_drawn_is_refused(options):
    with pytest.raises(ParameterError):
        SamplingConfig(**options)
