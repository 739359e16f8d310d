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
# # Imbalance: treatments change the threshold, not what is known
#
# **Question.** One film in five is positive. Which of the usual treatments of class imbalance
# helps, and at what: ranking films, deciding on them, or telling honest probabilities? And is a
# neural network, which imbalance is said to keep from learning, helped by others than a model of
# words?
#
# **What you need.** The bundled features. **How long it takes.** About seven minutes on two
# cores; finished runs are found again at once.
#
# All treatments act on the same two models: a logistic regression on TF-IDF weights, and a network
# that reads a script's chunk vectors with gated attention. They act only inside the training films
# of each fold: penalty, threshold and the epoch to stop at come from inner folds, and resampling
# never touches a film that is scored. So the treatment is all that differs.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
seed = 0  # of folds, resampling, initial weights and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.comparison import compare, score_table
from wholescript.evaluation.predictions import FilmPredictions
from wholescript.models.imbalance import (
    IMBALANCE_CORRECTIONS,
    ImbalanceCorrectedTfidfLR,
    LogitAdjustment,
)
from wholescript.models.stacking import StackingEnsemble
from wholescript.plots import scores as plots
from wholescript.publish.cells import (
    ModelComparison,
    begin_notebook,
    cached,
    evaluate_run,
    record_differences,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays.models.aggregation import aggregators
from wholescript.studies.screenplays.models.imbalance import ImbalanceMILClassifier
from wholescript.studies.screenplays.study import open_study

notebook = begin_notebook("02_imbalance", globals())
study = open_study()
print(f"{len(study.corpus):,} films, {study.task.labels.mean():.1%} positive")

# %% [markdown]
# ## Seven treatments
#
# - *plain*: nothing is done.
# - *class weights*: errors on positives cost as many times more as positives are rarer.
# - *class-balanced*: the same with the effective number of films (Cui et al., 2019).
# - *oversampling*: positives are repeated until both classes are equal in number.
# - *SMOTE*: new positives are interpolated between neighbours (Chawla et al., 2002).
# - *focal loss*: films that are already right count less (Lin et al., 2017).
# - *logit adjustment*: the log prior odds are taken off the logit (Menon et al., 2021).
#
# Moving the threshold, the eighth, needs no training: every model gets it below, beside
# {fixed}`0.5`.

# %%
tfidf_models = {name: ImbalanceCorrectedTfidfLR(correction=name) for name in IMBALANCE_CORRECTIONS}
tfidf_models["logit adjustment"] = LogitAdjustment(cached(tfidf_models["plain"], study))
tfidf_runs = {
    name: evaluate_run(f"imbalance/{model.name}", model, study)
    for name, model in tfidf_models.items()
}

# %% [markdown]
# The network gets the same treatments, a whole film being what is weighted, repeated or invented:
# SMOTE interpolates chunk by chunk, between films that are neighbours by the mean of their chunks.
# Gated attention has a lower loss on inner folds than the query decoder of
# [training](04_training.ipynb). Each treatment trains it anew, so it is judged on the first of the
# five sets of folds alone, as the mean of three networks, one an inner fold.

# %%
gated_attention = aggregators(study.scale.epochs, min(3, study.scale.inner_folds))[
    "gated attention"
]
networks = {
    name: ImbalanceMILClassifier(**vars(gated_attention), correction=name)
    for name in IMBALANCE_CORRECTIONS
}
networks["logit adjustment"] = LogitAdjustment(cached(networks["plain"], study))
network_runs = {
    name: evaluate_run(f"imbalance-network/{model.name}", model, study, split="once")
    for name, model in networks.items()
}
runs = {"words": tfidf_runs, "network": network_runs}

# %% [markdown]
# ## Ranking: no treatment finds more nominated films
#
# AUC is the chance that a nominated film is ranked above one that is not. The bars are {fixed}`95%`
# bootstrap intervals over films; all treatments of a model are compared on the same films and
# folds.

# %% label="fig-imbalance-auc"
predictions = {
    kind: {n: run.predictions(FilmPredictions) for n, run in of.items()}
    for kind, of in runs.items()
}
ranking = {
    kind: compare(of, "auc", baseline="plain", seed=seed) for kind, of in predictions.items()
}
show_figure(plots.grouped_forest_plot(ranking, "AUC", reference=0.5), "fig-imbalance-auc")

# %% [markdown]
# Single intervals hide how alike the treatments are, since all of them profit from the same easy
# films. The paired difference from the plain model, on the same resamples, is the fairer view.

# %% label="fig-imbalance-difference"
bounds = {"difference": "value", "difference_low": "low", "difference_high": "high"}
paired = {kind: t.drop(index="plain")[list(bounds)] for kind, t in ranking.items()}
paired = {kind: table.rename(columns=bounds) for kind, table in paired.items()}
parts = [ModelComparison(runs[kind], "auc", table) for kind, table in ranking.items()]
record_differences("imbalance/differences", parts, baseline="plain")
figure = plots.grouped_forest_plot(paired, "AUC minus that of the plain model", reference=0.0)
show_figure(figure, "fig-imbalance-difference")

# %% [markdown]
# No difference is clear of zero, and all are smaller than the intervals above, those of the words
# by far. Weights and repetition move every score by nearly the same amount, which leaves the order
# of the films as it was; logit adjustment moves it by exactly the same amount. A network that is
# trained again finds another way to much the same place, hence its wider intervals.
#
# ## Decisions: the threshold does the work
#
# At {fixed}`0.5` a plain model of a rare class hardly ever says "yes", and its macro-F1 is poor.
# With a threshold from inner folds it is as good as the treated ones.

# %% label="fig-imbalance-threshold"
tables = {
    kind: score_table({name: run.metrics for name, run in of.items()}) for kind, of in runs.items()
}
names = {"macro_f1_at_half": "at_half", "macro_f1": "at_threshold"}
show_figure(plots.thresholds(tables["words"].rename(columns=names)), "fig-imbalance-threshold")

# %% label="fig-imbalance-threshold-network"
network_table = tables["network"].rename(columns=names)
show_figure(plots.thresholds(network_table), "fig-imbalance-threshold-network")

# %% [markdown]
# Where the two dots of a row lie apart, a threshold was all that was missing. The treatments that
# look best at {fixed}`0.5` have moved their scores so that {fixed}`0.5` happens to be a good
# threshold. The network says the same, less sharply: a threshold gives the plain one most of what
# any treatment does.
#
# ## Calibration: each treatment bends the probabilities its own way
#
# A probability of {fixed}`0.3` should come true three times in ten. Above the diagonal a model is
# too timid, below it too bold.

# %% label="fig-imbalance-calibration"
shown = ["plain", "class weights", "SMOTE", "logit adjustment", "focal loss"]
curves = {name: predictions["words"][name] for name in shown}
show_figure(plots.calibration(curves), "fig-imbalance-calibration")

# %% label="fig-imbalance-calibration-network"
curves = {name: predictions["network"][name] for name in shown}
show_figure(plots.calibration(curves), "fig-imbalance-calibration-network")

# %% [markdown]
# The plain model of words is timid, because its penalty pulls every probability towards the rate
# of positives; the plain network, stopped when its held-out likelihood is best, is near the
# diagonal by itself. Class weights overshoot, logit adjustment, which answers for a world with as
# many nominated films as others, promises far too much, and focal loss squeezes all films into the
# middle.
#
# A recalibration on inner folds, a logistic regression on the model's own logit (Platt, 1999),
# mends all of them alike: the last column of the tables is the calibration error after it.

# %% label="tbl-imbalance"
recalibrated = {
    name: evaluate_run(
        f"imbalance/{model.name}-recalibrated",
        StackingEnsemble([cached(model, study)], name=f"{model.name}-recalibrated"),
        study,
    )
    for name, model in tfidf_models.items()
}
tables["words"]["ece_recalibrated"] = [run.metrics["ece"].value for run in recalibrated.values()]
columns = ["auc", "average_precision", "macro_f1_at_half", "macro_f1", "mcc", "brier", "ece"]
show_table(tables["words"][[*columns, "ece_recalibrated"]], "tbl-imbalance")

# %% label="tbl-imbalance-network"
recalibrated = {
    name: evaluate_run(
        f"imbalance-network/{model.name}-recalibrated",
        StackingEnsemble([cached(model, study)], name=f"{model.name}-recalibrated"),
        study,
        split="once",
    )
    for name, model in networks.items()
}
tables["network"]["ece_recalibrated"] = [run.metrics["ece"].value for run in recalibrated.values()]
show_table(tables["network"][[*columns, "ece_recalibrated"]], "tbl-imbalance-network")

# %% [markdown]
# SMOTE is the cautionary case. In tens of thousands of dimensions the neighbours between which
# it interpolates are hardly neighbours, and the films that it invents are mixtures of scripts
# that nobody would write. It ranks no better than doing nothing; that its probabilities lie near
# the diagonal is the plain model's timidity and the shift of resampling cancelling out.
#
# **What this shows.** For ranking, imbalance of this degree needs no treatment, in a model of words
# or in a network. For decisions, choose the threshold on inner folds. For probabilities, leave the
# classes as they are, or recalibrate afterwards.
#
# **What it does not show.** That the same holds at a rate of one in a hundred. One in fifteen
# is the subject of [wins](11_wins.ipynb), where what helps is not a treatment but another label.
#
# **Next.** [Training](04_training.ipynb): models that read the sequence of chunks.
