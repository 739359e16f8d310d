# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Memory: a whole screenplay in one training step
#
# **Question.** A chunked transformer that is trained end to end needs a gradient
# through every chunk of a script. What does that cost in memory and time, and how can
# it be computed when the activations do not fit in memory?
#
# **What you need.** Nothing but the bundled token counts. Memory and time of a step
# depend on the length of a script, not on its words, so token ids are drawn at random.
# **How long it takes.** A quarter of an hour on two cores; measurements are stored, and
# not repeated while the settings stay.
#
# The model is a small one from scratch. A bidirectional transformer encoder turns a
# chunk of tokens into a vector, and a transformer decoder attends to the vectors with a
# learned query.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
chunks_per_group = 8  # chunks that are encoded at once
n_cached_groups = 6  # groups whose graph gradient caching keeps, as memory allows
seed = 0  # of weights, token ids and dropout
scale = "cpu"  # smoke | cpu | full

# %%
import pandas as pd

from wholescript.publish import cells
from wholescript.studies.screenplays import experiments, long_context_cost, memory_cost
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.plots import memory as plots

notebook = cells.begin_notebook("03_memory", globals())
data = open_screenplay_data(encode=False)
tokens = data.dataset.features.n_tokens
print(
    f"{tokens.min():,} to {tokens.max():,} tokens per film, mean {tokens.mean():,.0f}"
)

# %% [markdown]
# ## Three memory strategies with the same gradient
#
# - *Full backpropagation*: the activations of every chunk are kept until the backward
#   pass.
# - *Activation checkpointing* [@chen2016checkpointing]: chunks are encoded in groups,
#   whose activations are dropped and recomputed when the backward pass needs them.
# - *Gradient caching* [@gao2021gradcache]: all chunks are encoded without a graph, the
#   record of operations that a backward pass needs. The aggregator alone gives the
#   gradient of each chunk vector. Then one group after another is encoded again, with a
#   graph, to pass its gradients on. The last groups, a fixed number, keep the graph of
#   the first pass and are encoded once.
#
# Dropout must be replayed exactly, or the second pass computes the gradient of another
# network. Each group is encoded under its own seed, in every pass.

# %% label="tbl-gradients"
#| short-caption: Largest relative error of a gradient, by memory strategy.
lengths = (
    [2, 4] if scale == "smoke" else [16, 64, 128, 256, 418]
)  # up to 106,000 tokens
settings = {
    "chunks_per_group": chunks_per_group,
    "n_cached_groups": n_cached_groups,
    "n_chunks": lengths,
}
gradient_errors = experiments.measure_run(
    "memory/gradient-error",
    settings,
    memory_cost.MEMORY_COST_MODULES,
    lambda: memory_cost.gradient_metrics(settings),
)
cells.show_table(
    memory_cost.value_table(gradient_errors.metrics), "tbl-gradients", {"value": ".1e"}
)

# %% [markdown]
# The table shows the largest relative error of any parameter's gradient against full
# backpropagation, in single precision with dropout.
#
# ## Memory of each strategy
#
# Each step is measured in its own process: its peak memory minus its memory with model
# and film loaded.

# %% label="fig-memory"
footprints = experiments.measure_run(
    "memory/footprints",
    settings,
    memory_cost.MEMORY_COST_MODULES,
    lambda: memory_cost.footprint_metrics(settings),
)
table = memory_cost.footprint_table(footprints.metrics)
cells.show_figure(
    plots.cost_by_length(table, "activation_gb", "activations (GB)"),
    "fig-memory",
    tolerance=0.15,
)

# %% [markdown] tags=["published"]
# The memory of full backpropagation grows with the script. Gradient caching holds the
# graph of at most six groups of eight chunks, and one vector per chunk: from 64 chunks
# on it hardly grows. Checkpointing also keeps the inputs of every group. The longest
# sequence, 418 chunks of the tokens of MiniLM, is longer than any script here: the
# longest script has 298 such chunks.

# %% [markdown]
# ## Time of each strategy
#
# Checkpointing and gradient caching encode most chunks twice, so a step takes longer
# than with full backpropagation.

