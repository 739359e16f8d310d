# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The corpus: a thousand whole screenplays
#
# **Question.** How long is a screenplay for a model, what could a model learn from
# these films about a nomination for writing, and what could mislead it?
#
# **What you need.** The features that come with the repository; no network and no
# texts. **How long it takes.** Less than a minute on two cores.

# %% [markdown] tags=["published"]
# The films come from public collections of screenplays, the labels from the table of
# the Academy Awards [@lu2026oscars]. Texts are third-party copyright and stay out of
# the repository: everything on this page is computed from token counts, word counts and
# metadata. To look at films of your own, run this notebook with
# `-p source local -p path FILMS.parquet`.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
fields = "script"  # script | summary | title | all (the three); others need texts
seed = 0  # of the sample that scale smoke draws
scale = "cpu"  # smoke | cpu | full

# %%
import numpy as np

from wholescript.data.films import film_overview, label_rates
from wholescript.features.build import near_duplicate_pairs
from wholescript.features.keyness import keyness
from wholescript.publish.cells import (
    Metric,
    begin_notebook,
    record_metrics,
    show_figure,
    show_table,
)
from wholescript.studies.screenplays.data import open_screenplay_data
from wholescript.studies.screenplays.plots import corpus as plots

notebook = begin_notebook("01_corpus", globals())
data = open_screenplay_data(encode=False)
films, features = data.corpus.films, data.dataset.features

# %% [markdown]
# ## Which films these are
#
# The report uses the *core* of the collection: films whose script is a real, whole,
# properly typed draft. Early drafts that never became the film are left out, and
# transcripts made from the screen. So are a source that holds nominees only and one
# without capitals and punctuation. Each of them would let a model recognise the source.

# %% label="tbl-sources"
show_table(
    film_overview(films, data.corpus.target, features.n_tokens),
    "tbl-sources",
    {"share_positive": ".1%", "mean_tokens": ",.0f", "films": ",d", "positive": ",d"},
)

# %% [markdown] tags=["published"]
# Nearly all of the core comes from one collection. Whether the name of the collection
# still carries a signal is one of the controls of the
# [evaluation](05_evaluation.ipynb).

# %% [markdown]
# ## Screenplays exceed the context of standard models
#
# Lengths are counted in GPT-2 tokens, which are words or parts of words. The dashed
# lines are the contexts of familiar models: 512 tokens for BERT [@devlin2019bert] and
# the sentence encoders, 1,024 for GPT-2 [@radford2019gpt2], 4,096 for Longformer
# [@beltagy2020longformer].

# %% label="fig-lengths"
show_figure(
    plots.length_histogram(features.n_tokens, contexts=(512, 1_024, 4_096)),
    "fig-lengths",
)

# %%
# NBVAL_CHECK_OUTPUT
tokens, labels = features.n_tokens, data.dataset.labels
facts = {
    "n_films": len(tokens),
    "positive_rate": labels.mean(),
    "min_tokens": tokens.min(),
    "median_tokens": np.median(tokens),
    "max_tokens": tokens.max(),
}
facts |= {"n_chunks": films["n_chunks"].sum()} if "n_chunks" in films else {}
facts = record_metrics(
    "corpus/statistics", {name: Metric(float(v)) for name, v in facts.items()}
)
for name, metric in facts.metrics.items():
    print(f"{name:>14}: {metric.value:,.2f}")

# %% [markdown] tags=["published"]
# Even the shortest script is longer than the longest of these contexts. A model with
# one of them must split scripts into chunks and aggregate what it finds; that is the
# subject of this report.

# %% [markdown]
# ## Years
#
# Scripts of the studio era were collected because the films are famous; recent scripts
# are collected because they are available. The rate of nominations by decade shows what
# follows: old films in the collection were nominated more often.

