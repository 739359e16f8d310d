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
# takes.** About eight minutes on two cores, of which finished folds are never repeated.
#
# The encoder is the lower half of a small pretrained sentence encoder, all-MiniLM-L6-v2. Each
# chunk has 254 tokens, and its vector is the mean of its token states. Why the lower half: it
# costs half as much. Whether it also predicts as well as the whole is open: the comparison,
# `benchmarks/encoder_choice.py`, has not yet been run at a size that could tell.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
boundary = 2010  # first test year of the temporal split
chunk_length = 254  # tokens a chunk; other lengths need the texts and the encoder
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.comparison import compare, score_table
from wholescript.report.cells import begin_notebook, evaluate_run, show_figure, show_table
from wholescript.report.plots import scores, training
from wholescript.report.study import open_study
from wholescript.training.aggregation import aggregators, attention_profile, parameter_count

notebook = begin_notebook("04_training", globals())
study = open_study()
chunks = study.task.features.chunks
print(f"{len(study.corpus):,} films, {chunks.counts.sum():,} chunks, at most {chunks.counts.max()}")

# %% [markdown]
# ## Three ways to put chunks together
#
# - *mean pooling*: the mean of the vectors, then a logistic regression. Order and emphasis are
#   lost.
# - *gated attention* (Ilse et al., 2018): a learned weight for each chunk, then their weighted
#   mean. Emphasis is kept, order is lost.
# - *query decoder*: a transformer decoder of its own width, heads and depth. Learned queries
#   read the sequence by cross-attention; sinusoids tell each chunk's place in the script.
#
# The two neural ones are trained by one loop: AdamW, a cosine schedule with {fixed}`10%` warm-up,
# gradients clipped at norm 1. In every step half of a film's chunks are hidden at random, so
# that no film can be learned by heart.

# %% label="tbl-aggregators"
models = aggregators(epochs=study.scale.epochs, inner_folds=study.scale.inner_folds)
show_table(parameter_count(models, chunks), "tbl-aggregators", {"parameters": ",d"})

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

# %% [markdown]
# ## The curves: a few epochs are enough
#
# Lines are medians over all fits, bands their middle half. Fits that no longer improve stop, so
# the right end rests on the few that still do, which is why the held-out line goes on falling.

# %% label="fig-curves"
neural = ["gated attention", "query decoder"]
histories = {name: runs[name].history for name in neural}
show_figure(training.curves(histories), "fig-curves")

# %% [markdown]
# Soon the training loss falls below that of films which the model has not seen, and the gap
# grows. With so few films, and fewer than one in five of them positive, the question is never
# whether a network can fit them, only when to stop.

# %% label="fig-stopping"
show_figure(training.stopping(histories), "fig-stopping")

# %% [markdown]
# ## Results: reading in order is not rewarded here
#
# The same repeated folds for all three, with {fixed}`95%` bootstrap intervals over films.

# %% label="fig-training-auc"
predictions = {name: run.predictions for name, run in runs.items()}
comparison = compare(predictions, "auc", baseline="mean pooling", seed=seed)
show_figure(scores.forest(comparison, "AUC", reference=0.5), "fig-training-auc")

# %% label="tbl-training"
metrics = {name: run.metrics for name, run in runs.items()}
metrics |= {f"{name}, from {boundary}": run.metrics for name, run in temporal.items()}
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece", "within_decade_auc"]
show_table(score_table(metrics)[columns], "tbl-training")

# %% [markdown]
# The rows "from" a year are a temporal split: trained on earlier films, tested on later ones.
# It is the harder and the more honest question, since nobody predicts the past.
#
# ## Where attention goes
#
# One model of each kind is trained on the first fold, and its attention on the test films is
# collected by place in the script. A line at 1 would be an even spread.

# %% label="fig-attention"
profiles = {name: attention_profile(models[name], study.task, study.folds[0]) for name in neural}
show_figure(training.attention_along(profiles), "fig-attention")

# %% [markdown]
# Attention shows what a model weighed, not what it needed. Where the signal is, by the simpler
# test of reading one quarter only, stands in the [evaluation](05_evaluation.ipynb).
#
# **What this shows.** Frozen chunk embeddings carry part of the signal, and with a thousand
# films a learned aggregator has little to gain over their mean.
#
# **What it does not show.** What an encoder trained end to end on these scripts could do.
#
# **Next.** [Evaluation](05_evaluation.ipynb): against word counts, against controls, together.
