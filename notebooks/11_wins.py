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
from wholescript.publish import cells
from wholescript.studies.screenplays import comparison, experiments
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.models.configurations import aggregators
from wholescript.studies.screenplays.models.multitask import MultiTaskMILClassifier

# %%
notebook = cells.begin_notebook("11_wins", globals())
data = open_screenplay_data()
nomination, films = NOMINATION_OF[target], data.corpus.films
facts = {"n_nominated": films[nomination].sum(), "n_won": films[target].sum()}
facts_as_metrics = {name: cells.Metric(float(n)) for name, n in facts.items()}
cells.record_metrics("wins/statistics", facts_as_metrics)
print(f"{len(films):,} films, {facts['n_nominated']} nominated, {facts['n_won']} won")

# %% [markdown]
# ## Training labels
#
# Two kinds of model: TF-IDF + logistic regression, and gated attention over chunk
# embeddings (the network). Each is trained on one of these labels, the last for the
# network only:
#
# - *wins*: the label that is evaluated.
# - *nominations*: winners are then ranked by the probability of a nomination.
# - *both*: a multi-task network [@caruana1997multitask] with two heads, a nomination
#   and a win given a nomination. The second is trained on nominated films only, and the
#   prediction is the product of both.
#
# All are tested on wins, TF-IDF too on one repeat of five folds, with as many winners
# in each. A network is the mean of three, one per inner fold.

# %%
n_networks = min(3, data.profile.n_inner_folds)
gated = aggregators(data.profile.epochs, n_networks)["gated attention"]
tfidf_models = {
    "wins": TfidfLR(name="tfidf-logistic"),
    "nominations": ProxyLabel(TfidfLR(), nomination, name="tfidf-logistic-nominations"),
}
networks = {
    "wins": gated,
    "nominations": ProxyLabel(gated, nomination, name="gated-attention-nominations"),
    "both": MultiTaskMILClassifier(**vars(gated), auxiliary_label=nomination),
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
# AUROC is the probability that a winner is ranked above a film that did not win, a
# nominated one or any other. The bars are {fixed}`95%` bootstrap intervals over films.
# With so few winners they are wide, and those of all models overlap.

# %% label="fig-wins-auc"
#| short-caption: AUROC of winners, by training label.
ranking = {
    kind: comparison.compare_runs(of, "auc", baseline="wins", seed=seed)
    for kind, of in runs.items()
}
intervals = {kind: compared.table for kind, compared in ranking.items()}
figure = grouped_forest_plot(intervals, "AUROC", reference=0.5)
cells.show_figure(figure, "fig-wins-auc")

# %% [markdown] tags=["published"]
# All models rank winners better than chance, the dotted line.

# %% [markdown]
# Average precision weights the top of the list: it is the mean, over winners, of the
# share of winners among the films ranked at least as high. Chance is the rate of
# winners, so the values are low.

# %% label="fig-wins-precision"
#| short-caption: Average precision of winners, by training label.
precision = {
    kind: comparison.compare_runs(of, "average_precision", baseline="wins", seed=seed)
    for kind, of in runs.items()
}
tables = {kind: compared.table for kind, compared in precision.items()}
chance = float(data.dataset.labels.mean())
figure = grouped_forest_plot(tables, "average precision", reference=chance)
cells.show_figure(figure, "fig-wins-precision")

# %% [markdown] tags=["published"]
# All intervals lie above chance. For both kinds of model the estimate is lowest with
# wins alone as the training label, with intervals that overlap.

# %% [markdown]
# The paired difference is more precise than two separate intervals: both models are
# tested on the same films and resampled together. It is the difference from the same
# kind of model trained on wins alone. Right of the dotted line, the other label is
# better.

# %% label="fig-wins-difference"
compared = [*ranking.values(), *precision.values()]
experiments.record_differences("wins/differences", compared, baseline="wins")
paired = {kind: difference_table(table, "wins") for kind, table in intervals.items()}
label = "difference of AUROC from training on wins"
figure = grouped_forest_plot(paired, label, reference=0.0)
cells.show_figure(figure, "fig-wins-difference")

# %% [markdown] tags=["published"]
# All three intervals of AUROC include zero: no difference was detected.

# %% [markdown]
# The table has all metrics of the five models: AUROC, average precision, macro-F1 and
# Matthews correlation (*mcc*) of decisions at thresholds from inner folds, Brier score
# and expected calibration error (*ece*). For the two models trained on nominations,
# Brier score and calibration error compare the probability of a nomination with wins:
# only their ranking is meaningful.

# %% label="tbl-wins"
#| short-caption: Metrics of all five models of wins.
all_runs = {f"{kind}, {k}": run for kind, of in runs.items() for k, run in of.items()}
columns = ["auc", "average_precision", "macro_f1", "mcc", "brier", "ece"]
cells.show_table(comparison.run_metrics(all_runs, columns), "tbl-wins")

# %% [markdown] tags=["published"]
# **What this shows.** No difference of AUROC was detected between training on wins, on
# nominations, and on both: all paired intervals include zero, with few winners. Of the
# differences of average precision, only that of TF-IDF trained on nominations has an
# interval above zero.

# %% [markdown]
# **What it does not show.** Whether a win can be predicted among nominated films: two
# hundred of them, a third with an Oscar, are too few to measure that. Nor how much of a
# difference is due to the random initialisation of the networks.
#
# **Next.** [Language models](12_language_models.ipynb): answers and surprisal of a
# pretrained model.
