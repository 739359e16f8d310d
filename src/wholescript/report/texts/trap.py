"""What a classifier seems to reach where it is trained and tested on the head of a sorted file.

The first rows of a file that is sorted by label are of one class: whoever always says that class
is never wrong. `wholescript prepare --head` refuses such a cut; here it is made on purpose.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from wholescript.data.textsets import Source
from wholescript.data.textsets.guards import check_head
from wholescript.data.textsets.labelling import label_texts
from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.report.context import device_name
from wholescript.report.live_runs import held, scale_here, training_folder
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import code_fingerprint, hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.runs import scores
from wholescript.training.text_classifiers import Labelled, NeuralTextClassifier


def train_on_the_head(
    store: RunStore,
    source: Source,
    estimator: NeuralTextClassifier,
    *,
    rows: int = 5_000,
    tested: int = 1_000,
    seed: int = 0,
    project: Project | None = None,
) -> Run:
    """Train on the first `rows` of a source, test on the first `tested`, then on the whole test.

    The run `<set>/<estimator>-head-s<seed>` stores both accuracies, how many classes each head has,
    and what the guard says of the cut. As in what was published, the test rows also choose the
    epoch.

    Raises:
        DataError: the source has no test, or an empty text in its head.
        ParameterError: a head without a row, or one longer than its file.
    """
    project = project or Project()
    labelled = label_texts(source)
    if "test" not in labelled.splits:
        raise DataError(f"{source.name} has no test: its head cannot be taken")
    train, test = labelled.splits["train"], labelled.splits["test"]
    classes = len(labelled.classes)
    for head, there, what in ((rows, train, "rows of train"), (tested, test, "rows of test")):
        if not 1 <= head <= len(there):
            raise ParameterError(f"{head} {what} were asked for, there are {len(there)}")
    config = {
        "estimator": estimator.config,
        "data": hash_json({"files": dict(source.files), "revision": source.revision}),
        "training": {"rows": rows, "tested": tested, "seed": seed},
        "code": code_fingerprint([type(estimator).__module__, __name__], project.source),
    }
    key = hash_json(config)
    name = f"{source.name}/{estimator.name}-head-s{seed}"
    if run := store.find(name, key):
        return run
    try:
        check_head(train["label"].to_numpy(), rows, labelled.classes)
        said = ""
    except DataError as refused:
        said = str(refused)
    heads = [
        Labelled(part["text"].tolist(), part["label"].to_numpy(np.int64), classes)
        for part in (train.head(rows), test.head(tested))
    ]
    with held(folder := training_folder(project, key), name):
        fitted = estimator.fit(*heads, seed=seed, folder=folder, progress=True)
        on_head = fitted.predict_proba(heads[1].texts).argmax(1)
        present = test[test["text"].str.strip() != ""]
        predictions = ClassPredictions.from_probabilities(
            [str(row) for row in range(len(present))],
            labelled.classes,
            present["label"].to_numpy(np.int64),
            fitted.predict_proba(present["text"].tolist()),
        )
        facts = {
            "head_accuracy": accuracy_score(heads[1].labels, on_head),
            "head_classes_train": len(np.unique(heads[0].labels)),
            "head_classes_test": len(np.unique(heads[1].labels)),
            "classes_said": len(np.unique(predictions.predicted)),
            "train_seconds": sum(row["seconds"] for row in fitted.history),
            **fitted.parameters,
        }
        made = {
            "key": key,
            "textset": source.name,
            "classes": labelled.classes,
            "refusal": said,
            "texts": {"train": rows, "test": len(present), "head": tested},
            "scale": scale_here(),
            "device": device_name(),
            "seed": seed,
        }
        metrics = scores(predictions) | {k: Metric(float(v), tolerance=0) for k, v in facts.items()}
        return store.save(
            name, {**config, **made}, metrics, predictions, pd.DataFrame(fitted.history)
        )
