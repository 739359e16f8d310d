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
# helps, and at what: ranking films, deciding on them, or telling honest probabilities?
#
# **What you need.** The bundled features. **How long it takes.** About five minutes on two
# cores; finished runs are found again at once.
#
# All treatments act on the same model, a logistic regression on TF-IDF weights, and only inside
# the training films of each fold: the strength of the penalty and the threshold come from inner
# folds, resampling never touches a film that is scored. So the treatment is all that differs.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # the Parquet file, for source local
target = "nominated_for_writing"  # nominated_for_writing | won_writing | nominated | won
seed = 0  # of folds, resampling and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.comparison import compare, score_table
from wholescript.models.imbalance import TREATMENTS, TreatedWordsLR
from wholescript.models.stack import Stack
from wholescript.report.cells import (
    Compared,
    begin_notebook,
    evaluate_run,
    record_differences,
    remembered,
    show_figure,
    show_table,
)
from wholescript.report.plots import scores as plots
from wholescript.report.study import open_study

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
treated = {name: TreatedWordsLR(treatment=name, Cs=(3.0, 30.0)) for name in TREATMENTS}
runs = {
    name: evaluate_run(f"imbalance/{model.name}", model, study) for name, model in treated.items()
}
predictions = {name: run.predictions for name, run in runs.items()}

# %% [markdown]
# ## Ranking: no treatment finds more nominated films
#
# AUC is the chance that a nominated film is ranked above one that is not. The bars are {fixed}`95%`
# bootstrap intervals over films; all models are compared on the same films and folds.

# %% label="fig-imbalance-auc"
ranking = compare(predictions, "auc", baseline="plain", seed=seed)
show_figure(plots.forest(ranking, "AUC", reference=0.5), "fig-imbalance-auc")

# %% [markdown]
# Single intervals hide how alike the models are, since all of them profit from the same easy
# films. The paired difference from the plain model, on the same resamples, is the fairer view.

# %% label="fig-imbalance-difference"
paired = ranking.drop(index="plain")[["difference", "difference_low", "difference_high"]]
paired.columns = ["value", "low", "high"]
figure = plots.forest(paired, "AUC minus that of the plain model", reference=0.0)
record_differences("imbalance/differences", [Compared(runs, "auc", ranking)], baseline="plain")
show_figure(figure, "fig-imbalance-difference")

# %% [markdown]
# No difference is clear of zero, and all are far smaller than the intervals above. Weights and
# repetition move every score by nearly the same amount, which leaves the order of the films as
# it was; logit adjustment moves it by exactly the same amount.
#
# ## Decisions: the threshold does the work
#
# At {fixed}`0.5` a plain model of a rare class hardly ever says "yes", and its macro-F1 is poor.
# With a threshold from inner folds it is as good as the treated ones.

# %% label="fig-imbalance-threshold"
table = score_table({name: run.metrics for name, run in runs.items()})
halves = table[["macro_f1_at_half", "macro_f1"]].set_axis(["at_half", "at_threshold"], axis=1)
show_figure(plots.thresholds(halves), "fig-imbalance-threshold")

# %% [markdown]
# Where the two dots of a row lie apart, a threshold was all that was missing. The treatments that
# look best at {fixed}`0.5` have moved their scores so that {fixed}`0.5` happens to be a good
# threshold.
#
# ## Calibration: each treatment bends the probabilities its own way
#
# A probability of {fixed}`0.3` should come true three times in ten. Above the diagonal a model is
# too timid, below it too bold.

# %% label="fig-imbalance-calibration"
shown = ["plain", "class weights", "SMOTE", "logit adjustment", "focal loss"]
curves = {name: predictions[name] for name in shown}
show_figure(plots.calibration(curves), "fig-imbalance-calibration")

# %% [markdown]
# The plain model is timid, because its penalty pulls every probability towards the rate of
# positives. Class weights overshoot, logit adjustment, which answers for a world with as many
# nominated films as others, promises far too much, and focal loss squeezes all films into the
# middle.
#
# A recalibration on inner folds, a logistic regression on the model's own logit (Platt, 1999),
# mends all of them alike: the last column of the table is the calibration error after it.

# %% label="tbl-imbalance"
recalibrated = {
    name: evaluate_run(
        f"imbalance/{model.name}-recalibrated",
        Stack([remembered(model, study)], name=f"{model.name}-recalibrated"),
        study,
    )
    for name, model in treated.items()
}
table["ece_recalibrated"] = [run.metrics["ece"].value for run in recalibrated.values()]
columns = ["auc", "average_precision", "macro_f1_at_half", "macro_f1", "mcc", "brier", "ece"]
show_table(table[[*columns, "ece_recalibrated"]], "tbl-imbalance")

# %% [markdown]
# SMOTE is the cautionary case. In tens of thousands of dimensions the neighbours between which
# it interpolates are hardly neighbours, and the films that it invents are mixtures of scripts
# that nobody would write. It ranks no better than doing nothing; that its probabilities lie near
# the diagonal is the plain model's timidity and the shift of resampling cancelling out.
#
# **What this shows.** For ranking, imbalance of this degree needs no treatment. For decisions,
# choose the threshold on inner folds. For probabilities, leave the classes as they are, or
# recalibrate afterwards.
#
# **What it does not show.** That the same holds for neural models, which imbalance can keep
# from learning at all, or at a rate of one in a hundred.
#
# **Next.** [Training](04_training.ipynb): models that read the sequence of chunks.
