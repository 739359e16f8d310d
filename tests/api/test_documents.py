import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import wholescript as ws
from wholescript.api import documents
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.prediction.tables import TEXTS_PER_BATCH

CLASSES = ["mountain", "music", "sea"]
QUICK = {"size": "tiny", "vocab_size": 300, "epochs": 4, "learning_rate": 1e-2, "bfloat16": False}


def test_importing_it_imports_no_library():
    code = (
        "import sys, wholescript as ws; assert 'train' in dir(ws); "
        "sys.exit(bool({'torch', 'pandas', 'numpy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = ws.trian


def test_five_lines(model, questions):
    assert questions.name == "my-questions-v1" and questions.classes == CLASSES
    scores = model.evaluate().set_index("metric")
    assert list(scores) == ["value", "low", "high"]
    assert scores.loc["accuracy", "low"] <= scores.loc["accuracy", "value"] > 0.9
    texts = questions.splits["test"].texts
    predicted = model.predict(texts)
    expected = [CLASSES[label] for label in questions.splits["test"].labels]
    assert np.mean(np.array(predicted) == expected) == scores.loc["accuracy", "value"]
    assert model.predict_proba(texts[:2]).shape == (2, 3)
    assert ws.list_models().loc["tfidf-svm", "model"] == "TF-IDF + linear SVM"


def test_a_run_is_found_again_and_made_again_without_its_weights(questions, model, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("trained again")

    with monkeypatch.context() as patch:
        patch.setattr("wholescript.models.documents.tfidf_svm.TfidfSVM.fit", fail)
        assert ws.train("tfidf-svm", questions).name == "my-questions-v1/tfidf-svm-s0"
        assert ws.load("my-questions-v1/tfidf-svm-s0").classes == CLASSES
        assert ws.load_documents("my-questions-v1").fingerprint == questions.fingerprint
    shutil.rmtree(model.weights)
    again = ws.train("tfidf-svm", questions, progress=False)
    assert again.weights == model.weights and again.weights.is_dir()


def test_settings_have_a_run_of_their_own_and_data_settings_too(questions, project):
    changed = ws.train("naive-bayes", questions, alphas=[0.5], n_train=60, max_eval=9)
    assert changed.name == "my-questions-v1/naive-bayes-alphas-0_5-n60-s0"
    assert changed.settings["estimator"]["alphas"] == [0.5]
    sloppy = ws.train("naive-bayes", questions, label_column="sloppy")
    assert sloppy.evaluate()["value"][0] < 0.9, "trained on wrong labels"


@pytest.mark.parametrize(
    ("model_name", "settings", "message"),
    [
        ("tfidf-svn", {}, "no model 'tfidf-svn' of labelled texts; did you mean 'tfidf-svm'"),
        ("tfidf-svm", {"min_dff": 2}, "tfidf-svm has no setting 'min_dff'; did you mean 'min_df'"),
        ("scratch", {"epoch": 2}, "scratch has no setting 'epoch'; did you mean 'epochs'"),
        ("finetune", {"lora_ranks": 2}, "did you mean 'lora_rank'"),
        ("scratch", {"epochs": 0}, "epochs"),
        ("tfidf-svm", {"class_weight": "balancd"}, "class_weight='balancd'"),
        ("ngram", {"class_weight": "balanced"}, "no setting 'class_weight'"),
        ("ngram", {"refit": True}, "ngram has no setting 'refit'"),
        ("tfidf-svm", {"device": "gpu"}, "device='gpu' is unknown"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(questions, model_name, settings, message):
    with pytest.raises(ParameterError, match=message):
        ws.train(model_name, questions, progress=False, **settings)


def test_data_that_are_no_data_are_an_error(table):
    with pytest.raises(ParameterError, match="data is a PosixPath: give what load_documents"):
        ws.train("tfidf-svm", table)
    with pytest.raises(ParameterError, match="no option 'text_colum'; did you mean 'text_column'"):
        ws.load_documents(table, text_colum="utterance")


@pytest.mark.parametrize(("name", "settings"), [("tfidf-svm", {}), ("scratch", QUICK)])
def test_a_saved_model_predicts_the_same(questions, tmp_path, name, settings, capsys):
    trained = ws.train(name, questions, **settings)
    said = "device cpu" in capsys.readouterr().err
    assert said == (name == "scratch"), "the hardware is printed before a network is trained"
    trained.save(tmp_path / "model")
    trained.save(tmp_path / "model")  # replaces it
    names = {path.name for path in (tmp_path / "model" / "weights").iterdir()}
    assert not {name for name in names if name.startswith(("checkpoint", "training", "seconds"))}
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded = ws.load(tmp_path / "moved")
    texts = questions.splits["test"].texts
    np.testing.assert_array_equal(loaded.predict_proba(texts), trained.predict_proba(texts))
    pd.testing.assert_frame_equal(loaded.evaluate(), trained.evaluate())
    with pytest.raises(ParameterError, match="cannot be exported"):
        loaded.export(tmp_path / "exported")


def test_no_other_folder_is_overwritten(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ParameterError, match="exists and is no saved model"):
        model.save(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.json").unlink(), "holds no saved model"),
        (lambda folder: (folder / "model.json").write_text("{"), "is damaged or no saved model"),
        (lambda folder: (folder / "model.json").write_text("[]"), "is damaged or no saved model"),
        (lambda folder: edit(folder, format=9), "has format 9"),
        (lambda folder: edit(folder, classes=None), "is damaged"),
        (lambda folder: edit(folder, files={"../model.json": "0"}), "is missing"),
        (
            lambda folder: (folder / "weights" / "classifier.safetensors").write_bytes(b"x"),
            "is damaged .its SHA-256 differs",
        ),
        (lambda folder: shutil.rmtree(folder / "weights"), "is missing: copy the whole folder"),
    ],
)
def test_a_damaged_or_foreign_folder_is_an_error(model, tmp_path, damage, message):
    model.save(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(DataError, match=message):
        ws.load(tmp_path / "model")


def edit(folder, **changes):
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(content | changes))


def test_an_unknown_run_is_an_error():
    with pytest.raises(RunError, match="no run is called 'my-questions-v1/tfidf'"):
        ws.load("my-questions-v1/tfidf")


def test_a_data_frame_keeps_its_rows(model, rows):
    predicted = model.predict(rows)
    assert list(predicted) == ["utterance", "number", "label", "probability"]
    assert predicted.index.tolist() == [7, 8, 9]
    assert predicted["label"].isna().tolist() == [False, True, False]
    assert predicted.loc[7, "label"] == "sea" and predicted.loc[9, "label"] == "music"
    assert 1 / 3 < predicted.loc[7, "probability"] <= 1
    labelled = model.predict(rows.assign(label="?"), "utterance")
    assert labelled["label"].tolist() == ["?"] * 3
    assert labelled["predicted_label"].iloc[0] == "sea"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".tsv"])
def test_a_table_in_gives_a_table_out(model, rows, tmp_path, suffix, capsys):
    many = pd.concat([rows] * (TEXTS_PER_BATCH // 2), ignore_index=True)
    many.to_csv(tmp_path / "in.csv", index=False)
    ws.predict_table(model, tmp_path / "in.csv", tmp_path / f"out{suffix}", progress=False)
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".tsv": pd.read_table}
    if suffix == ".jsonl":
        written = pd.read_json(tmp_path / "out.jsonl", lines=True)
    else:
        written = readers[suffix](tmp_path / f"out{suffix}")
    assert written["number"].astype(int).tolist() == many["number"].tolist()
    assert written["label"].iloc[[0, 2, -1]].tolist() == ["sea", "music", "music"]
    assert written["probability"].isna().sum() == len(many) // 3
    told = capsys.readouterr().out
    assert f"{len(many) // 3} of the {len(many)} rows of in.csv have no text" in told
    assert "in.csv: texts from the column 'utterance'" in told


def test_repairs_of_a_table_are_counted(model, tmp_path, capsys):
    texts = [*3 * ["a cafÃ© by the sea"], "soft\u00adly &amp; slowly", "&lt;br&gt;", "plain"]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "in.csv", index=False)
    ws.predict_table(model, tmp_path / "in.csv", tmp_path / "out.csv")
    told = capsys.readouterr().out
    assert "in 3 of 6 texts mojibake was repaired" in told and "'cafÃ©' became 'café'" in told
    assert "in 1 of 6 texts invisible characters, such as soft hyphens, were removed\n" in told
    assert "in 1 of 6 texts HTML entities, HTML line breaks or line ends were replaced" in told
    ws.predict_table(model, tmp_path / "in.csv", tmp_path / "out.csv", progress=False)
    assert "repaired" not in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "out.csv")["text"].tolist() == texts
    with pytest.raises(DataError, match="is a folder: give one file"):
        ws.predict_table(model, tmp_path, tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("columns", "output", "error", "message"),
    [
        ({"memo": ["a"]}, "out.csv", DataError, "text column cannot be guessed; there are memo"),
        ({"a hen sat on the wet wall": ["b"]}, "out.csv", DataError, "Add a line of column names"),
        ({"text": [" "], "n": [1]}, "out.csv", DataError, "has no text in 1 rows"),
        ({"text": ["a"]}, "out.xlsx", ParameterError, "suffix '.xlsx'"),
        ({"text": ["a"], "label": [1], "predicted_label": [1]}, "out.csv", DataError, "already"),
    ],
)
def test_an_unusable_table_is_an_error_and_nothing_is_written(
    model, tmp_path, columns, output, error, message
):
    pd.DataFrame(columns).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(error, match=message):
        ws.predict_table(model, tmp_path / "in.csv", tmp_path / output)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_text_in_any_form_has_the_same_probabilities(model):
    texts = [
        "the café by the pier",
        "the cafe\u0301 by\u200b the p\u00adier",
        "the cafÃ© by the pier",
    ]
    first, *others = model.predict_proba(texts)
    assert all((first == other).all() for other in others)
    frame = pd.DataFrame({"text": [*texts, "\u200b\ufeff"]})
    predicted = model.predict(frame)
    assert predicted["probability"].nunique() == 1 and predicted["label"].isna().sum() == 1


def test_a_single_text_and_an_empty_one_are_errors(model):
    with pytest.raises(DataError, match="single string"):
        model.predict("the old ferry")
    with pytest.raises(DataError, match="row 1"):
        model.predict(["the old ferry", ""])


def test_cross_validation_has_the_metrics_of_all_folds(questions):
    scores = ws.cross_validate("naive-bayes", questions, n_folds=3, progress=False)
    accuracy = scores.set_index("metric").loc["accuracy"]
    assert accuracy["value"] > 0.9 and accuracy["std"] > 0
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    with pytest.raises(ParameterError, match="n_folds=1 must be a whole number, at least 2"):
        ws.cross_validate("naive-bayes", questions, n_folds=1)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5])
