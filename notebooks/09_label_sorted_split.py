# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A label-sorted split and a false accuracy of one hundred percent
#
# **Question.** A small transformer encoder, trained from scratch on film reviews, was
# published with a test accuracy of one hundred percent. What causes that number, and
# what does the same encoder reach on a random split?
#
# **What you need.** Nothing for the published runs (`source=stored`): the reviews of
# IMDB may not be redistributed. `source=bundled` trains on the questions of Banking77,
# which are in the repository, `source=local` with `path` on a table of your own,
# `source=hub` on IMDB. **How long it takes.** The published runs and `scale=smoke` a
# minute; `scale=cpu` minutes where texts are short, and an hour or more where they are
# long; `scale=full` on IMDB six hours on one core, and many more for the longest
# pretraining, which was made on a GPU.

# %% tags=["parameters"]
source = "stored"  # stored | bundled | local | hub
path = ""  # of local: a table, or a folder with train and test; of hub: owner/name
text_column = ""  # of a table of your own; empty: found by its name
label_column = ""  # the same
scale = "full"  # smoke | cpu | full
seed = 0  # of the bootstrap; the first one of the trainings

# %%
import pandas as pd

from wholescript.experiments.display_names import model_display_name
from wholescript.experiments.documents import tables
from wholescript.experiments.documents.runs import classifier_histories
from wholescript.experiments.documents.study import open_study
from wholescript.plots import documents as plots
from wholescript.plots.attribution import token_attribution
from wholescript.plots.forest import forest_plot
from wholescript.publish import cells
from wholescript.studies.encoder import RECIPE
from wholescript.studies.encoder import tables as encoder_tables
from wholescript.studies.encoder.example import attribution_run
from wholescript.studies.encoder.label_sorted_demo import label_sorted_run
from wholescript.studies.encoder.plots import confusion_figure

# %% [markdown]
# ## Run profiles
#
# Every model is found among the stored runs or trained here; `scale` bounds the texts,
# the epochs and the size of the encoder. *full* is the recipe of the published runs.

# %% label="tbl-encoder-profiles"
#| short-caption: Run profiles of the encoders, by texts read, trained on and scored.
notebook = cells.begin_notebook("09_label_sorted_split", globals())
study = open_study(RECIPE)
cells.show_table(study.profile_table(), "tbl-encoder-profiles")

# %% [markdown]
# ## The label-sorted split
#
# The published encoder has four layers, eight attention heads, d_model {fixed}`256` and
# a vocabulary of ten thousand words. It encodes the first {fixed}`256` words of a text
# and averages the last hidden states. Here it is trained on the first rows of a
# training file and tested on the first rows of a test file. Both files are sorted by
# label. The trained encoder then also predicts all test texts.

# %% [markdown] tags=["published"]
# It was published [@abivarma2026transformer] with training on the first five thousand
# rows of the training file of IMDB [@maas2011imdb] and testing on the first thousand
# rows of the test file. The training is repeated on the same rows.

# %% label="tbl-encoder-label-sorted"
#| short-caption: Accuracy after training on the first rows of the file.
label_sorted = label_sorted_run(study)
n_documents = label_sorted.config["documents"]
cells.record_metrics("encoder/label-sorted", label_sorted.metrics)
cells.record_metrics(
    "encoder/label-sorted-rows",
    {f"n_{k}": cells.Metric(v) for k, v in n_documents.items()},
)
table = encoder_tables.label_sorted_table(label_sorted)
cells.show_table(table, "tbl-encoder-label-sorted", {"n_test": ",.0f"})

# %% [markdown]
# An encoder that is trained on rows of one class learns to predict that class for every
# text. Where the first test rows are of the same class, it makes no error on them; on
# all test texts its accuracy is the share of that class.

# %% label="tbl-encoder-label-sorted-classes"
#| short-caption: Number of classes among first rows and predictions.
classes = encoder_tables.label_sorted_classes(label_sorted)
cells.show_table(classes, "tbl-encoder-label-sorted-classes", {"n_classes": ".0f"})

