# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Evaluation: n-grams, chunk embeddings, and combinations
#
# **Question.** Does any model of frozen chunk embeddings predict better than TF-IDF of words or of
# n-grams, and do they predict more than decade, length and source do?
#
# **What you need.** The bundled features, and the runs of [Training](04_training.ipynb), which are
# stored; with other parameters they are trained here. **How long it takes.** A quarter of an hour
# on two cores if everything is trained; finished folds are loaded.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
fields = "script"  # script | summary | title | all (title, summary, script); others need texts
first_test_year = 2010  # first test year of the temporal split
chunk_length = 254  # tokens per chunk; other lengths need the texts and the encoder
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
import numpy as np

from wholescript.evaluation.film_comparison import auc_by_decade, compare, metric_table
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.models.films.ablation import FeatureAblation, OutsideWindowAblation
from wholescript.models.films.controls import controls
from wholescript.models.films.stacking import StackingEnsemble
from wholescript.models.films.tfidf import TfidfLR
from wholescript.plots import films as plots
from wholescript.plots.forest import forest_plot

# %%
from wholescript.publish.cells import (
    Metric,
    ModelComparison,
    begin_notebook,
    cross_validation_run,
    end_to_end_runs,
    load_or_run,
    record_differences,
    record_metrics,
    show_figure,
    show_table,
    with_fold_cache,
)
from wholescript.studies.screenplays.data import (
    open_screenplay_data,
    with_extra_training_films,
)
from wholescript.studies.screenplays.experiments import interval_metric
from wholescript.studies.screenplays.models.configurations import (
    aggregators,
    end_to_end_models,
    late_fusion_models,
    ngram_models,
)

# %%
notebook = begin_notebook("05_evaluation", globals())
data = open_screenplay_data()
print(f"{len(data.corpus):,} films, {data.dataset.labels.sum()} positive, {len(data.folds)} folds")

# %% [markdown]
# ## Models compared
#
# The baseline is TF-IDF + logistic regression on single words. It is compared with the same on
# n-grams, with the aggregators of frozen chunk embeddings, and with two combinations: *late
# fusion*, gated attention with TF-IDF, layout, year and length as extra features; and *stacking*, a
# logistic regression on the inner-fold logits of TF-IDF and the aggregators.

# %%
BASELINE, NGRAMS = "TF-IDF + logistic regression", "n-grams (1 to 3)"
tfidf, ngrams = TfidfLR(), ngram_models()
chunks = aggregators(data.profile.epochs, data.profile.n_inner_folds)
stacking = StackingEnsemble([with_fold_cache(model, data) for model in (tfidf, *chunks.values())])
runs = {name: load_or_run(f"training/{model.name}", model, data) for name, model in chunks.items()}
fusion = late_fusion_models(data.profile.epochs, data.profile.n_inner_folds)[
    "year, length, layout, TF-IDF"
]
runs |= {"late fusion": load_or_run(f"training/{fusion.name}", fusion, data)}
models_here = {BASELINE: tfidf, NGRAMS: ngrams[NGRAMS], "stacking": stacking}
runs |= {
    name: cross_validation_run(f"evaluation/{model.name}", model, data)
    for name, model in models_here.items()
}

# %%
temporal_runs = {
    name: load_or_run(f"training/{model.name}-temporal", model, data, split="temporal")
    for name, model in chunks.items()
}
temporal_runs |= {
    "late fusion": load_or_run(f"training/{fusion.name}-temporal", fusion, data, split="temporal")
}
temporal_runs |= {
    name: cross_validation_run(f"evaluation/{model.name}-temporal", model, data, split="temporal")
    for name, model in models_here.items()
}

# %% [markdown]
# ## Ranking on random folds
#
# Five repeats of five stratified folds, near duplicates kept together. Intervals are {fixed}`95%`
# bootstrap intervals over films.

# %% label="fig-auc"
predictions = {name: run.predictions(FilmPredictions) for name, run in runs.items()}
ranking = compare(predictions, "auc", baseline=BASELINE, seed=seed)
show_figure(forest_plot(ranking, "AUROC", reference=0.5), "fig-auc")

