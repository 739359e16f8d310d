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
# # A language model per class
#
# **Question.** Train one language model on good reviews and one on bad ones, and ask which of the
# two finds a new review less surprising: how good a classifier is that?
#
# **What you need.** Nothing: the reviews are not ours to give away, so the models were trained
# where they are, by `notebooks/08_train.sh`, and this notebook reads what was stored of each
# training. **How long it takes.** Some seconds.

# %% tags=["parameters"]
published = 0.901  # accuracy that a pair of GPT-2 models was published with, on tested reviews
published_tested = 1000  # reviews
seed = 0  # of the bootstrap

# %%
import pandas as pd
from scipy.stats import binomtest

from wholescript.report import language_study as language
from wholescript.report import text_study as study
from wholescript.report.cells import Metric, begin_notebook, record_metrics, show_figure, show_table
from wholescript.report.plots import scores as score_plots
from wholescript.report.plots import texts as plots
from wholescript.report.text_study import read_measured, read_text_runs

# %% label="tbl-generative-published"
notebook = begin_notebook("08_generative", globals())
right = binomtest(round(published * published_tested), published_tested)
bounds = right.proportion_ci(method="wilson")
claimed = {
    "accuracy": Metric(published, bounds.low, bounds.high),
    "reviews": Metric(published_tested),
}
record_metrics("generative/published", claimed)
table = pd.DataFrame({"published": vars(claimed["accuracy"])}).T[["value", "low", "high"]]
show_table(table.rename_axis("accuracy"), "tbl-generative-published")

# %% [markdown]
# So much of a published number is chance where a thousand reviews are tested. Here all test reviews
# are.
#
# ## Bayes' rule
#
# The probability that a review is good, given its words, is in proportion to the probability of the
# words under the model of good reviews, times the share of good reviews. A model of language gives
# the first factor as a product over words, each after those before it. No part of a review is left
# out, and every word counts once.
#
# *ngram-bayes* is a pair of four-gram models with modified Kneser-Ney smoothing, over as many
# reviews each. Beside it are *naive-bayes*, which is the same rule over single words and pairs,
# and models that learn the verdict itself: *tfidf-logistic*, *nb-svm*, and *hybrid*, which joins
# nb-svm and the n-grams with weights found on validation.

# %% label="fig-generative-accuracy"
found = read_text_runs("sentiment")
runs = study.by_set(study.on_all(found))["sentiment"]
models = {name: seeds for name, seeds in runs.items() if not name.startswith("encoder")}
for name, seeds in models.items():
    record_metrics(f"generative/{name}", study.scores_of(seeds))
for baseline in ("naive-bayes", "nb-svm"):
    record_metrics(f"generative/over-{baseline}", study.error_ratios(models, baseline))
record_metrics("generative/reviews", study.set_facts(models))
show_figure(
    score_plots.forest(study.accuracies(models), "accuracy on test"), "fig-generative-accuracy"
)

# %% label="tbl-generative-models"
formats = {"trained": ",.0f", "train_s": ",.0f", "s_per_1000": ".2f", "GB": ".2f", "seeds": ".0f"}
show_table(study.model_table(models), "tbl-generative-models", formats)

# %% [markdown]
# ## How sure is sure?
#
# A model of language takes each word for new evidence. In a text of two hundred words, that say
# much the same, it ends up far too sure. Dividing all log-odds by one temperature, found on
# validation, is the remedy. *plain* is before it.

# %% label="tbl-generative-rule"
rules = language.rule_table(models)
for name, row in rules.iterrows():
    record_metrics(f"generative/{name}-rule", {"ece_times": Metric(row["times"], tolerance=0.5)})
show_table(rules, "tbl-generative-rule", {"temperature": ".1f", "times": ".1f"})

# %% label="fig-generative-calibration"
said = {name: seeds[0].class_predictions for name, seeds in models.items()}
show_figure(plots.calibration(said), "fig-generative-calibration")

# %% [markdown]
# ## Word by word
#
# What a pair of models says can be read: each word is worth the log of how much likelier it is
# under one model than under the other. Of a review of our own:

# %% label="fig-generative-words"
words = read_measured("sentiment/ngram-bayes-s0-words")
record_metrics("generative/words", words.metrics)
show_figure(plots.words(words.history), "fig-generative-words")

# %%
print(words.config["text"])
print(f"{words.config['said']}, at {words.metrics['probability'].value:.0%}")

# %% [markdown]
# ## Two regimes
#
# A model of the texts of each class and one of the border between classes are twins: naive Bayes
# and logistic regression see the same counts. The first should need fewer examples to come near
# its best, the second should have the better best (Ng and Jordan, 2001).

# %% label="fig-generative-learning"
learned = study.learning_table(found)
show_figure(plots.learning(learned), "fig-generative-learning")

# %% label="tbl-generative-twins"
twins = ["naive-bayes", "ngram-bayes", "tfidf-logistic"]
over_logistic = {}
for examples in (20, 50, 200, 1_000, 5_000):
    few = study.with_examples(found, examples)
    over = study.error_ratios({name: few[name] for name in twins}, "tfidf-logistic")
    record_metrics(f"generative/twins-{examples}", over)
    over_logistic[examples] = {
        name.partition("_")[0]: metric.value for name, metric in over.items()
    }
over_logistic = pd.DataFrame(over_logistic).T.rename_axis("reviews")
show_table(over_logistic, "tbl-generative-twins")

# %% [markdown]
# The table has the errors of both models of language over those of logistic regression. There is no
# first regime here: with regularisation the model of the border is ahead however few the reviews.
#
# ## By class

# %% label="tbl-generative-classes"
show_table(language.class_table(models), "tbl-generative-classes")

# %% [markdown]
# **What this shows.** A pair of language models is a classifier, and one that needs a temperature
# before its probabilities mean anything. Models that learn the verdict itself make fewer errors,
# however few the reviews. What a pair knows besides is worth a little to them: the hybrid is the
# best of all.
#
# **What it does not show.** Pairs of transformers, fine-tuned or from scratch (`wholescript train
# generative --model smollm2`, `--model tiny`), and what reviews that a pair writes do to those that
# learn from them (`wholescript write`). Each model of all reviews was trained once.
#
# **Next.** [An encoder that was never wrong](09_encoder_trap.ipynb), on the same reviews.
