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
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.evaluation.strata import auc_by_stratum, within_stratum_auc
from wholescript.evaluation.top_errors import top_errors
from wholescript.features.character_names import read_proper_names
from wholescript.features.date_words import DATE_WORDS
from wholescript.features.topics import fit_topics
from wholescript.models.ablation import FeatureAblation, OpeningAblation, WordAblation
from wholescript.models.tfidf import TfidfLR
from wholescript.plots import scores

# %%
from wholescript.publish.cells import (
    ModelComparison,
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
    compare_feature_effects,
    predicted_labels,
)
from wholescript.studies.screenplays.models.aggregation import aggregators
from wholescript.studies.screenplays.plots import interpretation as plots
from wholescript.studies.screenplays.study import open_study

# %%
notebook = begin_notebook("06_reading", globals())
study = open_study()
task, folds = study.task, study.folds
words = TfidfLR()
all_aggregators = aggregators(epochs=study.scale.epochs, inner_folds=study.scale.inner_folds)
chunks = {
    name: all_aggregators[name] for name in ("mean pooling", "gated attention", "query decoder")
}
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
    reading.INTERPRETATION_MODULES,
    lambda: reading.occlusion_metrics(chunks, task, folds, parts=parts, seed=seed),
)
relative_change = reading.occlusion_table(along.metrics, "moved")
show_figure(plots.along(relative_change, "move, 1 = mean part", reference_value=1), "fig-along")

# %% [markdown]
# Then its direction: how much further a part lifts the score of nominated films than that of
# others, in standard deviations of the score. All three models average over the chunks, so what is
# hidden is replaced by the rest: above the line a part tells more than the rest of its script does,
# and a signal that is spread evenly would give the line itself.

# %% label="fig-along-apart"
class_difference = reading.occlusion_table(along.metrics, "apart")
show_figure(
    plots.along(class_difference, "lift of nominated films", reference_value=0), "fig-along-apart"
)

# %% [markdown]
# ## Attention against occlusion
#
# Attention is often shown as an explanation. If it were one, the chunks that get most of it would
# be those whose removal moves the score most (Jain and Wallace, 2019). For each film the chunks are
# ranked by both, and the ranks correlated; the mean over films is shown. Below, whether two models
# move at the same parts of the same script.

# %% label="fig-attention-occlusion"
rank_correlation = reading.metric_table(along.metrics, ":agreement")
show_figure(
    scores.forest_plot(rank_correlation, "rank correlation", reference=0), "fig-attention-occlusion"
)

# %% [markdown]
# The most attended tenth of the chunks, removed one by one, moves the score by so many times what
# a chunk drawn at random does:

# %% label="tbl-attended"
top_decile_change = reading.metric_table(along.metrics, ":attended").rename_axis("model")
show_table(top_decile_change, "tbl-attended", {name: ".2f" for name in top_decile_change})

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
    reading.INTERPRETATION_MODULES,
    lambda: reading.quarter_ablation_metrics(words, task, folds, seed=seed),
)
auc_change = reading.metric_table(quarters.metrics)
show_figure(scores.forest_plot(auc_change, "change of AUC", reference=0), "fig-without-quarter")

# %% [markdown]
# ## Names, dates and first pages
#
# A model could know films by their names, and eras by their dates. Names are the words that the
# scripts capitalise in the midst of a sentence more often than not: people, places, makes, titles.
# Dates are months, days, number words and the like; digits are never counted. The models learn and
# are tested anew without them, on the same folds.

# %%
names = read_proper_names()
ablations = {
    "without names": WordAblation(names),
    "without dates": WordAblation(DATE_WORDS),
    "without both": WordAblation(names | DATE_WORDS),
    "names alone": WordAblation(names, only=True),
    "without opening": OpeningAblation(),
}
ablated_runs = {
    f"words, {name}": evaluate_run(
        f"reading/words-{name.replace(' ', '-')}", FeatureAblation(words, ablation), study
    )
    for name, ablation in ablations.items()
}
runs = {"words": load_run("evaluation/words", words, study)} | ablated_runs
mean_pooling_runs = {"mean pooling": load_run("training/mean-pooling", mean, study)}
ablated = FeatureAblation(mean, OpeningAblation())
mean_pooling_runs |= {
    "mean pooling, without opening": evaluate_run("reading/mean-opening", ablated, study)
}

