"""The conclusions of the report; `wholescript.publish.claims` says how they are evaluated."""

from wholescript.publish.claims import claim
from wholescript.experiments.results import Results

TFIDF = "evaluation/words"
AGGREGATORS = (
    "training/mean-pooling",
    "training/gated-attention",
    "training/query-decoder",
)
FUSION = "training/gated-attention-and-year-length-structure-words"
QUARTERS = tuple(f"evaluation/quarter-{number}" for number in range(1, 5))
N_TRAIN = (20, 50, 200, 1_000, 5_000)
CLASS_LMS = (  # of language models that foretell, and three of them joined
    "naive-bayes",
    "ngram-bayes",
    "ngram-mixed",
    "lm-tiny-6",
    "lm-tiny-10",
    "lm-tiny-pretrained",
    "language-blend",
)
EQUIVALENCE_MARGIN = 0.01  # AUC: a difference that no reader of a list of films would notice


@claim("Word counts rank films better than each aggregator of frozen chunk embeddings.")
def tfidf_beats_chunk_aggregators(results: Results) -> bool:
    """The paired interval of each aggregator lies below zero."""
    return all(results.difference(f"{run} - {TFIDF}:auc").high < 0 for run in AGGREGATORS)


@claim("A stack of words and chunk embeddings is no better than words alone.")
def stacking_no_improvement(results: Results) -> bool:
    """The paired interval does not lie above zero."""
    return results.difference(f"evaluation/stack - {TFIDF}:auc").low <= 0


@claim("A network that reads the words beside the chunks is no better than words alone.")
def late_fusion_no_improvement(results: Results) -> bool:
    """The paired interval does not lie above zero."""
    return results.difference(f"{FUSION} - {TFIDF}:auc").low <= 0


@claim("How the chunks are put together hardly matters: the aggregators end within 0.01 of AUC.")
def aggregators_equivalent(results: Results) -> bool:
    """The best and the worst aggregator are no further apart than `EQUIVALENCE_MARGIN`."""
    found = [results.metric(f"{run}:auc").value for run in AGGREGATORS]
    return max(found) - min(found) <= EQUIVALENCE_MARGIN


@claim("An encoder from scratch, on two cores, is better than chance and worse than words.")
def scratch_encoder_between_chance_and_tfidf(results: Results) -> bool:
    """Its interval lies above one half, and that of the paired difference below zero."""
    alone = results.metric("texts/pretrained:auc").low
    return alone > 0.5 and results.difference(f"texts/pretrained - {TFIDF}:auc").high < 0


@claim("The opening pages tell less than any quarter of the script, and the whole tells most.")
def whole_script_beats_any_quarter(results: Results) -> bool:
    """Opening below every quarter, every quarter below the whole."""
    opening = results.metric("evaluation/control-opening:auc").value
    quarters = [results.metric(f"{run}:auc").value for run in QUARTERS]
    return opening < min(quarters) and max(quarters) < results.metric(f"{TFIDF}:auc").value


@claim("It is not the era: within decades, words rank better than year alone does over all.")
def within_decade_auc_above_year_control(results: Results) -> bool:
    """The lower bound within decades lies above the upper bound of the year."""
    year = results.metric("evaluation/control-year:auc").high
    return results.metric(f"{TFIDF}:within_decade_auc").low > year


@claim("Nothing leaks: with shuffled labels the same procedure ends at chance, 0.50 ± 0.03.")
def shuffled_labels_at_chance(results: Results) -> bool:
    """The value lies within the band that was set beforehand."""
    return abs(results.metric("evaluation/control-shuffled-labels:auc").value - 0.5) <= 0.03


@claim("Films of the future are harder: words rank them worse than films of all years.")
def temporal_split_lowers_auc(results: Results) -> bool:
    """On films after the boundary, the value lies below the interval of the random folds."""
    later = results.metric("evaluation/words-temporal:auc").value
    return later < results.metric(f"{TFIDF}:auc").low


@claim("No treatment of imbalance ranks better than doing nothing, by more than 0.01 of AUC.")
def imbalance_correction_no_auc_gain(results: Results) -> bool:
    """The upper bound of each paired difference from the plain model is at most `EQUIVALENCE_MARGIN`."""
    names = [name for name in results.names() if name.startswith("imbalance/")]
    treated = [n for n in names if not n.endswith(("/plain", "/differences", "-recalibrated"))]
    differences = [results.difference(f"{run} - imbalance/plain:auc") for run in treated]
    return bool(differences) and all(found.high <= EQUIVALENCE_MARGIN for found in differences)


