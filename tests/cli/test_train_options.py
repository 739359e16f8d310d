"""Options of `train`: made from the models, so that stored settings stay as they are."""

import json

import pytest

from tests.shell import shell
from wholescript.cli import app
from wholescript.cli.train import make_estimator, options_of_model
from wholescript.experiments.store import RunStore
from wholescript.experiments.train_commands import TRAIN_COMMANDS
from wholescript.project import Project

STORED = {
    "banking77/tfidf-svm-s0": "tfidf-svm",
    "banking77/sparse-dense-ensemble-s0": "sparse-dense-ensemble",
    "banking77/smollm2-lora-s0": "finetune --epochs 3 --batch-size 16 "
    "--gradient-accumulation-steps 2",
    "sentiment/lm-tiny-6-epochs-s0": "class-lm --size tiny --epochs 6",
    "sentiment/smollm2-pruned-bayes-shared-trunk-s0": "shared-trunk --n-layer 16 "
    "--vocab-size 12000 --n-shared-layers 10 --lora-rank 16 --lora-alpha 32 --single-window",
    "sentiment/naive-bayes-n1000-s0": "naive-bayes",
    "banking77/linear-ensemble-s0": "linear-ensemble",
    "banking77/scratch-tiny-lr1e-4-s0": "scratch --size tiny --learning-rate 1e-4",
    "sentiment/encoder-published-s0": "encoder --epochs 5 --learning-rate 1e-4 --schedule constant "
    "--warmup-ratio 0 --max-grad-norm inf --weight-decay 0 --label-smoothing 0 --patience 5 "
    "--monitor val_accuracy",
    "sentiment/ngram-interpolated-s0": "ngram-interpolated",
}
"""Published runs by their name, and the command that trains them."""


def parse(command):
    """Return the values of the options of a `train` command."""
    arguments = ["train", *command.split(), "--data", "questions"]
    _, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    bound.apply_defaults()
    return bound.arguments


def estimator(command):
    entry = TRAIN_COMMANDS[command.split()[0]]
    return make_estimator(entry, options_of_model(entry), parse(command), lambda: ("a text",))


@pytest.mark.parametrize("run", STORED)
def test_command_has_the_settings_of_the_published_run(run):
    stored = RunStore(Project().root / "results").find(run)
    assert stored is not None
    theirs = stored.settings["estimator"]
    ours = json.loads(json.dumps(estimator(STORED[run]).config))  # tuples as lists
    assert {**ours, "bfloat16": 0} == {**theirs, "bfloat16": 0}


@pytest.mark.parametrize("name", TRAIN_COMMANDS)
def test_defaults_are_those_of_the_model(name):
    entry = TRAIN_COMMANDS[name]
    made = estimator(name).config
    expected = type(estimator(name))(**entry.fixed).config
    assert {**made, "n_unlabelled": 0} == {**expected, "n_unlabelled": 0}


def test_pretraining_reads_the_unlabelled_texts():
    made = estimator("class-lm --pretrain-epochs 3")
    assert made.pretrain.epochs == 3 and made.pretrain.weight_decay == 0.01
    assert made.unlabelled == ("a text",)
    assert estimator("class-lm").unlabelled == ()


def test_a_whole_number_may_have_a_decimal_point():
    assert parse("naive-bayes --seed 2.0")["seed"] == (2,)


def test_recipe_gives_options_and_the_command_line_wins(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("epochs: 3\nbfloat16: false\nseed: [1, 2]\nsize: tiny\nn_train: null\n")
    values = parse(f"scratch --config {recipe} --size medium")
    assert values["epochs"] == 3 and values["bfloat16"] is False and values["seed"] == (1, 2)
    assert values["size"] == "medium" and values["n_train"] is None


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("epoch: 3", "'epoch' is no option of `train scratch`; did you mean 'epochs'?"),
        ("epochs: 0", "--epochs 0 must be a whole number, at least 1"),
        ("epochs: 1.5", "--epochs 1.5 must be a whole number, at least 1"),
        ("- epochs", "must be a mapping"),
    ],
)
def test_invalid_recipe_is_refused(tmp_path, recipe, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe)
    done = shell(["train", "scratch", "questions", "--config", path])
    assert done.exit_code == 2 and message in done.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train scratch q --epochs 0", "--epochs 0 must be a whole number, at least 1"),
        ("train scratch q --epoch 3", "Unknown option: --epoch. Did you mean --epochs?"),
        ("train scrach q", 'Did you mean "scratch"?'),
        ("train scratch q --size tinny", "did you mean 'tiny'?"),
        ("train scratch q --learning-rate nan", "--learning-rate nan must be a number, above 0"),
        ("train scratch q --seed 1 --seed=-1", "--seed 1 -1 must be a whole number, at least 0"),
        ("train tfidf-svm q --cs 0.1 --cs 0", "--cs 0.1 0 must be a number, above 0"),
        ("train headlines baseline --n-headlines 5", "--n-headlines 5 must be a whole number, at"),
        ("train tfidf-svm q --epochs 3", "Unknown option: --epochs"),
        ("train class-lm q --prompts x", "Unknown option: --prompts"),
        ("train shared-trunk q --prompts x", "Unknown option: --prompts"),
        ("train shared-trunk q --n-layer 16", "--n-layer and --vocab-size"),
        ("train scratch", "--data is missing: Data set written by"),
        ("train ngram q --n-synthetic 9", "--synthetic FOLDER and --n-synthetic NUMBER"),
        ("data prepare x.csv --seed=-1", "--seed -1 must be a whole number, at least 0 and below"),
        ("data prepare x.csv --seed 1.5", "--seed 1.5 must be a whole number, at least 0"),
        ("data prepare x.csv --limit 50.7", "--limit 50.7 must be a whole number, at least 1"),
        ("train naive-bayes q --seed 1 --seed 1.9", "--seed 1 1.9 must be a whole number"),
        ("train naive-bayes q --ngram-range 1 2.5", "--ngram-range 1 2.5 must be 2 values"),
        ("predict film a.txt --year 1999.5", "--year 1999.5 must be a whole number"),
        ("notebook run 01 -p pair=5,6", "-p pair=5,6: a space separates name and value: -p pair 5"),
        ("notebook run 01 -p seed=1 -p pair=5,6", "-p seed=1: a space separates name and value"),
        (
            "notebook run 01 -p",
            "--parameter is missing: NAME VALUE of a parameter to override",
        ),
        ("data prepare x.csv --seed 99999999999", "--seed 99999999999 must be a whole number"),
        (
            "data prepare x.csv --test-share 1",
            "must be a number, above 0 and below 1",
        ),
        ("evaluate q/x --top 0", "--top 0 must be a whole number, at least 1"),
        ("site serve --port 70000", "at least 0 and at most 65,535"),
        ("prepare x.csv", "`wholescript prepare` is now `wholescript data prepare`"),
        ("train generative q", "is now `wholescript train ngram, ngram-interpolated, class-lm"),
        ("train shared-trunk q --keep-layers 2", "--keep-layers is now --n-layer"),
        ("predict text q/x", "give at least one text, in quotes, or --table and --output"),
        ("train scratch q --device gpu", "--device gpu is none of auto, cpu, cuda, mps"),
        ("sweep 01", "`wholescript sweep` is gone"),
        ("predict film.fountain", "is now `wholescript predict film SCRIPT`"),
    ],
)
def test_invalid_command_is_refused_before_anything_runs(command, message):
    done = shell(command.split())
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
