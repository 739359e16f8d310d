"""Runs of the headlines study, trained on the command line at a small size."""

import numpy as np
import pandas as pd
import pytest

from tests.shell import shell
from wholescript.data.headlines import load_headlines
from wholescript.errors import RunError
from wholescript.experiments.progress import list_trainings
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import checkpoint_dir
from wholescript.project import ROOT_VARIABLE, Project
from wholescript.studies.headlines import analysis_runs, tables
from wholescript.studies.headlines.ablation import config_after_step
from wholescript.studies.headlines.experiment import evaluate_headlines, weights_key
from wholescript.studies.headlines.losses import HeadlineLosses
from wholescript.studies.headlines.train import load_headline_model
from wholescript.studies.headlines.train_config import parse_overrides

SMALL = ["n_layer=1", "n_head=2", "d_model=32", "vocab_size=700", "batch_size=2", "epochs=2"]
N_HEADLINES = 600


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    what, who = ("cups", "bees", "maps", "logs", "cats"), ("Google", "Apple", "nobody", "startups")
    headlines = [
        f"{begin} {a} counts {b}, {n}"
        for n in range(10)
        for begin in ("Show HN: how", "Why", "Ask HN: does")
        for a in who
        for b in what
    ]
    table = pd.DataFrame({"title": headlines}).sample(frac=1, random_state=0)
    table.to_parquet(root / "headlines.parquet")
    return root


@pytest.fixture(scope="module")
def store(root):
    return RunStore(root / "_build" / "results")


def call(root, *command):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        return shell(command)


def train(root, step, *more):
    data = ["--path", str(root / "headlines.parquet"), "--n-headlines", str(N_HEADLINES)]
    overrides = [part for override in SMALL for part in ("--base-override", override)]
    return call(root, "train", "headlines", step, *data, *overrides, *more)


