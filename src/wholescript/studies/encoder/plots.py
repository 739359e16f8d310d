"""Figures of the encoder study: which classes are confused."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wholescript.evaluation.document_comparison import confused_pairs
from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.documents.runs import predictions_by_seed
from wholescript.experiments.documents.tables import RunsByModel, accuracy_table
from wholescript.plots.confusion import confusion
from wholescript.plots.style import WIDTH
from wholescript.plots.text import literal
from wholescript.plots.ticks import row_name
from wholescript.studies.encoder.tables import FEW_CLASSES

N_PAIRS = 10


def confusion_figure(models: RunsByModel) -> Figure:
    """Draw a confusion matrix per model; of many classes the pairs that are confused most often.

    The pairs are those of the most accurate encoder, in test texts, the mean over seeds.
    """
    predictions = {
        model_display_name(name): predictions_by_seed(runs) for name, runs in models.items()
    }
    if len(next(iter(predictions.values()))[0].classes) <= FEW_CLASSES:
        return confusion(predictions)
    encoders = {name: runs for name, runs in models.items() if name.startswith("encoder")}
    best = model_display_name(accuracy_table(encoders).index[-1])
    pairs = confused_pairs(predictions[best], top=N_PAIRS)
    figure, axes = plt.subplots(figsize=(WIDTH, 0.45 * len(pairs) + 1.5))
    positions = np.arange(len(pairs))[::-1]
    axes.barh(positions, pairs["n_errors"], label="first, predicted as second")
    axes.barh(positions, pairs["n_reversed"], left=pairs["n_errors"], label="reversed")
    names = [f"{row.label}\n{row.predicted}" for row in pairs.itertuples()]
    axes.set_yticks(positions, list(map(row_name, names)))
    axes.set(xlabel="errors, test texts", title=literal(best))
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure
