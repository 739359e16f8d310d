# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Interpretation: what the models use
#
# **Question.** The models rank films better than chance. Which part of the script do
# they use, and how much do they depend on names, dates, topic, decade, or the opening
# pages, where writers are named?
#
# **What you need.** The bundled features, a list of the words that are names, and the
# runs of [Evaluation](05_evaluation.ipynb) and [Training](04_training.ipynb). **How
# long it takes.** Eight minutes on two cores; stored measurements are loaded.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
n_parts = 20  # equal parts of a script, occluded one at a time
n_topics = 12  # NMF topics, as a stand-in for genre
seed = 0  # of folds, initial weights, dropout, topics and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
import pandas as pd

from wholescript.data.films.summary import positive_rates
from wholescript.evaluation.film_comparison import difference_table
from wholescript.evaluation.strata import auc_by_stratum, within_stratum_auc
from wholescript.evaluation.top_errors import top_errors
from wholescript.features.date_words import DATE_WORDS
from wholescript.features.proper_names import read_proper_names
from wholescript.features.topics import fit_topics
from wholescript.models.films.ablation import (
    FeatureAblation,
    OpeningAblation,
    WordAblation,
)
from wholescript.models.films.tfidf import TfidfLR
from wholescript.plots.forest import forest_plot

# %%
from wholescript.publish.cells import (
    begin_notebook,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays import comparison, interpretation
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.experiments import (
    cross_validation_run,
    load_or_run,
    measure_run,
    record_differences,
)
from wholescript.studies.screenplays.keyness_of_predictions import (
    compare_keyness,
    predicted_labels,
)
from wholescript.studies.screenplays.models.configurations import aggregators
from wholescript.studies.screenplays.plots import interpretation as plots

# %%
notebook = begin_notebook("06_interpretation", globals())
data = open_screenplay_data()
dataset, folds = data.dataset, data.folds
TFIDF = "TF-IDF + logistic regression"
tfidf = TfidfLR()
all_aggregators = aggregators(data.profile.epochs, data.profile.n_inner_folds)
chunks = {
    name: all_aggregators[name]
    for name in ("mean pooling", "gated attention", "query decoder")
}
mean = chunks["mean pooling"]
print(
    f"{len(data.corpus):,} films, {dataset.labels.sum()} positive, {len(folds)} folds"
)

# %% [markdown]
# ## Occluding one part of the script at a time
#
# A fitted model scores a test film whole, then without one of twenty equal parts. The
# change of the logit is the occlusion effect of the part. The folds are those of the
# first repeat; for aggregators with attention, one network per fold is examined.
#
# First the size of the change, whatever its direction: 1 is that of the film's mean
# part.

# %%
common = {
    "data": data.corpus.provenance.fingerprint,
    "features": dataset.features.manifest,
}
settings = common | {
    "models": [model.config for model in chunks.values()],
    "n_parts": n_parts,
}
occlusion = measure_run(
    "interpretation/occlusion-by-part",
    settings,
    interpretation.INTERPRETATION_MODULES,
    lambda: interpretation.occlusion_metrics(
        chunks, dataset, folds, n_parts=n_parts, seed=seed
    ),
)

# %% label="fig-occlusion-by-part"
relative_change = interpretation.occlusion_table(occlusion.metrics, "relative_change")
show_figure(
    plots.by_script_position(
        relative_change, "|change of logit|, mean part = 1", reference_value=1
    ),
    "fig-occlusion-by-part",
)

# %% [markdown]
# Then its direction: the difference between nominated and other films in the
# contribution of a part, in standard deviations of the logit. All three models average
# over chunks, so an occluded part is in effect replaced by the rest: above the line a
# part is more predictive than the rest of its script, and a signal that is spread
# evenly would lie on the line.

# %% label="fig-occlusion-class-difference"
class_difference = interpretation.occlusion_table(occlusion.metrics, "class_difference")
show_figure(
    plots.by_script_position(
        class_difference, "class difference, SD of logit", reference_value=0
    ),
    "fig-occlusion-class-difference",
)

# %% [markdown]
# ## Attention against occlusion
#
# Attention is often shown as an explanation. If it were one, the chunks with most
# attention would be those whose occlusion changes the logit most [@jain2019attention].
# For each film the chunks are ranked by both, and the ranks are correlated; the mean
# over films is shown. The lower rows correlate the occlusion effects of two models over
# the parts of a script.

# %% label="fig-attention-occlusion"
rank_correlation = interpretation.interval_table(occlusion.metrics, ":rank_correlation")
show_figure(
    forest_plot(rank_correlation, "rank correlation", reference=0, in_order=True),
    "fig-attention-occlusion",
)

# %% [markdown]
# Mean occlusion effect of a chunk of the most attended tenth, relative to that of a
# random chunk:

# %% label="tbl-attention-occlusion"
top_decile_change = interpretation.interval_table(
    occlusion.metrics, ":top_decile_relative_change"
).rename_axis("model")
show_table(
    top_decile_change,
    "tbl-attention-occlusion",
    {name: ".2f" for name in top_decile_change},
)

# %% [markdown]
# ## Without one quarter
#
# The [evaluation](05_evaluation.ipynb) used models of one quarter. Here TF-IDF +
# logistic regression, trained on whole scripts, is tested on scripts without one
# quarter. The paired change of AUROC is the part of the signal that the rest of the
# script cannot replace.

# %% label="fig-without-quarter"
quarters = measure_run(
    "interpretation/quarters",
    common | {"models": [tfidf.config]},
    interpretation.INTERPRETATION_MODULES,
    lambda: interpretation.quarter_ablation_metrics(tfidf, dataset, folds, seed=seed),
)
auc_change = interpretation.interval_table(quarters.metrics, ":auc_change")
figure = forest_plot(
    auc_change, "change of AUROC", reference=0, in_order=True, model=TFIDF
)
show_figure(figure, "fig-without-quarter")

# %% [markdown]
# ## Names, dates and opening pages
#
# A model could recognise films by their names, and decades by their dates. Names are
# the words that the scripts capitalise within a sentence more often than not: people,
# places, makes, titles. Dates are months, days, number words and the like; digits are
# never counted. The models are trained and tested without them, on the same folds.

# %%
names = read_proper_names()
ablations = {
    "without names": WordAblation(names),
    "without dates": WordAblation(DATE_WORDS),
    "without names and dates": WordAblation(names | DATE_WORDS),
    "names only": WordAblation(names, keep_only=True),
    "without opening": OpeningAblation(),
}
ablated_runs = {
    f"{TFIDF}, {name}": cross_validation_run(
        f"interpretation/tfidf-logistic-{name.replace(' ', '-')}",
        FeatureAblation(tfidf, ablation),
        data,
    )
    for name, ablation in ablations.items()
}

# %%
runs = {TFIDF: load_or_run("evaluation/tfidf-logistic", tfidf, data)} | ablated_runs
mean_pooling_runs = {"mean pooling": load_or_run("training/mean-pooling", mean, data)}
ablated = FeatureAblation(mean, OpeningAblation())
mean_pooling_runs |= {
    "mean pooling, without opening": cross_validation_run(
        "interpretation/mean-pooling-without-opening", ablated, data
    )
}

# %% label="fig-feature-ablation"
by_words = comparison.compare_runs(runs, "auc", baseline=TFIDF, seed=seed)
by_chunks = comparison.compare_runs(
    mean_pooling_runs, "auc", baseline="mean pooling", seed=seed
)
record_differences("interpretation/differences", [by_words], baseline=TFIDF)
paired = pd.concat(
    [
        difference_table(by_words.table, TFIDF),
        difference_table(by_chunks.table, "mean pooling"),
    ]
)
show_figure(forest_plot(paired, "change of AUROC", reference=0), "fig-feature-ablation")

# %% [markdown]
# ## Topics as a stand-in for genre
#
# The data hold no genre. Topics stand in for it: a non-negative matrix factorisation
# (NMF) [@lee1999nmf] of the word weights, without names, finds groups of words that
# occur together, and each film gets its strongest topic. No label is used. A topic is
# named by its first words.

# %% label="fig-topics"
predictions = comparison.run_predictions(runs | mean_pooling_runs)
found = fit_topics(dataset.features.word_counts, names, n_topics, seed=seed)
rate = positive_rates(dataset.labels, found.film_topics)[["rate", "low", "high"]]
rate.columns = ["rate", "rate_low", "rate_high"]
rate.index = pd.Index([found.names[topic] for topic in rate.index])
within_topics = auc_by_stratum(
    predictions[TFIDF], found.film_topics, found.names, seed=seed
)
table = rate.join(within_topics).sort_values("rate")
show_figure(plots.topics(table, dataset.labels.mean()), "fig-topics")

# %% [markdown] tags=["published"]
# Topics differ widely in their positive rate. The table shows how much of the AUROC is
# due to that: only films of one decade, of one topic, or of one topic in one half of
# the years are compared with each other.

# %%
decade = data.corpus.films["year"].to_numpy() // 10 - 190
later_half = (data.corpus.films["year"] > data.corpus.films["year"].median()).to_numpy()
strata = {
    "decade": decade,
    "topic": found.film_topics,
    "topic and half": 2 * found.film_topics + later_half,
}
models = {
    "tfidf-logistic": predictions[TFIDF],
    "mean pooling": predictions["mean pooling"],
}
tables = {
    f"{name} by {stratum}": within_stratum_auc(model, numbers, seed=seed)
    for name, model in models.items()
    for stratum, numbers in strata.items()
}

# %% label="tbl-strata"
stored = record_metrics("interpretation/strata", interpretation.strata_metrics(tables))
within = interpretation.interval_table(
    stored.metrics, ":within_stratum_auc"
).rename_axis("AUROC")
auc_change = interpretation.interval_table(stored.metrics, ":auc_change").add_suffix(
    " of change"
)
show_table(within.join(auc_change), "tbl-strata")

# %% [markdown]
# ## Keyness of predicted and of true nominations
#
# As many films as were nominated are predicted positive, those with the highest
# out-of-fold ranks. The effect size of each word for the predicted class is compared
# with that for the true class. On the dotted line both are the same.

# %% label="fig-keyness-predicted"
predicted = predicted_labels(predictions[TFIDF])
keyness_comparison = compare_keyness(
    dataset.features.word_counts, dataset.labels, predicted
)
show_figure(plots.keyness_scatter(keyness_comparison), "fig-keyness-predicted")

# %% label="tbl-keyness-predicted"
keyness_agreement = interpretation.keyness_metrics(models, dataset, seed=seed)
keyness = record_metrics("interpretation/keyness", keyness_agreement)
show_table(
    interpretation.interval_table(keyness.metrics).rename_axis("metric"),
    "tbl-keyness-predicted",
)

# %% [markdown]
# ## Largest errors
#
# For TF-IDF + logistic regression: the films ranked highest without a nomination, and
# lowest with one. Probabilities are means over the repeats, with their range.

# %% label="tbl-false-positives"
formats = {"probability": ".2f", "low": ".2f", "high": ".2f"}
false_positives = top_errors(predictions[TFIDF], data.corpus.films, label=0)
show_table(false_positives, "tbl-false-positives", formats)

# %% label="tbl-false-negatives"
false_negatives = top_errors(predictions[TFIDF], data.corpus.films, label=1)
show_table(false_negatives, "tbl-false-negatives", formats)

# %% [markdown]
# **What this shows.** Which parts, words and films the ranking depends on, with the
# paired change of AUROC when each is removed.
#
# **What it does not show.** Cause. A part that can be removed without loss may still be
# used: other parts carry the same information. Names cannot be removed from the stored
# chunk embeddings, so that question is answered for TF-IDF only.
