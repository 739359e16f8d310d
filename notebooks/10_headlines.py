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
# # Headlines, one measured step at a time
#
# **Question.** A known task asks for the lowest validation loss that a small language model of
# Hacker News titles can have after seven epochs. What does its baseline learn, what does its
# number hide, and which of the usual steps away from it are worth their time?
#
# **What you need.** Nothing: the titles are not ours to give away, so the models were trained where
# they are, by `notebooks/10_train.sh`, and this notebook reads what was stored of each training.
# **How long it takes.** Some seconds.

# %% tags=["parameters"]
published = 1.753  # loss that the baseline was published with, on other titles than these
seed = 0  # of the bootstrap

# %%
import pandas as pd

from wholescript.report import title_study as titles
from wholescript.report.cells import Metric, begin_notebook, record_metrics, show_figure, show_table
from wholescript.report.plots import titles as plots
from wholescript.report.plots.scores import forest
from wholescript.report.text_study import read_measured
from wholescript.report.title_steps import STEPS

# %% [markdown]
# ## The number
#
# The task divides the summed loss of the tokens that it scores, in nats, by the characters of all
# validation titles. It scores whole batches of whole windows only. Tokens of a last, unfinished
# batch leave the sum and stay in the divisor: they count as if they had been foretold with
# certainty. *corrected* has that repaired, and *bits* is what this report compares: bits a byte of
# UTF-8 over all tokens of all titles, ends included, which no tokenizer and no batch can flatter.

# %% label="tbl-headlines-number"
notebook = begin_notebook("10_headlines", globals())
runs = titles.read_title_runs("headlines")
baseline = runs["baseline"][0]
record_metrics("headlines/baseline", titles.facts(runs["baseline"]))
record_metrics("headlines/titles", {k: Metric(v) for k, v in baseline.config["titles"].items()})
record_metrics("headlines/published", {"published": Metric(published)})
names = ("published", "scored_share", "corrected", "bits_per_byte")
number = pd.Series({name: baseline.metrics[name].value for name in names}, name="baseline")
show_table(number.rename_axis("loss").to_frame(), "tbl-headlines-number")

# %% [markdown]
# One checkpoint, scored with batches of several sizes. Nothing about the model changes.

# %% label="fig-headlines-batches"
batches = read_measured("headlines/baseline-s1337-batches")
record_metrics("headlines/batches", batches.metrics)
show_figure(plots.by_batch(batches.history.set_index("batch")), "fig-headlines-batches")

# %% label="tbl-headlines-batches"
show_table(batches.history.set_index("batch"), "tbl-headlines-batches")

# %% [markdown]
# ## What the baseline learned
#
# Six blocks, trained with plain gradient descent. The ten tokens that it holds likeliest after
# nothing at all and after three beginnings of a title:

# %% label="fig-headlines-expected"
expects = read_measured("headlines/baseline-s1337-expects").history
panels = {begun: rows for begun, rows in expects.fillna("").groupby("begun", sort=False)}
show_figure(plots.expected(panels), "fig-headlines-expected")

# %% [markdown]
# Whatever stands before, it expects much the same: the tokens that are frequent, the end of a title
# first. It has learned how often tokens come. The model that this study ends with, on the same
# beginnings:

# %% label="fig-headlines-expected-best"
expects = read_measured("headlines/best-s1337-expects").history
panels = {begun: rows for begun, rows in expects.fillna("").groupby("begun", sort=False)}
show_figure(plots.expected(panels), "fig-headlines-expected-best")

# %% [markdown]
# ## Where the loss is
#
# By the place of a token in its title, and by how often the training titles have the token.

# %% label="fig-headlines-places"
places = {
    "baseline": read_measured("headlines/baseline-s1337-places").history,
    "best": read_measured("headlines/best-s1337-places").history,
}
show_figure(plots.by_position(places), "fig-headlines-places")

# %% label="fig-headlines-frequencies"
frequencies = {
    "baseline": read_measured("headlines/baseline-s1337-frequencies").history,
    "best": read_measured("headlines/best-s1337-frequencies").history,
}
show_figure(plots.by_frequency(frequencies), "fig-headlines-frequencies")

# %% [markdown]
# ## Step by step
#
# Each step changes one thing and keeps all before it. They were taken at a smaller shape and on
# fewer titles than the baseline, so that each could be trained several times on two cores; *change*
# is from the step before, in bits a byte, with an interval over titles and seeds. Below zero a step
# helped.

# %% label="tbl-headlines-reasons"
reasons = pd.Series({step.name: step.why for step in STEPS}, name="why it might help")
show_table(reasons.rename_axis("step").to_frame(), "tbl-headlines-reasons")

# %% label="fig-headlines-steps"
steps = titles.step_table(runs, "small-")
for name, row in steps.iterrows():
    change = Metric(row["change"], row["change_low"], row["change_high"])
    ratio = Metric(row["ratio"], row["ratio_low"], row["ratio_high"])
    record_metrics(f"headlines/step-{name}", {"change": change, "ratio": ratio})
small = runs["small-baseline"]
record_metrics("headlines/small", titles.facts(small) | titles.sizes(small))
change = titles.changes(steps)
show_figure(forest(change, "change in bits a byte", reference=0), "fig-headlines-steps")

# %% label="tbl-headlines-steps"
shown = ["bits", "low", "high", "change", "change_low", "change_high", "ratio", "seeds"]
show_table(steps[shown], "tbl-headlines-steps", {"seeds": ".0f"})

# %% label="tbl-headlines-costs"
costs = ["published", "scored_share", "corrected", "parameters", "train_seconds"]
formats = {"parameters": ",.0f", "train_seconds": ",.0f"}
show_table(steps[costs], "tbl-headlines-costs", formats)

# %% [markdown]
# ## What a minute buys
#
# On the titles of the baseline: the baseline, a *quick* recipe that takes less than half its time,
# and the *best* model that two cores could train.

# %% label="fig-headlines-recipes"
recipes = {name: runs[name] for name in ("baseline", "quick", "best")}
for name, seeds in recipes.items():
    record_metrics(f"headlines/{name}", titles.facts(seeds))
record_metrics("headlines/ratios", titles.ratios(recipes, "baseline"))
curves = {name: titles.epochs(seeds) for name, seeds in recipes.items()}
show_figure(plots.curves(curves), "fig-headlines-recipes")

# %% label="tbl-headlines-recipes"
show_table(titles.recipe_table(recipes, "baseline"), "tbl-headlines-recipes", formats)

# %% [markdown]
# ## Titles that it writes

# %%
for name in ("baseline", "best"):
    written = read_measured(f"headlines/{name}-s1337-writes").history["title"]
    print(f"{name}:", *written, sep="\n  ")

# %% [markdown]
# **What this shows.** To be written when it is known.
#
# **Next.** [Wins](11_wins.ipynb), back to screenplays.
