from dataclasses import replace

import pytest
import yaml

from wholescript.errors import ParameterError
from wholescript.experiments.documents.recipe import EnsembleSpec, RunSpec, read_recipe

RECIPE = """
datasets: {news: {}, mail: {dataset: news}}
profiles:
  smoke: {limit: 100, seeds: 1, n_train: 40, max_eval: 20, epochs: 2, size: tiny}
  cpu: {seeds: 2}
  full: {}
sections:
  models:
    news:
    - {model: [tfidf-svm, naive-bayes], seeds: 3}
    - {model: scratch, size: small, epochs: 9, n_train: [30, 300], cpu: {epochs: 4}}
    - {model: encoder, pretrain_epochs: 3, name: long, smoke: skip}
    - {ensemble: [tfidf-svm, naive-bayes], name: both}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return read_recipe(path)


def test_full_profile_is_the_recipe_as_written(recipe) -> None:
    assert recipe.specs("models", "news", "full") == [
        RunSpec("tfidf-svm", {}, seeds=3),
        RunSpec("naive-bayes", {}, seeds=3),
        RunSpec("scratch", {"size": "small", "epochs": 9}, n_train=30),
        RunSpec("scratch", {"size": "small", "epochs": 9}, n_train=300),
        RunSpec("encoder", {"pretrain_epochs": 3}, name="long"),
        EnsembleSpec(("tfidf-svm", "naive-bayes"), "both"),
    ]
    assert recipe.specs("models", "mail", "full") == []
    assert (recipe.first, recipe.registered("mail")) == ("news", "news")


def test_profile_bounds_texts_epochs_and_seeds(recipe) -> None:
    svm = RunSpec("tfidf-svm", {}, seeds=1, n_train=40, max_eval=20)
    scratch = RunSpec("scratch", {"size": "tiny", "epochs": 2}, n_train=30, max_eval=20)
    assert recipe.specs("models", "news", "smoke") == [
        svm,
        replace(svm, model="naive-bayes"),
        scratch,
        replace(scratch, n_train=40),
        EnsembleSpec(("tfidf-svm", "naive-bayes"), "both"),
    ]
    at_least = [spec.n_train for spec in recipe.specs("models", "news", "smoke", 50, 31)[:3]]
    assert at_least == [50, 50, 50]  # and no size of a learning curve below 31, one per class


def test_entry_has_other_values_at_a_profile(recipe) -> None:
    specs = recipe.specs("models", "news", "cpu")
    assert [s.seeds for s in specs if isinstance(s, RunSpec)] == [2, 2, 1, 1, 1]
    assert {s.options["epochs"] for s in specs[2:4]} == {4}


def test_unknown_model_and_missing_profile_are_named(recipe) -> None:
    parts = yaml.safe_load(RECIPE)
    parts["sections"]["models"]["news"] = [{"model": "tfidf-svn"}]
    recipe.path.write_text(yaml.safe_dump(parts, sort_keys=False))
    with pytest.raises(ParameterError, match=r"'tfidf-svn'.*tfidf-svm"):
        read_recipe(recipe.path).specs("models", "news", "full")
    del parts["profiles"]["cpu"]
    recipe.path.write_text(yaml.safe_dump(parts, sort_keys=False))
    with pytest.raises(ParameterError, match="smoke, cpu, full"):
        read_recipe(recipe.path)
