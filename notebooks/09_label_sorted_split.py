# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,label,name,-papermill,-execution
#     notebook_metadata_filter: kernelspec,jupytext,-papermill
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An encoder that was never wrong
#
# **Question.** A small transformer encoder, trained from scratch on film reviews, was published
# with a test accuracy of one hundred percent. How does one get that, and what does the same
# network reach when nothing is wrong?
#
# **What you need.** Nothing: the reviews are not ours to give away, so the models were trained
# where they are, by `notebooks/09_train.sh`, and this notebook reads what was stored of each
# training. **How long it takes.** Some seconds.

# %% tags=["parameters"]
error_annotations = (
    "notebooks/09_error_annotations.csv"  # what was seen in reviews that the encoder got wrong
)
seed = 0  # of the bootstrap

# %%
import pandas as pd

from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents import tables as study
from wholescript.experiments.documents.runs import classifier_histories
from wholescript.experiments.documents.tables import load_analysis_run, load_document_runs
from wholescript.plots import documents as plots
from wholescript.plots import scores as score_plots
from wholescript.publish.cells import (
    Metric,
    begin_notebook,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.generative.tables import per_class_table

# %% [markdown]
# ## The trap
#
# The encoder reads the first 256 words of a review: a vocabulary of ten thousand words, four
# blocks of eight heads, 256 wide, the mean of all states. It was trained on the first five
# thousand rows of the training file and tested on the first thousand of the test file. Both are
# sorted by their label. Here it is done again, row by row, and the trained network is then asked
# about every test review.

# %% label="tbl-encoder-label-sorted"
notebook = begin_notebook("09_label_sorted_split", globals())
label_sorted = load_analysis_run("sentiment/encoder-label-sorted-s0")
test_sets = {
    "its own test rows": ("head", "head_accuracy"),
    "all test reviews": ("test", "accuracy"),
}
rows = {
    name: {
        "reviews": label_sorted.config["texts"][texts],
        "accuracy": label_sorted.metrics[metric].value,
    }
    for name, (texts, metric) in test_sets.items()
}
record_metrics("encoder/label-sorted", label_sorted.metrics)
record_metrics(
    "encoder/label-sorted-rows", {k: Metric(v) for k, v in label_sorted.config["texts"].items()}
)
show_table(
    pd.DataFrame(rows).T.rename_axis("tested on"), "tbl-encoder-label-sorted", {"reviews": ",.0f"}
)

# %% [markdown]
# Never wrong on its own test rows, and as good as a coin on all. The rows that it learned from
# hold one class, those that it was tested on hold the same one, and of all reviews there are it
# says that one class: there was nothing to learn but a word to repeat.

# %% label="tbl-encoder-label-sorted-classes"
counts = {
    "rows to train on": label_sorted.metrics["head_classes_train"].value,
    "rows to test on": label_sorted.metrics["head_classes_test"].value,
    "answers on all reviews": label_sorted.metrics["classes_said"].value,
}
show_table(
    pd.Series(counts, name="classes").rename_axis("where").to_frame(),
    "tbl-encoder-label-sorted-classes",
    {"classes": ".0f"},
)

# %% [markdown]
# No bug in the network is needed for that, and no look at its code would find it. A look at the
# labels does. `wholescript prepare --head` refuses the cut:

# %%
print(label_sorted.config["refusal"])

# %% [markdown]
# ## The same encoder on all reviews
#
# Now all training reviews, shuffled, a tenth of them held out for validation, and all test reviews.
# *encoder-published* is the network with the settings that it was published with. *encoder* adds
# what is usual by now: warm-up and a cosine, clipped gradients, smoothed labels, a higher rate.
# *encoder-pretrained* and *encoder-read-longer* have read before, of which more below.
# Beside them are models that only count words: naive Bayes, logistic regression on TF-IDF, and a
# linear SVM on the log-ratios of naive Bayes.

# %% label="fig-encoder-accuracy"
runs = study.by_dataset(study.trained_on_all(load_document_runs("sentiment")))["sentiment"]
tfidf_models = ["naive-bayes", "tfidf-logistic", "nb-svm"]
models = {name: runs[name] for name in runs if name in tfidf_models or name.startswith("encoder")}
for name, seeds in models.items():
    record_metrics(f"encoder/{name}", study.metrics_over_seeds(seeds))
record_metrics("encoder/ratios", study.error_rate_ratios(models, "tfidf-logistic"))
constant_prediction = {"one class for all": {"value": 0.5, "low": 0.5, "high": 0.5}}
table = pd.concat([pd.DataFrame(constant_prediction).T, study.accuracy_table(models)])
show_figure(score_plots.forest_plot(table, "accuracy on test"), "fig-encoder-accuracy")

# %% label="tbl-encoder-models"
formats = {"trained": ",.0f", "train_s": ",.0f", "s_per_1000": ".2f", "GB": ".2f", "seeds": ".0f"}
show_table(study.model_table(models), "tbl-encoder-models", formats)

# %% [markdown]
# ## How it learns

# %% label="fig-encoder-curves"
show_figure(plots.training_curves(classifier_histories(models)), "fig-encoder-curves")

# %% [markdown]
# The loss on training reviews goes on falling where that on validation has turned: twenty thousand
# reviews are soon known by heart. The losses of *encoder* and of *encoder-pretrained* are of
# smoothed labels, and higher for that; the scores can be compared.

# %% [markdown]
# ## Reading first
#
# Twenty thousand reviews with a verdict are few, and fifty thousand without one lie beside them.
# *encoder-pretrained* read them all first, twice, filling in words that were hidden from it (Devlin
# et al., 2019). Then it learned the verdicts from up to 512 words of a review, three tenths of them
# hidden anew in each epoch. *encoder-read-longer* read them eight times, in batches eight times as
# large, on a graphics card: its seconds are of that machine, all others of one core.

# %% label="tbl-encoder-pretraining"
record_metrics("encoder/pretraining-ratios", study.error_rate_ratios(models, "encoder"))
names = ("encoder", "encoder-pretrained", "encoder-read-longer")
pretraining_table = study.model_table({name: models[name] for name in names})
show_table(
    pretraining_table[["error", "low", "high", "train_s"]],
    "tbl-encoder-pretraining",
    {"train_s": ",.0f"},
)

# %% [markdown]
# Both make fewer errors than the encoder that read nothing before, and the one that read longer the
# fewest, each by more than chance. Both make more than counted words. Longer texts and hidden words
# are in the difference too.

# %% [markdown]
# ## What it gets wrong
#
# By class: how many of the reviews that are called good are good (precision), and how many of the
# good ones are called so (recall).

# %% label="tbl-encoder-classes"
show_table(per_class_table(models), "tbl-encoder-classes")

# %% label="fig-encoder-confusion"
confused = {
    name: [run.predictions(DocumentPredictions) for run in seeds] for name, seeds in models.items()
}
show_figure(plots.confusion(confused, columns=3), "fig-encoder-confusion")

# %% [markdown]
# The reviews that the encoder got wrong while it was surest of itself were read, and what stands
# in the way was noted by hand, a reason each. The reviews themselves cannot be shown; their rows
# in the official test file can.

# %% label="tbl-encoder-errors"
annotations = pd.read_csv(notebook.project.root / error_annotations)
reasons = annotations.groupby("reason").agg(
    reviews=("row", "size"), rows=("row", lambda r: str(list(r)))
)
record_metrics(
    "encoder/error-analysis",
    {
        "read": Metric(len(annotations)),
        "label_seems_wrong": Metric(
            float((annotations["reason"] == "the label seems wrong").mean())
        ),
    },
)
show_table(reasons.sort_values("reviews", ascending=False), "tbl-encoder-errors")

# %% [markdown]
# Reviews that weigh good against bad are the most. Next come reviews whose label no reader would
# have given them: a part of what looks like error is in the labels.

# %% [markdown]
# ## What it reads
#
# A review of our own. The upper panel shows by how much the encoder is less sure of its verdict
# when a word is hidden from it; the lower one what share of the last states each word has, by the
# attention of all blocks.

# %% label="fig-encoder-token-attribution"
words = load_analysis_run("sentiment/encoder-s0-token-attribution")
record_metrics("encoder/token-attribution", words.metrics)
show_figure(plots.token_attribution(words.history), "fig-encoder-token-attribution")

# %%
print(words.settings["text"])
print(f"{words.config['said']}, at {words.metrics['probability'].value:.0%}")

# %% [markdown]
# Few words decide, and most of them speak for themselves: *masterpiece* counts for the film
# although *not* stands before it. Over the words of this review attention goes along with what they
# decide only a little.
#
# **What this shows.** A perfect score was made by the order of a file. Trained and tested on all
# reviews, the same encoder is far from perfect. Reading all reviews before makes it better, the
# longer the better, and all make more errors than a linear model of counted words that is trained
# in a fraction of the time.
#
# **What it does not show.** What the reading alone is worth, beside longer texts and hidden words,
# nor where it ends: after eight rounds it still helped. Each encoder was trained once.
#
# **Next.** [Headlines](10_headlines.ipynb), one measured step at a time.
