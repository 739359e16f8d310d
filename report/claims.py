"""The conclusions of the report; `wholescript.publish.claims` says how they are evaluated."""

from collections.abc import Sequence

from wholescript.publish.claims import Condition, Quantity, StoredQuantities, claim

TFIDF = "evaluation/tfidf-logistic"
AGGREGATORS = (
    "training/mean-pooling",
    "training/gated-attention",
    "training/query-decoder",
)
LONG_CONTEXT = ("long-context/longformer", "long-context/mamba2")
LANGUAGE_MODELS = "language-models"  # the group of their runs
UNIGRAMS, NGRAMS = "evaluation/unigrams", "evaluation/ngrams"
FUSION = "training/gated-attention-and-year-length-layout-tfidf"
QUARTERS = tuple(f"evaluation/quarter-{number}" for number in range(1, 5))
WINDOWS = tuple(f"evaluation/window-{position}" for position in (0, 25, 50, 75, 100))
N_TRAIN = (20, 50, 200, 1_000, 2_000, 5_000)
CLASS_LMS = (  # trained with the next-token loss on all reviews; the last one combines three
    "naive-bayes",
    "ngram-bayes",
    "ngram-interpolated",
    "lm-tiny-6-epochs",
    "lm-tiny-10-epochs",
    "lm-tiny-pretrained",
    "ensemble-class-lms",
)
SPLITS = ("", "-temporal")  # ends of run names: random folds, later films
EQUIVALENCE_MARGIN = 0.01  # AUROC: a smaller difference is of no practical use


def contain_zero(differences: Sequence[Quantity]) -> list[Condition]:
    """Return the conditions that the interval of each difference contains zero."""
    return [condition for found in differences for condition in (found.low <= 0, found.high >= 0)]


def auc_differences(stored: StoredQuantities, runs: Sequence[str], baseline: str) -> list[Quantity]:
    """Return the paired difference of AUROC of each run from a baseline."""
    return [stored.difference(f"{run} - {baseline}:auc") for run in runs]


def corrected_runs(stored: StoredQuantities, group: str) -> list[str]:
    """Return the runs of a group that have an imbalance correction and are not recalibrated."""
    others = ("/uncorrected", "/differences", "-recalibrated")
    return [n for n in stored.names() if n.startswith(f"{group}/") and not n.endswith(others)]


@claim(
    "TF-IDF + logistic regression has a higher AUROC than mean pooling, gated attention and a "
    "query decoder of frozen chunk embeddings."
)
def tfidf_beats_chunk_aggregators(stored: StoredQuantities) -> list[Condition]:
    """The interval of each paired difference lies below zero."""
    return [found.high < 0 for found in auc_differences(stored, AGGREGATORS, TFIDF)]


@claim("No AUROC gain of stacking TF-IDF with chunk embeddings over TF-IDF alone was detected.")
def stacking_no_improvement(stored: StoredQuantities) -> list[Condition]:
    """The paired interval does not lie above zero."""
    return [stored.difference(f"evaluation/stacking - {TFIDF}:auc").low <= 0]


@claim("Late fusion of TF-IDF, metadata and chunk embeddings has a lower AUROC than TF-IDF alone.")
def late_fusion_lower(stored: StoredQuantities) -> list[Condition]:
    """The paired interval lies below zero."""
    return [stored.difference(f"{FUSION} - {TFIDF}:auc").high < 0]


@claim(
    "No AUROC difference between mean pooling, gated attention and a query decoder of frozen chunk "
    "embeddings was detected."
)
def aggregators_no_difference(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of each of the other two from mean pooling contains zero."""
    first, *others = AGGREGATORS
    return contain_zero(auc_differences(stored, others, first))


@claim("N-grams of one to three words have a higher AUROC than single words.")
def ngrams_beat_single_words(stored: StoredQuantities) -> list[Condition]:
    """On random folds and on later films, the paired intervals of the kernel of single words and of
    TF-IDF + logistic regression lie below zero."""
    return [
        stored.difference(f"{words}{split} - {NGRAMS}{split}:auc").high < 0
        for words in (UNIGRAMS, TFIDF)
        for split in SPLITS
    ]


@claim("Stacking n-grams with chunk embeddings has a lower AUROC than n-grams alone.")
def chunk_embeddings_no_gain_over_ngrams(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of AUROC lies below zero; those of average precision, and of AUROC on
    later films, do not lie above."""
    stacked = "evaluation/stacking-ngrams"
    others = (
        f"{stacked} - {NGRAMS}:average_precision",
        f"{stacked}-temporal - {NGRAMS}-temporal:auc",
    )
    return [
        stored.difference(f"{stacked} - {NGRAMS}:auc").high < 0,
        *(stored.difference(name).low <= 0 for name in others),
    ]


@claim(
    "No AUROC gain over n-grams was detected of gated attention that starts from their logits, or "
    "of boosted trees on the logits of n-grams and aggregators with year, length and layout."
)
def combinations_no_gain_over_ngrams(stored: StoredQuantities) -> list[Condition]:
    """No paired interval of AUROC lies above zero, on random folds or on later films."""
    return [
        stored.difference(f"evaluation/{run}{split} - {NGRAMS}{split}:auc").low <= 0
        for run in ("gated-attention-on-ngrams", "boosted-ngrams")
        for split in SPLITS
    ]


@claim(
    "No AUROC gain was detected of layout, of year, of year and length, or of all three, added to "
    "the n-grams."
)
def metadata_no_gain_over_ngrams(stored: StoredQuantities) -> list[Condition]:
    """No paired interval lies above zero, on random folds or on later films."""
    added = ("layout", "year", "year-length", "layout-year-length")
    return [
        stored.difference(f"{NGRAMS}-{name}{split} - {NGRAMS}{split}:auc").low <= 0
        for name in added
        for split in SPLITS
    ]


@claim("More training films raise the AUROC of the n-grams on later films.")
def more_films_gain_on_later_films(stored: StoredQuantities) -> list[Condition]:
    """The paired interval lies above zero."""
    pair = f"{NGRAMS}-more-films-temporal - {NGRAMS}-temporal"
    return [stored.difference(f"{pair}:auc").low > 0]


@claim(
    "Chunk encoders trained from scratch on the scripts, with and without MLM pretraining, are "
    "above chance and below TF-IDF + logistic regression."
)
def scratch_encoder_between_chance_and_tfidf(stored: StoredQuantities) -> list[Condition]:
    """The interval of each lies above one half, that of its paired difference below zero."""
    encoders = ("chunk-encoders/scratch-mlm-pretrained", "chunk-encoders/scratch-causal")
    return [
        *(stored.metric(f"{encoder}:auc").low > 0.5 for encoder in encoders),
        *(found.high < 0 for found in auc_differences(stored, encoders, TFIDF)),
    ]


@claim(
    "MiniLM with its last layer fine-tuned, after its aggregator was trained on frozen vectors, "
    "has a higher AUROC than frozen, on the same eight chunks of each film; on thirty-two chunks "
    "no difference was detected."
)
def finetuned_not_below_frozen(stored: StoredQuantities) -> list[Condition]:
    """The interval of the paired difference lies above zero; that of the other contains it."""
    run = "chunk-encoders/minilm"
    eight = auc_differences(stored, [f"{run}-finetuned-warm-start"], f"{run}-frozen-same-chunks")
    more = auc_differences(stored, [f"{run}-finetuned-32-chunks"], f"{run}-frozen-32-chunks")
    return [eight[0].low > 0, *contain_zero(more)]


@claim(
    "Longformer and Mamba-2 over frozen chunk embeddings each have a lower AUROC than the n-grams."
)
def long_context_below_ngrams(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of each lies below zero."""
    return [found.high < 0 for found in auc_differences(stored, LONG_CONTEXT, NGRAMS)]


@claim(
    "No AUROC gain of Longformer or Mamba-2 over the mean of frozen chunk embeddings was detected."
)
def long_context_no_gain_over_mean_pooling(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of neither lies above zero."""
    mean = AGGREGATORS[0]
    return [found.low <= 0 for found in auc_differences(stored, LONG_CONTEXT, mean)]


@claim(
    "Answers of SmolLM2 about nominations, zero-shot and few-shot, and its surprisal each have a "
    "lower AUROC than n-grams."
)
def language_model_below_ngrams(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of each lies below zero, on the films that the model has scored."""
    alone = [f"{LANGUAGE_MODELS}/lm-{name}" for name in ("zero-shot", "few-shot", "surprisal")]
    found = auc_differences(stored, alone, f"{LANGUAGE_MODELS}/ngrams")
    return [difference.high < 0 for difference in found]


@claim(
    "No AUROC gain over n-grams was detected of n-grams with the surprisal of SmolLM2, with or "
    "without its answers."
)
def language_model_no_gain_beside_ngrams(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of neither lies above zero, on the films that the model has scored."""
    combined = [f"{LANGUAGE_MODELS}/ngrams-surprisal{end}" for end in ("", "-answers")]
    found = auc_differences(stored, combined, f"{LANGUAGE_MODELS}/ngrams")
    return [difference.low <= 0 for difference in found]


@claim(
    "No signal was detected in answers of SmolLM2 about nominations, zero-shot and few-shot, or in "
    "a logistic regression on all measures of its surprisal."
)
def language_model_no_signal(stored: StoredQuantities) -> list[Condition]:
    """The interval of the AUROC of each contains one half."""
    aucs = [
        stored.metric(f"{LANGUAGE_MODELS}/lm-{name}:auc")
        for name in ("zero-shot", "few-shot", "surprisal")
    ]
    return [condition for auc in aucs for condition in (auc.low <= 0.5, auc.high >= 0.5)]


@claim(
    "The AUROC estimate of TF-IDF on each quarter of the script is below that on the whole script."
)
def whole_script_beats_any_quarter(stored: StoredQuantities) -> list[Condition]:
    """The value of every quarter is below that of the whole; intervals are not compared."""
    whole = stored.metric(f"{TFIDF}:auc").value
    return [stored.metric(f"{run}:auc").value < whole for run in QUARTERS]


@claim(
    "Mean pooling of four chunks: none of four other places in the script was detected to differ "
    "in AUROC from the first four chunks."
)
def windows_no_difference(stored: StoredQuantities) -> list[Condition]:
    """The paired interval of four chunks at 25, 50 and 75% and of the last four contains zero."""
    first, *others = WINDOWS
    return contain_zero(auc_differences(stored, others, first))


@claim("Within decades, TF-IDF has a higher AUROC than the release year alone over all films.")
def within_decade_auc_above_year_control(stored: StoredQuantities) -> list[Condition]:
    """The lower bound within decades lies above the upper bound of the year."""
    year = stored.metric("evaluation/control-year:auc").high
    return [stored.metric(f"{TFIDF}:within_decade_auc").low > year]


@claim("With shuffled training labels TF-IDF ends at chance: AUROC 0.50 ± 0.03.")
def shuffled_labels_at_chance(stored: StoredQuantities) -> list[Condition]:
    """The value lies within this band."""
    shuffled = stored.metric("evaluation/control-shuffled-labels:auc").value
    return [shuffled >= 0.5 - 0.03, shuffled <= 0.5 + 0.03]


@claim("Trained on earlier films only, TF-IDF ranks the later films worse than with random folds.")
def temporal_split_lowers_auc(stored: StoredQuantities) -> list[Condition]:
    """On the same later films, the paired interval of the difference lies below zero."""
    return [stored.metric("evaluation/later-films:auc_temporal_minus_random").high < 0]


@claim("No imbalance correction raises the AUROC of TF-IDF by more than 0.01.")
def imbalance_correction_no_auc_gain(stored: StoredQuantities) -> list[Condition]:
    """The upper bound of each paired difference from the uncorrected model is at most the
    equivalence margin."""
    corrected = corrected_runs(stored, "imbalance")
    differences = auc_differences(stored, corrected, "imbalance/uncorrected")
    return [found.high <= EQUIVALENCE_MARGIN for found in differences]


@claim("No imbalance correction was detected to raise the AUROC of the network.")
def network_imbalance_correction_no_auc_gain(stored: StoredQuantities) -> list[Condition]:
    """No paired interval lies above zero."""
    corrected = corrected_runs(stored, "imbalance-network")
    differences = auc_differences(stored, corrected, "imbalance-network/uncorrected")
    return [found.low <= 0 for found in differences]


@claim(
    "Without recalibration, the network without correction has the lowest estimate of the "
    "calibration error."
)
def network_imbalance_correction_raises_ece(stored: StoredQuantities) -> list[Condition]:
    """The value of each of six corrections is higher; intervals are not compared."""
    plain = stored.metric("imbalance-network/uncorrected:ece").value
    corrected = corrected_runs(stored, "imbalance-network")
    return [stored.metric(f"{run}:ece").value > plain for run in corrected]


@claim(
    "No AUROC difference was detected between training on nominations, on both, and on wins alone."
)
def nominations_rank_winners_as_wins_do(stored: StoredQuantities) -> list[Condition]:
    """Each paired interval of AUROC contains zero."""
    pairs = (
        ("tfidf-logistic-nominations", "tfidf-logistic"),
        ("gated-attention-nominations", "gated-attention"),
        ("multitask", "gated-attention"),
    )
    found = [stored.difference(f"wins/{one} - wins/{other}:auc") for one, other in pairs]
    return contain_zero(found)


@claim(
    "TF-IDF trained on nominations ranks winners with a higher average precision than TF-IDF "
    "trained on wins."
)
def nominations_find_winners(stored: StoredQuantities) -> list[Condition]:
    """Its paired interval from TF-IDF trained on wins lies above zero."""
    pair = "wins/tfidf-logistic-nominations - wins/tfidf-logistic"
    return [stored.difference(f"{pair}:average_precision").low > 0]


@claim(
    "Checkpointing and gradient caching give the gradient of full backpropagation to within "
    "0.00001."
)
def gradients_match_full_backprop(stored: StoredQuantities) -> list[Condition]:
    """The largest relative error of any parameter is at most 1e-5 for both strategies."""
    strategies = ("checkpointing", "grad_cache")
    return [stored.metric(f"memory/gradient-error:{s}").value <= 1e-5 for s in strategies]


@claim(
    "With gradient caching, a further chunk takes at most 2% of the memory of full backpropagation."
)
def grad_cache_memory_is_flat(stored: StoredQuantities) -> list[Condition]:
    """The ratio of the slopes from 64 chunks on, and at most an eighth of the memory at 418."""
    slope, ratio = (
        stored.metric(f"memory/strategy-comparison:{name}").value
        for name in (
            "grad_cache_memory_per_chunk_over_full_backprop",
            "full_backprop_memory_over_grad_cache",
        )
    )
    return [slope <= 0.02, ratio >= 8]


@claim("Without names and dates, the AUROC of TF-IDF changes by less than 0.02.")
def names_and_dates_not_needed(stored: StoredQuantities) -> list[Condition]:
    """The paired interval without names and dates lies within twice the equivalence margin."""
    found = stored.difference(
        f"interpretation/tfidf-logistic-without-names-and-dates - {TFIDF}:auc"
    )
    return [found.low >= -2 * EQUIVALENCE_MARGIN, found.high <= 2 * EQUIVALENCE_MARGIN]


@claim("Without the opening pages, the AUROC of TF-IDF changes by less than 0.01.")
def opening_not_needed(stored: StoredQuantities) -> list[Condition]:
    """The paired interval without the first 4,000 characters lies within the equivalence
    margin."""
    found = stored.difference(f"interpretation/tfidf-logistic-without-opening - {TFIDF}:auc")
    return [found.low >= -EQUIVALENCE_MARGIN, found.high <= EQUIVALENCE_MARGIN]


@claim("Among films of one topic, the AUROC of TF-IDF is lower, and above chance.")
def topic_explains_part_of_auc(stored: StoredQuantities) -> list[Condition]:
    """The paired change within topics lies below zero, the AUROC within topics above 0.5."""
    by_topic = "interpretation/strata:tfidf-logistic-by-topic"
    return [
        stored.metric(f"{by_topic}:auc_change").high < 0,
        stored.metric(f"{by_topic}:within_stratum_auc").low > 0.5,
    ]


@claim("No change of AUROC was detected within decades.")
def no_auc_change_detected_within_decades(stored: StoredQuantities) -> list[Condition]:
    """The interval of the paired change within decades contains zero."""
    return contain_zero(
        [stored.metric("interpretation/strata:tfidf-logistic-by-decade:auc_change")]
    )


@claim(
    "Words differ more between the classes that TF-IDF and mean pooling predict than between true "
    "classes."
)
def predicted_class_keyness_has_larger_spread(stored: StoredQuantities) -> list[Condition]:
    """The interval of the ratio of the effects' standard deviations lies above one for both."""
    models = ("tfidf-logistic", "mean-pooling")
    ratios = [f"interpretation/keyness:{model}:effect_spread_ratio" for model in models]
    return [stored.metric(ratio).low > 1 for ratio in ratios]


@claim(
    "The last fifth of a script is slightly more predictive than the rest, for mean pooling, gated "
    "attention and a query decoder."
)
def last_fifth_more_predictive(stored: StoredQuantities) -> list[Condition]:
    """The interval of the class difference of the last fifth lies above zero for each."""
    models = ("mean-pooling", "gated-attention", "query-decoder")
    last_fifth = "interpretation/occlusion-by-part:last-fifth-of"
    found = [stored.metric(f"{last_fifth}-{model}:class_difference") for model in models]
    return [difference.low > 0 for difference in found]


@claim("Without any one quarter of the script, TF-IDF loses less than 0.02 of AUROC.")
def no_single_quarter_needed(stored: StoredQuantities) -> list[Condition]:
    """The lower bound of each paired change lies above minus twice the equivalence margin."""
    changes = [
        stored.metric(f"interpretation/quarters:without-quarter-{n}:auc_change")
        for n in range(1, 5)
    ]
    return [change.low > -2 * EQUIVALENCE_MARGIN for change in changes]


@claim(
    "Attention and occlusion agree in part, for gated attention and a query decoder: their rank "
    "correlation lies between 0 and 0.7."
)
def attention_partly_agrees_with_occlusion(stored: StoredQuantities) -> list[Condition]:
    """The intervals of the rank correlation lie between 0 and 0.7 for both aggregators."""
    models = ("gated-attention", "query-decoder")
    attention = "interpretation/occlusion-by-part:attention-of"
    found = [stored.metric(f"{attention}-{model}:rank_correlation") for model in models]
    return [condition for one in found for condition in (one.low > 0, one.high < 0.7)]


@claim(
    "An ensemble of TF-IDF and frozen sentence embeddings makes fewer errors than TF-IDF + linear "
    "SVM on Banking77 and AG News."
)
def sparse_dense_ensemble_beats_tfidf(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio lies below one on both."""
    name = "sparse-dense-ensemble_over_tfidf-svm"
    sets = ("banking77", "ag_news")
    return [stored.metric(f"classifiers/{one}-ratios:{name}").high < 1 for one in sets]


@claim(
    "The tiny transformer trained from scratch makes more errors than TF-IDF + linear SVM on "
    "Banking77, AG News and IMDB."
)
def scratch_transformer_worse_than_tfidf(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio lies above one on each."""
    name = "scratch-tiny_over_tfidf-svm"
    sets = ("banking77", "ag_news", "imdb")
    return [stored.metric(f"classifiers/{one}-ratios:{name}").low > 1 for one in sets]


@claim(
    "On Banking77, SmolLM2 with LoRA makes fewer errors than TF-IDF + linear SVM and more than the "
    "ensemble with RBF kernel."
)
def lora_between_tfidf_and_ensemble(stored: StoredQuantities) -> list[Condition]:
    """Its interval of the ratio to the SVM lies below one, and that of the ensemble below its
    value."""
    ratio = "classifiers/banking77-ratios:{}_over_tfidf-svm"
    tuned = stored.metric(ratio.format("smollm2-lora"))
    return [
        tuned.high < 1,
        stored.metric(ratio.format("sparse-dense-ensemble")).high < tuned.value,
    ]


@claim("On AG News, SmolLM2 with LoRA makes fewer errors than TF-IDF + linear SVM.")
def lora_beats_tfidf_on_ag_news(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio lies below one."""
    return [stored.metric("classifiers/ag_news-ratios:smollm2-lora_over_tfidf-svm").high < 1]


@claim(
    "Transformers of three sizes trained from scratch make more errors than TF-IDF + linear SVM on "
    "Banking77."
)
def no_scratch_size_matches_tfidf(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio on Banking77 lies above one for each size."""
    sizes = [f"scratch-{size}_over_tfidf-svm" for size in ("tiny", "small", "medium")]
    return [stored.metric(f"classifiers/banking77-ratios:{one}").low > 1 for one in sizes]


@claim(
    "Frozen sentence embeddings, with a linear classifier or an RBF kernel, make fewer errors than "
    "TF-IDF + linear SVM on Banking77 and more on IMDB."
)
def sentence_embeddings_gain_depends_on_dataset(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio lies below one on Banking77 and above it on IMDB."""
    names = [f"sentence-{kind}_over_tfidf-svm" for kind in ("linear", "kernel")]
    return [
        *(stored.metric(f"classifiers/banking77-ratios:{name}").high < 1 for name in names),
        *(stored.metric(f"classifiers/imdb-ratios:{name}").low > 1 for name in names),
    ]


@claim(
    "On AG News the gain of frozen sentence embeddings over TF-IDF + linear SVM is larger with 50 "
    "training texts than with all."
)
def pretrained_encoder_gain_largest_with_50_texts(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio lies below one, and below the ratio with all texts."""
    few = stored.metric("classifiers/ag_news-50-ratios:sentence-linear_over_tfidf-svm")
    every = stored.metric("classifiers/ag_news-ratios:sentence-linear_over_tfidf-svm")
    return [few.high < 1, few.high < every.value]


@claim(
    "The encoder trained on rows of one class, with an accuracy of 100% on the published test "
    "rows, predicts that class for every review."
)
def label_sorted_split_constant_prediction(stored: StoredQuantities) -> list[Condition]:
    """100% on its first test rows, 50% on all, and a single predicted class."""
    first, whole, n_classes = (
        stored.metric(f"encoder/label-sorted:{name}").value
        for name in ("accuracy_first_rows", "accuracy", "n_predicted_classes")
    )
    return [first >= 1, whole >= 0.5, whole <= 0.5, n_classes <= 1]


@claim(
    "On all test reviews the encoder from scratch makes more errors than TF-IDF + logistic "
    "regression, with the published settings and with those of this report."
)
def scratch_encoder_worse_than_tfidf(stored: StoredQuantities) -> list[Condition]:
    """For both, the interval of the error-rate ratio to logistic regression is above one."""
    names = ("encoder-published", "encoder")
    ratios = [f"encoder/ratios:{name}_over_tfidf-logistic" for name in names]
    return [stored.metric(ratio).low > 1 for ratio in ratios]


@claim(
    "Both encoders with MLM pretraining, longer input and token dropout make fewer errors than the "
    "encoder from scratch, and more than TF-IDF + logistic regression."
)
def mlm_pretraining_helps(stored: StoredQuantities) -> list[Condition]:
    """For both, the interval of the error-rate ratio to the encoder from scratch is below one, that
    of the ratio to logistic regression above one."""
    names = ("encoder-pretrained", "encoder-pretrained-8-epochs")
    before = [stored.metric(f"encoder/pretraining-ratios:{name}_over_encoder") for name in names]
    tfidf = [stored.metric(f"encoder/ratios:{name}_over_tfidf-logistic") for name in names]
    return [*(one.high < 1 for one in before), *(one.low > 1 for one in tfidf)]


@claim(
    "The encoder with eight epochs of MLM pretraining, larger batches and more fine-tuning epochs "
    "has a higher accuracy than that with two."
)
def longer_mlm_pretraining_helps(stored: StoredQuantities) -> list[Condition]:
    """Its interval of accuracy lies above that of the other one."""
    little, longer = (
        stored.metric(f"encoder/{name}:accuracy")
        for name in ("encoder-pretrained", "encoder-pretrained-8-epochs")
    )
    return [longer.low > little.high]


@claim(
    "TF-IDF + logistic regression and NB-SVM are more accurate than all class-conditional models "
    "trained with the next-token loss on all reviews."
)
def discriminative_counts_beat_class_lms(stored: StoredQuantities) -> list[Condition]:
    """The interval of accuracy of both lies above those of naive Bayes, n-grams, tiny transformers
    and an ensemble of three."""
    discriminative, generative = (
        [stored.metric(f"generative/{name}:accuracy") for name in names]
        for names in (("tfidf-logistic", "nb-svm"), CLASS_LMS)
    )
    return [one.low > other.high for one in discriminative for other in generative]


@claim("Interpolation with a background and a cache model lowers the error rate of n-grams.")
def interpolation_improves_ngrams(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio to the n-grams alone is below one."""
    return [
        stored.metric("generative/over-ngram-bayes:ngram-interpolated_over_ngram-bayes").high < 1
    ]


@claim(
    "Small class-conditional transformers pretrained on all reviews are more accurate than those "
    "trained for six or ten epochs without pretraining."
)
def shared_pretraining_improves_class_lms(stored: StoredQuantities) -> list[Condition]:
    """Their interval of accuracy lies above those of both others."""
    pretrained, *others = (
        stored.metric(f"generative/{name}:accuracy")
        for name in ("lm-tiny-pretrained", "lm-tiny-6-epochs", "lm-tiny-10-epochs")
    )
    return [pretrained.low > other.high for other in others]


@claim(
    "The ensemble of interpolated n-grams and two class-conditional transformers is more accurate "
    "than each member."
)
def class_lm_ensemble_beats_members(stored: StoredQuantities) -> list[Condition]:
    """Its interval of accuracy lies above those of all three members."""
    ensemble, *members = (
        stored.metric(f"generative/{name}:accuracy")
        for name in (
            "ensemble-class-lms",
            "ngram-interpolated",
            "lm-tiny-10-epochs",
            "lm-tiny-pretrained",
        )
    )
    return [ensemble.low > member.high for member in members]


@claim("On the blocked hold-out, adding Kneser-Ney n-grams lowers the error rate of NB-SVM.")
def ngram_svm_ensemble_beats_svm(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio is below one."""
    return [
        stored.metric("generative/blocked-over-nb-svm:ensemble-nb-svm-ngram_over_nb-svm").high < 1
    ]


@claim(
    "With 1,000 training reviews no lower error rate than that of TF-IDF + logistic regression was "
    "detected for SmolLM2, full or pruned, fine-tuned with the next-token loss."
)
def pretrained_class_lms_do_not_beat_tfidf(stored: StoredQuantities) -> list[Condition]:
    """On the reviews that both predicted, the interval of neither ratio is below one."""
    models = ("smollm2-bayes-lora-prompted", "smollm2-pruned-bayes-shared-trunk-generative")
    ratios = [f"generative/1000-over-tfidf-logistic:{m}_over_tfidf-logistic" for m in models]
    return [stored.metric(ratio).high >= 1 for ratio in ratios]


@claim(
    "The pruned SmolLM2 with the discriminative loss has a higher accuracy on all test reviews "
    "than was published for GPT-2 on 1,000 reviews."
)
def discriminative_class_lms_beat_published(stored: StoredQuantities) -> list[Condition]:
    """The interval of its accuracy lies above the published value."""
    reached = stored.metric("generative/smollm2-pruned-bayes-shared-trunk:accuracy")
    return [reached.low > stored.metric("generative/published:accuracy").value]


@claim(
    "The pruned SmolLM2 with the discriminative loss is more accurate than all class-conditional "
    "models trained with the next-token loss on all reviews."
)
def discriminative_training_beats_generative_class_lms(stored: StoredQuantities) -> list[Condition]:
    """Its interval of accuracy lies above those of naive Bayes, n-grams, tiny transformers and an
    ensemble of three. None of these is pretrained on other texts."""
    trained = stored.metric("generative/smollm2-pruned-bayes-shared-trunk:accuracy")
    others = [stored.metric(f"generative/{name}:accuracy") for name in CLASS_LMS]
    return [trained.low > other.high for other in others]


@claim(
    "With 1,000 training reviews the discriminative loss lowers the error rate of the pruned "
    "SmolLM2."
)
def discriminative_loss_helps_at_equal_data(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio to the same model with the next-token loss only lies
    below one. Each was trained once."""
    name = "smollm2-pruned-bayes-shared-trunk"
    ratio = f"generative/1000-discriminative-ratios:{name}_over_{name}-generative"
    return [stored.metric(ratio).high < 1]


@claim(
    "The pruned SmolLM2 with the discriminative loss makes fewer errors than TF-IDF + logistic "
    "regression with all reviews; with 1,000 no difference was detected."
)
def discriminative_class_lms_need_many_reviews(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio is below one with all reviews and contains one with a
    thousand."""
    ratio = "over-tfidf-logistic:smollm2-pruned-bayes-shared-trunk_over_tfidf-logistic"
    few, every = (stored.metric(f"generative/{of}{ratio}") for of in ("1000-", ""))
    return [every.high < 1, few.low <= 1, few.high >= 1]


@claim(
    "No lower error rate with 250, 500 or 1,000 synthetic reviews was detected for naive Bayes, "
    "TF-IDF + logistic regression, NB-SVM or n-grams."
)
def synthetic_reviews_do_not_help(stored: StoredQuantities) -> list[Condition]:
    """No interval of the error-rate ratio to the real reviews alone is below one."""
    models = ("naive-bayes", "tfidf-logistic", "nb-svm", "ngram-bayes")
    ratios = [f"{m}:error_ratio_{n}" for m in models for n in (250, 500, 1000)]
    return [stored.metric(f"generative/synthetic-{ratio}").high >= 1 for ratio in ratios]


@claim(
    "Naive Bayes has a higher error rate than TF-IDF + logistic regression with 20 to 5,000 "
    "training reviews and with all."
)
def no_generative_discriminative_crossover(stored: StoredQuantities) -> list[Condition]:
    """The interval of the error-rate ratio lies above one at each of the seven numbers."""
    runs = [f"generative/generative-vs-discriminative-{n}" for n in N_TRAIN]
    ratios = [f"{run}:naive-bayes_over_tfidf-logistic" for run in runs]
    ratios.append("generative/over-tfidf-logistic:naive-bayes_over_tfidf-logistic")
    return [stored.metric(ratio).low > 1 for ratio in ratios]


@claim("Batch size changes the task's metric of the same weights, and not their bits per byte.")
def batch_size_biases_task_metric(stored: StoredQuantities) -> list[Condition]:
    """Of one checkpoint of the baseline the first varies by 40% or more, the second by less than
    0.1%."""
    task_metric, bits = (
        stored.metric(f"headlines/batch-sizes:{loss}_relative_range").value
        for loss in ("nats_per_character", "bits_per_byte")
    )
    return [task_metric >= 0.4, bits < 0.001]


@claim(
    "At the small configuration AdamW lowers bits per byte by more than all kept steps after it "
    "together."
)
def adamw_is_the_largest_improvement(stored: StoredQuantities) -> list[Condition]:
    """The interval of its change is below that of their change."""
    adamw, later = (
        stored.metric(f"headlines/{name}:bits_per_byte_change")
        for name in ("ablation-adamw", "after-adamw")
    )
    return [adamw.high < later.low]


@claim(
    "No dropout lowers the loss of the small configuration, doubled dropout that of a model of the "
    "baseline's size with twice as many headlines."
)
def best_dropout_depends_on_scale(stored: StoredQuantities) -> list[Condition]:
    """Both changes of bits per byte have their interval below zero."""
    names = ("ablation-no-dropout", "tuning-more-dropout")
    return [stored.metric(f"headlines/{name}:bits_per_byte_change").high < 0 for name in names]


@claim("After seven epochs the best model has less than 0.61 times the baseline's bits per byte.")
def best_bits_per_byte_ratio(stored: StoredQuantities) -> list[Condition]:
    """The upper bound of the ratio, over three seeds."""
    return [stored.metric("headlines/best-ratios:best_over_baseline").high < 0.61]


@claim(
    "On two cores the quick configuration has less than 0.68 times the baseline's bits per byte in "
    "less than half the training time."
)
def quick_config_better_in_half_the_time(stored: StoredQuantities) -> list[Condition]:
    """The upper bound of the ratio of bits per byte, and the ratios of training times and of epochs
    timed in turns."""
    bits, time, in_turns = (
        stored.metric(f"headlines/{name}:quick_over_baseline")
        for name in ("cpu-ratios", "cpu-train-time", "cpu-seconds-per-epoch")
    )
    return [bits.high < 0.68, time.value < 0.5, in_turns.value < 0.5]
