# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training: aggregators of chunk embeddings
#
# **Question.** A frozen encoder turns a script into a sequence of vectors, one per
# chunk. Which aggregator predicts best: their mean, a weighted mean, or a transformer
# over the sequence?
#
# **What you need.** The bundled embeddings; the encoder itself is not needed. **How
# long it takes.** About half an hour on two cores; finished folds are loaded.
#
# The encoder is the lower half of a small pretrained sentence encoder, all-MiniLM-L6-v2
# [@reimers2019sbert; @wang2020minilm]. Each chunk has 254 tokens, and its embedding is
# the mean of its token states. Layers, pooling and chunk lengths were compared on inner
# folds, on a part of every script (`benchmarks/encoder_choice.py`): the mean over the
# tokens of the last of these three layers was chosen more often than other layers, the
# first token or the maximum. No gain from more layers or other chunk lengths was
# detected.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
fields = "script"  # script | summary | title | all (the three); others need texts
first_test_year = 2010  # first test year of the temporal split
chunk_length = 254  # tokens per chunk; other lengths need the texts and the encoder
search_results = "results/search/aggregators.json"  # a search of `wholescript tune`
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
import pandas as pd

from wholescript.plots.forest import forest_plot
from wholescript.publish import cells
from wholescript.studies.screenplays import comparison, experiments
from wholescript.studies.screenplays.attention import attention_profile
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.models import (
    configurations,
    finetuning_configurations,
    long_context_configurations,
)
from wholescript.studies.screenplays.plots import search as plots
from wholescript.studies.screenplays.plots import training
from wholescript.studies.screenplays.search.importance import hyperparameter_importance
from wholescript.studies.screenplays.search.results import read_search

# %%
notebook = cells.begin_notebook("04_training", globals())
data = open_screenplay_data()
chunks = data.dataset.features.chunks
print(
    f"{len(data.corpus):,} films, {chunks.counts.sum():,} chunks, "
    f"at most {chunks.counts.max()}"
)

# %% [markdown]
# ## Aggregators
#
# - *mean pooling*: the mean of the embeddings, then a logistic regression. The order is
#   lost.
# - *gated attention* [@ilse2018attention]: a learned weight for each chunk, then the
#   weighted mean. The order is lost.
# - *query decoder*: a transformer decoder with its own d_model, heads and layers.
#   Learned queries attend to the sequence by cross-attention; sinusoidal embeddings
#   encode each chunk's position.
# - *transformer encoder*: self-attention between chunks, then their mean.
# - *linear attention* [@katharopoulos2020linear]: the same in time linear in the number
#   of chunks.
#
# The neural ones share one training loop: AdamW [@loshchilov2019adamw], a cosine
# schedule with {fixed}`10%` warm-up, gradients clipped at norm 1. In every step half of
# a film's chunks are dropped at random (chunk dropout), which limits overfitting.

# %% label="tbl-aggregators"
#| short-caption: Trained parameters of each aggregator.
models = configurations.aggregators(data.profile.epochs, data.profile.n_inner_folds)
self_attention_models = configurations.self_attention_aggregators(
    data.profile.epochs, data.profile.n_inner_folds
)
cells.show_table(
    configurations.parameter_table(models | self_attention_models, chunks),
    "tbl-aggregators",
    {"parameters": ",d"},
)

# %% [markdown]
# ## Out-of-fold predictions
#
# For each outer fold, one model is trained per inner fold and stopped when its
# validation loss no longer falls. The test films get the mean of their probabilities.
# Nothing is chosen on test films.

# %%
runs = comparison.cross_validation_runs("training", models, data)
temporal = comparison.cross_validation_runs("training", models, data, split="temporal")
first_repeat_runs = comparison.cross_validation_runs(
    "training", self_attention_models, data, split="first_repeat"
)

# %% [markdown]
# ## Learning curves
#
# Lines are medians over all fits, bands the interquartile range. Fits that no longer
# improve stop, so the right end has only those that still improve, which is why the
# validation line keeps falling. The dotted line is the entropy of the labels, the loss
# of predicting the base rate for every film.

# %% label="fig-curves"
#| short-caption: Training and validation loss of the aggregators.
histories = {
    name: run.history
    for name, run in (runs | first_repeat_runs).items()
    if name != "mean pooling"
}
positive_rate = data.dataset.labels.mean()
cells.show_figure(
    training.loss_curves(histories, positive_rate=positive_rate), "fig-curves"
)

# %% [markdown] tags=["published"]
# The training loss soon falls below the validation loss. At the right end, only the
# few fits that train longest remain. With so few
# films, fewer than one in five of them positive, early stopping decides.

