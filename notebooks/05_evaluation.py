# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Evaluation: n-grams, chunk embeddings, and combinations
#
# **Question.** Does any model of frozen chunk embeddings predict better than TF-IDF of
# words or of n-grams, and do they predict more than year, length and collection do?
#
# **What you need.** The bundled features, and the runs of
# [Training](04_training.ipynb), which are stored; with other parameters they are
# trained here. **How long it takes.** Some twenty minutes on two cores if
# everything is trained; finished folds are loaded.

# %% tags=["parameters"]
source = "bundled"  # bundled | local | hub
path = ""  # for source local: Parquet with film_id, title, year, text and the target
target = "nominated_for_writing"  # nominated_for_writing|won_writing|nominated|won
fields = "script"  # script | summary | title | all (the three); others need texts
first_test_year = 2010  # first test year of the temporal split
chunk_length = 254  # tokens per chunk; other lengths need the texts and the encoder
seed = 0  # of folds, initial weights, dropout and bootstrap
scale = "cpu"  # smoke | cpu | full

# %%
from wholescript.evaluation import film_comparison
from wholescript.experiments.display_names import model_display_name
from wholescript.models.films.ablation import FeatureAblation, OutsideWindowAblation
from wholescript.models.films.controls import controls
from wholescript.models.films.tfidf import TfidfLR
from wholescript.plots import films as plots
from wholescript.plots.forest import forest_plot
from wholescript.publish import cells
from wholescript.studies.screenplays import comparison, experiments
from wholescript.studies.screenplays.data import (
    open_screenplay_data,
    with_extra_training_films,
)
from wholescript.studies.screenplays.models import (
    configurations,
    finetuning_configurations,
    long_context_configurations,
)

# %%
notebook = cells.begin_notebook("05_evaluation", globals())
data = open_screenplay_data()
print(
    f"{len(data.corpus):,} films, {data.dataset.labels.sum()} positive, "
    f"{len(data.folds)} folds"
)

# %% [markdown]
# ## Models compared
#
# The baseline is TF-IDF + logistic regression on single words. It is compared with the
# same on n-grams, with the aggregators of frozen chunk embeddings, and with two
# combinations: *late fusion*, gated attention with principal components of the TF-IDF
# weights, layout, year and length as extra features; and *stacking*
# [@wolpert1992stacking], a logistic regression on the inner-fold logits of TF-IDF and
# the aggregators.

# %%
BASELINE, NGRAMS = "TF-IDF + logistic regression", "n-grams (1 to 3)"
size = (data.profile.epochs, data.profile.n_inner_folds)
tfidf, ngrams = TfidfLR(), configurations.ngram_models()
chunks = configurations.aggregators(*size)
fusion = configurations.late_fusion_models(*size)["year, length, layout, TF-IDF"]
trained = chunks | {"late fusion": fusion}
stacking = comparison.stack([tfidf, *chunks.values()], data)
models = {BASELINE: tfidf, NGRAMS: ngrams[NGRAMS], "stacking": stacking}

# %% [markdown]
# All are evaluated on both splits: repeated random folds, and a temporal split. The
# aggregators and late fusion have been trained in [Training](04_training.ipynb), the
# others are trained here.

# %%
runs = {
    split: comparison.load_or_run_all("training", trained, data, split=split)
    | comparison.cross_validation_runs("evaluation", models, data, split=split)
    for split in comparison.SPLITS
}

# %% [markdown]
# ## Ranking on random folds
#
# Five repeats of five stratified folds, near duplicates kept together. Intervals are
# {fixed}`95%` bootstrap intervals over films.

# %% label="fig-auc"
ranking = comparison.compare_runs(runs["random"], "auc", baseline=BASELINE, seed=seed)
cells.show_figure(forest_plot(ranking.table, "AUROC", reference=0.5), "fig-auc")

# %% [markdown]
# The paired differences from TF-IDF are more precise: the same films are resampled for
# both models, so what makes a film easy for both cancels out.

# %% label="fig-auc-difference"
FROM_BASELINE = f"difference of AUROC from {BASELINE}"
paired = film_comparison.difference_table(ranking.table, BASELINE)
cells.show_figure(
    forest_plot(paired, FROM_BASELINE, reference=0.0), "fig-auc-difference"
)

# %% [markdown]
# AUROC and average precision measure the ranking. Macro-F1 and the Matthews correlation
# [@gorodkin2004mcc] measure decisions, at thresholds from inner folds; Brier score and
# expected calibration error [@guo2017calibration] measure the probabilities. The last
# column is the AUROC among films of the same decade.

