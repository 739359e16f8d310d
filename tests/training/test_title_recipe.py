import pytest
import torch

from tests.training.planted_texts import timeless
from wholescript.errors import DataError, ParameterError
from wholescript.studies.headlines.train import (
    HeadlineTrainConfig,
    load_headline_model,
    save_headline_model,
    train_headline_model,
)

WHAT = ("cups", "bees", "maps", "logs", "days", "cats", "roads", "games")
TITLES = [f"Show HN: {tool} for {what}" for tool in ("a tool", "an app") for what in WHAT] * 6
TRAIN, VALIDATION = TITLES[:80], TITLES[80:]
SMALL = HeadlineTrainConfig().override(
    n_layer=1, n_head=2, d_model=32, block_size=16, vocab_size=330, dropout=0.1, batch_size=4, epochs=3,
    optimizer="adamw", learning_rate=5e-3,
)  # fmt: skip


def trained(train_config=SMALL, **options):
    return train_headline_model(
        train_config, TRAIN, VALIDATION, **({"seed": 0, "bfloat16": False} | options)
    )


def test_the_baseline_is_as_published():
    train_config = HeadlineTrainConfig()
    model = train_config.model
    assert (model.n_layer, model.n_head, model.d_model, model.block_size) == (6, 8, 512, 128)
    assert (train_config.optimizer, train_config.learning_rate, train_config.weight_decay) == (
        "sgd",
        6e-3,
        0.0,
    )
    assert (train_config.batch_size, train_config.epochs, model.vocab_size) == (64, 7, 16_000)
    assert train_config.training.schedule == "cosine" and train_config.training.warmup_ratio == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "muon", "schedule": "wsd", "order": "shuffled", "tokenizer": "unigram"},
        {"readings": 2, "whole_titles": True},
        {"readings": 2, "r_drop": 0.5, "title_mask": True, "positions": "rotary", "norm": "rms"},
    ],
)
def test_titles_are_learned_to_the_last_epoch(changes):
    told = []
    fitted = trained(SMALL.override(**changes), on_epoch_end=told.append)
    losses = [row["held_out_loss"] for row in fitted.history]
    assert len(losses) == 3 and losses[-1] < losses[0]
    assert [row["epoch"] for row in told] == [1, 2, 3]
    assert fitted.model.config.vocab_size == fitted.tokenizer.vocab_size


def test_the_rate_stays_and_falls_in_its_share_of_the_steps():
    train_config = SMALL.override(
        schedule="wsd", decay_ratio=0.6, warmup_ratio=0.1, learning_rate=1.0
    )
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], 1.0)
    schedule, rates = train_config.training.scheduler(optimizer, 20), []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:2] == [0.0, 0.5] and rates[2:9] == [1.0] * 7
    assert rates[8:] == sorted(rates[8:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 12)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    def interrupted(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(folder=tmp_path, on_epoch_end=interrupted)
    resumed, whole = trained(folder=tmp_path), trained()
    assert timeless(resumed.history) == timeless(whole.history)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])


def test_what_is_saved_is_read_again(tmp_path):
    fitted = trained()
    save_headline_model(fitted, tmp_path)
    again = load_headline_model(SMALL, tmp_path)
    ids = torch.from_numpy(fitted.tokenizer.stream(TITLES[:2])[:16])[None]
    assert torch.equal(again.model(ids), fitted.model.eval()(ids))
    assert again.history == fitted.history
    with pytest.raises(DataError, match="no model of this recipe"):
        load_headline_model(SMALL.override(d_model=16), tmp_path)


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(ParameterError, match="no 'positon'; did you mean 'positions'"):
        HeadlineTrainConfig().override(positon="rotary")
    for change, message in (
        ({"positions": "alibi"}, "'alibi' is none of learned, rotary"),
        ({"optimizer": "lion"}, "'lion' is none of adamw, sgd, muon"),
        ({"schedule": "line"}, "'line' is none of"),
        ({"r_drop": -1.0}, r"r_drop=-1\.0"),
        ({"r_drop": 0.5}, "readings=1 must be 1 or 2, and 2 with"),
        ({"readings": 3}, "readings=3"),
        ({"matrix_rate": 0.0}, r"matrix_rate=0\.0"),
        ({"decay_share": 0.0}, r"decay_ratio=0\.0"),
        ({"optimizer": "muon", "schedule": "onecycle"}, "has one rate"),
        ({"epochs": 0}, "epochs=0"),
    ):
        with pytest.raises(ParameterError, match=message):
            HeadlineTrainConfig().override(**change)