# %% [markdown]
# The paired differences from TF-IDF are more precise: the same films are resampled for both models,
# so what makes a film easy for both cancels out.

# %% label="fig-auc-difference"
paired = ranking.drop(index=BASELINE)[["difference", "difference_low", "difference_high"]]
paired.columns = ["value", "low", "high"]
show_figure(
    forest_plot(paired, f"difference of AUROC from {BASELINE}", reference=0.0),
    "fig-auc-difference",
)

# %% label="tbl-random-split"
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece", "within_decade_auc"]
table = metric_table({name: run.metrics for name, run in runs.items()})
show_table(table[columns], "tbl-random-split")

# %% [markdown]
# ## N-grams: a stronger baseline
#
# TF-IDF of single words is the simplest baseline, not the strongest. Here all n-grams of one, two
# and three words that ten films use have a TF-IDF weight. Each of the three blocks is scaled to
# length 1, and a *kernel*, the similarity of each two films, takes the place of the weights: a
# logistic regression on the mean of the three kernels is one on all n-grams. Vocabulary and
# document frequencies are those of all bundled films, tested ones too; labels are not used for
# them. Layout, year and length enter as Gaussian kernels with a small weight, which inner folds
# choose.

# %%
ngram_runs = {BASELINE: runs[BASELINE]}
ngram_runs |= {
    name: cross_validation_run(f"evaluation/{model.name}", model, data)
    for name, model in ngrams.items()
}
ngram_temporal_runs = {BASELINE: temporal_runs[BASELINE]}
ngram_temporal_runs |= {
    name: cross_validation_run(f"evaluation/{model.name}-temporal", model, data, split="temporal")
    for name, model in ngrams.items()
}

# %% [markdown]
# Three kinds of rows are built on that. *More training films*: the bundled films that are never
# tested, such as early drafts and transcripts, join the training films, unless a near duplicate is
# tested. *Stacking* of the n-grams with the aggregators shows whether these add to them.
# *Recalibrated* is stacking with the n-grams as the only member, Platt scaling on the inner folds,
# since the probabilities of the regression are too low.

# %%
if source == "bundled":
    more = with_extra_training_films(data, first_test_year)
    for name in (NGRAMS, "n-grams, year", "n-grams, layout, year, length"):
        model, shown = ngrams[name], f"{name}, more training films"
        run_name = f"evaluation/{model.name}-more-films"
        ngram_runs[shown] = cross_validation_run(run_name, model, more)
        ngram_temporal_runs[shown] = cross_validation_run(
            f"{run_name}-temporal", model, more, split="temporal"
        )
members = [with_fold_cache(model, data) for model in (ngrams[NGRAMS], *chunks.values())]
stacked = StackingEnsemble(members, name="stacking-ngrams")
recalibrated = StackingEnsemble(members[:1], name="ngrams-recalibrated")
for name, model in {
    "stacking: n-grams, aggregators": stacked,
    "n-grams, recalibrated": recalibrated,
}.items():
    ngram_runs[name] = cross_validation_run(f"evaluation/{model.name}", model, data)
    ngram_temporal_runs[name] = cross_validation_run(
        f"evaluation/{model.name}-temporal", model, data, split="temporal"
    )

# %% label="fig-ngrams"
ngram_predictions = {name: run.predictions(FilmPredictions) for name, run in ngram_runs.items()}
ngram_ranking = compare(ngram_predictions, "auc", baseline=NGRAMS, seed=seed)
shown = ngram_ranking.drop(index=[NGRAMS, "n-grams, recalibrated"])
paired = shown[["difference", "difference_low", "difference_high"]]
paired.columns = ["value", "low", "high"]
show_figure(forest_plot(paired, f"difference of AUROC from {NGRAMS}", reference=0.0), "fig-ngrams")