def test_a_seed_out_of_range_is_refused_before_anything_runs(questions, seed, monkeypatch):
    monkeypatch.setattr(documents, "execute", None)
    message = f"seed={seed} must be a whole number, at least 0 and below 4,294,967,296"
    for call in (ws.train, ws.cross_validate):
        with pytest.raises(ParameterError, match=message):
            call("naive-bayes", questions, seed=seed)
    with pytest.raises(ParameterError, match=message):
        ws.load_films(seed=seed)


@pytest.mark.parametrize(("name", "value"), [("trials", 0), ("workers", 0), ("seed", -1)])
def test_a_search_out_of_range_is_refused(questions, name, value):
    pytest.importorskip("ray")
    with pytest.raises(ParameterError, match=f"{name}={value} must be a whole number"):
        ws.tune("naive-bayes", questions, {"min_df": [1, 2]}, **{name: value})


def test_settings_are_searched_with_ray(questions):
    pytest.importorskip("ray")
    space = {"min_df": [1, 2], "alphas": [[0.1], [1.0]]}
    trials = ws.tune("naive-bayes", questions, space, trials=4, workers=1)
    assert list(trials) == ["validation_macro_f1", "validation_accuracy", "min_df", "alphas"]
    assert trials["validation_macro_f1"].is_monotonic_decreasing
    with pytest.raises(ParameterError, match="no setting 'min_dff'"):
        ws.tune("naive-bayes", questions, {"min_dff": [1]})
    with pytest.raises(ParameterError, match=r"learning_rate=\(1, 0\): give a list of values"):
        ws.tune("scratch", questions, {"learning_rate": (1, 0)})