# %% label="tbl-random-split"
#| short-caption: Metrics of the models compared, on random folds.
cells.show_table(comparison.run_metrics(runs["random"]), "tbl-random-split")

# %% [markdown]
# ## N-grams: a stronger baseline
#
# TF-IDF of single words is the simplest baseline, not the strongest. Here all n-grams
# of one, two and three words that ten films use have a TF-IDF weight. Each of the three
# blocks is scaled to length 1. The logistic regression is fitted on a *kernel*, the
# similarity of each two films: the mean of those of the three blocks. This equals one
# on all n-grams, with an equal weight for each block. Vocabulary and document
# frequencies are those of all bundled films, tested ones too; labels are not used for
# them. Layout, year and length enter as Gaussian kernels with a small weight, which
# inner folds choose.

# %%
ngram_runs = {
    split: {BASELINE: of[BASELINE]}
    | comparison.cross_validation_runs("evaluation", ngrams, data, split=split)
    for split, of in runs.items()
}

# %% [markdown]
# Three kinds of rows are built on that. *More training films*: the bundled films that
# are never tested, such as early drafts and transcripts, join the training films,
# unless a near duplicate is tested.

# %%
if source == "bundled":
    more = with_extra_training_films(data, first_test_year)
    names = (NGRAMS, "n-grams, year", "n-grams, layout, year, length")
    with_more = {f"{name}, more training films": ngrams[name] for name in names}
    for split, of in ngram_runs.items():
        of |= comparison.cross_validation_runs(
            "evaluation", with_more, more, split=split, suffix="-more-films"
        )

# %% [markdown]
# Three models combine the n-grams with the aggregators, to show whether these add to
# them. *Stacking* is a logistic regression on their logits. *Boosted trees* have the
# same logits, and year, length and layout. *Gated attention on n-gram logits* starts
# from the logits of the n-grams and learns what to add to them. All are fitted on
# out-of-fold logits of the training films. *Recalibrated* is stacking with the n-grams
# as the only member, Platt scaling [@platt1999probabilistic] on the inner folds, since
# the probabilities of the regression are too low.

# %%
recalibrated = comparison.stack([ngrams[NGRAMS]], data, name="ngrams-recalibrated")
fused = comparison.fusion_models(ngrams[NGRAMS], chunks, data)
fused |= {"n-grams, recalibrated": recalibrated}
for split, of in ngram_runs.items():
    of |= comparison.cross_validation_runs("evaluation", fused, data, split=split)

# %% [markdown]
# The figure has the paired difference of each row from n-grams of one to three words,
# on random folds. The recalibrated n-grams are left out: they order the films of a fold
# as the n-grams do.

# %% label="fig-ngrams"
ngram_ranking = comparison.compare_runs(
    ngram_runs["random"], "auc", baseline=NGRAMS, seed=seed
)
paired = film_comparison.difference_table(ngram_ranking.table, NGRAMS).drop(
    index="n-grams, recalibrated"
)
figure = forest_plot(paired, f"difference of AUROC from {NGRAMS}", reference=0.0)
cells.show_figure(figure, "fig-ngrams")

# %% [markdown]
# The table has all rows on random folds, and in its last two columns on the later
# films.

# %% label="tbl-ngrams"
#| short-caption: N-grams and models built on them, on both splits.
ngram_comparisons = [ngram_ranking] + [
    comparison.compare_runs(ngram_runs[split], metric, baseline=NGRAMS, seed=seed)
    for split, metric in (("random", "average_precision"), ("temporal", "auc"))
]
experiments.record_differences(
    "evaluation/ngram-differences", ngram_comparisons, baseline=NGRAMS
)
ranks = ["auc", "average_precision"]
later = comparison.run_metrics(ngram_runs["temporal"], ranks)
ngram_table = comparison.run_metrics(ngram_runs["random"], [*ranks, "ece"]).join(
    later.add_suffix(f", from {first_test_year}")
)
cells.show_table(ngram_table, "tbl-ngrams")

# %% [markdown]
# ## Longformer and Mamba-2
#
# Longformer and Mamba-2 as aggregators of the chunk embeddings, on one repeat of five
# folds: paired differences from n-grams on the same folds.