# %% label="tbl-ngrams"
ngram_temporal = compare(
    {name: run.predictions(FilmPredictions) for name, run in ngram_temporal_runs.items()},
    "auc",
    baseline=NGRAMS,
    seed=seed,
)
record_differences(
    "evaluation/ngram-differences",
    [
        ModelComparison(ngram_runs, "auc", ngram_ranking),
        ModelComparison(
            ngram_runs,
            "average_precision",
            compare(ngram_predictions, "average_precision", baseline=NGRAMS, seed=seed),
        ),
        ModelComparison(ngram_temporal_runs, "auc", ngram_temporal),
    ],
    baseline=NGRAMS,
)
random_split = metric_table({name: run.metrics for name, run in ngram_runs.items()})
temporal_split = metric_table({name: run.metrics for name, run in ngram_temporal_runs.items()})
show_table(
    random_split[["auc", "average_precision", "ece"]].join(
        temporal_split[["auc", "average_precision"]].add_suffix(f", from {first_test_year}")
    ),
    "tbl-ngrams",
)

# %% [markdown]
# ## Encoders that were trained on the scripts
#
# The encoders trained on the scripts are evaluated on the first repeat of five folds, and compared
# with TF-IDF on the same folds.

# %%
models_of_texts = end_to_end_models(data.profile_name)
chunk_encoder_runs = end_to_end_runs("chunk-encoders", models_of_texts, data)

# %% label="fig-chunk-encoders-difference"
chunk_encoder_runs |= {BASELINE: runs[BASELINE]}
first_repeats = {
    name: run.predictions(FilmPredictions).first_repeat()
    for name, run in chunk_encoder_runs.items()
}
chunk_encoder_comparison = compare(first_repeats, "auc", baseline=BASELINE, seed=seed)
paired = chunk_encoder_comparison.drop(index=BASELINE)[
    ["difference", "difference_low", "difference_high"]
]
paired.columns = ["value", "low", "high"]
show_figure(
    forest_plot(paired, f"difference of AUROC from {BASELINE}", reference=0.0),
    "fig-chunk-encoders-difference",
)

# %% [markdown]
# ## Temporal split
#
# Trained on films before the first test year, tested on films from that year on.

# %% label="fig-auc-temporal"
temporal_predictions = {
    name: run.predictions(FilmPredictions) for name, run in temporal_runs.items()
}
temporal = compare(temporal_predictions, "auc", baseline=BASELINE, seed=seed)
show_figure(forest_plot(temporal, f"AUROC on films from {first_test_year} on"), "fig-auc-temporal")

# %% [markdown]
# Later films could also be harder for another reason: they are other films. The same films, each
# predicted once by models of random folds and once by models of earlier films, show the effect of
# the split. The training films of the two differ in their years and in their number.

# %% label="tbl-later-films"
later = temporal_predictions[BASELINE].drop_unscored()
is_later = np.isin(predictions[BASELINE].film_ids, later.film_ids)
same_films = {
    "random folds": predictions[BASELINE].select_films(np.flatnonzero(is_later)),
    "temporal split": later,
}
split_comparison = compare(same_films, "auc", baseline="random folds", seed=seed)
BOUNDS = ["difference_low", "difference_high"]
record_metrics(
    "evaluation/later-films",
    {
        "films": Metric(len(later.film_ids)),
        "auc_random_folds": interval_metric(
            *split_comparison.loc["random folds", ["value", "low", "high"]]
        ),
        "auc_temporal_minus_random": interval_metric(
            *split_comparison.loc["temporal split", ["difference", *BOUNDS]]
        ),
    },
)
show_table(split_comparison.drop(columns=["p", "std"]), "tbl-later-films")

# %% label="tbl-temporal-split"
average_precision_comparison = compare(
    predictions, "average_precision", baseline=BASELINE, seed=seed
)
pairs = [
    ModelComparison(runs, "auc", ranking),
    ModelComparison(runs, "average_precision", average_precision_comparison),
]
pairs += [
    ModelComparison(chunk_encoder_runs, "auc", chunk_encoder_comparison),
    ModelComparison(temporal_runs, "auc", temporal),
]
record_differences("evaluation/differences", pairs, baseline=BASELINE)
show_table(
    metric_table({n: run.metrics for n, run in temporal_runs.items()})[columns],
    "tbl-temporal-split",
)

# %% [markdown]
# ## Curves
#
# Scores of different folds need not share a scale, so the curves pool each film's rank within its
# fold.

