# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Imbalance corrections: ranking, threshold, calibration
#
# **Question.** Positive films are the minority. Which of the usual corrections of class
# imbalance helps, and at what: ranking films, deciding on them, or calibrated
# probabilities? Does a neural network need other corrections than a linear model?
#
# **What you need.** The bundled features. **How long it takes.** About seven minutes on
# two cores; finished runs are loaded.
#
# All corrections are applied to the same two models: TF-IDF + logistic regression, and
# gated attention over chunk embeddings (the network). They act only on the training
# films of each fold: penalty, threshold and early stopping come from inner folds, and
# resampling never touches a film that is scored. Only the correction differs.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
fields = "script"  # script | summary | title | all (the three); others need texts
seed = 0  # of folds, resampling, initial weights and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.film_comparison import difference_table, metric_table
from wholescript.models.films.imbalance import (
    IMBALANCE_CORRECTIONS,
    ImbalanceCorrectedTfidfLR,
    LogitAdjustment,
)
from wholescript.models.films.stacking import StackingEnsemble
from wholescript.plots import films as plots
from wholescript.plots.forest import grouped_forest_plot

# %%
from wholescript.publish.cells import begin_notebook, show_figure, show_table
from wholescript.studies.screenplays import comparison
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.experiments import (
    cross_validation_run,
    record_differences,
    with_fold_cache,
)
from wholescript.studies.screenplays.models.configurations import aggregators
from wholescript.studies.screenplays.models.imbalance import ImbalanceMILClassifier

# %%
TFIDF, NETWORK = "TF-IDF + logistic regression", "gated attention"
notebook = begin_notebook("02_imbalance", globals())
data = open_screenplay_data()
print(f"{len(data.corpus):,} films, {data.dataset.labels.mean():.1%} positive")

# %% [markdown]
# ## Six corrections and a baseline
#
# - *uncorrected*: the baseline.
# - *class weights*: errors on positives are weighted by the inverse class frequency.
# - *class-balanced*: the same with the effective number of films
#   [@cui2019classbalanced].
# - *oversampling*: positives are repeated until both classes are equal in number.
# - *SMOTE*: new positives are interpolated between neighbours [@chawla2002smote].
# - *focal loss*: films that are already classified well are down-weighted
#   [@lin2017focal].
# - *logit adjustment*: the log prior odds are subtracted from the logit
#   [@menon2021logit].
#
# Choosing the threshold needs no training: every model is also evaluated at a threshold
# from inner folds, besides {fixed}`0.5`.

# %%
tfidf_models = {
    name: ImbalanceCorrectedTfidfLR(correction=name) for name in IMBALANCE_CORRECTIONS
}
tfidf_models["logit adjustment"] = LogitAdjustment(
    with_fold_cache(tfidf_models["uncorrected"], data)
)
tfidf_runs = comparison.cross_validation_runs("imbalance", tfidf_models, data)

# %% [markdown]
# The network gets the same corrections, with a whole film as the unit that is weighted,
# repeated or synthesised: SMOTE interpolates chunk by chunk between films that are
# neighbours by their mean chunk embedding. Gated attention has a lower loss on inner
# folds than the query decoder of [training](04_training.ipynb). Each correction needs
# new training, so the network is evaluated on the first repeat of the folds only, as
# the mean of three networks, one per inner fold.

# %%
gated_attention = aggregators(data.profile.epochs, min(3, data.profile.n_inner_folds))[
    "gated attention"
]
networks = {
    name: ImbalanceMILClassifier(**vars(gated_attention), correction=name)
    for name in IMBALANCE_CORRECTIONS
}
networks["logit adjustment"] = LogitAdjustment(
    with_fold_cache(networks["uncorrected"], data)
)
network_runs = comparison.cross_validation_runs(
    "imbalance-network", networks, data, split="first_repeat"
)
runs = {TFIDF: tfidf_runs, NETWORK: network_runs}

# %% [markdown]
# ## Ranking
#
# AUROC is the probability that a nominated film is ranked above one that is not. The
# bars are {fixed}`95%` bootstrap intervals over films; all corrections of a model are
# compared on the same films and folds.

# %% label="fig-imbalance-auc"
#| short-caption: AUROC with each imbalance correction.
ranking = {
    kind: comparison.compare_runs(of, "auc", baseline="uncorrected", seed=seed)
    for kind, of in runs.items()
}
intervals = {kind: compared.table for kind, compared in ranking.items()}
show_figure(grouped_forest_plot(intervals, "AUROC", reference=0.5), "fig-imbalance-auc")

# %% [markdown]
# Single intervals hide how similar the corrections are, since the same films are easy
# for all of them. The paired difference from the uncorrected model, on the same
# resamples, is more precise.

# %% label="fig-imbalance-difference"
record_differences(
    "imbalance/differences", list(ranking.values()), baseline="uncorrected"
)
paired = {
    kind: difference_table(table, "uncorrected") for kind, table in intervals.items()
}
label = "difference of AUROC from the uncorrected model"
figure = grouped_forest_plot(paired, label, reference=0.0)
show_figure(figure, "fig-imbalance-difference")