# %% [markdown] tags=["published"]
# The encoder makes no error on the published test rows and has chance accuracy on all
# test reviews. The training rows hold one class, the published test rows hold the same
# class, and the encoder predicts that class for every review.

# %% [markdown]
# Such a result needs no bug in the network, the training or the metric, so reviewing
# that code does not reveal it. Counting the classes of a split does.
# `wholescript data prepare --head` does so and refuses the selection:

# %%
print(label_sorted.config["guard_error"])

# %% [markdown]
# ## The same encoder on all texts
#
# Now the encoders are trained on all training texts, shuffled, with some of them held
# out for validation, and tested on all test texts, up to the limits of `scale`. These
# encoders are compared:
#
# - *encoder from scratch, published settings*: the settings of the publication.
# - *encoder from scratch*: with warm-up and a cosine schedule, gradient clipping, label
#   smoothing [@szegedy2016smoothing] and a higher learning rate.
# - *encoder, MLM pretraining*, for two or for *8 epochs*: see below.
#
# The baselines are linear classifiers on word n-grams: naive Bayes, TF-IDF + logistic
# regression, and NB-SVM. The latter is a linear SVM on features weighted by naive Bayes
# log-count ratios [@wang2012nbsvm], one for each class against the rest if there are
# more than two. The figure also shows a constant prediction, the most frequent class.
# In the table after it *macro f1* is the mean F1 of the classes, *ece* the expected
# calibration error, and *overfitting gap* training minus validation accuracy.

# %% label="tbl-encoder-dataset"
#| short-caption: Number of texts by split.
((dataset, models),) = study.models("models").items()
sizes = {
    name: int(metric.value) for name, metric in tables.dataset_sizes(models).items()
}
shown = pd.DataFrame(sizes, [study.display_name(dataset)]).rename_axis("dataset")
cells.show_table(shown, "tbl-encoder-dataset", dict.fromkeys(sizes, ","))

# %% label="fig-encoder-accuracy"
for name, seeds in models.items():
    cells.record_metrics(f"encoder/{name}", tables.metrics_over_seeds(seeds))
cells.record_metrics(
    "encoder/ratios", tables.error_rate_ratios(models, "tfidf-logistic")
)
cells.show_figure(
    forest_plot(encoder_tables.accuracies(models), "test accuracy"),
    "fig-encoder-accuracy",
)

# %% label="tbl-encoder-models"
#| short-caption: Test error and cost of the encoders and baselines.
formats = {
    "trained_parameters": ",.0f",
    "train_seconds": cells.duration,
    "seeds": ".0f",
}
formats |= {"inference_seconds_per_1000": cells.duration, "peak_memory_gb": ".2f"}
model_table = tables.model_table(models).rename(index=model_display_name)
cells.show_table(model_table, "tbl-encoder-models", formats)

# %% [markdown]
# ## Learning curves
#
# Training loss (dotted), validation loss and validation macro-F1 by epoch.

# %% label="fig-encoder-curves"
histories = {
    model_display_name(name): seeds
    for name, seeds in classifier_histories(models).items()
}
cells.show_figure(plots.training_curves(histories), "fig-encoder-curves")

# %% [markdown]
# Where the training loss keeps falling after the validation loss has turned, an encoder
# overfits. All encoders but the one with published settings are trained with label
# smoothing, which raises their losses; their macro-F1 scores can be compared.

# %% [markdown] tags=["published"]
# All encoders overfit twenty thousand reviews within a few epochs.

# %% [markdown]
# ## Masked-language-model pretraining
#
# *Encoder, MLM pretraining* was first trained for two epochs to predict masked tokens
# [@devlin2019bert], on the training texts and on unlabelled ones where the data have
# any. It was then fine-tuned on up to {fixed}`512` words of a text, with three tenths
# of the tokens dropped at random in each epoch. The encoder with *8 epochs* of
# pretraining used batches eight times as large.

# %% [markdown] tags=["published"]
# Besides the labelled reviews, IMDB has fifty thousand unlabelled ones. The encoder
# with *8 epochs* was trained on a GPU, so its training time cannot be compared with
# that of the other models, which used one core.