@pytest.fixture(scope="module")
def run(root, store):
    done = train(root, "adamw", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "headlines/adamw-s3: " in done.output
    return store.find("headlines/adamw-s3")


@pytest.fixture(scope="module")
def baseline_runs(root, store, run):
    """Two seeds of the baseline; those of `run` exist, too."""
    assert train(root, "baseline", "--seed", "3", "--seed", "4").exit_code == 0
    return [store.find(f"headlines/baseline-s{seed}") for seed in (3, 4)]


def test_run_stores_metrics_losses_settings_and_metadata(root, run):
    losses, metrics = run.predictions(HeadlineLosses), run.metrics
    assert metrics["bits_per_byte"].low < metrics["bits_per_byte"].value
    assert losses.bits_per_byte == pytest.approx(metrics["bits_per_byte"].value, abs=1e-4)
    assert len(losses.nats) == 60
    for cost in ("train_seconds", "tokens_per_second", "parameters"):
        assert metrics[cost].value > 0
    assert "nats_per_character" not in metrics, "60 headlines do not fill a batch of the task"
    assert run.settings["train_config"]["optimizer"] == "adamw"
    assert run.data["headlines"] == {"train": 540, "validation": 60}
    assert run.config["ablation_step"] == "adamw" and run.config["source"] == "local"
    assert len(run.history) == 2
    (training,) = [one for one in list_trainings(Project(root)) if one.name == run.name]
    assert training.state == "finished"


def test_stored_weights_reproduce_the_losses(root, run):
    train_config, eval_context = config_after_step("adamw", parse_overrides(SMALL))
    assert analysis_runs.stored_train_config(run) == train_config
    headlines = load_headlines(root / "headlines.parquet", n_headlines=N_HEADLINES)
    folder = checkpoint_dir(Project(root), weights_key(run.config))
    fitted = load_headline_model(train_config, folder)
    _, losses = evaluate_headlines(fitted, headlines, eval_context)
    np.testing.assert_allclose(losses.nats, run.predictions(HeadlineLosses).nats, atol=2e-3)


def test_analyses_are_stored_as_runs(root, store, run, monkeypatch):
    monkeypatch.setattr(analysis_runs, "BATCH_SIZES", (1, 4, 500))
    data = ["--path", str(root / "headlines.parquet"), "--n-headlines", str(N_HEADLINES)]
    done = call(root, "evaluate", "headlines", run.name, *data)
    assert done.exit_code == 0, done.output
    other = call(root, "evaluate", "headlines", run.name, *data[:-1], "500")
    assert other.exit_code == 2 and "--n-headlines 600" in " ".join(other.output.split())
    missing = call(root, "evaluate", "headlines", "headlines/no-s3", *data)
    assert missing.exit_code == 2 and "headlines/adamw-s3" in missing.output

    next_tokens = store.find(f"{run.name}-next-tokens").history
    assert next_tokens.groupby("prompt", dropna=False).size().tolist() == [10] * 4
    assert len(store.find(f"{run.name}-samples").history["headline"]) == 12
    for name in ("loss-by-position", "loss-by-frequency"):
        assert store.find(f"{run.name}-{name}").history["nats_per_token"].gt(0).all()
    batch_sizes = store.find(f"{run.name}-batch-sizes")
    table = batch_sizes.history
    assert table["batch_size"].tolist() == [1, 4], "there are fewer than 500 windows"
    bits_per_byte = run.metrics["bits_per_byte"].value
    assert table["bits_per_byte"].to_numpy() == pytest.approx(bits_per_byte, rel=1e-3)
    task = table["nats_per_character"]
    relative_range = batch_sizes.metrics["nats_per_character_relative_range"].value
    assert relative_range == pytest.approx(1 - task.min() / task.max(), abs=1e-4)
    assert relative_range > 0
    assert batch_sizes.metrics["bits_per_byte_relative_range"].value < 1e-3


def test_same_settings_find_the_run_and_others_do_not_replace_it(root, store, run):
    written = (run.root / "headlines" / "runs.json").stat().st_mtime_ns
    assert train(root, "adamw", "--seed", "3").exit_code == 0
    assert (run.root / "headlines" / "runs.json").stat().st_mtime_ns == written
    other = train(root, "rotary", "--seed", "3", "--name", "adamw")
    assert other.exit_code == 2
    assert "'learned' there, 'rotary' here" in " ".join(other.output.split())
    assert train(root, "muon", "--seed", "3", "--name", "best").exit_code == 0
    best = store.find("headlines/best-s3")
    assert best.key != run.key and best.settings["eval_context"] == "per_headline"
    assert best.settings["train_config"]["optimizer"] == "muon"


def test_eval_context_does_not_retrain_the_model(root, store):
    steps = ("whole-headlines", "per-headline-eval")
    for step in steps:
        assert train(root, step, "--seed", "3").exit_code == 0
    before, after = (store.find(f"headlines/{step}-s3") for step in steps)
    assert before.settings["eval_context"] == "non_overlapping"
    assert after.settings["eval_context"] == "per_headline"
    assert weights_key(before.config) == weights_key(after.config)
    assert after.metrics["train_seconds"].value == before.metrics["train_seconds"].value
    assert after.history.equals(before.history)
    bits = [one.predictions(HeadlineLosses).bits_per_byte for one in (before, after)]
    assert bits[0] != bits[1]


def test_ablation_table_compares_each_step_with_the_last_kept_one(root, store, run, baseline_runs):
    assert train(root, "warm-up", "--seed", "3").exit_code == 0
    warm_up = store.find("headlines/warm-up-s3")
    runs = {"baseline": baseline_runs, "adamw": [run], "warm-up": [warm_up]}
    table = tables.ablation_table(runs)
    assert table.index.tolist() == ["baseline", "adamw", "warm-up"]
    assert table["baseline"].tolist() == ["baseline", "baseline", "adamw"]
    assert table["seeds"].tolist() == [2, 1, 1]
    assert table.loc["baseline", "bits_per_byte_change"] == 0
    value = run.predictions(HeadlineLosses).bits_per_byte
    assert table.loc["adamw", "bits_per_byte"] == pytest.approx(value)
    row = table.loc["warm-up"]
    assert row["bits_per_byte_change"] == pytest.approx(row["bits_per_byte"] - value)
    assert row["bits_per_byte_change_low"] < row["bits_per_byte_change"]
    assert row["bits_per_byte_change"] < row["bits_per_byte_change_high"]
    differences = tables.step_differences(table)
    assert differences.index.tolist() == ["adamw", "warm-up"]
    assert differences.loc["warm-up", "value"] == row["bits_per_byte_change"]
    assert tables.ablation_table({}).empty
    with pytest.raises(RunError, match="warm-up is compared with adamw, which has no runs"):
        tables.ablation_table({"baseline": baseline_runs, "warm-up": [warm_up]})


def test_models_are_compared_with_the_baseline(run, baseline_runs):
    models = {"baseline": baseline_runs, "adamw": [run]}
    table = tables.model_table(models, "baseline")
    assert table.loc["baseline", ["ratio", "seeds"]].tolist() == [1, 2]
    ratios = tables.bits_per_byte_ratios(models, "baseline")
    assert ratios["adamw_over_baseline"].value == pytest.approx(table.loc["adamw", "ratio"])
    assert ratios["adamw_over_baseline"].low < ratios["adamw_over_baseline"].value
    seconds = [np.mean([one.metrics["train_seconds"].value for one in models[m]]) for m in models]
    times = tables.train_time_ratios(models, "baseline")
    assert times.keys() == ratios.keys() == {"adamw_over_baseline"}
    assert times["adamw_over_baseline"].value == pytest.approx(seconds[1] / seconds[0])
    difference = tables.differences_from_baseline(models, "baseline").loc["adamw"]
    bits_per_byte = table["bits_per_byte"]
    assert difference["value"] == pytest.approx(bits_per_byte["adamw"] - bits_per_byte["baseline"])
    assert difference["low"] < difference["value"] < difference["high"]


def test_seeds_are_averaged(baseline_runs):
    metrics = tables.summary_metrics(baseline_runs)
    mean = np.mean([one.predictions(HeadlineLosses).bits_per_byte for one in baseline_runs])
    assert metrics["bits_per_byte"].value == pytest.approx(mean) and metrics["seeds"].value == 2
    assert [metrics[name].value for name in ("d_model", "n_train", "epochs")] == [32, 540, 2]
    by_seed = tables.metrics_by_seed(baseline_runs, ["bits_per_byte", "nats_per_character"])
    assert by_seed.index.tolist() == [3, 4] and by_seed["nats_per_character"].isna().all()
    assert by_seed["bits_per_byte"].mean() == pytest.approx(mean)
    history = tables.mean_history(baseline_runs)
    assert history["epoch"].tolist() == [1, 2]
    assert history["seconds"][1] == pytest.approx(metrics["train_seconds"].value)
    assert history["val_loss"][1] == pytest.approx(mean, rel=1e-3), "the last epoch is scored"
    assert tables.seconds_to_loss(history, history["val_loss"][0]) == history["seconds"][0]
    assert np.isnan(tables.seconds_to_loss(history, 0.0))


def test_unknown_step_is_an_error_of_the_command(root):
    done = train(root, "rotery")
    assert done.exit_code == 2 and "did you mean 'rotary'" in done.output