# %%
long_context = long_context_configurations.long_context_aggregators(*size)
long_context_runs = comparison.load_or_run_all(
    "long-context", long_context, data, split="first_repeat"
)
long_context_runs |= {name: runs["random"][name] for name in (*chunks, NGRAMS)}

# %% label="fig-long-context-difference"
by_architecture = comparison.compare_runs(
    long_context_runs, "auc", baseline=NGRAMS, seed=seed, first_repeat=True
)
experiments.record_differences(
    "evaluation/long-context-differences", [by_architecture], baseline=NGRAMS
)
paired = film_comparison.difference_table(by_architecture.table, NGRAMS)
figure = forest_plot(paired, f"difference of AUROC from {NGRAMS}", reference=0.0)
cells.show_figure(figure, "fig-long-context-difference")

# %% label="tbl-long-context-difference"
#| short-caption: AUROC of Longformer, Mamba-2 and other aggregators, and of n-grams.
cells.show_table(
    by_architecture.table.drop(columns=["p", "std"]), "tbl-long-context-difference"
)

# %% [markdown]
# ## Encoders that were trained on the scripts
#
# The encoders trained on the scripts, and those of frozen vectors of a few chunks, are
# evaluated on the first repeat of five folds, and compared with TF-IDF on the same
# folds.

# %%
models_of_texts = {
    **configurations.end_to_end_models(data.profile_name),
    **finetuning_configurations.finetuning_models(data.profile_name),
}
encoder_runs = experiments.end_to_end_runs("chunk-encoders", models_of_texts, data)
encoder_runs |= {BASELINE: runs["random"][BASELINE]}

# %% label="fig-chunk-encoders-difference"
encoders = comparison.compare_runs(
    encoder_runs, "auc", baseline=BASELINE, seed=seed, first_repeat=True
)
paired = film_comparison.difference_table(encoders.table, BASELINE)
figure = forest_plot(paired, FROM_BASELINE, reference=0.0)
cells.show_figure(figure, "fig-chunk-encoders-difference")

# %% [markdown]
# ## Temporal split
#
# Trained on films before the first test year, tested on films from that year on.

# %% label="fig-auc-temporal"
temporal = comparison.compare_runs(
    runs["temporal"], "auc", baseline=BASELINE, seed=seed
)
figure = forest_plot(temporal.table, f"AUROC on films from {first_test_year} on")
cells.show_figure(figure, "fig-auc-temporal")

# %% [markdown]
# Later films could also be harder for another reason: they are other films. The same
# films, each predicted once by models of random folds and once by models of earlier
# films, show the effect of the split. The training films of the two differ in their
# years and in their number.

# %% label="tbl-later-films"
#| short-caption: AUROC of TF-IDF on the later films, by training split.
later_films = comparison.predictions_of_later_films(
    runs["random"][BASELINE], runs["temporal"][BASELINE]
)
splits = film_comparison.compare(
    later_films, "auc", baseline=comparison.RANDOM_FOLDS, seed=seed
)
stated = comparison.later_film_metrics(later_films, splits)
cells.record_metrics("evaluation/later-films", stated)
cells.show_table(splits.drop(columns=["p", "std"]), "tbl-later-films")

# %% [markdown]
# All metrics on the later films, in the columns of the table of the random folds:

# %% label="tbl-temporal-split"
#| short-caption: Metrics of the models compared, on later films.
precision = comparison.compare_runs(
    runs["random"], "average_precision", baseline=BASELINE, seed=seed
)
compared = [ranking, precision, encoders, temporal]
experiments.record_differences("evaluation/differences", compared, baseline=BASELINE)
cells.show_table(comparison.run_metrics(runs["temporal"]), "tbl-temporal-split")

# %% [markdown]
# ## Curves
#
# Scores of different folds need not share a scale, so the curves pool each film's rank
# within its fold.

# %% label="fig-roc"
#| short-caption: Receiver operating characteristics on random folds.
names = (BASELINE, "n-grams, recalibrated", "mean pooling", "query decoder", "stacking")
all_runs = runs["random"] | ngram_runs["random"]
shown = comparison.run_predictions({name: all_runs[name] for name in names})
cells.show_figure(plots.roc(shown), "fig-roc")

# %% label="fig-pr"
#| short-caption: Precision and recall on random folds.
cells.show_figure(plots.precision_recall(shown), "fig-pr")

# %% [markdown]
# Precision is the share of nominated films among those ranked highest.
#
# ## Probabilities and decisions
#
# Films are grouped by their predicted probability, in ten groups of equal size for each
# model. Above the diagonal more films were nominated than predicted, so the
# probabilities are too low; below it they are too high.

