# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Wins: a rarer label, alone or with nominations
#
# **Question.** Few films won the Oscar for their writing. Is a win predicted best by a
# model trained on wins alone, on wins and nominations together, or on nominations
# alone?
#
# **What you need.** The bundled features. **How long it takes.** About two minutes on
# two cores; finished runs are loaded.
#
# Every winner was nominated, so P(win) = P(nomination) x P(win given a nomination). The
# first factor has almost three times as many positive films as the win itself.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "won_writing"  # won_writing | won
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.data.films.labels import NOMINATION_OF
from wholescript.evaluation.film_comparison import difference_table
from wholescript.models.films.proxy_label import ProxyLabel
from wholescript.models.films.tfidf import TfidfLR
from wholescript.plots.forest import grouped_forest_plot
from wholescript.publish.cells import (
    Metric,
    begin_notebook,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays import comparison
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.experiments import record_differences
from wholescript.studies.screenplays.models.configurations import aggregators
from wholescript.studies.screenplays.models.multitask import MultiTaskMILClassifier

# %%
notebook = begin_notebook("11_wins", globals())
data = open_screenplay_data()
nomination = NOMINATION_OF[target]
films = data.corpus.films
facts = {"n_nominated": films[nomination].sum(), "n_won": films[target].sum()}
record_metrics(
    "wins/statistics", {name: Metric(float(value)) for name, value in facts.items()}
)
print(f"{len(films):,} films, {facts['n_nominated']} nominated, {facts['n_won']} won")

# %% [markdown]
# ## Training labels
#
# Two kinds of model: TF-IDF + logistic regression, and gated attention over chunk
# embeddings. Each is trained on one of these labels, the last for gated attention only:
#
# - *wins*: the label that is evaluated.
# - *nominations*: winners are then ranked by the probability of a nomination.
# - *both*: a multi-task network with two heads, a nomination and a win given a
#   nomination. The second is trained on nominated films only, and the prediction is the
#   product of both.
#
# All are tested on wins, on one repeat of five folds with as many winners in each. A
# network is the mean of three, one per inner fold.

# %%
gated_attention = aggregators(data.profile.epochs, min(3, data.profile.n_inner_folds))[
    "gated attention"
]
tfidf_models = {
    "wins": TfidfLR(name="tfidf-logistic"),
    "nominations": ProxyLabel(TfidfLR(), nomination, name="tfidf-logistic-nominations"),
}
networks = {
    "wins": gated_attention,
    "nominations": ProxyLabel(
        gated_attention, nomination, name="gated-attention-nominations"
    ),
    "both": MultiTaskMILClassifier(**vars(gated_attention), auxiliary_label=nomination),
}

# %%
models = {"TF-IDF + logistic regression": tfidf_models, "gated attention": networks}
runs = {
    kind: comparison.cross_validation_runs("wins", of, data, split="first_repeat")
    for kind, of in models.items()
}

# %% [markdown]
# ## Ranking winners
#
# With so few winners the intervals are wide; the paired comparison is more precise.

# %% label="fig-wins-auc"
ranking = {
    kind: comparison.compare_runs(of, "auc", baseline="wins", seed=seed)
    for kind, of in runs.items()
}
intervals = {kind: compared.table for kind, compared in ranking.items()}
show_figure(grouped_forest_plot(intervals, "AUROC", reference=0.5), "fig-wins-auc")

# %% [markdown]
# Average precision weights the top of the list: how many of the films ranked highest
# won. Chance is the rate of winners.

# %% label="fig-wins-precision"
precision = {
    kind: comparison.compare_runs(of, "average_precision", baseline="wins", seed=seed)
    for kind, of in runs.items()
}
tables = {kind: compared.table for kind, compared in precision.items()}
chance = float(data.dataset.labels.mean())
figure = grouped_forest_plot(tables, "average precision", reference=chance)
show_figure(figure, "fig-wins-precision")

# %% [markdown]
# The paired difference is from the same kind of model trained on wins alone.

# %% label="fig-wins-difference"
compared = [*ranking.values(), *precision.values()]
record_differences("wins/differences", compared, baseline="wins")
paired = {kind: difference_table(table, "wins") for kind, table in intervals.items()}
figure = grouped_forest_plot(
    paired, "difference of AUROC from training on wins", reference=0.0
)
show_figure(figure, "fig-wins-difference")

# %% label="tbl-wins"
all_runs = {
    f"{kind}, {name}": run for kind, of in runs.items() for name, run in of.items()
}
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece"]
show_table(comparison.run_metrics(all_runs, columns), "tbl-wins")

# %% [markdown]
# For the two models trained on nominations, Brier score and calibration error compare
# the probability of a nomination with wins: only their ranking is meaningful.

# %% [markdown] tags=["published"]
# **What this shows.** No difference of AUROC was detected between training on wins, on
# nominations, and on both: all paired intervals include zero, with few winners.
# Multi-task training gives gated attention a higher estimate than wins alone, and
# training on nominations does so for TF-IDF. By average precision TF-IDF gains most.

# %% [markdown]
# **What it does not show.** Whether a win can be predicted among nominated films at
# all: two hundred of them, a third with an Oscar, are too few to measure that.
#
# **Next.** [Training](04_training.ipynb): the networks themselves.
