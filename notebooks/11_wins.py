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
# # Wins: a rarer label, learned alone or with the nominations
#
# **Question.** One film in fifteen won the Oscar for its writing. Is that better learned from the
# few winners alone, together with the nominations, or not at all, by ranking films for a
# nomination?
#
# **What you need.** The bundled features. **How long it takes.** About two minutes on two cores;
# finished runs are found again at once.
#
# Every winner was nominated, so the chance to win is a product: the chance of a nomination, times
# the chance to win once nominated. The first factor has almost three times as many positive films
# to learn from as the win itself.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "won_writing"  # won_writing | won
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.data.films.labels import NOMINATION_OF
from wholescript.evaluation.comparison import compare, score_table
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.models.proxy_label import ProxyLabel
from wholescript.models.tfidf import TfidfLR
from wholescript.plots import scores as plots
from wholescript.publish.cells import (
    Metric,
    ModelComparison,
    begin_notebook,
    evaluate_run,
    record_differences,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays.models.aggregation import aggregators
from wholescript.studies.screenplays.models.multitask import MultiTaskMILClassifier
from wholescript.studies.screenplays.study import open_study

# %%
notebook = begin_notebook("11_wins", globals())
study = open_study()
nomination = NOMINATION_OF[target]
films = study.corpus.films
facts = {"nominated": films[nomination].sum(), "won": films[target].sum()}
record_metrics("wins/facts", {name: Metric(float(value)) for name, value in facts.items()})
print(f"{len(films):,} films, {facts['nominated']} nominated, {facts['won']} won")

# %% [markdown]
# ## What to learn, to find winners
#
# Two kinds of model: a logistic regression on TF-IDF weights (*words*), and gated attention over
# the chunk vectors (*network*). Each can learn one of these, the last being for the network alone:
#
# - *wins*: the label that is asked for, and nothing else.
# - *nominations*: winners are then ranked by the chance of a nomination.
# - *both*: one network with two heads, a nomination and a win once nominated. The second is trained
#   on nominated films alone, and the product of both is the answer.
#
# All are tested on wins, on one set of five folds with as many winners in each. A network is the
# mean of three, one an inner fold.

# %%
gated_attention = aggregators(study.scale.epochs, min(3, study.scale.inner_folds))[
    "gated attention"
]
tfidf_models = {
    "wins": TfidfLR(name="words"),
    "nominations": ProxyLabel(TfidfLR(), nomination, name="words-nominations"),
}
networks = {
    "wins": gated_attention,
    "nominations": ProxyLabel(gated_attention, nomination, name="gated-attention-nominations"),
    "both": MultiTaskMILClassifier(**vars(gated_attention), nomination=nomination),
}
models = {"words": tfidf_models, "network": networks}
runs = {
    kind: {n: evaluate_run(f"wins/{m.name}", m, study, split="once") for n, m in of.items()}
    for kind, of in models.items()
}
predictions = {
    kind: {n: run.predictions(FilmPredictions) for n, run in of.items()}
    for kind, of in runs.items()
}

# %% [markdown]
# ## Ranking winners
#
# With so few winners the intervals are wide, and only the paired comparison can tell much.

# %% label="fig-wins-auc"
ranking = {k: compare(of, "auc", baseline="wins", seed=seed) for k, of in predictions.items()}
show_figure(plots.grouped_forest_plot(ranking, "AUC", reference=0.5), "fig-wins-auc")

# %% [markdown]
# Average precision asks for the top of the list: how many of the films ranked highest really won.
# Chance would give the rate of winners.

# %% label="fig-wins-precision"
precision = {
    kind: compare(of, "average_precision", baseline="wins", seed=seed)
    for kind, of in predictions.items()
}
chance = float(study.task.labels.mean())
figure = plots.grouped_forest_plot(precision, "average precision", reference=chance)
show_figure(figure, "fig-wins-precision")

# %% [markdown]
# The paired difference is from the same kind of model that learns wins alone.

# %% label="fig-wins-difference"
bounds = {"difference": "value", "difference_low": "low", "difference_high": "high"}
paired = {kind: t.drop(index="wins")[list(bounds)] for kind, t in ranking.items()}
paired = {kind: table.rename(columns=bounds) for kind, table in paired.items()}
parts = [ModelComparison(runs[k], "auc", table) for k, table in ranking.items()]
parts += [ModelComparison(runs[k], "average_precision", table) for k, table in precision.items()]
record_differences("wins/differences", parts, baseline="wins")
figure = plots.grouped_forest_plot(paired, "AUC minus that of learning wins alone", reference=0.0)
show_figure(figure, "fig-wins-difference")

# %% label="tbl-wins"
metrics = {f"{k}, {name}": run.metrics for k, of in runs.items() for name, run in of.items()}
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece"]
show_table(score_table(metrics)[columns], "tbl-wins")

# %% [markdown]
# Brier score and calibration error of the two that learned nominations are those of a nomination's
# probability, held against wins: they rank, and no more.
#
# **What this shows.** A win is found about as well by a model that never learned one: nominations
# are the same question with more films to learn it from. Learning both puts the network above the
# one that learns wins alone, and learning nominations puts the words above themselves, but with so
# few winners neither difference of AUC is clear of zero. At the top of the list, by average
# precision, words gain most.
#
# **What it does not show.** Whether a win can be told among nominated films at all: two hundred
# of them, a third with an Oscar, are too few to say.
#
# **Next.** [Training](04_training.ipynb): the networks themselves.
