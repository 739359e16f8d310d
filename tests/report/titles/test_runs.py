from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from wholescript.cli import app
from wholescript.data.headlines import load_headlines
from wholescript.errors import ParameterError, RunError
from wholescript.experiments.progress import list_trainings
from wholescript.experiments.store import RunStore
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.studies.headlines import probe_runs as reading
from wholescript.studies.headlines import tables as study
from wholescript.studies.headlines.ablation import (
    ABLATION_STEPS,
    config_after_step,
    find_step,
    kept_steps_before,
    parse_overrides,
)
from wholescript.studies.headlines.experiment import evaluate_headlines, weights_dir
from wholescript.studies.headlines.tables import ablation_table, find_headline_runs
from wholescript.studies.headlines.train import HeadlineTrainConfig, load_headline_model

SMALL = ["n_layer=1", "n_head=2", "d_model=32", "vocab_size=700", "batch_size=2", "epochs=2"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    what, who = ("cups", "bees", "maps", "logs", "cats"), ("Google", "Apple", "nobody", "startups")
    titles = [
        f"{begin} {a} counts {b}, {n}"
        for n in range(10)
        for begin in ("Show HN: how", "Why", "Ask HN: does")
        for a in who
        for b in what
    ]
    pd.DataFrame({"title": titles}).sample(frac=1, random_state=0).to_parquet(root / "t.parquet")
    return root


def call(root, *command):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        done = CliRunner().invoke(app, ["train", "titles", *command])
    return done


def train(root, step, *more):
    options = [part for change in SMALL for part in ("--base", change)]
    return call(root, step, "--path", str(root / "t.parquet"), "--titles", "600", *options, *more)


@pytest.fixture(scope="module")
def run(root):
    done = train(root, "adamw", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "headlines/adamw-s3: " in done.output
    return RunStore(root / "_build" / "texts").find("headlines/adamw-s3")


def test_a_run_stores_both_losses_and_what_it_took(root, run):
    metrics = run.metrics
    assert metrics["bits_per_byte"].low < metrics["bits_per_byte"].value
    assert run.headline_losses.bits_per_byte == pytest.approx(
        metrics["bits_per_byte"].value, abs=1e-4
    )
    assert len(run.headline_losses.nats) == 60
    for cost in ("train_seconds", "tokens_per_second", "parameters"):
        assert metrics[cost].value > 0
    assert run.config["step"] == "adamw" and run.config["recipe"]["optimizer"] == "adamw"
    assert run.config["source"] == "local" and len(run.history) == 2
    assert "published" not in metrics, "sixty titles do not fill a batch of the published loss"
    (live,) = [one for one in list_trainings(Project(root)) if one.name == run.name]
    assert live.state == "finished"


def test_its_weights_say_what_it_said(root, run):
    train_config, reading = config_after_step("adamw", parse_overrides(SMALL))
    headlines = load_headlines(root / "t.parquet", titles=600)
    fitted = load_headline_model(train_config, weights_dir(Project(root), run.config))
    _, losses = evaluate_headlines(fitted, headlines, train_config, reading)
    np.testing.assert_allclose(losses.nats, run.headline_losses.nats, atol=2e-3)


def test_what_it_learned_is_kept_for_a_notebook(root, run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        patch.setattr(reading, "BATCHES", (1, 4, 500))
        command = ["read-titles", run.name, "--path", str(root / "t.parquet"), "--titles", "600"]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        other = CliRunner().invoke(app, [*command[:-1], "500"])
        missing = CliRunner().invoke(app, ["read-titles", "headlines/no-s3", *command[2:]])
    assert other.exit_code == 2 and "--titles 600" in " ".join(other.output.split())
    assert missing.exit_code == 2 and "headlines/adamw-s3" in missing.output
    store = RunStore(root / "_build" / "texts")
    kept = {
        name: store.find(f"{run.name}-{name}").history
        for name in ("expects", "places", "frequencies", "batches", "writes")
    }
    assert kept["expects"].groupby("begun", dropna=False).size().tolist() == [10] * 4
    assert len(kept["writes"]) == 12 and kept["places"]["nats"].gt(0).all()
    assert kept["batches"]["batch"].tolist() == [1, 4], "500 windows are more than there are"
    assert kept["batches"]["bits_per_byte"].to_numpy() == pytest.approx(
        run.metrics["bits_per_byte"].value, rel=1e-3
    )
    published = kept["batches"]["published"]
    metrics = store.find(f"{run.name}-batches").metrics
    moves = metrics["published_moves"].value
    assert moves == pytest.approx(1 - published.min() / published.max(), abs=1e-4) and moves > 0
    assert metrics["bits_per_byte_moves"].value < 1e-3


def test_it_is_found_again_and_another_step_is_another_run(root, run):
    made = (run.path / "config.json").stat().st_mtime_ns
    assert train(root, "adamw", "--seed", "3").exit_code == 0
    assert (run.path / "config.json").stat().st_mtime_ns == made
    other = train(root, "rotary", "--seed", "3", "--name", "adamw")
    assert other.exit_code == 2
    assert "'learned' there, 'rotary' here" in " ".join(other.output.split())
    assert train(root, "muon", "--seed", "3", "--name", "best").exit_code == 0
    best = RunStore(root / "_build" / "texts").find("headlines/best-s3")
    assert best.key != run.key and best.config["reading"] == "alone"
    assert best.config["recipe"]["optimizer"] == "muon"


def test_another_reading_is_of_the_same_weights(root):
    store = RunStore(root / "_build" / "texts")
    for step in ("whole-titles", "alone"):
        assert train(root, step, "--seed", "3").exit_code == 0
    before, after = (store.find(f"headlines/{step}-s3") for step in ("whole-titles", "alone"))
    assert (before.config["reading"], after.config["reading"]) == ("windows", "alone")
    folders = {weights_dir(Project(root), one.config) for one in (before, after)}
    assert len(folders) == 1
    assert after.metrics["train_seconds"].value == before.metrics["train_seconds"].value
    assert after.history.equals(before.history)
    assert after.headline_losses.bits_per_byte != before.headline_losses.bits_per_byte


def test_steps_are_told_beside_the_one_before_and_the_first(root, run):
    assert train(root, "baseline", "--seed", "3", "--seed", "4").exit_code == 0
    assert train(root, "warm-up", "--seed", "3").exit_code == 0
    everything = find_headline_runs(RunStore(root / "_build" / "texts"), "headlines")
    runs = {name: everything[name] for name in ("baseline", "adamw", "warm-up")}
    assert (len(runs["baseline"]), len(runs["warm-up"])) == (2, 1)
    table = ablation_table(runs)
    assert table.index.tolist() == ["baseline", "adamw", "warm-up"]
    assert table["beside"].tolist() == ["baseline", "baseline", "adamw"]
    assert table.loc["baseline", "change"] == 0
    value = run.headline_losses.bits_per_byte
    assert table.loc["adamw", "bits"] == pytest.approx(value)
    apart = table.loc["warm-up", "bits"] - value
    assert table.loc["warm-up", "change"] == pytest.approx(apart)
    assert table.loc["warm-up", "change_low"] < apart < table.loc["warm-up", "change_high"]
    assert ablation_table(runs, "small-").empty
    with pytest.raises(RunError, match="warm-up is compared with adamw, which was not run"):
        ablation_table({name: runs[name] for name in ("baseline", "warm-up")})


def test_models_are_set_beside_a_baseline(root, run):
    assert train(root, "baseline", "--seed", "3", "--seed", "4").exit_code == 0
    found = find_headline_runs(RunStore(root / "_build" / "texts"), "headlines")
    models = {name: found[name] for name in ("baseline", "adamw")}
    table = study.config_table(models, "baseline")
    assert table.loc["baseline", ["ratio", "seeds"]].tolist() == [1, 2]
    told = study.ratios(models, "baseline")
    assert told["adamw_over_baseline"].value == pytest.approx(table.loc["adamw", "ratio"])
    assert told["adamw_over_baseline"].low < told["adamw_over_baseline"].value
    seconds = [np.mean([one.metrics["train_seconds"].value for one in models[m]]) for m in models]
    times = study.times(models, "baseline")
    assert times.keys() == told.keys() == {"adamw_over_baseline"}
    assert times["adamw_over_baseline"].value == pytest.approx(seconds[1] / seconds[0])
    apart = study.beside(models, "baseline")
    assert apart.index.tolist() == ["adamw"]
    bits = table["bits"]
    assert apart.loc["adamw", "value"] == pytest.approx(bits["adamw"] - bits["baseline"])
    assert apart.loc["adamw", "low"] < apart.loc["adamw", "value"] < apart.loc["adamw", "high"]
    facts = study.facts(models["baseline"])
    mean = np.mean([one.headline_losses.bits_per_byte for one in models["baseline"]])
    assert facts["bits"].value == pytest.approx(mean) and facts["seeds"].value == 2
    sizes = study.sizes(models["baseline"])
    assert (sizes["width"].value, sizes["titles_train"].value, sizes["epochs"].value) == (
        32,
        540,
        2,
    )
    epochs = study.epochs(models["baseline"])
    assert epochs["epoch"].tolist() == [1, 2]
    assert epochs["seconds"][1] == pytest.approx(facts["train_seconds"].value)
    assert study.seconds_to_loss(epochs, epochs["held_out_loss"][0]) == epochs["seconds"][0]
    assert np.isnan(study.seconds_to_loss(epochs, 0.0))
    # The weights of the last epoch are what is judged, in the same windows.
    assert epochs["held_out_loss"][1] == pytest.approx(mean, rel=1e-3)
    changes = study.changes(ablation_table(models))
    assert changes.index.tolist() == ["adamw"] and list(changes) == ["value", "low", "high"]


def test_steps_add_up():
    assert config_after_step("baseline") == (HeadlineTrainConfig(), "windows")
    train_config, reading = config_after_step("rotary")
    assert (train_config.optimizer, train_config.order, train_config.model.positions) == (
        "adamw",
        "shuffled",
        "rotary",
    )
    assert train_config.model.norm == "layer" and reading == "windows"
    for step in ABLATION_STEPS:
        config_after_step(step.name)
        changes = step.changes or step.times or step.reading
        assert step.rationale and (changes or step.name == "baseline")


def test_what_is_changed_before_the_steps_they_change_in_turn():
    small = {"layers": 3, "width": 192, "vocabulary": 4_000, "learning_rate": 0.5}
    train_config, _ = config_after_step("deep", small)
    assert (train_config.model.n_layer, train_config.model.d_model, train_config.model.n_head) == (
        6,
        144,
        6,
    )
    assert (train_config.model.vocab_size, train_config.learning_rate) == (2_000, 2e-3)
    assert (
        config_after_step("deep", small, {"learning_rate": 4e-3, "layers": 1})[0].model.n_layer == 1
    )
    assert config_after_step("baseline", small)[0].learning_rate == 0.5


def test_a_step_that_is_not_kept_leaves_nothing_to_those_after_it(monkeypatch):
    dropped = [replace(step, kept=step.name != "rotary") for step in ABLATION_STEPS]
    monkeypatch.setattr("wholescript.studies.headlines.ablation.STEPS", dropped)
    assert config_after_step("rotary")[0].model.positions == "rotary"
    assert config_after_step("rms-norm")[0].model.positions == "learned"
    assert kept_steps_before("rms-norm")[-1].name == "shuffled"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["width"], "write NAME=VALUE"),
        (["widht=3"], "no 'widht'; did you mean 'width'"),
        (["d_model=wide"], "d_model='wide' is no int"),
        (["tied=yes"], "tied='yes' is no bool"),
    ],
)
def test_a_mistyped_change_is_named(changes, message):
    with pytest.raises(ParameterError, match=message):
        parse_overrides(changes)


def test_changes_have_the_type_of_their_field():
    assert parse_overrides(["tied=false", "d_model=64", "dropout=0.3", "norm=rms", "r_drop=1"]) == {
        "tied": False,
        "width": 64,
        "dropout": 0.3,
        "norm": "rms",
        "r_drop": 1.0,
    }


def test_an_unknown_step_is_named(root):
    with pytest.raises(ParameterError, match="did you mean 'rotary'"):
        find_step("rotery")
    done = train(root, "rotery")
    assert done.exit_code == 2 and "did you mean 'rotary'" in done.output
