#!/bin/sh
# Trains every run that 08_generative reads, into results/. Needs the reviews, prepared twice under names of their
# own, the second time with runs of neighbours held out together:
#   wholescript prepare imdb [--path FOLDER] --name sentiment
#   wholescript prepare imdb [--path FOLDER] --name sentiment-films --together 25
# Finished trainings are found again as long as their code stays; a killed one goes on. Some twenty-two hours of one core.
set -e
train() { wholescript train "$@" --store results; }
bad="This film is terrible, I hated it. 1/10. Here is why:"
good="This film is wonderful, I loved it. 10/10. Here is why:"
pretrained() { train generative sentiment --model smollm2 --examples 1000 --prompt "$bad" --prompt "$good" "$@"; }

for set in sentiment sentiment-films; do
    for kind in naive-bayes logistic nb-svm; do train linear $set --kind $kind; done
    train generative $set
    wholescript train blend $set/nb-svm-s0 $set/ngram-bayes-s0 --name hybrid --store results
done
wholescript classify sentiment/ngram-bayes-s0 --keep --store results "I expected to hate this film. The first hour \
is slow, and nobody would call the dialogue subtle, but the ending is so honest that I forgot every complaint. Not a \
masterpiece, and still one of the warmest films of the year."

# N-grams with those of unlabelled reviews, transformers from scratch, and both joined.
train generative sentiment --model ngram-mixed
for epochs in 6 10; do train generative sentiment --model tiny --epochs $epochs --name lm-tiny-$epochs; done
train generative sentiment --model tiny --reading 1 --epochs 4
pairs="sentiment/ngram-mixed-s0 sentiment/lm-tiny-10-s0 sentiment/lm-tiny-pretrained-s0"
wholescript train blend $pairs --name language-blend --store results
wholescript train blend sentiment/nb-svm-s0 $pairs --name hybrid-lm --store results

# A part of a pretrained model, forked and trained to tell reviews apart; joined with the others. From a thousand
# reviews also, with a twin that learns to foretell alone.
forked() {
    train generative sentiment --model smollm2 --blocks 16 --vocabulary 12000 --fork 10 --rank 16 --alpha 32 \
        --one-window "$@"
}
forked
pairs="$pairs sentiment/smollm2-short-bayes-forked-s0"
wholescript train blend $pairs --name language-blend-forked --store results
wholescript train blend sentiment/nb-svm-s0 $pairs --name hybrid-forked --store results
forked --examples 1000 --tested 1000
forked --examples 1000 --tested 1000 --telling 0 --name smollm2-short-bayes-forked-foretelling

for examples in 20 50 200 1000 2000 5000; do
    for kind in naive-bayes logistic; do
        train linear sentiment --kind $kind --examples $examples --seed 0 --seed 1 --seed 2
    done
    train generative sentiment --examples $examples --seed 0 --seed 1 --seed 2
done
for examples in 1000 2000; do
    train linear sentiment --kind nb-svm --examples $examples --seed 0 --seed 1 --seed 2
done

# A pretrained model, fine-tuned once for each class; then for two other draws of reviews, to write.
pretrained --tested 1000
for seed in 1 2; do pretrained --tested 100 --seed $seed --name smollm2-writer; done

# What each writes, and what models that count words learn from that besides.
for writer in smollm2-bayes-lora-prompted-n1000-s0 smollm2-writer-n1000-s1 smollm2-writer-n1000-s2; do
    seed=${writer##*-s}
    folder=$(wholescript write sentiment/$writer --per-class 500 --temperature 0.9 --longest 256 --store results |
        sed -n 's/^wrote //p')
    for added in 125 250 500; do
        for kind in naive-bayes logistic nb-svm; do
            train linear sentiment --kind $kind --examples 1000 --seed $seed --written "$folder" --added $added
        done
        train generative sentiment --examples 1000 --seed $seed --written "$folder" --added $added
    done
done
