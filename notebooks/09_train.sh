#!/bin/sh
# Trains the runs that 09_label_sorted_split reads, into results/: about six hours on one core. Needs the reviews,
# prepared once under a name of their own:
#   wholescript data prepare imdb [--path FOLDER] --name sentiment
# and the unprepared files for the label-sorted split: TEXTS=FOLDER, or none for the hub.
# A finished run with the same settings and data is not trained again; an interrupted training resumes.
set -e
train() { wholescript train "$@" --store results; }

for model in naive-bayes tfidf-logistic nb-svm; do train $model sentiment; done
wholescript evaluate label-sorted-demo imdb ${TEXTS:+--path "$TEXTS"} --name sentiment --store results
train encoder sentiment --config recipes/encoder-published.yaml
train encoder sentiment
# Two epochs of pretraining on all reviews, unlabelled ones included; then token dropout, and longer texts.
train encoder sentiment --pretrain-epochs 2 --epochs 4 --token-dropout 0.3 --max-length 512
# Eight epochs of pretraining, in large batches: minutes on a GPU, where it was trained, and many hours on a CPU.
train encoder sentiment --name encoder-pretrained-8-epochs --pretrain-epochs 8 --epochs 8 --patience 3 \
    --token-dropout 0.3 --max-length 512 --batch-size 256

wholescript predict text sentiment/encoder --store-attribution --store results "I expected to hate this film. The first \
hour is slow, and nobody would call the dialogue subtle, but the ending is so honest that I forgot every complaint. \
Not a masterpiece, and still one of the warmest films of the year."