@claim("No treatment of imbalance clearly makes the network rank better.")
def network_imbalance_correction_no_auc_gain(results: Results) -> bool:
    """No paired interval lies above zero."""
    names = [name for name in results.names() if name.startswith("imbalance-network/")]
    treated = [name for name in names if not name.endswith(("/plain", "-recalibrated"))]
    plain = "imbalance-network/plain"
    differences = [results.difference(f"{run} - {plain}:auc") for run in treated]
    return bool(differences) and all(found.low <= 0 for found in differences)


@claim("The network is honest until treated: plain, its calibration error is the least.")
def network_imbalance_correction_raises_ece(results: Results) -> bool:
    """Every treatment that changes training has a higher calibration error."""
    names = [name for name in results.names() if name.startswith("imbalance-network/")]
    plain = results.metric("imbalance-network/plain:ece").value
    treated = [name for name in names if not name.endswith(("/plain", "-recalibrated"))]
    return bool(treated) and all(results.metric(f"{run}:ece").value > plain for run in treated)


@claim("Nominations, alone or with wins, rank winners about as well as wins alone.")
def nominations_rank_winners_as_wins_do(results: Results) -> bool:
    """Each paired interval of AUC holds zero."""
    pairs = (
        ("words-nominations", "words"),
        ("gated-attention-nominations", "gated-attention"),
        ("joint", "gated-attention"),
    )
    found = [results.difference(f"wins/{one} - wins/{other}:auc") for one, other in pairs]
    return all(difference.low <= 0 <= difference.high for difference in found)


@claim("Encoding chunk by chunk gives the gradient of everything at once, to within 0.00001.")
def gradients_match_full_backprop(results: Results) -> bool:
    """The largest relative error of any parameter is at most 1e-5, both ways."""
    ways = ("recomputed", "cached")
    return all(
        results.metric(f"memory/gradients:{memory_strategy}").value <= 1e-5
        for memory_strategy in ways
    )


@claim("Memory hardly grows with the script: a chunk more costs at most 2% of what it cost.")
def grad_cache_memory_is_flat(results: Results) -> bool:
    """The slope of A over that of C, and at most an eighth of C's memory on the longest film."""
    slope = results.metric("memory/frozen:memory_per_chunk_of_A_over_C").value
    return slope <= 0.02 and results.metric("memory/frozen:memory_of_C_over_A").value >= 8


@claim("Neither names nor dates carry it: without both, words rank within 0.02 of AUC as before.")
def names_and_dates_not_needed(results: Results) -> bool:
    """The paired interval without names and dates lies inside twice `EQUIVALENCE_MARGIN` on either side."""
    found = results.difference(f"reading/words-without-both - {TFIDF}:auc")
    return found.low >= -2 * EQUIVALENCE_MARGIN and found.high <= 2 * EQUIVALENCE_MARGIN


@claim("The first pages can be dropped: without the opening, words rank as well, within 0.01.")
def opening_not_needed(results: Results) -> bool:
    """The paired interval without the first 4,000 characters lies within `EQUIVALENCE_MARGIN` of zero."""
    found = results.difference(f"reading/words-without-opening - {TFIDF}:auc")
    return found.low >= -EQUIVALENCE_MARGIN and found.high <= EQUIVALENCE_MARGIN


@claim("Part of it is subject: among films of one topic, words rank worse, but far above chance.")
def topic_explains_part_of_auc(results: Results) -> bool:
    """The paired loss within topics lies below zero, the AUC that is left above one half."""
    lost = results.metric("reading/strata:words-by-topic:lost").high
    return lost < 0 and results.metric("reading/strata:words-by-topic:within").low > 0.5


@claim("Within decades nothing is lost for certain.")
def no_auc_change_detected_within_decades(results: Results) -> bool:
    """The interval of the paired loss within decades holds zero."""
    lost = results.metric("reading/strata:words-by-decade:lost")
    return lost.low <= 0 <= lost.high


@claim(
    "The model exaggerates: words mark the films that it calls nominated more than the nominated."
)
def predicted_class_keyness_has_larger_spread(results: Results) -> bool:
    """The ratio of the effects' spreads lies above one."""
    return results.metric("reading/keyness:words:stronger").low > 1


@claim("The end of a script tells more than the rest, for mean pooling and for gated attention.")
def last_fifth_more_predictive(results: Results) -> bool:
    """The interval of the lift of the last fifth lies above zero for both."""
    models = ("mean-pooling", "gated-attention")
    lifts = [results.metric(f"reading/along:last-fifth-of-{model}:apart") for model in models]
    return all(lift.low > 0 for lift in lifts)


@claim("No quarter is needed: without any one of them, words lose less than 0.02 of AUC.")
def no_single_quarter_needed(results: Results) -> bool:
    """The lower bound of each paired change lies above minus twice `EQUIVALENCE_MARGIN`."""
    changes = [results.metric(f"reading/quarters:without-quarter-{n}") for n in range(1, 5)]
    return all(change.low > -2 * EQUIVALENCE_MARGIN for change in changes)


@claim("Attention is a hint: it ranks chunks as their removal does in part, with less than 0.7.")
def attention_partly_agrees_with_occlusion(results: Results) -> bool:
    """The intervals of the rank correlation lie between 0 and 0.7 for both aggregators."""
    models = ("gated-attention", "query-decoder")
    found = [results.metric(f"reading/along:attention-of-{model}:agreement") for model in models]
    return all(metric.low > 0 and metric.high < 0.7 for metric in found)


@claim("Stacked on counted words, frozen sentence vectors make fewer errors on short texts.")
def sparse_dense_ensemble_beats_tfidf(results: Results) -> bool:
    """The interval of the ratio of errors lies below one on Banking77 and on AG News."""
    name = "sparse-dense-stack_over_tfidf-svm"
    sets = ("banking77", "ag_news")
    return all(results.metric(f"classifiers/{one}-ratios:{name}").high < 1 for one in sets)


@claim(
    "From scratch, a small transformer makes more errors than counted words on ten thousand texts."
)
def scratch_transformer_worse_than_tfidf(results: Results) -> bool:
    """The interval of the ratio of errors lies above one on Banking77 and on AG News."""
    name = "scratch-tiny_over_tfidf-svm"
    sets = ("banking77", "ag_news")
    return all(results.metric(f"classifiers/{one}-ratios:{name}").low > 1 for one in sets)


@claim("Fine-tuned by adapters, a language model beats counted words on Banking77, not the stack.")
def lora_between_tfidf_and_ensemble(results: Results) -> bool:
    """The intervals of the ratios of errors: below one to words, and below it of the stack."""
    ratio = "classifiers/banking77-ratios:{}_over_tfidf-svm"
    tuned = results.metric(ratio.format("smollm2-lora"))
    return tuned.high < 1 and results.metric(ratio.format("sparse-dense-stack")).high < tuned.value


@claim("Fine-tuned on all of AG News, the language model makes fewer errors than counted words.")
def lora_beats_tfidf_on_ag_news(results: Results) -> bool:
    """The interval of the ratio of errors lies below one."""
    return results.metric("classifiers/ag_news-ratios:smollm2-lora_over_tfidf-svm").high < 1


@claim("From scratch, none of the sizes that were tried makes as few errors as counted words.")
def no_scratch_size_matches_tfidf(results: Results) -> bool:
    """The interval of the ratio of errors on Banking77 lies above one for each size."""
    sizes = [f"scratch-{size}_over_tfidf-svm" for size in ("tiny", "small", "medium")]
    return all(results.metric(f"classifiers/banking77-ratios:{one}").low > 1 for one in sizes)


@claim("Frozen sentence vectors beat counted words on short questions and lose on long reviews.")
def sentence_embeddings_gain_depends_on_dataset(results: Results) -> bool:
    """The interval of the ratio of errors lies below one on Banking77 and above it on IMDB."""
    name = "sentence-linear_over_tfidf-svm"
    short = results.metric(f"classifiers/banking77-ratios:{name}")
    return short.high < 1 < results.metric(f"classifiers/imdb-ratios:{name}").low


@claim("With 50 texts a frozen encoder makes fewer errors than words, by more than with all.")
def pretrained_encoder_gain_largest_with_50_texts(results: Results) -> bool:
    """The ratio of errors on AG News has its interval below one, and is lower than with all."""
    few = results.metric("classifiers/ag_news-few:sentence-linear_over_tfidf-svm")
    every = results.metric("classifiers/ag_news-ratios:sentence-linear_over_tfidf-svm")
    return few.high < min(1, every.value)


