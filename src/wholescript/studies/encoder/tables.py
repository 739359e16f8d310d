"""Tables of the encoder study: accuracy beside a constant prediction, classes, hand annotations."""

from pathlib import Path

import numpy as np
import pandas as pd

from wholescript.evaluation.document_comparison import per_class_metrics
from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.documents.runs import predictions_by_seed
from wholescript.experiments.documents.tables import RunsByModel, accuracy_table, model_table
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.project import Project

ERROR_ANNOTATIONS = Path("notebooks", "09_error_annotations.csv")
"""The causes of confident errors of the published encoder, annotated by hand."""
SUSPECTED_LABEL_ERROR = "the label seems wrong"
FEW_CLASSES = 3
"""Number of classes up to which each has its own columns and cells."""
N_SHOWN = 5
"""Number of the least and of the most accurate classes that are shown of many."""


def label_sorted_table(run: Run) -> pd.DataFrame:
    """Return `n_test` and `accuracy` on the first rows and on all test texts."""
    documents, metrics = run.config["documents"], run.metrics
    rows = {
        "first rows": (documents["first_rows_test"], metrics["accuracy_first_rows"].value),
        "all test texts": (documents["test"], metrics["accuracy"].value),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["n_test", "accuracy"])
    return table.rename_axis("test set")


def label_sorted_classes(run: Run) -> pd.DataFrame:
    """Return the number of classes of the first rows and of the predictions, as `n_classes`."""
    counts = {
        "labels of the first training rows": run.metrics["n_classes_first_rows_train"].value,
        "labels of the first test rows": run.metrics["n_classes_first_rows_test"].value,
        "labels of all texts": len(run.config["classes"]),
        "predictions on all test texts": run.metrics["n_predicted_classes"].value,
    }
    return pd.Series(counts, name="n_classes").rename_axis("of").to_frame()


def accuracies(models: RunsByModel) -> pd.DataFrame:
    """Return `value`, `low` and `high` of the accuracy by display name, ascending.

    The first row is the accuracy of always predicting the most frequent test label.
    """
    labels = predictions_by_seed(next(iter(models.values())))[0].labels
    share = np.bincount(labels).max() / len(labels)
    columns = ["value", "low", "high"]
    constant = pd.DataFrame([[share] * 3], ["constant prediction"], columns)
    return pd.concat([constant, accuracy_table(models).rename(index=model_display_name)])


def pretraining_table(models: RunsByModel) -> pd.DataFrame:
    """Return error and training time of the encoder, without and with pretraining."""
    encoders = {
        name: runs
        for name, runs in models.items()
        if name == "encoder" or name.startswith("encoder-pretrained")
    }
    table = model_table(encoders).loc[list(encoders)]
    return table[["error", "low", "high", "train_seconds"]].rename(index=model_display_name)


def class_table(models: RunsByModel) -> pd.DataFrame:
    """Return the scores of the classes, means over seeds, with display names of the models.

    Of few classes: a row per model, columns such as `precision negative`. Of many: a row per
    class, columns `n_test` and the F1 of each model; the classes with the lowest and with the
    highest mean F1.
    """
    by_model = {
        model_display_name(name): per_class_metrics(predictions_by_seed(runs))
        for name, runs in models.items()
    }
    first = next(iter(by_model.values()))
    if len(first) <= FEW_CLASSES:
        rows = {
            name: {
                f"{metric} {c}": table.loc[c, metric]
                for c in table.index
                for metric in ("precision", "recall", "f1")
            }
            for name, table in by_model.items()
        }
        return pd.DataFrame(rows).T.rename_axis("model")
    f1 = pd.DataFrame({name: table["f1"] for name, table in by_model.items()})
    f1 = f1.loc[f1.mean(axis=1).sort_values(kind="stable").index]
    if len(f1) > 2 * N_SHOWN:
        f1 = pd.concat([f1.head(N_SHOWN), f1.tail(N_SHOWN)])
    f1.insert(0, "n_test", first["support"])
    return f1


def error_causes(project: Project) -> tuple[pd.DataFrame, dict[str, Metric]]:
    """Return the annotated causes of errors, most frequent first, and their metrics.

    Columns `reviews` and `rows`, those of the official test file; metrics `n_reviews` and
    `suspected_label_error_share`.
    """
    annotations = pd.read_csv(project.root / ERROR_ANNOTATIONS)
    causes = annotations.groupby("reason").agg(
        reviews=("row", "size"), rows=("row", lambda rows: str(list(rows)))
    )
    suspected = (annotations["reason"] == SUSPECTED_LABEL_ERROR).mean()
    metrics = {
        "n_reviews": Metric(float(len(annotations))),
        "suspected_label_error_share": Metric(float(suspected)),
    }
    return causes.sort_values("reviews", ascending=False), metrics
