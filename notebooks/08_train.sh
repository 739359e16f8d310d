#!/bin/sh
# Trains every run that 08_generative reads, into results/. Needs the reviews, prepared twice under names of their
# own, the second time with the reviews of a film held out together:
#   wholescript prepare imdb [--path FOLDER] --name sentiment
#   wholescript prepare imdb [--path FOLDER] --name sentiment-films --together 25
# Finished trainings are found again as long as their code stays; a killed one goes on. Some three hours of one core.
set -e
train() { wholescript train "$@" --store results; }

for set in sentiment sentiment-films; do
    for kind in naive-bayes logistic nb-svm; do train linear $set --kind $kind; done
    train generative $set
    wholescript train blend $set/nb-svm-s0 $set/ngram-bayes-s0 --name hybrid --store results
done
wholescript classify sentiment/ngram-bayes-s0 --keep --store results "I expected to hate this film. The first hour \
is slow, and nobody would call the dialogue subtle, but the ending is so honest that I forgot every complaint. Not a \
masterpiece, and still one of the warmest films of the year."

for examples in 20 50 200 1000 5000; do
    for kind in naive-bayes logistic; do
        train linear sentiment --kind $kind --examples $examples --seed 0 --seed 1 --seed 2
    done
    train generative sentiment --examples $examples --seed 0 --seed 1 --seed 2
done

# A pretrained model, fine-tuned once for each class.
train generative sentiment --model smollm2 --examples 1000 --tested 1000 \
    --prompt "This film is terrible, I hated it. 1/10. Here is why:" \
    --prompt "This film is wonderful, I loved it. 10/10. Here is why:"