# %% label="fig-memory-time"
cells.show_figure(
    plots.cost_by_length(table, "step_seconds", "time per training step (s)"),
    "fig-memory-time",
    tolerance=0.4,
)

# %% [markdown] tags=["published"]
# Recomputing costs a second forward pass: in theory a third more work. The measured
# times differ from that.

# %% [markdown]
# ## Freezing the encoder
#
# With a frozen encoder, chunks are embedded once and an epoch trains the aggregator on
# stored vectors. The table is about the longest sequence: *over* is a ratio, *grad
# cache* is gradient caching, *full backprop* full backpropagation, *peak rss* the peak
# memory of the process. The chunks of which full backpropagation could hold the graph
# in 16 GB are extrapolated. Embedding all chunks once takes as long as *break even
# epochs* of gradient caching.

# %% label="tbl-memory"
#| short-caption: Memory strategies compared, on the longest sequence.
strategy_comparison = experiments.measure_run(
    "memory/strategy-comparison",
    settings,
    memory_cost.MEMORY_COST_MODULES,
    lambda: memory_cost.frozen_encoder_metrics(settings, table),
)
cells.show_table(
    memory_cost.value_table(strategy_comparison.metrics), "tbl-memory", {"value": ".3g"}
)

# %% [markdown]
# ## One sequence: Longformer and Mamba-2
#
# The model so far encodes each chunk by itself. Two others take the whole script as one
# sequence of tokens, and both are meant to be linear in its length: *Longformer*
# [@beltagy2020longformer] attends to a window of {fixed}`256` tokens, and one global
# token to all; *Mamba-2* [@dao2024mamba2] carries a state of fixed size from token to
# token. Both are the classes of `transformers` [@wolf2020transformers], as they run
# without kernels for a GPU, with the d_model and the two layers of the model above.
# Their activations are kept, as under full backpropagation.
#
# `LongformerModel.forward` of this version of `transformers` makes a mask of length x
# length floats, of which it uses one row: {fixed}`45` GB for 418 chunks. Here only that
# row is made; a test compares the states.

# %% label="fig-long-context-memory"
long_context_costs = experiments.measure_run(
    "memory/long-context-footprints",
    {"n_chunks": lengths},
    long_context_cost.LONG_CONTEXT_COST_MODULES,
    lambda: long_context_cost.long_context_metrics({"n_chunks": lengths}),
)
all_costs = pd.concat([table, memory_cost.footprint_table(long_context_costs.metrics)])
cells.show_figure(
    plots.cost_by_length(all_costs, "activation_gb", "activations (GB)"),
    "fig-long-context-memory",
    tolerance=0.15,
)

# %% label="fig-long-context-time"
cells.show_figure(
    plots.cost_by_length(all_costs, "step_seconds", "time per training step (s)"),
    "fig-long-context-time",
    tolerance=0.4,
)

# %% label="tbl-long-context-cost"
#| short-caption: Cost of Longformer and Mamba-2 over that of gradient caching.
long_context_comparison = cells.record_metrics(
    "memory/long-context-comparison", long_context_cost.comparison_metrics(all_costs)
)
cells.show_table(
    memory_cost.value_table(long_context_comparison.metrics),
    "tbl-long-context-cost",
    {"value": ".3g"},
)

# %% [markdown]
# The table is about the longest sequence: memory and time of a step over those of
# gradient caching. The chunked model does other work: its encoder attends within chunks
# only.

# %% [markdown] tags=["published"]
# **What this shows.** End-to-end training on a whole screenplay fits in the memory of a
# few groups of chunks. The gradient is that of full backpropagation up to rounding, and
# a step takes less than half as much time again.

# %% [markdown]
# **What it does not show.** Whether end-to-end training on all chunks improves the
# prediction; the training notebook trains on a few of them. All of it is measured on a
# CPU; a GPU is faster, and its memory is counted differently.
#
# **Next.** [Training](04_training.ipynb) of aggregators on a frozen encoder.
