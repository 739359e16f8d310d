# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Language models: zero-shot answers and surprisal
#
# **Question.** A small pretrained language model answers questions about a script, and
# has a loss on its text. Do the answers or the loss predict a nomination better than
# n-grams do, or improve on them?
#
# **What you need.** The bundled scores, of some of the bundled films, drawn at random.
# Films of your own are scored here, which needs the model (`make encoder`). **How long
# it takes.** Two minutes on two cores; scoring takes a few seconds for each film.
#
# The model is SmolLM2-135M-Instruct [@allal2025smollm2], with 135 million parameters,
# of weights that were stored in 4 bits. It scores windows of 512 tokens, two of each
# bundled script: the beginning, and one from the second half.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
fields = "script"  # script | summary | title | all (the three); others need texts
first_test_year = 2010  # first test year of the temporal split
language_model = "smollm2"  # with texts: smollm2, a folder, or a name on the hub
seed = 0  # of folds and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation.film_comparison import difference_table
from wholescript.features.lm_scores import SURPRISAL_NAMES, LMScoringConfig
from wholescript.plots.forest import forest_plot
from wholescript.publish import cells
from wholescript.studies.screenplays import comparison, experiments
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.language_models import results, scoring
from wholescript.studies.screenplays.language_models.estimators import (
    language_model_estimators,
)
from wholescript.studies.screenplays.plots import language_models as plots

# %%
notebook = cells.begin_notebook("12_language_models", globals())
data = open_screenplay_data(encode=False)
scores = scoring.open_lm_scores(data, LMScoringConfig(language_model), seed=seed)
data = scoring.with_lm_scores(data, scores)

# %% [markdown]
# ## Windows and tokens
#
# One forward pass over a window gives the loss of each token, and the answers to two
# questions that are asked after the window.

# %% label="tbl-lm-reading"
#| short-caption: Windows and tokens that were scored.
cells.record_metrics("language-models/reading", results.reading_metrics(data, scores))
cells.show_table(
    results.reading_table(data, scores), "tbl-lm-reading", {"value": ",.4g"}
)

# %% [markdown]
# ## Answers: zero-shot and few-shot
#
# Two questions are asked: *was this screenplay nominated for an Academy Award for its
# writing*, and *is this an outstanding piece of writing*. The score of a film is the
# mean over its windows of the log-odds of Yes against No. The same log-odds for inputs
# without content are subtracted, which changes no ranking, only how often the answer is
# Yes (contextual calibration) [@zhao2021calibrate]. The few-shot prompt shows parts of
# four films, two of them nominated, none of them tested. The prompts were fixed before
# any score was computed.

# %%
estimators = language_model_estimators()
runs = {
    split: comparison.cross_validation_runs(
        "language-models", estimators, data, split=split
    )
    for split in comparison.SPLITS
}

# %% label="fig-lm-auc"
NGRAMS = "n-grams (1 to 3)"
ranking = comparison.compare_runs(runs["random"], "auc", baseline=NGRAMS, seed=seed)
cells.show_figure(forest_plot(ranking.table, "AUROC", reference=0.5), "fig-lm-auc")

# %% [markdown]
# The rows *zero-shot* and *few-shot* train nothing: labels only choose the threshold,
# and are part of the few-shot prompt with its four films. The row *answers* is a
# logistic regression on the three.

# %% [markdown]
# ## Surprisal: how well the model predicts the text
#
# *Surprisal* is the loss of a token, in nats. A script is summarised by its mean and
# spread, its trend from the first window to the last, and that of dialogue and of
# action. Another measure is how much the loss falls from the first quarter of a window
# to the last, with more context. *Loss minus entropy* is the loss beyond what the model
# expects from its own predictions. The share of dialogue and the characters per token
# are no surprisal; they belong to the same window. Most of the measures depend on
# longer contexts than three words, which n-grams do not represent.