# %% [markdown] tags=["published"]
# All intervals include zero. Weights and oversampling change every logit by nearly the
# same amount, which leaves the ranking as it was; logit adjustment changes it by
# exactly the same amount. A network that is trained again also starts from other random
# weights, hence its wider intervals: a gain of a hundredth is not excluded for it.

# %% [markdown]
# ## Decisions
#
# At {fixed}`0.5` an uncorrected model of a rare class predicts almost no positives, and
# its macro-F1 is low. With a threshold from inner folds it is close to that of the
# corrected ones.

# %% label="fig-imbalance-threshold"
tables = {
    kind: metric_table({name: run.metrics for name, run in of.items()})
    for kind, of in runs.items()
}
names = {"macro_f1_at_half": "at_half", "macro_f1": "at_threshold"}
tfidf_table = tables[TFIDF].rename(columns=names)
show_figure(plots.compare_thresholds(tfidf_table), "fig-imbalance-threshold")

# %% label="fig-imbalance-threshold-network"
network_table = tables[NETWORK].rename(columns=names)
show_figure(plots.compare_thresholds(network_table), "fig-imbalance-threshold-network")

# %% [markdown] tags=["published"]
# Where the two dots of a row lie apart, only the threshold was wrong. The corrections
# that look best at {fixed}`0.5` have shifted their scores so that {fixed}`0.5` is a
# good threshold. The network shows the same, less clearly: a threshold gives the
# uncorrected one most of the gain of any correction.

# %% [markdown]
# ## Calibration
#
# Of films with a probability of {fixed}`0.3`, three in ten should be positive. Above
# the diagonal probabilities are too low, below it too high.

# %% label="fig-imbalance-calibration"
shown = ["uncorrected", "class weights", "SMOTE", "logit adjustment", "focal loss"]
curves = comparison.run_predictions({name: tfidf_runs[name] for name in shown})
show_figure(plots.reliability_diagram(curves), "fig-imbalance-calibration")

# %% label="fig-imbalance-calibration-network"
curves = comparison.run_predictions({name: network_runs[name] for name in shown})
show_figure(plots.reliability_diagram(curves), "fig-imbalance-calibration-network")

# %% [markdown] tags=["published"]
# The probabilities of the uncorrected TF-IDF model are too low; those of the
# uncorrected network, stopped at its best validation loss, are near the diagonal. With
# class weights and logit adjustment, which assume balanced classes, they are too high,
# and focal loss compresses all probabilities towards the middle.

# %% [markdown]
# Recalibration on inner folds, a logistic regression on the model's logit
# [@platt1999probabilistic], lowers the calibration error: the last column of the tables
# has it. *mcc* is the Matthews correlation of decisions and labels, *brier* the mean
# squared error of the probabilities, *ece* the expected calibration error.

# %% label="tbl-imbalance"
#| short-caption: Metrics of TF-IDF with each imbalance correction.
recalibrated = {
    name: cross_validation_run(
        f"imbalance/{model.name}-recalibrated",
        StackingEnsemble(
            [with_fold_cache(model, data)], name=f"{model.name}-recalibrated"
        ),
        data,
    )
    for name, model in tfidf_models.items()
}
tables[TFIDF]["ece_recalibrated"] = [
    run.metrics["ece"].value for run in recalibrated.values()
]
ranks = ["auc", "average_precision"]
decisions = ["macro_f1_at_half", "macro_f1", "mcc"]
columns = [*ranks, *decisions, "brier", "ece"]
show_table(tables[TFIDF][[*columns, "ece_recalibrated"]], "tbl-imbalance")

# %% label="tbl-imbalance-network"
#| short-caption: Metrics of the network with each imbalance correction.
recalibrated = {
    name: cross_validation_run(
        f"imbalance-network/{model.name}-recalibrated",
        StackingEnsemble(
            [with_fold_cache(model, data)], name=f"{model.name}-recalibrated"
        ),
        data,
        split="first_repeat",
    )
    for name, model in networks.items()
}
tables[NETWORK]["ece_recalibrated"] = [
    run.metrics["ece"].value for run in recalibrated.values()
]
show_table(tables[NETWORK][[*columns, "ece_recalibrated"]], "tbl-imbalance-network")

# %% [markdown] tags=["published"]
# SMOTE interpolates between neighbours that are hardly near in tens of thousands of
# dimensions. No gain in ranking was detected. Its probabilities lie near the diagonal;
# a likely reason is that the under-confidence of the penalty and the shift of
# resampling cancel out.
#
# **What this shows.** No correction was detected to improve the ranking, of TF-IDF or
# of the network. For decisions, choose the threshold on inner folds. For probabilities,
# recalibrate afterwards.

# %% [markdown]
# **What it does not show.** That the same holds at a positive rate of one in a hundred.
# One in fifteen is the subject of [wins](11_wins.ipynb), which uses another label
# instead of a correction.
#
# **Next.** [Training](04_training.ipynb): models of the sequence of chunks.
