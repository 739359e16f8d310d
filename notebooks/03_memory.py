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
# # Memory: a whole screenplay in one training step
#
# **Question.** A chunked transformer that is trained end to end needs a gradient through every
# chunk of a script. What does that cost in memory and time, and how can it be had on a machine
# that cannot hold it?
#
# **What you need.** Nothing but the bundled token counts: what a step costs depends on how long a
# film is, not on what it says, so token ids are drawn at random. **How long it takes.** Some
# minutes on two cores; measurements are stored and not repeated while the code stays.
#
# The model is a small one from scratch: a bidirectional transformer encoder that turns a chunk of
# tokens into a vector, and a transformer decoder that reads the vectors with a learned query.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
chunks_per_group = 8  # chunks that are encoded at once
n_cached_groups = 6  # groups whose graph a cached step keeps, as memory allows
seed = 0  # of weights, token ids and dropout
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.publish.cells import begin_notebook, measure_run, show_figure, show_table
from wholescript.studies.screenplays.memory_tables import (
    MEMORY_COST_MODULES,
    frozen_encoder_metrics,
    gradient_metrics,
    measure_strategies,
    memory_table,
    summary,
)
from wholescript.studies.screenplays.plots import memory as plots
from wholescript.studies.screenplays.study import open_study

notebook = begin_notebook("03_memory", globals())
study = open_study()
counts = study.task.features.chunks.counts
print(f"{counts.min()} to {counts.max()} chunks a film, {counts.mean():.0f} in the mean")

# %% [markdown]
# ## Three ways to the same gradient
#
# - *C, everything at once*: the activations of every chunk are kept until the backward pass.
# - *A, recomputed*: gradient checkpointing (Chen et al., 2016). Chunks go through the encoder in
#   groups, whose activations are dropped, and computed again when the backward pass needs them.
# - *A, cached*: gradient caching (Gao et al., 2021). All chunks are encoded without a graph; the
#   aggregator alone gives the gradient of each chunk's vector; then one group after another is
#   encoded again, with a graph, to pass its gradients on. The last few groups keep the graph of the
#   first pass, a fixed number of them, and are encoded once.
#
# Dropout must be replayed exactly, or the second pass computes the gradient of another network.
# Each group is encoded under a seed of its own, in every pass.

# %% label="tbl-gradients"
lengths = [2, 4] if scale == "smoke" else [16, 64, 128, 256, 418]  # up to 106,000 tokens
settings = {"group": chunks_per_group, "kept": n_cached_groups, "lengths": lengths}
gradient_errors = measure_run(
    "memory/gradients", settings, MEMORY_COST_MODULES, lambda: gradient_metrics(settings)
)
show_table(summary(gradient_errors.metrics), "tbl-gradients", {"value": ".1e"})

# %% [markdown]
# The table shows the largest relative error of any parameter's gradient against everything at
# once, in single precision with dropout.
#
# ## What each way holds in memory
#
# Each step is measured in a process of its own: the most that it held, less what it held with
# model and film in place.

# %% label="fig-memory"
footprints = measure_run(
    "memory/footprints", settings, MEMORY_COST_MODULES, lambda: measure_strategies(settings)
)
table = memory_table(footprints.metrics)
show_figure(
    plots.cost_by_length(table, "gigabytes", "activations, GB"), "fig-memory", tolerance=0.15
)

# %% [markdown]
# Everything at once grows with the script. Cached, a step holds a few groups of chunks, whatever
# the length of the script, and a vector a chunk; recomputed, it also keeps a record of every group.
#
# ## What it costs in time

# %% label="fig-memory-time"
show_figure(
    plots.cost_by_length(table, "seconds", "a step, seconds"), "fig-memory-time", tolerance=0.4
)

# %% [markdown]
# Recomputing is paid for with a second forward pass, a third of the work of a step.
#
# ## Freezing the encoder
#
# The third way, B, trains no encoder: chunks are embedded once, and an epoch reads vectors. What
# it saves, and after how many epochs embedding has paid for itself, stands below, with what a step
# on the longest film takes in all.

# %% label="tbl-memory"
strategy_comparison = measure_run(
    "memory/frozen", settings, MEMORY_COST_MODULES, lambda: frozen_encoder_metrics(settings, table)
)
show_table(summary(strategy_comparison.metrics), "tbl-memory", {"value": ".3g"})

# %% [markdown]
# **What this shows.** A whole screenplay can be trained on end to end in the memory of one group of
# chunks, with the exact gradient, for less than half as much time again.
#
# **What it does not show.** Whether it is worth it: that is what training on whole scripts has to
# say. And all of it is measured on a CPU; a graphics card is faster, and its memory counts
# differently.
#
# **Next.** [Training](04_training.ipynb) of aggregators on a frozen encoder.