# %% label="fig-calibration"
#| short-caption: Reliability curves of five models on random folds.
cells.show_figure(plots.reliability_diagram(shown), "fig-calibration")

# %% label="fig-confusion"
#| short-caption: Decisions of two models, by true class.
two_models = {name: shown[name] for name in (BASELINE, "stacking")}
cells.show_figure(plots.confusion(two_models), "fig-confusion")

# %% [markdown]
# Decisions use thresholds that maximise macro-F1 on inner folds. Counts are films in
# the mean over the repeats; shares are of each true class.
#
# ## Controls
#
# Length, year, collection and title are each used alone, without the text; the opening
# is the first 4,000 characters of the script. The last control is TF-IDF trained on
# shuffled labels. It must end near chance: a score far above it would mean that labels
# of test films are used.

# %% label="fig-controls"
control_runs = {
    control.name: experiments.cross_validation_run(
        f"evaluation/control-{control.name}", control, data
    )
    for control in controls()
}
control_table = comparison.run_intervals(control_runs, "auc")
control_table = control_table.rename(index=model_display_name)
cells.show_figure(forest_plot(control_table, "AUROC", reference=0.5), "fig-controls")

# %% [markdown]
# ## Where in the script the signal is
#
# TF-IDF + logistic regression on one quarter of each script at a time.

# %% label="fig-quarters"
quarters = {
    f"quarter {q + 1}": experiments.cross_validation_run(
        f"evaluation/quarter-{q + 1}", TfidfLR(quarters=(q,)), data
    )
    for q in range(4)
}
whole = {"whole script": runs["random"][BASELINE]}
parts = comparison.run_intervals(
    {"opening": control_runs["opening"]} | quarters | whole, "auc"
)
figure = forest_plot(parts, "AUROC", reference=0.5, in_order=True, model=BASELINE)
cells.show_figure(figure, "fig-quarters")

# %% [markdown] tags=["published"]
# Each quarter predicts better than chance. The whole script has the highest estimate,
# with an interval that overlaps with those of the quarters. The opening has the lowest;
# it is shorter than a quarter, which may be the reason.

# %% [markdown]
# Windows of one length separate place from length: four consecutive chunks of each
# script, about as long as the opening, at five places. Words are counted by quarter
# only, so these models are mean pooling of the chunk embeddings.

# %%
PLACES = {"first": 0.0, "at 25%": 0.25, "at 50%": 0.5, "at 75%": 0.75, "last": 1.0}
windows = {
    f"4 chunks, {place}": experiments.cross_validation_run(
        f"evaluation/window-{100 * position:.0f}",
        FeatureAblation(chunks["mean pooling"], OutsideWindowAblation(4, position)),
        data,
    )
    for place, position in PLACES.items()
}

# %% [markdown]
# The last row is mean pooling of all chunks. The paired differences of the windows from
# the first four chunks are stored for the report.

# %% label="fig-windows"
first = "4 chunks, first"
by_place = comparison.compare_runs(windows, "auc", baseline=first, seed=seed)
experiments.record_differences(
    "evaluation/window-differences", [by_place], baseline=first
)
all_chunks = {"all chunks": runs["random"]["mean pooling"]}
places = comparison.run_intervals(windows | all_chunks, "auc")
figure = forest_plot(
    places, "AUROC", reference=0.5, in_order=True, model="mean pooling"
)
cells.show_figure(figure, "fig-windows")

# %% [markdown]
# ## Within decades
#
# Guessing the decade cannot help here: only films of the same decade are compared.
# Decades with fewer than ten films of either class are left out.

# %% label="fig-decades"
#| short-caption: AUROC of each model among films of the same decade, by decade.
decades = film_comparison.auc_by_decade(two_models, seed=seed)
cells.show_figure(plots.by_decade(decades), "fig-decades")

# %% [markdown] tags=["published"]
# **What this shows.** N-grams of one to three words have a higher AUROC than single
# words. Models of frozen chunk embeddings are below TF-IDF, and stacking them with the
# n-grams lowers the AUROC of the n-grams. Year and length alone are above chance, each
# with an interval below that of TF-IDF; for the collection and the title alone no
# signal was detected.
#
# **What it does not show.** Cause: scripts of nominated films also differ in topic and
# genre. Nor what an encoder trained on many scripts would learn.
