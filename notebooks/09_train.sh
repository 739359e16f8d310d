#!/bin/sh
# Trains every run that 09_encoder_trap reads, into results/. Needs the reviews, prepared once under a name of
# their own:
#   wholescript prepare imdb [--path FOLDER] --name sentiment
# and, for the trap, the files as they are: TEXTS=FOLDER, or none for the hub.
# Finished trainings are found again as long as their code stays; a killed one goes on. Some six hours of one
# core.
set -e

for kind in naive-bayes logistic nb-svm; do
    wholescript train linear sentiment --kind $kind --store results
done
wholescript trap imdb ${TEXTS:+--path "$TEXTS"} --name sentiment --store results
wholescript train encoder sentiment --as-published --store results
wholescript train encoder sentiment --store results
# Two readings of all reviews, unlabelled ones too; then words hidden in training, and longer texts.
wholescript train encoder sentiment --reading 2 --epochs 4 --token-dropout 0.3 --max-length 512 --store results
# Eight readings, in large batches: minutes on a graphics card, where it was trained, and many hours without.
wholescript train encoder sentiment --name encoder-read-longer --reading 8 --epochs 8 --patience 3 --token-dropout 0.3 \
    --max-length 512 --batch-size 256 --store results

wholescript classify sentiment/encoder --keep --store results "I expected to hate this film. The first hour is \
slow, and nobody would call the dialogue subtle, but the ending is so honest that I forgot every complaint. Not a \
masterpiece, and still one of the warmest films of the year."