# %% label="fig-years"
#| short-caption: Films, above, and share of positives with intervals, below, by decade.
show_figure(
    plots.positive_rate_by(films["year"] // 10 * 10, data.dataset.labels, "decade"),
    "fig-years",
)

# %% [markdown]
# The decade alone is therefore predictive of a nomination, and words indicate the
# decade. The evaluation therefore also reports the AUROC (the probability that a
# nominated film is ranked above another one) within decades, where the decade cannot
# help. It also has a temporal split, which is tested on later films than it is trained
# on.
#
# ## Labels
#
# Four labels can be predicted; `nominated_for_writing` is the one of this report.
# Intervals are Wilson's [@wilson1927interval], at {fixed}`95%`.

# %% label="fig-labels"
#| short-caption: Share of positive films by label.
show_figure(plots.label_rate_bars(label_rates(films)), "fig-labels")

# %% [markdown] tags=["published"]
# Nearly one film in five is positive here, so a model that predicts no positives has an
# accuracy of four in five. Accuracy is not informative; the report uses ranking
# metrics, and thresholds that are chosen on inner folds, which are folds of the
# training films.

# %% [markdown]
# ## Word frequencies
#
# The stored counts hold the words that at least five films use; rarer ones, mostly
# names and misspellings, would identify films and are left out.

# %% label="fig-zipf"
#| short-caption: Uses of each word against its rank.
show_figure(plots.zipf(features.word_counts), "fig-zipf")

# %% [markdown]
# ## Keyness: words that nominated scripts use more
#
# Words are compared that at least 50 films use, or a quarter of the films where there
# are fewer than 200. For each, the mean of log(1 + uses per 10,000 words) is compared
# between the two classes. Each film counts once, so a name that one film repeats cannot
# lead the list.

# %% label="fig-keyness"
keywords = keyness(features.word_counts, data.dataset.labels)
show_figure(plots.keyness(keywords, top=20), "fig-keyness")

# %%
# NBVAL_CHECK_OUTPUT
significant = (keywords["q"] < 0.05).sum()
print(
    f"{significant} of {len(keywords):,} words differ at a false discovery rate of 5%"
)

# %% [markdown] tags=["published"]
# The words on either side describe a kind of film. On one side things spin, slam,
# explode and scream; on the other people sit, talk, tell and write. Part of what a
# model of words can learn is therefore genre; the
# [interpretation](06_interpretation.ipynb) measures it by topics.

# %% [markdown]
# ## Near duplicates
#
# A film and its sequel or remake must not stand on both sides of a split. Scripts are
# compared by the cosine of their TF-IDF vectors (word counts, weighted by rarity), with
# the weights of all bundled films. Films with a cosine of {fixed}`0.4` or more are put
# into one group: two halves of one script reach it in 19 of 20 films. Every split keeps
# groups whole.

# %% label="tbl-duplicates"
#| short-caption: Pairs of films with the most similar scripts.
pairs = near_duplicate_pairs(data.corpus)
titles = films.set_index("film_id")["title"]
pairs["film_a"], pairs["film_b"] = (
    pairs["film_a"].map(titles),
    pairs["film_b"].map(titles),
)
show_table(pairs.head(12), "tbl-duplicates", {"similarity": ".2f"})

# %% [markdown] tags=["published"]
# These pairs are sequels and remakes whose characters share names and setting. They are
# no error of the collection, but a model that was trained on one would recognise the
# other.

# %% [markdown]
# ## Confounders: what predicts a nomination without the text
#
# Films are sorted by year and by length, cut into fifths, and the rate of positives in
# each fifth is shown next to the rate in each collection.

# %% label="fig-confounds"
show_figure(
    plots.positive_rate_by_confounder(films, features.n_tokens, data.dataset.labels),
    "fig-confounds",
)

# %% [markdown] tags=["published"]
# The oldest films and the longest scripts were nominated more often; in between,
# neither year nor length predicts much. Nearly all films come from one collection. Each
# of these is one of the controls of the evaluation.
#
# **What this shows.** A screenplay is far too long for one pass of a standard
# transformer, and the label is rare. Decade, length and collection differ between the
# classes, and a model can find traces of them.

# %% [markdown]
# **What it does not show.** Whether anything beyond these traces can be predicted from
# a script.
#
# **Next.** [Imbalance](02_imbalance.ipynb): what to do when one film in five is
# positive.
