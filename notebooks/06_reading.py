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
# # Reading: what the models look at
#
# **Question.** The models rank films better than chance. By what? By which part of the script, by
# whose names and which dates, by subject and era, or by the first pages, where writers say who they
# are?
#
# **What you need.** The bundled features, a list of the words that are names, and the runs of
# [Evaluation](05_evaluation.ipynb) and [Training](04_training.ipynb). **How long it takes.** Eight
# minutes on two cores; what was measured is stored and found again.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
parts = 20  # of a script, hidden one at a time
topics = 12  # stand-ins for genre, found in the words
seed = 0  # of folds, initial weights, dropout, topics and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
import pandas as pd

from wholescript.data.films.summary import rates
from wholescript.evaluation.comparison import compare
from wholescript.evaluation.predictions import Predictions
from wholescript.evaluation.strata import by_stratum, within_strata
from wholescript.evaluation.top_errors import gallery
from wholescript.features.character_names import read_names
from wholescript.features.date_words import DATES
from wholescript.features.topics import find_topics
from wholescript.models.ablation import Masked, WithoutOpening, WithoutWords
from wholescript.models.tfidf import WordsLR
from wholescript.plots import scores

# %%
from wholescript.publish.cells import (
    Compared,
    begin_notebook,
    evaluate_run,
    load_run,
    measure_run,
    record_differences,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays import interpretation as reading
from wholescript.studies.screenplays.keyness_of_predictions import (
    compare_keyness,
    predicted_labels,
)
from wholescript.studies.screenplays.models.aggregation import aggregators
from wholescript.studies.screenplays.plots import interpretation as plots
from wholescript.studies.screenplays.study import open_study

# %%
notebook = begin_notebook("06_reading", globals())
study = open_study()
task, folds = study.task, study.folds
words = WordsLR()
built = aggregators(epochs=study.scale.epochs, inner_folds=study.scale.inner_folds)
chunks = {name: built[name] for name in ("mean pooling", "gated attention", "query decoder")}
mean = chunks["mean pooling"]
print(f"{len(study.corpus):,} films, {task.labels.sum()} positive, {len(folds)} folds")

# %% [markdown]
# ## Hiding one part of the script at a time
#
# A fitted model reads a test film whole, then without one of twenty equal parts. If the score
# moves, the part mattered to the model. The folds are those of the first repeat; of each aggregator
# that says what it attends to, one network a fold is asked.
#
# First the size of the move, whatever its direction: 1 is what the film's mean part does.

# %% label="fig-along"
common = {"data": study.corpus.provenance.fingerprint, "features": task.features.manifest}
settings = common | {"models": [model.config for model in chunks.values()], "parts": parts}
along = measure_run(
    "reading/along",
    settings,
    reading.READING_MODULES,
    lambda: reading.along_metrics(chunks, task, folds, parts=parts, seed=seed),
)
moved = reading.along_table(along.metrics, "moved")
show_figure(plots.along(moved, "move, 1 = mean part", even=1), "fig-along")

# %% [markdown]
# Then its direction: how much further a part lifts the score of nominated films than that of
# others, in standard deviations of the score. All three models average over the chunks, so what is
# hidden is replaced by the rest: above the line a part tells more than the rest of its script does,
# and a signal that is spread evenly would give the line itself.

# %% label="fig-along-apart"
apart = reading.along_table(along.metrics, "apart")
show_figure(plots.along(apart, "lift of nominated films", even=0), "fig-along-apart")

# %% [markdown]
# ## Attention against occlusion
#
# Attention is often shown as an explanation. If it were one, the chunks that get most of it would
# be those whose removal moves the score most (Jain and Wallace, 2019). For each film the chunks are
# ranked by both, and the ranks correlated; the mean over films is shown. Below, whether two models
# move at the same parts of the same script.

# %% label="fig-attention-occlusion"
agreement = reading.metric_table(along.metrics, ":agreement")
show_figure(scores.forest(agreement, "rank correlation", reference=0), "fig-attention-occlusion")

# %% [markdown]
# The most attended tenth of the chunks, removed one by one, moves the score by so many times what
# a chunk drawn at random does:

# %% label="tbl-attended"
attended = reading.metric_table(along.metrics, ":attended").rename_axis("model")
show_table(attended, "tbl-attended", {name: ".2f" for name in attended})

# %% [markdown]
# ## Without one quarter
#
# The [evaluation](05_evaluation.ipynb) asked what a quarter tells alone. Here the words
# model, which learned from whole scripts, is tested on scripts that lack one. The paired change of
# AUC says what nothing else in the script can replace.

# %% label="fig-without-quarter"
quarters = measure_run(
    "reading/quarters",
    common | {"models": [words.config]},
    reading.READING_MODULES,
    lambda: reading.quarter_metrics(words, task, folds, seed=seed),
)
lost = reading.metric_table(quarters.metrics)
show_figure(scores.forest(lost, "change of AUC", reference=0), "fig-without-quarter")

# %% [markdown]
# ## Names, dates and first pages
#
# A model could know films by their names, and eras by their dates. Names are the words that the
# scripts capitalise in the midst of a sentence more often than not: people, places, makes, titles.
# Dates are months, days, number words and the like; digits are never counted. The models learn and
# are tested anew without them, on the same folds.

# %%
names = read_names()
masks = {
    "without names": WithoutWords(names),
    "without dates": WithoutWords(DATES),
    "without both": WithoutWords(names | DATES),
    "names alone": WithoutWords(names, only=True),
    "without opening": WithoutOpening(),
}
masked = {
    f"words, {name}": evaluate_run(
        f"reading/words-{name.replace(' ', '-')}", Masked(words, mask), study
    )
    for name, mask in masks.items()
}
runs = {"words": load_run("evaluation/words", words, study)} | masked
pooled = {"mean pooling": load_run("training/mean-pooling", mean, study)}
hidden = Masked(mean, WithoutOpening())
pooled |= {"mean pooling, without opening": evaluate_run("reading/mean-opening", hidden, study)}

# %% label="fig-masked"
predictions = {name: run.predictions(Predictions) for name, run in runs.items()}
chunk_predictions = {name: run.predictions(Predictions) for name, run in pooled.items()}
by_words = compare(predictions, "auc", baseline="words", seed=seed)
by_chunks = compare(chunk_predictions, "auc", baseline="mean pooling", seed=seed)
record_differences("reading/differences", [Compared(runs, "auc", by_words)], baseline="words")
paired = pd.concat([by_words, by_chunks]).drop(index=["words", "mean pooling"])
paired = paired[["difference", "difference_low", "difference_high"]]
paired.columns = ["value", "low", "high"]
show_figure(scores.forest(paired, "change of AUC", reference=0), "fig-masked")

# %% [markdown]
# ## Subject as a stand-in for genre
#
# The data hold no genre. Topics stand in for it: a non-negative factorisation of the word weights,
# names left out, finds groups of words that go together, and each film gets its strongest. No label
# plays a part. A topic is named by its first words.

# %% label="fig-topics"
found = find_topics(task.features.words, names, topics, seed=seed)
rate = rates(task.labels, found.of_films)[["rate", "low", "high"]]
rate.columns = ["rate", "rate_low", "rate_high"]
rate.index = pd.Index([found.names[topic] for topic in rate.index])
inside = by_stratum(predictions["words"], found.of_films, found.names, seed=seed)
table = rate.join(inside).sort_values("rate")
show_figure(plots.topics(table, task.labels.mean()), "fig-topics")

# %% [markdown]
# Subjects differ widely in their rate. How much of the ranking is that? Below, only films of one
# decade, of one topic, or of one topic of one half of the years are compared with each other.

# %% label="tbl-strata"
decade = study.corpus.films["year"].to_numpy() // 10 - 190
late = (study.corpus.films["year"] > study.corpus.films["year"].median()).to_numpy()
strata = {"decade": decade, "topic": found.of_films, "topic and half": 2 * found.of_films + late}
models = {"words": predictions["words"], "mean pooling": chunk_predictions["mean pooling"]}
tables = {
    f"{name} by {stratum}": within_strata(model, numbers, seed=seed)
    for name, model in models.items()
    for stratum, numbers in strata.items()
}
stored = record_metrics("reading/strata", reading.strata_metrics(tables))
within = reading.metric_table(stored.metrics, ":within").rename_axis("AUC")
lost = reading.metric_table(stored.metrics, ":lost").add_suffix(" lost")
show_table(within.join(lost), "tbl-strata")

# %% [markdown]
# ## What marks a film as nominated, and what the model takes for a mark
#
# As many films as were nominated are called so, those of the highest out-of-fold ranks. Words that
# films called nominated use more can then be laid beside words that nominated films use more. On
# the dotted line both effects are the same.

# %% label="fig-typical"
called = predicted_labels(predictions["words"])
typical = compare_keyness(task.features.words, task.labels, called)
show_figure(plots.keyness_against(typical), "fig-typical")

# %% label="tbl-typical"
alike = reading.keyness_metrics(models, task, seed=seed)
keyness = record_metrics("reading/keyness", alike)
show_table(reading.metric_table(keyness.metrics).rename_axis("measured"), "tbl-typical")

# %% [markdown]
# ## Where the model errs most
#
# Of the words model: the films that it ranks highest though they were not nominated, and lowest
# though they were. Probabilities are means over the repeats, with their range.

# %% label="tbl-false-alarms"
formats = {"probability": ".2f", "low": ".2f", "high": ".2f"}
alarms = gallery(predictions["words"], study.corpus.films, label=0)
show_table(alarms, "tbl-false-alarms", formats)

# %% label="tbl-missed"
missed = gallery(predictions["words"], study.corpus.films, label=1)
show_table(missed, "tbl-missed", formats)

# %% [markdown]
# **What this shows.** Where in the script, in which words and across which films the ranking comes
# about, with the paired price of hiding each.
#
# **What it does not show.** Cause. A part that can be hidden without loss may still be read: other
# parts say the same. Names cannot be cut out of the stored chunk vectors, so that question is
# answered for words alone.
