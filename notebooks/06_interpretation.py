# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Interpretation: what the models use
#
# **Question.** The models rank films better than chance. Which part of the script do
# they use, and how much do they depend on names, dates, topic, decade, or the opening
# pages, where writers are named?
#
# **What you need.** The bundled features, a list of the words that are names, and the
# runs of [Evaluation](05_evaluation.ipynb) and [Training](04_training.ipynb). **How
# long it takes.** Three minutes on two cores; stored measurements are loaded.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
n_parts = 20  # equal parts of a script, occluded one at a time
n_topics = 12  # NMF topics, as a stand-in for genre
seed = 0  # of folds, initial weights, dropout, topics and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
import pandas as pd

from wholescript.evaluation.film_comparison import difference_table
from wholescript.evaluation.top_errors import top_errors
from wholescript.features.proper_names import read_proper_names
from wholescript.features.topics import fit_topics
from wholescript.models.films.tfidf import TfidfLR
from wholescript.plots.forest import forest_plot
from wholescript.publish import cells
from wholescript.studies.screenplays import (
    comparison,
    experiments,
    interpretation,
    interpretation_runs,
    keyness_of_predictions,
)
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.plots import interpretation as plots

# %%
notebook = cells.begin_notebook("06_interpretation", globals())
data = open_screenplay_data()
dataset, films = data.dataset, data.corpus.films
TFIDF, MEAN = "TF-IDF + logistic regression", "mean pooling"
tfidf, chunks = TfidfLR(), interpretation_runs.occluded_aggregators(data)
print(f"{len(films):,} films, {dataset.labels.sum()} positive, {len(data.folds)} folds")

# %% [markdown]
# ## Occluding one part of the script at a time
#
# *Occlusion* leaves out a part of the input of a fitted model. Here a model scores a
# test film whole, then without one of twenty equal parts. The change of the logit (the
# log-odds of a nomination) is the occlusion effect of the part. The folds are those of
# the first repeat. For aggregators with attention, one network per fold is examined.
#
# First the size of the change, whatever its direction. A value of 1 is the mean over
# the parts of the film: a part above 1 changes the logit more than the average part.

# %% label="fig-occlusion-by-part"
occlusion = interpretation_runs.occlusion_run(chunks, data, n_parts=n_parts, seed=seed)
sizes = interpretation.occlusion_table(occlusion.metrics, "relative_change")
label = "|change of logit|, mean part = 1"
figure = plots.by_script_position(sizes, label, reference_value=1)
cells.show_figure(figure, "fig-occlusion-by-part")

# %% [markdown] tags=["published"]
# For gated attention, mean pooling and the query decoder alike, the curve rises towards
# the end of the script, so the last parts change the logit most. This says nothing
# about their direction.

# %% [markdown]
# Then the direction: the difference between nominated and other films in the
# contribution of a part, in standard deviations of the logit. All three models average
# over chunks, so the rest of the script takes the place of an occluded part. Above the
# dotted line, a part is more predictive of a nomination than the rest of its script. A
# signal that is spread evenly would lie on the line.

# %% label="fig-occlusion-class-difference"
directions = interpretation.occlusion_table(occlusion.metrics, "class_difference")
label = "class difference, SD of logit"
figure = plots.by_script_position(directions, label, reference_value=0)
cells.show_figure(figure, "fig-occlusion-class-difference")

# %% [markdown] tags=["published"]
# The last fifth of a script is slightly more predictive than the rest: for each of the
# three models the interval of its summed class difference is above zero, by a few
# hundredths of a standard deviation. Endings of nominated films may differ by genre,
# since chases and fights stand there too.

# %% [markdown]
# ## Attention against occlusion
#
# Attention is often shown as an explanation. If it were one, the chunks with most
# attention would be those whose occlusion changes the logit most [@jain2019attention].
# For each film the chunks are ranked by attention and by the size of their occlusion
# effect, and the two ranks are correlated. The figure shows the mean over films. Its
# lower rows correlate the occlusion effects of two models over the parts of a script.

# %% label="fig-attention-occlusion"
correlations = interpretation.interval_table(occlusion.metrics, ":rank_correlation")
figure = forest_plot(correlations, "rank correlation", reference=0, in_order=True)
cells.show_figure(figure, "fig-attention-occlusion")