# %% label="fig-stopping"
#| short-caption: Epoch with the lowest validation loss, over all fits.
cells.show_figure(training.best_epochs(histories), "fig-stopping")

# %% [markdown]
# ## Results
#
# The same repeated folds for the first three, with {fixed}`95%` bootstrap intervals
# over films.

# %% label="fig-training-auc"
#| short-caption: AUROC of three aggregators on random folds.
ranking = comparison.compare_runs(runs, "auc", baseline="mean pooling", seed=seed)
experiments.record_differences(
    "training/differences", [ranking], baseline="mean pooling"
)
cells.show_figure(
    forest_plot(ranking.table, "AUROC", reference=0.5), "fig-training-auc"
)

# %% label="tbl-training"
#| short-caption: Metrics of three aggregators on both splits.
later = {f"{name}, from {first_test_year}": run for name, run in temporal.items()}
cells.show_table(comparison.run_metrics(runs | later), "tbl-training")

# %% [markdown]
# The rows "from" a year are a temporal split: trained on earlier films, tested on later
# ones, as a prediction for a new film would be. *mcc* is the Matthews correlation of
# decisions and labels, *brier* the mean squared error of the probabilities, *ece* the
# expected calibration error; *within decade auc* ranks only films of the same decade.
#
# ## Late fusion with extra features
#
# In late fusion a linear layer takes extra features: the year, the length, the layout
# (the frequency of scene headings, for example), or the first principal components of
# the TF-IDF weights. Its logit is added to that of gated attention, and all of it is
# trained together.

# %%
ALL_FEATURES = "year, length, layout, TF-IDF"
fusion_models = configurations.late_fusion_models(
    data.profile.epochs, data.profile.n_inner_folds
)
full_fusion = fusion_models.pop(ALL_FEATURES)
fusion_runs = comparison.cross_validation_runs(
    "training",
    {f"+ {name}": model for name, model in fusion_models.items()},
    data,
    split="first_repeat",
)
fusion_runs[f"+ {ALL_FEATURES}"] = experiments.cross_validation_run(
    f"training/{full_fusion.name}", full_fusion, data
)
temporal["late fusion"] = experiments.cross_validation_run(
    f"training/{full_fusion.name}-temporal", full_fusion, data, split="temporal"
)

# %% label="fig-fusion-auc"
fusion = comparison.compare_runs(
    {"gated attention": runs["gated attention"]} | fusion_runs,
    baseline="gated attention",
    seed=seed,
    first_repeat=True,
)
figure = forest_plot(fusion.table, "AUROC", reference=0.5, model="gated attention")
cells.show_figure(figure, "fig-fusion-auc")

# %% [markdown]
# One repeat of five folds. The [evaluation](05_evaluation.ipynb) compares all of it
# together with TF-IDF alone.
#
# ## Encoders trained on the scripts
#
# So far the encoder was a frozen sentence encoder. Here are others, all with gated
# attention:
#
# - *from scratch*: a small transformer with two layers, trained together with the
#   aggregator. One is bidirectional, pools the mean of the tokens, and is first
#   pretrained on the training scripts with the masked-language-model objective
#   [@devlin2019bert]. The other is causal, with rotary position embeddings
#   [@su2021rope], pools the last token, and is trained on the labels only.
# - *partially fine-tuned*: the pretrained sentence encoder with its last layer trained
#   too.
# - *SmolLM2 embeddings*: the lower half of the layers of SmolLM2 [@allal2025smollm2], a
#   frozen language model, encodes eight chunks of each film. Gated attention or the
#   mean aggregates them.
#
# They need the texts, which are not bundled. Of the bundled films this notebook shows
# stored runs. With `source` local or hub it trains them here, in hours at `scale` cpu.
# On two cores each epoch uses a few chunks of a film, and each model is evaluated on
# one repeat of the folds with one network per fold. All other models are compared with
# them on those same folds.

# %%
models_of_texts = configurations.end_to_end_models(data.profile_name)
chunk_encoder_runs = experiments.end_to_end_runs(
    "chunk-encoders", models_of_texts, data
)

# %% label="fig-chunk-encoders-auc"
#| short-caption: AUROC of frozen, partially fine-tuned and from-scratch encoders.
encoders = comparison.compare_runs(
    runs | first_repeat_runs | chunk_encoder_runs,
    baseline="mean pooling",
    seed=seed,
    first_repeat=True,
)
cells.show_figure(
    forest_plot(encoders.table, "AUROC", reference=0.5), "fig-chunk-encoders-auc"
)