@claim("The encoder that is never wrong on its own test rows says one class of every review.")
def label_sorted_split_constant_prediction(results: Results) -> bool:
    """All right on the head, half right on all, and a single answer."""
    head, whole, said = (
        results.metric(f"encoder/trap:{name}").value
        for name in ("head_accuracy", "accuracy", "classes_said")
    )
    return head == 1 and whole == 0.5 and said == 1


@claim("On all reviews the encoder from scratch makes more errors than counted words.")
def scratch_encoder_worse_than_tfidf(results: Results) -> bool:
    """For each encoder the interval of the ratio of errors to logistic regression is above one."""
    names = ("encoder-published", "encoder")
    ratios = [f"encoder/ratios:{name}_over_tfidf-logistic" for name in names]
    return all(results.metric(ratio).low > 1 for ratio in ratios)


@claim("An encoder that read first errs less often than one that did not, and more than words.")
def mlm_pretraining_helps(results: Results) -> bool:
    """For both, intervals of ratios of errors are below one, and to logistic regression above."""
    names = ("encoder-pretrained", "encoder-read-longer")
    before = [results.metric(f"encoder/read:{name}_over_encoder") for name in names]
    words = [results.metric(f"encoder/ratios:{name}_over_tfidf-logistic") for name in names]
    return max(one.high for one in before) < 1 < min(one.low for one in words)


@claim("Reading longer makes fewer errors than reading a little.")
def longer_mlm_pretraining_helps(results: Results) -> bool:
    """The intervals of accuracy lie apart."""
    little, longer = (
        results.metric(f"encoder/{name}:accuracy")
        for name in ("encoder-pretrained", "encoder-read-longer")
    )
    return longer.low > little.high


@claim("Counted words that learn the verdict err less often than pairs that learn to foretell.")
def discriminative_counts_beat_class_lms(results: Results) -> bool:
    """The intervals lie apart: logistic regression and NB-SVM above every pair."""
    learned, read = (
        [results.metric(f"generative/{name}:accuracy") for name in names]
        for names in (("tfidf-logistic", "nb-svm"), CLASS_LMS)
    )
    return min(one.low for one in learned) > max(one.high for one in read)


@claim("Mixed with those of all reviews and with words that repeat, n-grams err less often.")
def interpolation_improves_ngrams(results: Results) -> bool:
    """The interval of the ratio of errors to the n-grams alone is below one."""
    return results.metric("generative/over-ngram-bayes:ngram-mixed_over_ngram-bayes").high < 1


@claim("A pair that read all reviews before it was parted errs less often than one that did not.")
def shared_pretraining_improves_class_lms(results: Results) -> bool:
    """Its interval of accuracy is above those of pairs that had six and ten epochs."""
    read, *others = (
        results.metric(f"generative/{name}:accuracy")
        for name in ("lm-tiny-pretrained", "lm-tiny-6", "lm-tiny-10")
    )
    return read.low > max(other.high for other in others)


@claim("Joined, a pair of n-grams and pairs of transformers are better than each.")
def class_lm_ensemble_beats_members(results: Results) -> bool:
    """Its interval of accuracy is above those of all that are joined."""
    joined, *pairs = (
        results.metric(f"generative/{name}:accuracy")
        for name in ("language-blend", "ngram-mixed", "lm-tiny-10", "lm-tiny-pretrained")
    )
    return joined.low > max(pair.high for pair in pairs)


@claim("With runs of neighbours held out, n-grams make a linear SVM better: it errs less often.")
def ngram_svm_ensemble_beats_svm(results: Results) -> bool:
    """The interval of the ratio of errors is below one."""
    return results.metric("generative/films-over-nb-svm:hybrid_over_nb-svm").high < 1


@claim("Fine-tuned on a thousand reviews, a pretrained pair errs no less than logistic regression.")
def pretrained_class_lms_do_not_beat_tfidf(results: Results) -> bool:
    """On the reviews that both were asked about, the interval of the ratio is not below one."""
    name = "smollm2-bayes-lora-prompted_over_tfidf-logistic"
    return results.metric(f"generative/1000-over-tfidf-logistic:{name}").high >= 1