# %% label="tbl-encoder-pretraining"
#| short-caption: Test error and training time with and without MLM pretraining.
cells.record_metrics(
    "encoder/pretraining-ratios", tables.error_rate_ratios(models, "encoder")
)
pretraining = encoder_tables.pretraining_table(models)
cells.show_table(
    pretraining, "tbl-encoder-pretraining", {"train_seconds": cells.duration}
)

# %% [markdown] tags=["published"]
# Both pretrained encoders have a lower error rate than the encoder from scratch, that
# with eight epochs the lower one; the intervals of both error-rate ratios exclude one.
# Both pretrained encoders still have a higher error rate than TF-IDF + logistic
# regression.

# %% [markdown]
# The pretrained encoders also differ from the other one in the length of the input and
# in token dropout.
#
# ## Error analysis
#
# Precision is the share of the texts predicted as a class that have this label; recall
# is the share of the texts with this label that are predicted so; F1 is their harmonic
# mean. With more than a few classes the table has the F1 of the classes with the lowest
# and the highest mean. The figure then has the pairs of classes that the encoder with
# the highest accuracy confuses most often.

# %% label="tbl-encoder-classes"
#| short-caption: Precision, recall and F1 of encoders and baselines by class.
cells.show_table(encoder_tables.class_table(models), "tbl-encoder-classes")

# %% label="fig-encoder-confusion"
#| short-caption: Share of the reviews of each class predicted as another, by encoder.
cells.show_figure(confusion_figure(models), "fig-encoder-confusion")

# %% [markdown] tags=["published"]
# The errors with the highest confidence of the encoder were inspected by hand, and one
# cause was annotated for each. The text of the reviews may not be shown, so the table
# gives their rows in the official test file.

# %% label="tbl-encoder-errors"
#| short-caption: Causes of the errors with the highest confidence.
if study.is_stored:  # those of the published encoder
    causes, error_analysis = encoder_tables.error_causes(notebook.project)
    cells.record_metrics("encoder/error-analysis", error_analysis)
    cells.show_table(causes, "tbl-encoder-errors")

# %% [markdown] tags=["published"]
# The most frequent cause is a review that weighs good against bad points. The next one
# is a label that seems wrong: part of the measured error rate may be label noise.

# %% [markdown]
# ## Token attribution
#
# The example is a text that the encoder from scratch was not trained on. The left panel
# shows the change of its logit difference between the two most probable classes when
# one word is masked. The right panel shows the attention of the averaged last hidden
# states to each word, multiplied through all layers (attention rollout)
# [@abnar2020rollout].

# %% label="fig-encoder-token-attribution"
if attribution := attribution_run(study, models["encoder"][0]):
    cells.record_metrics("encoder/token-attribution", attribution.metrics)
    cells.show_figure(
        token_attribution(attribution.history), "fig-encoder-token-attribution"
    )

# %%
if attribution:
    probability = attribution.metrics["probability"].value
    print(attribution.settings["text"])
    print(
        f"predicted: {attribution.config['predicted']}, "
        f"with probability {probability:.0%}"
    )

# %% [markdown] tags=["published"]
# The example is a review of our own. Few words have a large attribution, most of them
# with a sentiment of their own: *masterpiece* raises the positive logit although *not*
# precedes it. Over the words of this review attention is only weakly correlated with
# attribution.
#
# **What this shows.** The perfect accuracy is an artefact of a label-sorted file.
# Trained and tested on all reviews, the same encoder has a lower error rate than naive
# Bayes. It has a higher one than TF-IDF + logistic regression and NB-SVM, which train
# in a fraction of the time. The pretrained encoders have lower error rates, that with
# eight epochs the lowest of the encoders. They too have higher ones than these two
# linear models.
#
# **What it does not show.** The effect of pretraining alone, since input length and
# token dropout were changed with it. Nor that of its epochs alone, since batch size and
# fine-tuning epochs were changed with those. Each encoder was trained once.

# %% [markdown]
# **Next.** [Headlines](10_headlines.ipynb), a cumulative ablation of a small language
# model.