# %% [markdown]
# *p* is the p-value of the paired difference, by bootstrap. *made by* is the commit
# that trained the model, or a hash of the code where no commit was recorded. Training
# with later code can end with another number.

# %% label="tbl-chunk-encoders"
#| short-caption: AUROC of frozen and trained encoders, difference from mean pooling.
made = dict.fromkeys(encoders.table.index, "this notebook")
made |= {name: cells.made_by(run.config) for name, run in chunk_encoder_runs.items()}
comparison_columns = ["value", "low", "high", "difference", "p"]
cells.show_table(
    encoders.table[comparison_columns].assign(made_by=list(made.values())),
    "tbl-chunk-encoders",
    {"p": ".3f"},
)

# %% [markdown] tags=["published"]
# The frozen embeddings of SmolLM2 have a higher AUROC than the encoders from scratch,
# which were trained for minutes on four or eight chunks of each film in an epoch. The
# intervals lie apart, except for gated attention and MLM pretraining. That of the
# partially fine-tuned encoder overlaps with both.

# %% label="fig-chunk-encoders-curves"
shown = chunk_encoder_runs or first_repeat_runs  # there are none without texts
encoder_histories = {
    name: run.history for name, run in shown.items() if len(run.history)
}
cells.show_figure(
    training.loss_curves(encoder_histories, positive_rate=positive_rate),
    "fig-chunk-encoders-curves",
)

# %% [markdown] tags=["published"]
# The dotted line is the entropy of the labels, the loss of predicting the base rate for
# every film. The training loss of the encoders that were trained on the scripts ends
# above it: they have not converged, and their AUROC says little about what such
# encoders could learn in more time.

# %% [markdown]
# ## Fine-tuned against frozen
#
# Does fine-tuning improve an encoder whose aggregator is trained already? Gated
# attention is first trained on the frozen vectors, in {fixed}`64` principal components,
# with a learning rate of {fixed}`0.003` for at most {fixed}`12` epochs. Then the last
# of the three layers is trained with it, by AdamW with a learning rate of
# {fixed}`5e-5`, and {fixed}`1e-4` for the aggregator. Both models have the same evenly
# spaced chunks of each film, {fixed}`8` or {fixed}`32`, of which {fixed}`4` random ones
# are in a step of fine-tuning. Epoch 0 is the frozen encoder. Training stops after the
# first epoch that does not lower the validation loss, or after {fixed}`15`; the best
# epoch is kept, epoch 0 too.

# %% label="fig-finetuning-curves"
finetuning_models = finetuning_configurations.finetuning_models(data.profile_name)
finetuning_runs = experiments.end_to_end_runs("chunk-encoders", finetuning_models, data)
if finetuning_runs:  # there are none without texts
    histories = {name: run.history for name, run in finetuning_runs.items()}
    figure = training.loss_curves(histories, positive_rate=positive_rate)
    cells.show_figure(figure, "fig-finetuning-curves")

# %% label="tbl-finetuning"
#| short-caption: AUROC of the fine-tuned encoder and of the same one frozen.
if finetuning_runs:
    pairs = {
        n: {"frozen": finetuning_runs[frozen], "fine-tuned": finetuning_runs[finetuned]}
        for n, (frozen, finetuned) in finetuning_configurations.PAIRS.items()
    }
    finetuning = {
        n: comparison.compare_runs(pair, baseline="frozen", seed=seed)
        for n, pair in pairs.items()
    }
    experiments.record_differences(
        "training/finetuning-differences", list(finetuning.values()), baseline="frozen"
    )
    by_chunks = {n: of.table[comparison_columns] for n, of in finetuning.items()}
    shown = pd.concat(by_chunks, names=["chunks", "encoder"])
    cells.show_table(shown, "tbl-finetuning", {"p": ".3f"})
    best = {
        n: training.epochs_of_lowest_loss(pair["fine-tuned"].history)
        for n, pair in pairs.items()
    }
    kept = {f"frozen_kept_{n}_chunks": float(sum(best[n] == 0)) for n in best}
    cells.record_metrics(
        "training/finetuning-folds", {name: cells.Metric(n) for name, n in kept.items()}
    )

# %% [markdown] tags=["published"]
# On eight chunks the AUROC is higher after fine-tuning: the interval of the paired
# difference excludes zero, by little. On thirty-two no difference was detected. Both
# have one repeat of the folds and one seed. The aggregator is trained on, too, so the
# gain need not be the encoder's. Where no epoch lowers the validation loss, the frozen
# encoder is kept.

