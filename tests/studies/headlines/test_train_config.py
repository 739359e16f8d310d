import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.studies.headlines.train_config import HeadlineTrainConfig, parse_overrides


def test_defaults_are_the_published_baseline():
    train_config = HeadlineTrainConfig()
    model = train_config.model
    assert (model.n_layer, model.n_head, model.d_model, model.block_size) == (6, 8, 512, 128)
    assert (train_config.batch_size, train_config.epochs, model.vocab_size) == (64, 7, 16_000)
    assert (train_config.optimizer, train_config.learning_rate) == ("sgd", 6e-3)
    assert train_config.weight_decay == 0
    loop_config = train_config.loop_config
    assert loop_config.schedule == "cosine" and loop_config.warmup_ratio == 0


def test_wsd_decays_in_its_share_of_the_steps():
    train_config = HeadlineTrainConfig().override(
        schedule="wsd", decay_ratio=0.6, warmup_ratio=0.1, learning_rate=1.0
    )
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], 1.0)
    schedule, rates = train_config.loop_config.scheduler(optimizer, 20), []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:2] == [0.0, 0.5] and rates[2:9] == [1.0] * 7
    assert rates[8:] == sorted(rates[8:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 12)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"positon": "rotary"}, "no field 'positon'; did you mean 'positions'"),
        ({"positions": "alibi"}, "'alibi' is none of learned, rotary"),
        ({"optimizer": "lion"}, "'lion' is none of adamw, sgd, muon"),
        ({"schedule": "line"}, "'line' is none of"),
        ({"r_drop": -1.0}, r"r_drop=-1\.0"),
        ({"r_drop": 0.5}, "n_dropout_passes=1 must be 2 with"),
        ({"n_dropout_passes": 3}, "n_dropout_passes=3"),
        ({"muon_lr": 0.0}, r"muon_lr=0\.0"),
        ({"decay_ratio": 0.0}, r"decay_ratio=0\.0"),
        ({"optimizer": "muon", "schedule": "onecycle"}, "sets one learning rate"),
        ({"epochs": 0}, "epochs=0"),
    ],
)
def test_invalid_override_raises(override, message):
    with pytest.raises(ParameterError, match=message):
        HeadlineTrainConfig().override(**override)


def test_parsed_overrides_have_the_type_of_their_field():
    assignments = ["tie_embeddings=false", "d_model=64", "dropout=0.3", "norm=rms", "r_drop=1"]
    assert parse_overrides(assignments) == {
        "tie_embeddings": False,
        "d_model": 64,
        "dropout": 0.3,
        "norm": "rms",
        "r_drop": 1.0,
    }


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("d_model", "write NAME=VALUE"),
        ("d_modle=3", "no field 'd_modle'; did you mean 'd_model'"),
        ("d_model=wide", "d_model='wide' is no int"),
        ("tie_embeddings=yes", "tie_embeddings='yes' is no bool"),
    ],
)
def test_invalid_assignment_raises(assignment, message):
    with pytest.raises(ParameterError, match=message):
        parse_overrides([assignment])
