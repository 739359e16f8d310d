"""Display names of models, by their names in runs."""

import re

LEARNING_RATE_PATTERN = re.compile(r"(.+)-lr(\d+e-\d+)")
WINDOWS_PATTERN = re.compile(r"(.+)-first-(\d+)")

MODEL_DISPLAY_NAMES = {
    # documents
    "tfidf-svm": "TF-IDF + linear SVM",
    "tfidf-logistic": "TF-IDF + logistic regression",
    "naive-bayes": "naive Bayes",
    "nb-svm": "NB-SVM",
    "sentence-linear": "all-MiniLM-L6-v2 + linear classifier",
    "sentence-kernel": "all-MiniLM-L6-v2 + RBF kernel",
    "linear-ensemble": "TF-IDF and all-MiniLM-L6-v2, linear ensemble",
    "sparse-dense-ensemble": "TF-IDF and all-MiniLM-L6-v2, ensemble with RBF kernel",
    "ngram-bayes": "Kneser-Ney n-grams + Bayes' rule",
    "ngram-interpolated": "interpolated n-grams + Bayes' rule",
    "scratch-tiny": "tiny transformer from scratch",
    "scratch-small": "small transformer from scratch",
    "scratch-medium": "medium transformer from scratch",
    "scratch-tiny-token-dropout": "tiny transformer from scratch, token dropout",
    "smollm2-lora": "SmolLM2-135M, LoRA",
    "smollm2-full": "SmolLM2-135M, full fine-tuning",
    "smollm2-frozen": "SmolLM2-135M, frozen",
    "smollm2-lp-ft": "SmolLM2-135M, LP-FT",
    "encoder": "encoder from scratch",
    "encoder-published": "encoder from scratch, published settings",
    "encoder-pretrained": "encoder, MLM pretraining",
    "encoder-pretrained-8-epochs": "encoder, MLM pretraining for 8 epochs",
    "encoder-label-sorted": "encoder, label-sorted split",
    "lm-tiny": "class-conditional LMs, tiny",
    "lm-tiny-6-epochs": "class-conditional LMs, tiny, 6 epochs",
    "lm-tiny-10-epochs": "class-conditional LMs, tiny, 10 epochs",
    "lm-tiny-pretrained": "class-conditional LMs, tiny, pretrained",
    "smollm2-bayes-lora": "class-conditional SmolLM2-135M, LoRA",
    "smollm2-bayes-lora-prompted": "class-conditional SmolLM2-135M, LoRA, prompts",
    "smollm2-generator": "class-conditional SmolLM2-135M, generator",
    "smollm2-pruned-bayes-shared-trunk": "pruned SmolLM2-135M, discriminative loss",
    "smollm2-pruned-bayes-shared-trunk-generative": "pruned SmolLM2-135M, next-token loss",
    "ensemble-nb-svm-ngram": "NB-SVM and n-grams, ensemble",
    "ensemble-nb-svm-class-lms": "NB-SVM and class-conditional LMs, ensemble",
    "ensemble-nb-svm-class-lms-smollm2": "NB-SVM, class-conditional LMs and SmolLM2, ensemble",
    "ensemble-class-lms": "class-conditional LMs, ensemble",
    "ensemble-class-lms-smollm2": "class-conditional LMs and SmolLM2, ensemble",
    # screenplays
    "unigrams": "unigrams",
    "bigrams": "bigrams",
    "trigrams": "trigrams",
    "unigrams-bigrams": "unigrams and bigrams",
    "ngrams": "n-grams (1 to 3)",
    "ngrams-layout": "n-grams, layout",
    "ngrams-year": "n-grams, year",
    "ngrams-year-length": "n-grams, year, length",
    "ngrams-layout-year-length": "n-grams, layout, year, length",
    "ngrams-recalibrated": "n-grams, recalibrated",
    "stacking-ngrams": "stacking: n-grams, aggregators",
    "boosted-ngrams": "boosted trees: n-grams, aggregators, metadata",
    "gated-attention-on-ngrams": "gated attention on n-gram logits",
    "ngrams-surprisal": "n-grams, surprisal",
    "ngrams-surprisal-answers": "n-grams, surprisal, answers",
    "lm-zero-shot": "SmolLM2 zero-shot: nominated?",
    "lm-zero-shot-outstanding": "SmolLM2 zero-shot: outstanding?",
    "lm-few-shot": "SmolLM2 few-shot: nominated?",
    "lm-answers": "SmolLM2, three answers combined",
    "lm-surprisal": "SmolLM2 surprisal",
    "lm-surprisal-answers": "SmolLM2 surprisal, answers",
    "embeddings": "precomputed embeddings",
    "mean-pooling": "mean pooling",
    "gated-attention": "gated attention",
    "linear-attention": "linear attention",
    "transformer-encoder": "transformer encoder",
    "query-decoder": "query decoder",
    "longformer": "Longformer",
    "mamba2": "Mamba-2",
    "scratch-longformer": "Longformer from scratch",
    "scratch-mamba2": "Mamba-2 from scratch",
    "gated-attention-and-tfidf": "gated attention + TF-IDF",
    "gated-attention-and-layout": "gated attention + screenplay layout",
    "gated-attention-and-year-length": "gated attention + year, length",
    "gated-attention-and-year-length-layout-tfidf": "late fusion",
    "gated-attention-nominations": "gated attention, trained on nominations",
    "tfidf-logistic-nominations": "TF-IDF + logistic regression, trained on nominations",
    "multitask": "gated attention, multi-task",
    "stacking": "stacking",
    "feature-ablation": "feature ablation",
    "minilm-partially-finetuned": "MiniLM, partially fine-tuned",
    "minilm-frozen-same-chunks": "MiniLM, frozen, 8 chunks",
    "minilm-finetuned-warm-start": "MiniLM, last layer fine-tuned, 8 chunks",
    "minilm-frozen-32-chunks": "MiniLM, frozen, 32 chunks",
    "minilm-finetuned-32-chunks": "MiniLM, last layer fine-tuned, 32 chunks",
    "scratch-causal": "from scratch, causal",
    "scratch-mlm-pretrained": "from scratch, MLM pretraining",
    "smollm2-mean-pooling": "SmolLM2 embeddings, mean pooling",
    "smollm2-gated-attention": "SmolLM2 embeddings, gated attention",
    "length": "length alone",
    "year": "year alone",
    "source": "source alone",
    "title": "title alone",
    "opening": "opening alone",
    "shuffled-labels": "shuffled labels",
    "uncorrected": "uncorrected",
    "class-weights": "class weights",
    "class-balanced": "class-balanced weights",
    "oversampling": "oversampling",
    "smote": "SMOTE",
    "focal-loss": "focal loss",
    "logit-adjustment": "logit adjustment",
    # headlines
    "baseline": "baseline",
    "best": "best model",
    "cpu-baseline": "baseline, two cores",
    "cpu-quick": "quick configuration, two cores",
}
"""Display names of models by their name in runs, which also says size, tuning and epochs."""


def model_display_name(name: str) -> str:
    """Return the display name of a model by its name in runs; without one, the name itself.

    A suffix such as `-lr1e-4` is a learning rate, `-recalibrated` a recalibrated model, `-first-2`
    the windows of a script that were read.
    """
    if match := WINDOWS_PATTERN.fullmatch(name):
        return f"{model_display_name(match[1])}, windows read: {match[2]}"
    if match := LEARNING_RATE_PATTERN.fullmatch(name):
        return f"{model_display_name(match[1])}, learning rate {match[2]}"
    if name.endswith("-recalibrated"):
        return f"{model_display_name(name.removesuffix('-recalibrated'))}, recalibrated"
    return MODEL_DISPLAY_NAMES.get(name, name)