# %% [markdown]
# A correlation of one would mean that both give the same order, zero that they are
# unrelated. The table looks at the most attended tenth of the chunks only. It has the
# mean occlusion effect of such a chunk, relative to that of a random chunk.

# %% label="tbl-attention-occlusion"
#| short-caption: Occlusion effect of the most attended tenth, and of random chunks.
top_decile = interpretation.interval_table(
    occlusion.metrics, ":top_decile_relative_change"
)
formats = dict.fromkeys(top_decile, ".2f")
cells.show_table(top_decile.rename_axis("model"), "tbl-attention-occlusion", formats)

# %% [markdown] tags=["published"]
# Attention and occlusion agree in part: all correlations are above zero and below one.
# They agree more for gated attention, where the attention weight of a chunk is its
# weight in the mean, than for the query decoder.

# %% [markdown]
# ## Without one quarter
#
# The [evaluation](05_evaluation.ipynb) used models of one quarter of the script. Here
# TF-IDF + logistic regression is trained on whole scripts and tested on scripts without
# one quarter. The paired change of AUROC measures what the rest of the script cannot
# replace: the same films are resampled for both predictions.

# %% label="fig-without-quarter"
quarters = interpretation_runs.quarter_ablation_run(tfidf, data, seed=seed)
change = interpretation.interval_table(quarters.metrics, ":auc_change")
label = "change of AUROC"
figure = forest_plot(change, label, reference=0, in_order=True, model=TFIDF)
cells.show_figure(figure, "fig-without-quarter")

# %% [markdown] tags=["published"]
# Without any single quarter the ranking changes little: each change of AUROC is
# smaller than two hundredths. Only without the last quarter is the interval below zero.

# %% [markdown]
# ## Names, dates and opening pages
#
# A model could recognise films by their names, and decades by their dates. *Ablation*
# removes such words in training and in test, unlike occlusion. Names are the words that
# the scripts capitalise within a sentence more often than not: people, places, makes,
# titles. Dates are months, days, number words and the like; digits are never counted.
# The opening is the first 4,000 characters, where writers are named. The stored chunk
# embeddings cannot lose single words, so mean pooling loses the opening only.

# %%
names = read_proper_names()
removed = interpretation_runs.ablations(names)
runs = {TFIDF: experiments.load_or_run("evaluation/tfidf-logistic", tfidf, data)}
runs |= interpretation_runs.ablation_runs(TFIDF, tfidf, removed, data)
mean = chunks[MEAN]
mean_runs = {MEAN: experiments.load_or_run("training/mean-pooling", mean, data)}
opening = {"without opening": removed["without opening"]}
mean_runs |= interpretation_runs.ablation_runs(MEAN, mean, opening, data)

# %% [markdown]
# The figure has the paired change of AUROC from the complete model of the same kind. If
# names or dates were needed, the rows without them would lie left of the dotted line.

# %% label="fig-feature-ablation"
by_words = comparison.compare_runs(runs, baseline=TFIDF, seed=seed)
by_chunks = comparison.compare_runs(mean_runs, baseline=MEAN, seed=seed)
experiments.record_differences("interpretation/differences", [by_words], baseline=TFIDF)
compared = {TFIDF: by_words, MEAN: by_chunks}
paired = pd.concat([difference_table(of.table, name) for name, of in compared.items()])
figure = forest_plot(paired, "change of AUROC", reference=0)
cells.show_figure(figure, "fig-feature-ablation")

# %% [markdown] tags=["published"]
# Without names, dates or the opening no change was detected. With names only, the AUROC
# is lower but above chance: names alone carry a signal, such as a decade or a setting.

# %% [markdown]
# ## Topics as a stand-in for genre
#
# The data hold no genre. Topics stand in for it: a non-negative matrix factorisation
# (NMF) [@lee1999nmf] of the word weights, without names, finds groups of words that
# occur together, and each film gets its strongest topic. No label is used. A topic is
# named by its first words. The left panel has the rate of nominated films in each
# topic, the right one the AUROC of TF-IDF among the films of the topic.

