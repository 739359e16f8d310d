"""The metrics of stored runs: display names and units, and which of them a machine decides."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricInfo:
    """A metric of stored runs; `unit` is empty for shares, scores and counts."""

    name: str
    display_name: str
    unit: str = ""


MEASURED_UNITS = ("s", "s per s", "minutes", "GB", "tokens per s")
"""Units of what a machine decides: reruns compare no value of a metric with one of them, and axes
and columns with one by their ratios."""

METRICS = {
    entry.name: entry
    for entry in (
        MetricInfo("accuracy", "accuracy"),
        MetricInfo("macro_f1", "macro-F1"),
        MetricInfo("macro_f1_at_half", "macro-F1 at threshold 0.5"),
        MetricInfo("weighted_f1", "weighted F1"),
        MetricInfo("mcc", "Matthews correlation"),
        MetricInfo("mcc_at_half", "Matthews correlation at threshold 0.5"),
        MetricInfo("auc", "AUROC"),
        MetricInfo("within_decade_auc", "AUROC within decades"),
        MetricInfo("average_precision", "average precision"),
        MetricInfo("log_loss", "log loss", "nats"),
        MetricInfo("log_loss_uncalibrated", "log loss, uncalibrated", "nats"),
        MetricInfo("brier", "Brier score"),
        MetricInfo("ece", "expected calibration error"),
        MetricInfo("ece_uncalibrated", "expected calibration error, uncalibrated"),
        MetricInfo("accuracy_uncalibrated", "accuracy, uncalibrated"),
        MetricInfo("accuracy_out_of_fold", "out-of-fold accuracy"),
        MetricInfo("accuracy_first_rows", "accuracy on the first test rows"),
        MetricInfo("train_accuracy", "training accuracy"),
        MetricInfo("validation_accuracy", "validation accuracy"),
        MetricInfo("validation_macro_f1", "validation macro-F1"),
        MetricInfo("overfitting_gap", "training minus validation accuracy"),
        MetricInfo("test_accuracy_all", "test accuracy, all documents"),
        MetricInfo("test_accuracy_without_flagged", "test accuracy, flagged documents removed"),
        MetricInfo("label_error_rate", "share of label errors"),
        MetricInfo("flagged_share", "share of flagged documents"),
        MetricInfo("precision_of_flagged", "precision of flagged documents"),
        MetricInfo("recall_of_flagged", "recall of flagged documents"),
        MetricInfo("n_flagged", "flagged documents"),
        MetricInfo("n_documents", "documents"),
        MetricInfo("train_seconds", "training time", "s"),
        MetricInfo("pretrain_seconds", "pretraining time", "s"),
        MetricInfo("seconds_per_epoch", "time per epoch", "s"),
        MetricInfo("inference_seconds_per_1000", "inference time per 1,000 documents", "s"),
        MetricInfo("peak_memory_gb", "peak memory", "GB"),
        MetricInfo("step_seconds", "time per training step", "s"),
        MetricInfo("activation_gb", "memory of activations", "GB"),
        MetricInfo("peak_rss_gb", "peak memory of the process", "GB"),
        MetricInfo("grad_cache_peak_rss_gb", "peak memory with gradient caching", "GB"),
        # The frozen encoder's step is too small for a second core, the other one is not.
        MetricInfo(
            "grad_cache_step_over_frozen_encoder_step",
            "training step with gradient caching over that with a frozen encoder",
            "s per s",
        ),
        MetricInfo("parameters", "parameters"),
        MetricInfo("trained_parameters", "trained parameters"),
        MetricInfo("truncated_share", "share of truncated documents"),
        MetricInfo("temperature", "temperature"),
        MetricInfo("length_exponent", "length exponent"),
        MetricInfo("nats_per_token_0", "next-token loss, first class", "nats per token"),
        MetricInfo("nats_per_token_1", "next-token loss, second class", "nats per token"),
        MetricInfo("lm_loss_before", "next-token loss before fine-tuning", "nats per token"),
        MetricInfo("lm_loss_after", "next-token loss after fine-tuning", "nats per token"),
        MetricInfo("probability", "probability of the predicted class"),
        MetricInfo("attribution_sum", "sum of attributions", "nats"),
        MetricInfo("attention_rank_correlation", "rank correlation of attention and attribution"),
        MetricInfo("n_classes_first_rows_train", "classes in the first training rows"),
        MetricInfo("n_classes_first_rows_test", "classes in the first test rows"),
        MetricInfo("n_predicted_classes", "predicted classes"),
        MetricInfo("n_generated", "generated documents"),
        MetricInfo("n_too_short", "rejected as too short"),
        MetricInfo("n_duplicates", "rejected as duplicates"),
        MetricInfo("n_copied", "rejected as copies"),
        MetricInfo("n_kept", "kept documents"),
        MetricInfo("median_words", "median length", "words"),
        MetricInfo("bits_per_byte", "bits per byte", "bits per byte"),
        MetricInfo("bits_per_byte_relative_range", "relative range of bits per byte"),
        MetricInfo("nats_per_character", "task metric", "nats per character"),
        MetricInfo("nats_per_character_corrected", "task metric, corrected", "nats per character"),
        MetricInfo("nats_per_character_relative_range", "relative range of the task metric"),
        MetricInfo("scored_token_share", "share of scored tokens"),
        MetricInfo("bytes_per_token", "bytes per token", "bytes"),
        MetricInfo("tokens_per_epoch", "tokens per epoch"),
        MetricInfo("tokens_per_second", "training throughput", "tokens per s"),
        MetricInfo("val_overlap", "validation headlines in training"),
        MetricInfo("vocab_size", "vocabulary size", "tokens"),
        MetricInfo("n_rows", "rows"),
    )
}
"""Metrics by their name in runs.json."""


def is_measured(metric: str) -> bool:
    """Return whether a metric, by its name in runs.json, is a time or memory that was measured.

    Of a name with colons, such as `full_backprop:64:step_seconds`, the last part counts.
    """
    info = METRICS.get(metric.rpartition(":")[2])
    return info is not None and info.unit in MEASURED_UNITS