# %% label="fig-masked"
predictions = {name: run.predictions(FilmPredictions) for name, run in runs.items()}
chunk_predictions = {
    name: run.predictions(FilmPredictions) for name, run in mean_pooling_runs.items()
}
by_words = compare(predictions, "auc", baseline="words", seed=seed)
by_chunks = compare(chunk_predictions, "auc", baseline="mean pooling", seed=seed)
record_differences(
    "reading/differences", [ModelComparison(runs, "auc", by_words)], baseline="words"
)
paired = pd.concat([by_words, by_chunks]).drop(index=["words", "mean pooling"])
paired = paired[["difference", "difference_low", "difference_high"]]
paired.columns = ["value", "low", "high"]
show_figure(scores.forest_plot(paired, "change of AUC", reference=0), "fig-masked")

# %% [markdown]
# ## Subject as a stand-in for genre
#
# The data hold no genre. Topics stand in for it: a non-negative factorisation of the word weights,
# names left out, finds groups of words that go together, and each film gets its strongest. No label
# plays a part. A topic is named by its first words.

# %% label="fig-topics"
found = fit_topics(task.features.words, names, topics, seed=seed)
rate = rates(task.labels, found.film_topics)[["rate", "low", "high"]]
rate.columns = ["rate", "rate_low", "rate_high"]
rate.index = pd.Index([found.names[topic] for topic in rate.index])
within_topics = auc_by_stratum(predictions["words"], found.film_topics, found.names, seed=seed)
table = rate.join(within_topics).sort_values("rate")
show_figure(plots.topics(table, task.labels.mean()), "fig-topics")

# %% [markdown]
# Subjects differ widely in their rate. How much of the ranking is that? Below, only films of one
# decade, of one topic, or of one topic of one half of the years are compared with each other.

# %% label="tbl-strata"
decade = study.corpus.films["year"].to_numpy() // 10 - 190
later_half = (study.corpus.films["year"] > study.corpus.films["year"].median()).to_numpy()
strata = {
    "decade": decade,
    "topic": found.film_topics,
    "topic and half": 2 * found.film_topics + later_half,
}
models = {"words": predictions["words"], "mean pooling": chunk_predictions["mean pooling"]}
tables = {
    f"{name} by {stratum}": within_stratum_auc(model, numbers, seed=seed)
    for name, model in models.items()
    for stratum, numbers in strata.items()
}
stored = record_metrics("reading/strata", reading.strata_metrics(tables))
within = reading.metric_table(stored.metrics, ":within").rename_axis("AUC")
auc_change = reading.metric_table(stored.metrics, ":lost").add_suffix(" lost")
show_table(within.join(auc_change), "tbl-strata")

# %% [markdown]
# ## What marks a film as nominated, and what the model takes for a mark
#
# As many films as were nominated are called so, those of the highest out-of-fold ranks. Words that
# films called nominated use more can then be laid beside words that nominated films use more. On
# the dotted line both effects are the same.

# %% label="fig-typical"
predicted = predicted_labels(predictions["words"])
keyness_comparison = compare_feature_effects(task.features.words, task.labels, predicted)
show_figure(plots.feature_effect_scatter(keyness_comparison), "fig-typical")

# %% label="tbl-typical"
keyness_agreement = reading.keyness_metrics(models, task, seed=seed)
keyness = record_metrics("reading/keyness", keyness_agreement)
show_table(reading.metric_table(keyness.metrics).rename_axis("measured"), "tbl-typical")

# %% [markdown]
# ## Where the model errs most
#
# Of the words model: the films that it ranks highest though they were not nominated, and lowest
# though they were. Probabilities are means over the repeats, with their range.

# %% label="tbl-false-alarms"
formats = {"probability": ".2f", "low": ".2f", "high": ".2f"}
false_positives = top_errors(predictions["words"], study.corpus.films, label=0)
show_table(false_positives, "tbl-false-alarms", formats)

# %% label="tbl-missed"
false_negatives = top_errors(predictions["words"], study.corpus.films, label=1)
show_table(false_negatives, "tbl-missed", formats)

# %% [markdown]
# **What this shows.** Where in the script, in which words and across which films the ranking comes
# about, with the paired price of hiding each.
#
# **What it does not show.** Cause. A part that can be hidden without loss may still be read: other
# parts say the same. Names cannot be cut out of the stored chunk vectors, so that question is
# answered for words alone.