# %% label="fig-roc"
shown = {
    name: predictions[name] for name in (BASELINE, "mean pooling", "query decoder", "stacking")
}
shown["n-grams, recalibrated"] = ngram_runs["n-grams, recalibrated"].predictions(FilmPredictions)
show_figure(plots.roc(shown), "fig-roc")

# %% label="fig-pr"
show_figure(plots.precision_recall(shown), "fig-pr")

# %% [markdown]
# Precision is what the user of a short list would notice: the share of nominated films at its top.
#
# ## Probabilities and decisions

# %% label="fig-calibration"
show_figure(plots.reliability_diagram(shown), "fig-calibration")

# %% label="fig-confusion"
confusion_predictions = {name: predictions[name] for name in (BASELINE, "stacking")}
show_figure(plots.confusion(confusion_predictions), "fig-confusion")

# %% [markdown]
# Decisions use thresholds that maximise macro-F1 on inner folds. Counts are films in the mean over
# the repeats; shares are of each true class.
#
# ## Controls
#
# Length, year, collection and title are each used alone, without the text; the opening is the first
# 4,000 characters of the script. The last control is TF-IDF trained on shuffled labels. It must end
# at chance: a higher score would mean that labels of test films are used.

# %% label="fig-controls"
control_runs = {
    control.name: cross_validation_run(f"evaluation/control-{control.name}", control, data)
    for control in controls()
}
control_table = metric_table(
    {n: run.metrics for n, run in control_runs.items()}, with_interval_of="auc"
)
show_figure(forest_plot(control_table, "AUROC", reference=0.5), "fig-controls")

# %% [markdown]
# ## Where in the script the signal is
#
# TF-IDF + logistic regression on one quarter of each script at a time.

# %% label="fig-quarters"
quarters = {
    f"quarter {q + 1}": cross_validation_run(
        f"evaluation/quarter-{q + 1}", TfidfLR(quarters=(q,)), data
    )
    for q in range(4)
}
parts = {"opening": control_runs["opening"], **quarters, "whole script": runs[BASELINE]}
part_table = metric_table(
    {name: run.metrics for name, run in parts.items()}, with_interval_of="auc"
)
show_figure(forest_plot(part_table, "AUROC", reference=0.5), "fig-quarters")

# %% [markdown] tags=["published"]
# Each quarter predicts, and the whole script most. The opening is shorter than a quarter, though:
# that it predicts least may be its length alone.

# %% [markdown]
# Windows of one length tell place from length: four consecutive chunks of each script, about as
# long as the opening, at five places. Words are counted by quarter only, so these models are mean
# pooling of the chunk embeddings.

# %% label="fig-windows"
PLACES = {"first": 0.0, "at 25%": 0.25, "at 50%": 0.5, "at 75%": 0.75, "last": 1.0}
windows = {
    f"4 chunks, {place}": cross_validation_run(
        f"evaluation/window-{100 * position:.0f}",
        FeatureAblation(chunks["mean pooling"], OutsideWindowAblation(4, position)),
        data,
    )
    for place, position in PLACES.items()
}
window_predictions = {name: run.predictions(FilmPredictions) for name, run in windows.items()}
window_comparison = compare(window_predictions, "auc", baseline="4 chunks, first", seed=seed)
record_differences(
    "evaluation/window-differences",
    [ModelComparison(windows, "auc", window_comparison)],
    baseline="4 chunks, first",
)
windows |= {"all chunks": runs["mean pooling"]}
window_table = metric_table(
    {name: run.metrics for name, run in windows.items()}, with_interval_of="auc"
)
show_figure(forest_plot(window_table, "AUROC", reference=0.5), "fig-windows")

# %% [markdown]
# ## Within decades
#
# Guessing the decade cannot help here: only films of the same decade are compared.

# %% label="fig-decades"
decades = auc_by_decade(confusion_predictions, seed=seed)
show_figure(plots.by_decade(decades), "fig-decades")

# %% [markdown]
# **What this shows.** How well TF-IDF, n-grams and frozen chunk embeddings predict from whole
# scripts, alone and combined, and what decade, length and source predict by themselves.
#
# **What it does not show.** Cause: scripts of nominated films differ from others in genre and topic
# first of all. Nor what an encoder trained on many scripts would learn.
