import pytest
import torch

from tests.studies.headlines.headline_texts import HEADLINES
from tests.training.planted_documents import without_seconds
from wholescript.errors import DataError
from wholescript.studies.headlines.train import (
    load_headline_model,
    save_headline_model,
    train_headline_model,
)
from wholescript.studies.headlines.train_config import HeadlineTrainConfig

TRAIN, VALIDATION = HEADLINES * 5, HEADLINES
SMALL = HeadlineTrainConfig().override(
    n_layer=1, n_head=2, d_model=32, block_size=16, vocab_size=330, dropout=0.1,
    batch_size=4, epochs=3, optimizer="adamw", learning_rate=5e-3,
)  # fmt: skip


def trained(train_config=SMALL, **options):
    return train_headline_model(
        train_config, TRAIN, VALIDATION, **({"seed": 0, "bfloat16": False} | options)
    )


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"optimizer": "muon", "schedule": "wsd", "order": "shuffled", "tokenizer": "unigram"},
        {"n_dropout_passes": 2, "whole_headlines": True},
        {
            "n_dropout_passes": 2,
            "r_drop": 0.5,
            "document_mask": True,
            "positions": "rotary",
            "norm": "rms",
        },
    ],
)
def test_val_loss_falls_over_all_epochs(overrides):
    rows = []
    fitted = trained(SMALL.override(**overrides), on_epoch_end=rows.append)
    losses = [row["val_loss"] for row in fitted.history]
    assert len(losses) == 3 and losses[-1] < losses[0]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert fitted.model.config.vocab_size == fitted.tokenizer.vocab_size


def test_resumed_training_ends_with_the_same_weights(tmp_path):
    def interrupted(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(folder=tmp_path, on_epoch_end=interrupted)
    resumed, uninterrupted = trained(folder=tmp_path), trained()
    assert without_seconds(resumed.history) == without_seconds(uninterrupted.history)
    for name, value in uninterrupted.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])


def test_saved_model_loads_with_the_same_outputs(tmp_path):
    fitted = trained()
    save_headline_model(fitted, tmp_path)
    loaded = load_headline_model(SMALL, tmp_path)
    ids = torch.from_numpy(fitted.tokenizer.stream(HEADLINES[:2])[:16])[None]
    assert torch.equal(loaded.model(ids), fitted.model.eval()(ids))
    assert loaded.history == fitted.history
    with pytest.raises(DataError, match="no model of this configuration"):
        load_headline_model(SMALL.override(d_model=16), tmp_path)