@claim("A part of a pretrained pair, trained to tell reviews apart, beats the published accuracy.")
def discriminative_class_lms_beat_published(results: Results) -> bool:
    """The interval of its accuracy on all test reviews lies above what was published."""
    reached = results.metric("generative/smollm2-short-bayes-forked:accuracy")
    return reached.low > results.metric("generative/published:accuracy").value


@claim("Trained to tell reviews apart, a pretrained pair beats each pair that learned to foretell.")
def discriminative_training_beats_generative_class_lms(results: Results) -> bool:
    """Its interval of accuracy lies above those of all pairs, the joined ones too."""
    apart = results.metric("generative/smollm2-short-bayes-forked:accuracy")
    others = [results.metric(f"generative/{name}:accuracy") for name in CLASS_LMS]
    return apart.low > max(other.high for other in others)


@claim("From as many reviews a pretrained pair errs less often when it learns to tell them apart.")
def discriminative_loss_helps_at_equal_data(results: Results) -> bool:
    """Over a pair that differs in nothing else, the interval of the ratio of errors is below 1."""
    apart = "smollm2-short-bayes-forked"
    return results.metric(f"generative/1000-telling:{apart}_over_{apart}-foretelling").high < 1


@claim("A pair that tells apart beats logistic regression from all reviews, not from a thousand.")
def discriminative_class_lms_need_many_reviews(results: Results) -> bool:
    """The interval of the ratio of errors is below one with all reviews, not with a thousand."""
    ratio = "over-tfidf-logistic:smollm2-short-bayes-forked_over_tfidf-logistic"
    few, every = (results.metric(f"generative/{of}{ratio}") for of in ("1000-", ""))
    return every.high < 1 <= few.high


@claim("Reviews that a pair wrote make no model of counted words better.")
def synthetic_reviews_do_not_help(results: Results) -> bool:
    """No interval of the ratio of errors is below one, however many were added."""
    models = ("naive-bayes", "tfidf-logistic", "nb-svm", "ngram-bayes")
    ratios = [f"generative/written-{m}:ratio_{added}" for m in models for added in (250, 500, 1000)]
    return all(results.metric(ratio).high >= 1 for ratio in ratios)


@claim("However few the reviews, naive Bayes is not ahead of logistic regression.")
def no_generative_discriminative_crossover(results: Results) -> bool:
    """The ratio of errors is above one at each number of reviews that was tried."""
    ratios = [f"generative/twins-{n}:naive-bayes_over_tfidf-logistic" for n in N_TRAIN]
    return all(results.metric(ratio).value > 1 for ratio in ratios)


@claim("With other batches the same weights have another published loss, and the same bits a byte.")
def batch_size_biases_task_metric(results: Results) -> bool:
    """The first moves by two fifths or more, the second by less than a thousandth."""
    moved, same = (
        results.metric(f"headlines/batches:{loss}_moves").value
        for loss in ("published", "bits_per_byte")
    )
    return moved >= 0.4 and same < 0.001


@claim("AdamW alone lowers bits a byte by more than all later steps together.")
def adamw_is_the_largest_improvement(results: Results) -> bool:
    """Its interval is below that of what all kept steps after it change."""
    adamw, later = (
        results.metric(f"headlines/{name}:change") for name in ("step-adamw", "later-steps")
    )
    return adamw.high < later.low


@claim("Less dropout helps a small model of few titles, more helps a larger one of more titles.")
def best_dropout_depends_on_scale(results: Results) -> bool:
    """Both changes have their interval below zero."""
    names = ("step-no-dropout", "choice-more-dropout")
    return all(results.metric(f"headlines/{name}:change").high < 0 for name in names)


@claim("After seven epochs the best model has less than 0.61 times the baseline's bits a byte.")
def best_bits_per_byte_ratio(results: Results) -> bool:
    """The ratio, over three seeds, with its interval."""
    return results.metric("headlines/best-ratios:best_over_baseline").high < 0.61


@claim("On the same two cores a recipe has less than 0.68 times the bits in half the time.")
def quick_config_better_in_half_the_time(results: Results) -> bool:
    """The ratio of bits with its interval, that of the trainings' times, and of epochs in turns."""
    bits, time, in_turns = (
        results.metric(f"headlines/{name}:quick_over_baseline")
        for name in ("cpu-ratios", "cpu-times", "cpu-pace")
    )
    return bits.high < 0.68 and max(time.value, in_turns.value) < 0.5
