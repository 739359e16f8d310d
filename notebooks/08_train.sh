#!/bin/sh
# Trains every run that 08_generative reads, into results/. Needs the reviews, prepared once under a name of their
# own:
#   wholescript prepare imdb [--path FOLDER] --name sentiment
# Finished trainings are found again as long as their code stays; a killed one goes on. Some two hours of one core.
set -e
train() { wholescript train "$@" --store results; }

for kind in naive-bayes logistic nb-svm; do train linear sentiment --kind $kind; done
train generative sentiment
wholescript train blend sentiment/nb-svm-s0 sentiment/ngram-bayes-s0 --name hybrid --store results
wholescript classify sentiment/ngram-bayes-s0 --keep --store results "I expected to hate this film. The first hour \
is slow, and nobody would call the dialogue subtle, but the ending is so honest that I forgot every complaint. Not a \
masterpiece, and still one of the warmest films of the year."

for examples in 20 50 200 1000 5000; do
    for kind in naive-bayes logistic; do
        train linear sentiment --kind $kind --examples $examples --seed 0 --seed 1 --seed 2
    done
    train generative sentiment --examples $examples --seed 0 --seed 1 --seed 2
done