# %% label="fig-topics"
predictions = comparison.run_predictions(runs | mean_runs)
topics = fit_topics(dataset.features.word_counts, names, n_topics, seed=seed)
by_topic = interpretation_runs.topic_table(
    predictions[TFIDF], dataset.labels, topics, seed=seed
)
cells.show_figure(plots.topics(by_topic, dataset.labels.mean()), "fig-topics")

# %% [markdown] tags=["published"]
# Topics differ widely in their rate of nominations, and a model that only recognised
# topics would have an AUROC above chance.

# %% [markdown]
# The table shows how much of the AUROC is due to topic and decade. Only films of one
# decade are ranked against each other, or of one topic, or of one topic before or after
# the median year (*half*). The last columns are the paired change from the AUROC over
# all pairs.

# %% label="tbl-strata"
#| short-caption: AUROC within decades and topics, and change from that of all pairs.
models = {"tfidf-logistic": predictions[TFIDF], MEAN: predictions[MEAN]}
strata = interpretation_runs.film_strata(films, topics.film_topics)
stored = interpretation_runs.record_strata(models, strata, seed=seed).metrics
within = interpretation.interval_table(stored, ":within_stratum_auc")
change = interpretation.interval_table(stored, ":auc_change").add_prefix("change, ")
cells.show_table(within.rename_axis("AUROC").join(change), "tbl-strata")

# %% [markdown] tags=["published"]
# Within topics the AUROC of both models is lower than over all pairs, and still above
# chance: part of it is due to topic. Within decades no change was detected.

# %% [markdown]
# ## Words of predicted and of true nominations
#
# As many films as were nominated are predicted positive, those with the highest
# out-of-fold ranks. For each word the effect size (Cohen's d, the difference of two
# means in standard deviations) is computed twice, for the predicted class and for the
# true class. On the dotted line both are equal. A model that overstates words gives a
# steeper cloud.

# %% label="fig-keyness-predicted"
predicted = keyness_of_predictions.predicted_labels(predictions[TFIDF])
effects = keyness_of_predictions.compare_keyness(
    dataset.features.word_counts, dataset.labels, predicted
)
cells.show_figure(plots.keyness_scatter(effects), "fig-keyness-predicted")

# %% [markdown]
# The table has the rank correlation of the two effects over words, and the ratio of
# their standard deviations: above one, effects are larger for predicted classes.

# %% label="tbl-keyness-predicted"
#| short-caption: Agreement of the effects of words on predicted and true classes.
agreement = interpretation.keyness_metrics(models, dataset, seed=seed)
keyness = cells.record_metrics("interpretation/keyness", agreement).metrics
table = interpretation.interval_table(keyness).rename_axis("metric")
cells.show_table(table, "tbl-keyness-predicted")

# %% [markdown] tags=["published"]
# Both models order the words much as the true classes do, and overstate their effects.
# Among the words that TF-IDF overstates most are formal ones for nominations, and
# violent actions and swearing for their absence.

# %% [markdown]
# ## Largest errors
#
# For TF-IDF + logistic regression: the films ranked highest without a nomination, and
# lowest with one. Probabilities are means over the repeats, with their range (*low*,
# *high*). The rank is that of the film among all, by its mean rank within the test
# folds; 1 is the highest.

# %% label="tbl-false-positives"
formats = dict.fromkeys(("probability", "low", "high"), ".2f")
false_positives = top_errors(predictions[TFIDF], films, label=0)
cells.show_table(false_positives, "tbl-false-positives", formats)

# %% label="tbl-false-negatives"
false_negatives = top_errors(predictions[TFIDF], films, label=1)
cells.show_table(false_negatives, "tbl-false-negatives", formats)

# %% [markdown] tags=["published"]
# **What this shows.** No AUROC change was detected without the opening, without names
# or without dates. The last parts of a script change the logit most. Within topics the
# AUROC is lower, and still above chance. The models overstate the effects of words.
#
# **What it does not show.** Cause. A part that can be removed without loss may still be
# used: other parts carry the same information. Topics are not genres. The last fifth
# was singled out after its curve was seen, so other films have to confirm it.
#
# **Next.** [From scratch or fine-tuned](07_scratch_or_finetune.ipynb): short texts with
# labels.