# %% [markdown]
# ## Longformer and Mamba-2
#
# Two architectures are made for long sequences. *Longformer* [@beltagy2020longformer]
# attends within a sliding window, and one global token to all and all to it. *Mamba-2*
# [@dao2024mamba2] is a state space model: a state of fixed size is carried along the
# sequence. Both are the classes of `transformers`, small, with random initial weights.
# As aggregators over the frozen chunk embeddings, they are trained as the transformer
# encoder is: on one repeat of the folds, with {fixed}`3` inner folds.

# %%
long_context_models = long_context_configurations.long_context_aggregators(
    data.profile.epochs, data.profile.n_inner_folds
)
long_context_runs = comparison.cross_validation_runs(
    "long-context", long_context_models, data, split="first_repeat"
)

# %% label="fig-long-context-curves"
histories = {name: run.history for name, run in long_context_runs.items()}
figure = training.loss_curves(histories, positive_rate=positive_rate)
cells.show_figure(figure, "fig-long-context-curves")

# %% label="fig-long-context-auc"
#| short-caption: AUROC of Longformer, Mamba-2 and the other aggregators.
compared = runs | first_repeat_runs | long_context_runs
by_architecture = comparison.compare_runs(
    compared, "auc", baseline="mean pooling", seed=seed, first_repeat=True
)
experiments.record_differences(
    "long-context/differences", [by_architecture], baseline="mean pooling"
)
cells.show_figure(
    forest_plot(by_architecture.table, "AUROC", reference=0.5), "fig-long-context-auc"
)

# %% label="tbl-long-context"
#| short-caption: AUROC of the aggregators, difference from mean pooling, and size.
sizes = configurations.parameter_table(
    models | self_attention_models | long_context_models, chunks
)
shown = by_architecture.table[["value", "low", "high", "difference", "p"]]
cells.show_table(
    shown.join(sizes["parameters"]),
    "tbl-long-context",
    {"parameters": ",d", "p": ".3f"},
)

# %% [markdown]
# ## Attention by position
#
# One model of each kind is trained on the first fold, and its attention on the test
# films is averaged by position in the script. A line at 1 would be uniform attention.

# %% label="fig-attention"
#| short-caption: Mean attention of a network by position, on the first test fold.
attention_models = {name: models[name] for name in ("gated attention", "query decoder")}
profiles = {
    name: attention_profile(m, data.dataset, data.folds[0])
    for name, m in attention_models.items()
}
cells.show_figure(training.attention_by_position(profiles), "fig-attention")

# %% [markdown]
# Attention shows what a model weights, not what it needs. The
# [evaluation](05_evaluation.ipynb) measures where the signal is with models of one
# quarter only.
#
# ## Which hyperparameters matter
#
# d_model and learning rate above were set by a few trials on part of the same films,
# which is optimistic for these models. A search measures the effect of hyperparameters:
# random trials from `search/aggregators.yaml`, of which the worse are stopped
# early (ASHA) [@li2020asha], evaluated on inner folds of the first training set only.
# `wholescript tune` repeats it.

# %% label="fig-search"
search = read_search(notebook.project.root / search_results)
trials = search.active_table()
cells.show_figure(
    plots.metric_by_hyperparameter(
        trials, search.is_log_scale, "val_loss", "validation loss"
    ),
    "fig-search",
)

# %% [markdown]
# A dot is a trial, a diamond a median. Permutation importance of a random forest
# [@breiman2001forests], fitted to the trials, estimates how much of a trial's rank each
# hyperparameter explains.

# %% label="fig-search-importance"
#| short-caption: Variance of the trials that each hyperparameter explains.
n_resamples = 10 if scale == "smoke" else 100
importance = hyperparameter_importance(
    search.table(),
    list(search.is_log_scale),
    "val_loss",
    n_bootstrap=n_resamples,
    seed=seed,
)
importance = importance.rename(index=plots.hyperparameter_name)
cells.show_figure(
    forest_plot(importance, "explained variance", reference=0), "fig-search-importance"
)

# %% [markdown] tags=["published"]
# The row *all together* is the fit of the forest itself. Its interval holds zero: so
# few trials, each stopped at its own epoch, do not show which hyperparameter matters.
#
# **What this shows.** Frozen chunk embeddings carry part of the signal, and with a
# thousand films no gain of a learned aggregator over their mean was detected.

# %% [markdown]
# **What it does not show.** What an encoder trained end to end for hours on all chunks
# could reach. Memory allows it, as the [memory notebook](03_memory.ipynb) shows, but
# two cores are too slow.
#
# **Next.** [Evaluation](05_evaluation.ipynb): comparison with TF-IDF, controls,
# combinations.
