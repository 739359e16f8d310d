# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How long is a script?
#
# The baseline reaches {result}`evaluation/tfidf:auc|.2f`. Lengths are drawn [below](#fig-lengths).

# %% tags=["parameters"]
films = 300  # number of invented films
seed = 0  # any whole number
scale = "cpu"  # smoke | cpu | full

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import SVG, Markdown, display

from wholescript.publish.cells import (
    Metric,
    begin_notebook,
    record_metrics,
    show_figure,
    show_table,
)

notebook = begin_notebook("01_demo", globals())

# %% [markdown]
# ## Lengths
#
# Lengths follow $\ln N \sim \mathcal{N}(\mu, \sigma^2)$.

# %%
# NBVAL_CHECK_OUTPUT
tokens = np.random.default_rng(seed).lognormal(10.2, 0.25, films)
print(f"{films} films; a title: <script>alert('printed')</script> & \x1b[1mbold\x1b[0m")

# %% label="fig-lengths"
figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
axes.hist(tokens, bins=30, color="#7a1f2b")
axes.axvline(8192, color="#333", linestyle="--")
axes.set(xlabel="GPT-2 tokens", ylabel="films")
show_figure(figure, "fig-lengths")

# %% [markdown]
# ## Scores

# %% label="tbl-scores"
record_metrics("evaluation/tfidf", {"auc": Metric(0.7512, 0.7104, 0.7911), "films": Metric(1364)})
record_metrics("evaluation/gated", {"auc": Metric(0.7391, 0.701, 0.778)})
difference = {"evaluation/gated - evaluation/tfidf:auc": Metric(-0.0121, -0.0304, 0.0062)}
record_metrics("evaluation/differences", difference)
table = pd.DataFrame(
    {
        "model": ["TF-IDF <img src=x onerror=alert(1)>", "gated attention"],
        "auc": [0.751, 0.739],
        "average precision": [0.412, -0.405],
        "macro F1": ["0.612 (0.58 to 0.64)", "0.601 (0.57 to 0.63)"],
        "expected calibration error": [0.031, 0.044],
        "trained in": ["4 s", "71 s"],
    }
)
show_table(table, "tbl-scores")

# %% label="fig-logs"
#| short-caption: Lengths on a logarithmic axis, of <b>300</b> films.
figure, axes = plt.subplots()
axes.hist(np.log(tokens))
show_figure(figure, "fig-logs")

# %%
display(Markdown("**Markdown** shown by a cell, with <script>alert('md')</script>\n\n- a list"))
drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20">{}</svg>'
display(SVG(drawing.format('<rect width="60" height="20" rx="4" fill="#1b558f"/>')))
