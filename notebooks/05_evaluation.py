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
# # Evaluation: words, chunks, and both
#
# **Question.** Does any reading of whole scripts by a frozen encoder beat word counts, and is
# either of them more than a guess from era, length and source?
#
# **What you need.** The bundled features, and the runs of [Training](04_training.ipynb), which
# are stored; with other parameters they are trained here. **How long it takes.** About three
# minutes on two cores, ten if the aggregators must be trained.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
first_test_year = 2010  # first test year of the temporal split
chunk_length = 254  # tokens a chunk; other lengths need the texts and the encoder
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.comparison import auc_by_decade, compare, score_table
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.models.controls import controls
from wholescript.models.stacking import StackingEnsemble
from wholescript.models.tfidf import TfidfLR
from wholescript.plots import scores as plots
from wholescript.publish.cells import (
    ModelComparison,
    begin_notebook,
    cached,
    evaluate_run,
    load_published_run,
    load_run,
    record_differences,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays.models.aggregation import aggregators, late_fusion_models
from wholescript.studies.screenplays.models.end_to_end_variants import end_to_end_models
from wholescript.studies.screenplays.study import open_study

# %%
notebook = begin_notebook("05_evaluation", globals())
study = open_study()
print(f"{len(study.corpus):,} films, {study.task.labels.sum()} positive, {len(study.folds)} folds")

# %% [markdown]
# ## The contestants
#
# The baseline to respect is TF-IDF with logistic regression. Beside it stand the
# aggregators over frozen chunk embeddings, and two ways to put both together: a network that reads
# the words, the scene structure, year and length beside the chunks (*late fusion*), and a stack, a
# logistic regression on the inner-fold logits of words and aggregators.

# %%
tfidf = TfidfLR()
chunks = aggregators(epochs=study.scale.epochs, inner_folds=study.scale.inner_folds)
stacking = StackingEnsemble([cached(model, study) for model in (tfidf, *chunks.values())])
runs = {name: load_run(f"training/{model.name}", model, study) for name, model in chunks.items()}
fusion = late_fusion_models(study.scale.epochs, study.scale.inner_folds)["all of these"]
runs |= {"late fusion": load_run(f"training/{fusion.name}", fusion, study)}
runs |= {"words": evaluate_run("evaluation/words", tfidf, study)}
runs |= {"stack": evaluate_run("evaluation/stack", stacking, study)}
temporal_runs = {
    name: load_run(f"training/{model.name}-temporal", model, study, split="temporal")
    for name, model in chunks.items()
}
temporal_runs |= {
    "late fusion": load_run(f"training/{fusion.name}-temporal", fusion, study, split="temporal")
}
temporal_runs |= {
    "words": evaluate_run("evaluation/words-temporal", tfidf, study, split="temporal")
}
temporal_runs |= {
    "stack": evaluate_run("evaluation/stack-temporal", stacking, study, split="temporal")
}

# %% [markdown]
# ## Ranking on random folds
#
# Five repeats of five stratified folds, near duplicates kept together. Intervals are {fixed}`95%`
# bootstrap intervals over films.

# %% label="fig-auc"
predictions = {name: run.predictions(FilmPredictions) for name, run in runs.items()}
ranking = compare(predictions, "auc", baseline="words", seed=seed)
show_figure(plots.forest_plot(ranking, "AUC", reference=0.5), "fig-auc")

# %% [markdown]
# The paired differences from word counts decide: the same films are drawn for both models, so
# what makes a film easy for both cancels out.

# %% label="fig-auc-difference"
paired = ranking.drop(index="words")[["difference", "difference_low", "difference_high"]]
paired.columns = ["value", "low", "high"]
show_figure(
    plots.forest_plot(paired, "AUC minus that of words", reference=0.0), "fig-auc-difference"
)

# %% label="tbl-random"
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece", "within_decade_auc"]
table = score_table({name: run.metrics for name, run in runs.items()})
show_table(table[columns], "tbl-random")

# %% [markdown]
# ## Encoders that were trained on the scripts
#
# The models that read texts are judged on the first set of five folds; words stand beside them on
# the same one.

# %%
chunk_encoder_runs = {
    n: load_published_run(f"texts/{model.name}", model, study)
    for n, model in end_to_end_models().items()
}

# %% label="fig-texts-difference"
chunk_encoder_runs = {name: run for name, run in chunk_encoder_runs.items() if run} | {
    "words": runs["words"]
}
first_repeats = {
    name: run.predictions(FilmPredictions).first_repeat()
    for name, run in chunk_encoder_runs.items()
}
chunk_encoder_comparison = compare(first_repeats, "auc", baseline="words", seed=seed)
paired = chunk_encoder_comparison.drop(index="words")[
    ["difference", "difference_low", "difference_high"]
]
paired.columns = ["value", "low", "high"]
show_figure(
    plots.forest_plot(paired, "AUC minus that of words", reference=0.0), "fig-texts-difference"
)

# %% [markdown]
# ## Ranking films of the future
#
# Trained on films before the boundary year, tested on films from it on.

# %% label="fig-auc-temporal"
temporal_predictions = {
    name: run.predictions(FilmPredictions) for name, run in temporal_runs.items()
}
temporal = compare(temporal_predictions, "auc", baseline="words", seed=seed)
show_figure(
    plots.forest_plot(temporal, f"AUC on films from {first_test_year} on"), "fig-auc-temporal"
)

# %% label="tbl-temporal"
average_precision_comparison = compare(
    predictions, "average_precision", baseline="words", seed=seed
)
pairs = [
    ModelComparison(runs, "auc", ranking),
    ModelComparison(runs, "average_precision", average_precision_comparison),
]
pairs += [
    ModelComparison(chunk_encoder_runs, "auc", chunk_encoder_comparison),
    ModelComparison(temporal_runs, "auc", temporal),
]
record_differences("evaluation/differences", pairs, baseline="words")
show_table(
    score_table({n: run.metrics for n, run in temporal_runs.items()})[columns], "tbl-temporal"
)

# %% [markdown]
# ## Curves
#
# Scores of different folds need not share a scale, so the curves pool each film's rank within
# its fold.

# %% label="fig-roc"
shown = {name: predictions[name] for name in ("words", "mean pooling", "query decoder", "stack")}
show_figure(plots.roc(shown), "fig-roc")

# %% label="fig-pr"
show_figure(plots.precision_recall(shown), "fig-pr")

# %% [markdown]
# Precision is what a reader of a short list would feel: of the films at its top, how many were
# nominated.
#
# ## Probabilities and decisions

# %% label="fig-calibration"
show_figure(plots.calibration(shown), "fig-calibration")

# %% label="fig-confusion"
confusion_predictions = {name: predictions[name] for name in ("words", "stack")}
show_figure(plots.confusion(confusion_predictions), "fig-confusion")

# %% [markdown]
# Decisions use thresholds that maximise macro-F1 on inner folds. Counts are films in the mean
# over the repeats; shares are of each true class.
#
# ## Controls: what can be had without reading
#
# Length, year, collection and title predict by themselves what they can; the opening is the
# first 4,000 characters of the script. The last control learns on shuffled labels and must end
# at chance: whatever it scored above would be a leak.

# %% label="fig-controls"
control_runs = {
    control.name: evaluate_run(f"evaluation/control-{control.name}", control, study)
    for control in controls()
}
control_table = score_table(
    {n: run.metrics for n, run in control_runs.items()}, with_interval_of="auc"
)
show_figure(plots.forest_plot(control_table, "AUC", reference=0.5), "fig-controls")

# %% [markdown]
# ## Where in the script the signal is
#
# The same words model reads one quarter of each script at a time.

# %% label="fig-quarters"
quarters = {
    f"quarter {q + 1}": evaluate_run(f"evaluation/quarter-{q + 1}", TfidfLR(quarters=(q,)), study)
    for q in range(4)
}
parts = {"opening": control_runs["opening"], **quarters, "whole script": runs["words"]}
part_table = score_table({name: run.metrics for name, run in parts.items()}, with_interval_of="auc")
show_figure(plots.forest_plot(part_table, "AUC", reference=0.5), "fig-quarters")

# %% [markdown]
# A longer look tells more: the opening pages say least, each quarter says something, and the
# whole script says most. This is the argument for reading whole texts.
#
# ## Within decades
#
# Guessing the decade cannot help here: only films of the same decade are compared.

# %% label="fig-decades"
decades = auc_by_decade(confusion_predictions, seed=seed)
show_figure(plots.by_decade(decades), "fig-decades")

# %% [markdown]
# **What this shows.** How far words and frozen chunk embeddings go on whole scripts, alone and
# together, with what era, length and source explain by themselves.
#
# **What it does not show.** Cause: scripts of nominated films differ from others in genre and
# subject first of all. Nor what an encoder trained on scripts would see.
