import pytest
import torch

from tests.training.planted_texts import timeless
from wholescript.errors import DataError, ParameterError
from wholescript.studies.headlines.train import Recipe, fit_titles, load_titles, save_titles

WHAT = ("cups", "bees", "maps", "logs", "days", "cats", "roads", "games")
TITLES = [f"Show HN: {tool} for {what}" for tool in ("a tool", "an app") for what in WHAT] * 6
TRAIN, VALIDATION = TITLES[:80], TITLES[80:]
SMALL = Recipe().changed(
    layers=1, heads=2, width=32, context=16, vocabulary=330, dropout=0.1, batch_size=4, epochs=3,
    optimizer="adamw", learning_rate=5e-3,
)  # fmt: skip


def trained(recipe=SMALL, **options):
    return fit_titles(recipe, TRAIN, VALIDATION, **({"seed": 0, "bfloat16": False} | options))


def test_the_baseline_is_as_published():
    recipe = Recipe()
    model = recipe.model
    assert (model.layers, model.heads, model.width, model.context) == (6, 8, 512, 128)
    assert (recipe.optimizer, recipe.learning_rate, recipe.weight_decay) == ("sgd", 6e-3, 0.0)
    assert (recipe.batch_size, recipe.epochs, model.vocabulary) == (64, 7, 16_000)
    assert recipe.training.schedule == "cosine" and recipe.training.warmup_share == 0


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
    fitted = trained(SMALL.changed(**changes), on_epoch=told.append)
    losses = [row["held_out_loss"] for row in fitted.history]
    assert len(losses) == 3 and losses[-1] < losses[0]
    assert [row["epoch"] for row in told] == [1, 2, 3]
    assert fitted.model.config.vocabulary == fitted.tokens.vocabulary


def test_the_rate_stays_and_falls_in_its_share_of_the_steps():
    recipe = SMALL.changed(schedule="wsd", decay_share=0.6, warmup_share=0.1, learning_rate=1.0)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], 1.0)
    schedule, rates = recipe.training.scheduler(optimizer, 20), []
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
        trained(folder=tmp_path, on_epoch=interrupted)
    resumed, whole = trained(folder=tmp_path), trained()
    assert timeless(resumed.history) == timeless(whole.history)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])


def test_what_is_saved_is_read_again(tmp_path):
    fitted = trained()
    save_titles(fitted, tmp_path)
    again = load_titles(SMALL, tmp_path)
    ids = torch.from_numpy(fitted.tokens.stream(TITLES[:2])[:16])[None]
    assert torch.equal(again.model(ids), fitted.model.eval()(ids))
    assert again.history == fitted.history
    with pytest.raises(DataError, match="no model of this recipe"):
        load_titles(SMALL.changed(width=16), tmp_path)


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(ParameterError, match="no 'positon'; did you mean 'positions'"):
        Recipe().changed(positon="rotary")
    for change, message in (
        ({"positions": "alibi"}, "'alibi' is none of learned, rotary"),
        ({"optimizer": "lion"}, "'lion' is none of adamw, sgd, muon"),
        ({"schedule": "line"}, "'line' is none of"),
        ({"r_drop": -1.0}, r"r_drop=-1\.0"),
        ({"r_drop": 0.5}, "readings=1 must be 1 or 2, and 2 with"),
        ({"readings": 3}, "readings=3"),
        ({"matrix_rate": 0.0}, r"matrix_rate=0\.0"),
        ({"decay_share": 0.0}, r"decay_share=0\.0"),
        ({"optimizer": "muon", "schedule": "onecycle"}, "has one rate"),
        ({"epochs": 0}, "epochs=0"),
    ):
        with pytest.raises(ParameterError, match=message):
            Recipe().changed(**change)