# %% label="fig-lm-columns"
#| short-caption: AUROC of each measure of surprisal alone.
columns = results.rank_films_by_columns(data, SURPRISAL_NAMES, seed=seed)
cells.show_figure(
    forest_plot(columns, "AUROC of one measure alone", reference=0.5), "fig-lm-columns"
)

# %% [markdown]
# Above one half, nominated films have higher values. A logistic regression on all
# measures is the row *surprisal* in the [comparison of models](#fig-lm-auc).

# %% [markdown]
# ## Added to n-grams
#
# The measures are added to the n-grams as a Gaussian kernel with a small weight or
# none, which inner folds choose. The difference is paired: both models are tested on
# the same films. Where all folds choose a weight of zero, it is exactly zero.

# %% label="fig-lm-difference"
#| short-caption: Difference of AUROC from n-grams, of answers and surprisal.
precision = comparison.compare_runs(
    runs["random"], "average_precision", baseline=NGRAMS, seed=seed
)
experiments.record_differences(
    "language-models/differences", [ranking, precision], baseline=NGRAMS
)
paired = difference_table(ranking.table, NGRAMS)
figure = forest_plot(paired, f"difference of AUROC from {NGRAMS}", reference=0.0)
cells.show_figure(figure, "fig-lm-difference")

# %% label="tbl-lm-models"
#| short-caption: Metrics of answers, surprisal and n-grams, on random folds.
COLUMNS = ["auc", "average_precision", "macro_f1", "brier", "ece", "within_decade_auc"]
cells.show_table(comparison.run_metrics(runs["random"], COLUMNS), "tbl-lm-models")

# %% [markdown]
# *brier* is the mean squared error of the probabilities, *ece* their expected
# calibration error; *within decade auc* ranks only films of the same decade.
#
# ### Later films
#
# The same models, trained on films from before the first test year and tested on later
# ones.

# %% label="tbl-lm-temporal"
#| short-caption: AUROC of answers, surprisal and n-grams on later films.
later = comparison.compare_runs(runs["temporal"], "auc", baseline=NGRAMS, seed=seed)
experiments.record_differences(
    "language-models/temporal-differences", [later], baseline=NGRAMS
)
cells.show_table(later.table.drop(columns=["p", "std"]), "tbl-lm-temporal")

# %% [markdown]
# ## AUROC by number of windows
#
# The first windows of a script are its beginning and one further on; those of each
# further round lie between those scored before. So the first windows alone show the
# AUROC with fewer windows.

# %% label="fig-lm-windows"
#| short-caption: AUROC of surprisal and of zero-shot answers, by number of windows.
by_windows = results.auc_by_n_windows(data, scores)
cells.show_figure(plots.auc_by_windows(by_windows), "fig-lm-windows")

# %% [markdown]
# ## Contamination
#
# The pretraining data may contain a film's script, or texts about the film. Two
# controls look for that. After a window from the second half of the script the model is
# asked for its title, among twenty. The other control is the longest run of tokens that
# it predicts right, one after another, which would be long if the text were memorised.

# %% label="fig-lm-contamination"
#| short-caption: Share of titles ranked first, and of films by longest right run.
recall = results.title_recall(scores.titles, seed=seed)
cells.record_metrics(
    "language-models/contamination", results.contamination_metrics(data, recall)
)
cells.show_figure(plots.contamination(recall, data.dataset), "fig-lm-contamination")

# %% [markdown] tags=["published"]
# **What this shows.** One small model scored a few percent of each film; the first
# table has how much. The intervals of the answers about nominations, and of a logistic
# regression on all measures of surprisal, include one half: no signal was detected. The
# answer about outstanding writing ranks nominated films below others. On random folds
# all are below the n-grams. Added to the n-grams, no gain was detected by surprisal;
# with the answers too, the AUROC is slightly lower. Where no word of the title is in
# the window, no knowledge of the title was detected.
#
# **What it does not show.** The AUROC of a larger model, or with whole scripts as
# input. `wholescript data language-model --rounds N` scores more windows.
#
# **Next.** [Evaluation](05_evaluation.ipynb): the models that are compared with here.
