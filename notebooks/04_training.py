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
# # Training: from chunk embeddings to one answer
#
# **Question.** A frozen encoder turns a script into a sequence of about a hundred vectors. How
# should they be put together: by their mean, by a weighted mean, or by a transformer that reads
# them in order?
#
# **What you need.** The bundled embeddings; the encoder itself is not needed. **How long it
# takes.** About eight minutes on two cores; finished folds are never repeated.
#
# The encoder is the lower half of a small pretrained sentence encoder, all-MiniLM-L6-v2. Each
# chunk has 254 tokens, and its vector is the mean of its token states. Why the lower half: it
# costs half as much and predicts no worse. On inner folds its mean was chosen more often than that
# of any other layer, than the first token or the maximum, and other lengths of a chunk were no
# better: `benchmarks/encoder_choice.py` made the comparison on a part of every script.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
first_test_year = 2010  # first test year of the temporal split
chunk_length = 254  # tokens a chunk; other lengths need the texts and the encoder
search_results = "results/search/aggregators.json"  # a search of `wholescript tune`
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.comparison import compare, score_table
from wholescript.evaluation.importance import hyperparameter_importance
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.plots import scores
from wholescript.publish.cells import (
    ModelComparison,
    begin_notebook,
    evaluate_run,
    load_published_run,
    record_differences,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays.models import aggregation
from wholescript.studies.screenplays.models.end_to_end_variants import end_to_end_models
from wholescript.studies.screenplays.plots import search as plots
from wholescript.studies.screenplays.plots import training
from wholescript.studies.screenplays.search.results import read_search
from wholescript.studies.screenplays.study import open_study

# %%
notebook = begin_notebook("04_training", globals())
study = open_study()
chunks = study.task.features.chunks
print(f"{len(study.corpus):,} films, {chunks.counts.sum():,} chunks, at most {chunks.counts.max()}")

# %% [markdown]
# ## Ways to put chunks together
#
# - *mean pooling*: the mean of the vectors, then a logistic regression. Order and emphasis are
#   lost.
# - *gated attention* (Ilse et al., 2018): a learned weight for each chunk, then their weighted
#   mean. Emphasis is kept, order is lost.
# - *query decoder*: a transformer decoder of its own width, heads and depth. Learned queries
#   read the sequence by cross-attention; sinusoids tell each chunk's place in the script.
# - *transformer encoder*: chunks read each other by self-attention, then are averaged.
# - *linear attention* (Katharopoulos et al., 2020): the same, with two running sums in place of
#   the square of the length.
#
# The neural ones are trained by one loop: AdamW, a cosine schedule with {fixed}`10%` warm-up,
# gradients clipped at norm 1. In every step half of a film's chunks are hidden at random, so
# that no film can be learned by heart.

# %% label="tbl-aggregators"
models = aggregation.aggregators(epochs=study.scale.epochs, inner_folds=study.scale.inner_folds)
self_attention_models = aggregation.contextual_aggregators(
    epochs=study.scale.epochs, inner_folds=study.scale.inner_folds
)
show_table(
    aggregation.parameter_count(models | self_attention_models, chunks),
    "tbl-aggregators",
    {"parameters": ",d"},
)

# %% [markdown]
# ## Every film is judged by models that never saw it
#
# For each outer fold, one model is trained per inner fold and stopped when the loss on its
# held-out films no longer falls. The test films get the mean of their probabilities. Nothing is
# chosen on test films.

# %%
runs = {
    name: evaluate_run(f"training/{model.name}", model, study) for name, model in models.items()
}
temporal = {
    name: evaluate_run(f"training/{model.name}-temporal", model, study, split="temporal")
    for name, model in models.items()
}
first_repeat_runs = {
    name: evaluate_run(f"training/{model.name}", model, study, split="once")
    for name, model in self_attention_models.items()
}

# %% [markdown]
# ## The curves: a few epochs are enough
#
# Lines are medians over all fits, bands their middle half. Fits that no longer improve stop, so
# the right end rests on the few that still do, which is why the held-out line goes on falling.

# %% label="fig-curves"
histories = {
    name: run.history for name, run in (runs | first_repeat_runs).items() if name != "mean pooling"
}
show_figure(training.curves(histories), "fig-curves")

# %% [markdown]
# Soon the training loss falls below that of films which the model has not seen, and the gap
# grows. With so few films, and fewer than one in five of them positive, the question is never
# whether a network can fit them, only when to stop.

# %% label="fig-stopping"
show_figure(training.best_epochs(histories), "fig-stopping")

# %% [markdown]
# ## Results: reading in order is not rewarded here
#
# The same repeated folds for the first three, with {fixed}`95%` bootstrap intervals over films.

# %% label="fig-training-auc"
predictions = {name: run.predictions(FilmPredictions) for name, run in runs.items()}
comparison = compare(predictions, "auc", baseline="mean pooling", seed=seed)
aggregator_comparison = ModelComparison(runs, "auc", comparison)
record_differences("training/differences", [aggregator_comparison], baseline="mean pooling")
show_figure(scores.forest_plot(comparison, "AUC", reference=0.5), "fig-training-auc")

# %% label="tbl-training"
metrics = {name: run.metrics for name, run in runs.items()}
metrics |= {f"{name}, from {first_test_year}": run.metrics for name, run in temporal.items()}
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece", "within_decade_auc"]
show_table(score_table(metrics)[columns], "tbl-training")

# %% [markdown]
# The rows "from" a year are a temporal split: trained on earlier films, tested on later ones.
# It is the harder and the more honest question, since nobody predicts the past.
#
# ## What is known beside the chunks
#
# Late fusion: a linear layer reads the year, the length, scene structure (sluglines, dialogue and
# the like) or the words of a film, these as principal components of their TF-IDF weights, and its
# logit is added to that of gated attention. All of it is trained together.

# %%
fusion_models = aggregation.late_fusion_models(
    epochs=study.scale.epochs, inner_folds=study.scale.inner_folds
)
full_fusion = fusion_models.pop("all of these")
fusion_runs = {
    f"and {name}": evaluate_run(f"training/{model.name}", model, study, split="once")
    for name, model in fusion_models.items()
}
fusion_runs["and all of these"] = evaluate_run(f"training/{full_fusion.name}", full_fusion, study)
temporal["all of these"] = evaluate_run(
    f"training/{full_fusion.name}-temporal", full_fusion, study, split="temporal"
)

# %% label="fig-fusion-auc"
fusion_comparison_runs = {"gated attention": runs["gated attention"]} | fusion_runs
first_repeats = {
    name: run.predictions(FilmPredictions).first_repeat()
    for name, run in fusion_comparison_runs.items()
}
fusion = compare(first_repeats, "auc", baseline="gated attention", seed=seed)
show_figure(scores.forest_plot(fusion, "AUC", reference=0.5), "fig-fusion-auc")

# %% [markdown]
# On one set of five folds. How all of it together compares with the words alone stands in
# [evaluation](05_evaluation.ipynb).
#
# ## Trained on the texts themselves
#
# So far the encoder was a frozen one, of sentences. Here are others, all with gated attention:
#
# - *from scratch*: a small transformer of two layers, trained with the aggregator. One reads in
#   both directions, and a chunk is the mean of its tokens; it first reads the training scripts by
#   itself, with words hidden for it to guess (Devlin et al., 2019). The other reads from left to
#   right, with rotary positions (Su et al., 2021), and a chunk is its last token; it learns from
#   the labels alone.
# - *thawed*: the pretrained encoder of before, whose last block is trained too.
# - *language model*: a frozen decoder-only model, SmolLM2 (Allal et al., 2025), of which half the
#   blocks read eight chunks of each film; gated attention or the mean puts them together.
#
# They need the texts, which are not bundled, and hours: `wholescript train-texts FILMS.parquet`
# trains them, and this notebook shows their stored runs. On two cores a film is seen through a few
# chunks an epoch, and each model is judged on one set of five folds, each by one member. All others
# are held against them on those same folds, the transformer encoder and linear attention among
# them, which cost too much here for more.

# %%
chunk_encoder_runs = {
    n: load_published_run(f"texts/{model.name}", model, study)
    for n, model in end_to_end_models().items()
}

# %% label="fig-texts-auc"
chunk_encoder_runs = {name: run for name, run in chunk_encoder_runs.items() if run}
first_repeats = {
    name: run.predictions(FilmPredictions).first_repeat()
    for name, run in (runs | first_repeat_runs | chunk_encoder_runs).items()
}
chunk_encoder_comparison = compare(first_repeats, "auc", baseline="mean pooling", seed=seed)
show_figure(scores.forest_plot(chunk_encoder_comparison, "AUC", reference=0.5), "fig-texts-auc")

# %% label="tbl-texts"
show_table(
    chunk_encoder_comparison[["value", "low", "high", "difference", "p"]], "tbl-texts", {"p": ".3f"}
)

# %% [markdown]
# What was pretrained on other texts is ahead of what met language here for the first time: that
# saw each film a few times, through a sixteenth of its pages, for minutes, where the others had
# read for days before they met a screenplay.

# %% label="fig-texts-curves"
shown = chunk_encoder_runs or first_repeat_runs  # other parameters have no stored texts
curves = {name: run.history for name, run in shown.items() if len(run.history)}
show_figure(training.curves(curves), "fig-texts-curves")

# %% [markdown]
# ## Where attention goes
#
# One model of each kind is trained on the first fold, and its attention on the test films is
# collected by place in the script. A line at 1 would be an even spread.

# %% label="fig-attention"
attention_models = {name: models[name] for name in ("gated attention", "query decoder")}
profiles = {
    name: aggregation.attention_profile(m, study.task, study.folds[0])
    for name, m in attention_models.items()
}
show_figure(training.attention_by_position(profiles), "fig-attention")

# %% [markdown]
# Attention shows what a model weighed, not what it needed. Where the signal is, by the simpler
# test of reading one quarter only, stands in the [evaluation](05_evaluation.ipynb).
#
# ## Which choices matter
#
# Widths, rates and dropout above were set beforehand. A search asks what they are worth: random
# draws from `search/aggregators.yaml`, of which those that fall behind are stopped early (ASHA, Li
# et al., 2020), judged on inner folds of the first training set alone. `wholescript tune` makes it
# anew.

# %% label="fig-search"
search = read_search(notebook.project.root / search_results)
trials = search.active_table()
show_figure(
    plots.score_by_hyperparameter(trials, search.hyperparameters, "held_out_loss", "loss"),
    "fig-search",
)

# %% [markdown]
# A dot is a trial, a diamond a median. How much of a trial's rank does each choice explain? A
# random forest learns the trials, and loses so much of its fit to unseen ones when a choice is
# shuffled.

# %% label="fig-search-importance"
importance = hyperparameter_importance(
    search.table(), list(search.hyperparameters), "held_out_loss", seed=seed
)
show_figure(
    scores.forest_plot(importance, "explained variance", reference=0), "fig-search-importance"
)

# %% [markdown]
# The row *all together* says how far the rest can be believed. Its interval holds zero: so few
# trials, each stopped at its own epoch, do not tell which choice matters.
#
# **What this shows.** Frozen chunk embeddings carry part of the signal, and with a thousand
# films a learned aggregator has little to gain over their mean.
#
# **What it does not show.** What an encoder trained end to end could do with every page of every
# script in every epoch, and for hours: memory allows it, as the
# [memory notebook](03_memory.ipynb) shows, but two cores are too slow.
#
# **Next.** [Evaluation](05_evaluation.ipynb): against word counts, against controls, together.
