# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Headlines: a cumulative ablation of a small language model
#
# **Question.** A known task [@maincode2025mainrun] asks for the lowest validation loss
# of a small language model of headlines after seven epochs. What does its baseline
# learn, what biases the task's metric, and which common changes to architecture and
# training lower the loss?
#
# **What you need.** Nothing for the published runs (`source=stored`). `source=bundled`
# trains on the headlines in the repository, `source=local` on the file that `path`
# names: a table, or a `.txt` file with a headline a line. Such a file is shuffled,
# because it may be sorted, and a tenth is for validation. **How long it takes.** The
# published runs some seconds, `scale=smoke` about a minute, `scale=cpu` minutes on two
# cores, `scale=full` about a day there, or an hour on a GPU.

# %% tags=["parameters"]
source = "stored"  # stored | bundled | local | hub
path = ""  # of local: a CSV, TSV, JSON lines, Parquet or .txt file; of hub: owner/name
text_column = "title"  # of a table of your own, or of the hub
revision = "9e21b0f3c36bd7ce50b741ce966297a7f73cae38"  # of hub: a commit or a branch
scale = "full"  # smoke | cpu | full
seed = 0  # of the bootstrap and the samples; added to the seeds of the trainings

# %%
import json

import pandas as pd

from wholescript.plots.forest import forest_plot
from wholescript.publish.cells import (
    Metric,
    begin_notebook,
    duration,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.headlines import plots
from wholescript.studies.headlines import study as headline_study
from wholescript.studies.headlines import tables as headline_tables
from wholescript.studies.headlines.ablation import ABLATION_STEPS

# %% [markdown]
# ## The runs
#
# Every model is found among the stored runs or trained here. The table says what each
# run profile (`scale`) trains, at most; *full* is the recipe of the published runs,
# `src/wholescript/studies/headlines/recipe.yaml`. *smoke* and *cpu* train smaller
# models, and do not repeat a training that has the same settings in two sections. The
# sections are *ablation*, *tuning* of single hyperparameters, *best* (the best model
# and the baseline), and *two-cores* (the quick configuration and the baseline, on two
# cores).

# %% label="tbl-headlines-profiles"
#| short-caption: Run profiles of the headline models.
notebook = begin_notebook("10_headlines", globals())
study = headline_study.open_study()
formats = dict.fromkeys(("models", "epochs", "seeds", "trainings"), ".0f") | {
    "headlines": ",.0f"
}
show_table(headline_study.profile_table(), "tbl-headlines-profiles", formats)

# %% [markdown]
# ## The task's metric depends on the batch size
#
# The task's metric is the summed negative log-likelihood of the scored tokens, in nats,
# divided by the characters of all validation headlines. Only complete batches of
# complete windows are scored. The tokens of the last, incomplete batch are left out of
# the numerator but not of the divisor, so they count as if they were predicted with
# certainty. *Scored token share* is the share of tokens in complete batches; *nats per
# character corrected* divides the metric by it.
#
# Models are compared here by *bits per byte*: over all tokens of all headlines, ends
# included, divided by their UTF-8 bytes. It depends on neither the tokenizer nor the
# batch size.

# %% label="tbl-headlines-baseline"
#| short-caption: The task's metric and bits per byte of the baseline, by seed.
models = study.runs("best")
record_metrics(
    "headlines/baseline", headline_tables.summary_metrics(models["baseline"])
)
published = {"nats_per_character": Metric(headline_study.PUBLISHED_NATS_PER_CHARACTER)}
record_metrics("headlines/published", published)
task_metrics = [
    "nats_per_character",
    "scored_token_share",
    "nats_per_character_corrected",
]
table = headline_tables.metrics_by_seed(
    models["baseline"], [*task_metrics, "bits_per_byte"]
)
show_table(table, "tbl-headlines-baseline")

# %% [markdown]
# The figure shows one checkpoint of the baseline, evaluated with several batch sizes,
# those that the validation headlines fill. The model does not change.

# %% label="fig-headlines-batch-size"
batch_sizes = study.analysis("two-cores", "baseline", "batch-sizes")
record_metrics("headlines/batch-sizes", batch_sizes.metrics)
by_batch_size = batch_sizes.history
if len(by_batch_size):
    by_batch_size = by_batch_size.set_index("batch_size")
    show_figure(plots.metric_by_batch_size(by_batch_size), "fig-headlines-batch-size")

# %% label="tbl-headlines-batch-size"
#| short-caption: Both metrics of one baseline, by the batch size of evaluation.
show_table(by_batch_size, "tbl-headlines-batch-size")

# %% [markdown]
# ## Next-token predictions
#
# The baseline is a GPT, trained with SGD. The panels show its ten most probable next
# tokens after an empty prompt and after three prompts.

# %% label="fig-headlines-next-tokens"
next_tokens = study.analysis("two-cores", "baseline", "next-tokens").history
panels = {
    prompt: rows
    for prompt, rows in next_tokens.fillna("").groupby("prompt", sort=False)
}
show_figure(plots.next_tokens(panels, "baseline"), "fig-headlines-next-tokens")

# %% [markdown] tags=["published"]
# The predictions hardly depend on the prompt: the same frequent tokens follow, the end
# of a headline among the first. The baseline has learned the token frequencies.

# %% [markdown]
# The *quick* configuration, described below, after the same prompts:

# %% label="fig-headlines-next-tokens-quick"
next_tokens = study.analysis("two-cores", "quick", "next-tokens").history
panels = {
    prompt: rows
    for prompt, rows in next_tokens.fillna("").groupby("prompt", sort=False)
}
show_figure(plots.next_tokens(panels, "quick"), "fig-headlines-next-tokens-quick")

# %% [markdown]
# ## Loss by position and by token frequency
#
# The first figure shows the loss by the position of a token in its headline, the second
# by the number of its occurrences in the training headlines. The two models have
# different tokenizers: within a group their tokens differ, and only have similar
# frequencies.

# %% label="fig-headlines-loss-by-position"
position_losses = {
    name: study.analysis("two-cores", name, "loss-by-position").history
    for name in ("baseline", "quick")
}
show_figure(plots.loss_by_position(position_losses), "fig-headlines-loss-by-position")

# %% label="fig-headlines-loss-by-frequency"
#| short-caption: Loss by frequency of the token in training.
frequency_losses = {
    name: study.analysis("two-cores", name, "loss-by-frequency").history
    for name in ("baseline", "quick")
}
show_figure(
    plots.loss_by_frequency(frequency_losses), "fig-headlines-loss-by-frequency"
)

# %% [markdown]
# ## Cumulative ablation
#
# Each step changes one thing, on top of all kept steps before it. The table has the
# reason for each step. Their sources:
#
# - *training*: AdamW [@loshchilov2019adamw], Muon [@jordan2024muon], the WSD schedule
#   of the learning rate [@hu2024minicpm], R-Drop [@liang2021rdrop].
# - *layers*: rotary position embeddings [@su2021rope], the norm RMSNorm
#   [@zhang2019rmsnorm], feed-forward layers with a gate (SwiGLU) [@shazeer2020glu],
#   small initial weights of residual branches [@radford2019gpt2], gated attention
#   [@qiu2025gated], layer scale [@touvron2021cait].
# - *tokens*: byte-pair [@sennrich2016bpe] and unigram [@kudo2018unigram] tokenizers,
#   and one matrix for input and output embeddings, tied or not [@press2017tying].

# %% label="tbl-headlines-ablation-rationale"
#| short-caption: Reason for each step of the ablation.
runs = study.runs("ablation")
rationales = pd.Series(
    {step.name: step.rationale for step in ABLATION_STEPS if step.name in runs},
    name="rationale",
)
rationales = rationales.rename(index=plots.step_name).rename_axis("step")
show_table(rationales.to_frame(), "tbl-headlines-ablation-rationale")

# %% [markdown] tags=["published"]
# The ablation uses a smaller configuration and fewer headlines than the baseline, so
# that two cores can repeat each step in minutes. Its validation headlines are training
# headlines of the larger runs: no step was chosen on the headlines on which the larger
# models are evaluated. The change of *AdamW*, which the figure leaves out, is far
# larger than all others.

# %% [markdown]
# The figure shows the change in bits per byte from the last kept step before it, with
# an interval over headlines and seeds. Below zero is better. It leaves out *AdamW*,
# which the table has.

# %% label="fig-headlines-ablation"
steps = headline_tables.ablation_table(runs)
change = "bits_per_byte_change"
for name, row in steps.iterrows():
    interval = Metric(row[change], row[f"{change}_low"], row[f"{change}_high"])
    record_metrics(f"headlines/ablation-{name}", {change: interval})
ends = {name: runs[name] for name in ("adamw", "r-drop")}
after_adamw = headline_tables.differences_from_baseline(ends, "adamw").loc["r-drop"]
record_metrics("headlines/after-adamw", {change: Metric(**after_adamw)})
record_metrics("headlines/small", headline_tables.summary_metrics(runs["baseline"]))
differences = headline_tables.step_differences(steps).drop("adamw")
differences = differences.rename(index=plots.step_name)
figure = forest_plot(
    differences,
    "change in bits per byte",
    reference=0,
    in_order=True,
    model="from scratch",
)
show_figure(figure, "fig-headlines-ablation")

# %% label="tbl-headlines-ablation"
#| short-caption: Bits per byte after each step, and their change.
columns = [
    "bits_per_byte",
    "low",
    "high",
    "baseline",
    change,
    f"{change}_low",
    f"{change}_high",
]
steps = steps.rename(index=plots.step_name).assign(
    baseline=steps["baseline"].map(plots.step_name).to_numpy()
)
show_table(
    steps[[*columns, "kept", "seeds"]], "tbl-headlines-ablation", {"seeds": ".0f"}
)

# %% label="tbl-headlines-metric-bias"
#| short-caption: The task's metric after each step, and size of the model.
columns = [*task_metrics, "parameters"]
show_table(steps[columns], "tbl-headlines-metric-bias", {"parameters": ",.0f"})

# %% [markdown] tags=["published"]
# AdamW lowers the loss by more than all kept steps after it together; a warm-up of the
# learning rate comes second. Masking attention to the preceding headlines (*document
# mask*) raises the loss here, although those headlines are unrelated; no change was
# detected for *whole headlines*. Evaluating each headline by itself (*headline-wise
# evaluation*) regains part of it. The three steps were kept before this was known.
# *cross-headline context*, the last step, undoes them: on top of all other steps this
# raises the loss a little, and it was not kept. *more layers* and *more dropout* raise
# the loss here, but lower it at the baseline's size (next section), and were kept; *no
# dropout* lowers it here and was not. *two dropout passes* lowers the loss at least as
# much as *R-Drop*, both compared with *more dropout*: no gain from the penalty was
# detected.

# %% [markdown]
# *R-Drop* needs *more dropout*, because it penalises the divergence between two dropout
# passes over a batch [@liang2021rdrop]. Its control is *two dropout passes*, without
# that penalty; it is trained at *full* only.
#
# ## Single hyperparameters
#
# Each row is one training. It is compared with all kept steps up to *WSD schedule*,
# with half the learning rate of Muon. *More* and *most dropout* are {fixed}`0.2` and
# {fixed}`0.3`. *More layers* are {fixed}`12`, with d_model {fixed}`384`. *Higher
# learning rate* is that of AdamW, which trains what Muon does not.

# %% [markdown] tags=["published"]
# The small configuration ({fixed}`3` layers, d_model {fixed}`192`) takes few steps on
# few headlines, and dropout raises its loss. The strength of the regularisation and the
# learning rates were therefore chosen at the baseline's size, on more headlines, all of
# them still from the training split.

# %% label="fig-headlines-tuning"
tuning = study.runs("tuning")
record_metrics("headlines/tuning", headline_tables.summary_metrics(tuning["base"]))
differences = headline_tables.differences_from_baseline(tuning, "base")
for name, row in differences.iterrows():
    record_metrics(f"headlines/tuning-{name}", {change: Metric(**row)})
differences = differences.rename(index=plots.step_name)
figure = forest_plot(
    differences, "change in bits per byte", reference=0, model="from scratch"
)
show_figure(figure, "fig-headlines-tuning")

# %% [markdown] tags=["published"]
# At this size more dropout lowers the loss, R-Drop with its two dropout passes lowers
# it further, and a higher learning rate of Muon is better.

# %% [markdown]
# ## The best model
#
# The best model has all kept steps; the last one is *R-Drop*.

# %% [markdown] tags=["published"]
# It is trained on all headlines, with three seeds, like the baseline. Both were trained
# on a GPU, several runs at once, so their training times cannot be compared.

# %% label="tbl-headlines-best"
#| short-caption: Loss and size of the baseline and of the best model.
record_metrics("headlines/best", headline_tables.summary_metrics(models["best"]))
record_metrics(
    "headlines/best-ratios", headline_tables.bits_per_byte_ratios(models, "baseline")
)
table = headline_tables.model_table(models, "baseline").drop(columns="train_seconds")
show_table(table, "tbl-headlines-best", {"parameters": ",.0f", "seeds": ".0f"})

# %% [markdown]
# ## A quick configuration on two cores
#
# The *quick* configuration has fewer and smaller layers than the baseline, the kept
# steps up to *weight decay*, and fewer epochs where the baseline has seven. It is
# trained with one dropout pass over each batch.

# %% [markdown] tags=["published"]
# It has four layers with d_model {fixed}`384` and is trained for four of the seven
# epochs. The baseline and the quick configuration were trained on two cores with
# nothing else running.

# %% label="fig-headlines-cpu-loss"
cpu_models = study.runs("two-cores")
for name, model_runs in cpu_models.items():
    record_metrics(f"headlines/cpu-{name}", headline_tables.summary_metrics(model_runs))
bits_per_byte_ratios = headline_tables.bits_per_byte_ratios(cpu_models, "baseline")
record_metrics("headlines/cpu-ratios", bits_per_byte_ratios)
train_time_ratios = headline_tables.train_time_ratios(cpu_models, "baseline")
record_metrics("headlines/cpu-train-time", train_time_ratios)
histories = {
    name: headline_tables.mean_history(each) for name, each in cpu_models.items()
}
show_figure(plots.loss_curves(histories), "fig-headlines-cpu-loss")

# %% label="tbl-headlines-cpu"
#| short-caption: Loss, size and training time of baseline and quick configuration.
table = headline_tables.model_table(cpu_models, "baseline")
formats = {"parameters": ",.0f", "train_seconds": duration, "seeds": ".0f"}
show_table(table, "tbl-headlines-cpu", formats)

# %% [markdown] tags=["published"]
# The two trainings ran on different days, and the speed of a machine varies. Therefore
# epochs of both were also timed in turns.

# %% [markdown]
# The next table is a stored measurement, whatever `source` is: seconds of an epoch of
# both published configurations, timed in turns in one run of
# `benchmarks/headline_configs.py`.

# %% label="tbl-headlines-seconds-per-epoch"
#| short-caption: Time of an epoch of baseline and quick configuration, timed in turns.
epoch_time = json.loads(
    (notebook.project.root / headline_study.EPOCH_TIMES).read_text()
)
ratio = epoch_time["quick_over_baseline"]
record_metrics(
    "headlines/cpu-seconds-per-epoch",
    {"quick_over_baseline": Metric(ratio, tolerance=ratio)},
)
seconds = pd.DataFrame(epoch_time["seconds_per_epoch"]).T.rename_axis("configuration")
table = seconds.rename(columns=lambda k: f"seconds per epoch, repetition {k + 1}")
show_table(
    table.assign(epochs=epoch_time["epochs"]),
    "tbl-headlines-seconds-per-epoch",
    dict.fromkeys(table, ".0f"),
)

# %% [markdown]
# The next table shows the training time until the baseline's final validation loss is
# reached; it is empty for a model that does not reach it.

# %% label="tbl-headlines-time-to-loss"
#| short-caption: Training time to the final loss of the baseline.
final_loss = histories["baseline"]["val_loss"].iloc[-1]
minutes = pd.Series(
    {
        k: headline_tables.seconds_to_loss(h, final_loss) / 60
        for k, h in histories.items()
    },
    name="minutes",
)
if minutes.notna().all():
    speedup = minutes["baseline"] / minutes["quick"]
    record_metrics(
        "headlines/cpu-speedup", {"speedup": Metric(speedup, tolerance=speedup)}
    )
table = minutes.rename_axis("configuration").to_frame()
show_table(table, "tbl-headlines-time-to-loss", {"minutes": ".1f"})

# %% [markdown]
# ## Training throughput
#
# The table has the tokens per second of a training step at the baseline's published
# size. Models are trained as here (*wholescript*), in bfloat16, with
# one setting changed, in a plain PyTorch loop in single precision, and with the class
# `Trainer` of `transformers`, also in bfloat16. *float32* is as here, but in single
# precision, *no micro batches* takes a batch in one pass, *compiled* uses
# `torch.compile`, and *one headline per row* pads rows of one headline each. This too
# is a stored measurement, made in turns in one run of
# `benchmarks/headline_training.py`.

# %% label="tbl-headlines-throughput"
#| short-caption: Tokens processed per second of training.
throughput = json.loads((notebook.project.root / headline_study.THROUGHPUT).read_text())
speedups = throughput["speedup_of_wholescript"]
record_metrics(
    "headlines/throughput", {f"over_{k}": Metric(v) for k, v in speedups.items()}
)
per_second = pd.Series(throughput["tokens_per_second"])
table = pd.DataFrame(
    {
        "tokens_per_second": per_second,
        "relative": per_second / per_second["wholescript"],
    }
)
table = table.rename(index=lambda name: name.replace("_", " ")).rename_axis(
    "implementation"
)
show_table(table, "tbl-headlines-throughput", {"tokens_per_second": ",.0f"})

# %% [markdown]
# ## Sampled headlines
#
# Some headlines sampled from the baseline and from the quick configuration:

# %%
for name in cpu_models:
    samples = study.analysis("two-cores", name, "samples").history["headline"]
    print(f"{name}:", *samples.fillna(""), sep="\n  ")

# %% [markdown] tags=["published"]
# **What this shows.** At the small configuration AdamW instead of SGD lowers the loss
# by more than all kept steps after it together. The task's metric can be lowered
# without changing the model, by a larger evaluation batch; bits per byte cannot. The
# effect of a step depends on the scale: dropout raises the loss of a model that takes
# few steps and lowers that of a larger one.
#
# **What it does not show.** The loss of the best model without the document mask at its
# own size, which was not trained. The hyperparameters at the baseline's size were
# compared with one seed, and so were some of the last steps of the ablation, as its
# table says.

# %% [markdown]
# **Next.** [Wins](11_wins.ipynb): screenplays again, with another target.
