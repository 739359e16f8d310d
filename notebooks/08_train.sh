#!/bin/sh
# Trains the runs that 08_generative reads, into results/: about 22 hours on one core. Needs the reviews, prepared
# twice under names of their own, the second time with a blocked hold-out:
#   wholescript data prepare imdb [--path FOLDER] --name sentiment
#   wholescript data prepare imdb [--path FOLDER] --name sentiment-blocked --holdout-block-size 25
# A finished run with the same settings and data is not trained again; an interrupted training resumes.
set -e
train() { wholescript train "$@" --store results; }
bad="This film is terrible, I hated it. 1/10. Here is why:"
good="This film is wonderful, I loved it. 10/10. Here is why:"
prompted() { train class-lm-finetune sentiment --n-train 1000 --prompts "$bad" --prompts "$good" "$@"; }

for data in sentiment sentiment-blocked; do
    for model in naive-bayes tfidf-logistic nb-svm; do train $model $data; done
    train ngram $data
    train ensemble $data/nb-svm-s0 $data/ngram-bayes-s0 --name ensemble-nb-svm-ngram
done
wholescript predict text sentiment/ngram-bayes-s0 --store-attribution --store results "I expected to hate this film. The \
first hour is slow, and nobody would call the dialogue subtle, but the ending is so honest that I forgot every \
complaint. Not a masterpiece, and still one of the warmest films of the year."

# Interpolated n-grams, transformers from scratch, and ensembles of both.
train ngram-interpolated sentiment
for epochs in 6 10; do
    train class-lm sentiment --size tiny --epochs $epochs --name lm-tiny-$epochs-epochs
done
train class-lm sentiment --size tiny --pretrain-epochs 1 --epochs 4
class_lms="sentiment/ngram-interpolated-s0 sentiment/lm-tiny-10-epochs-s0 sentiment/lm-tiny-pretrained-s0"
train ensemble $class_lms --name ensemble-class-lms
train ensemble sentiment/nb-svm-s0 $class_lms --name ensemble-nb-svm-class-lms

# A pruned pretrained model with a shared trunk, trained discriminatively, and ensembles with it. From 1,000 reviews
# also with the next-token loss alone.
shared_trunk() {
    train shared-trunk sentiment --n-layer 16 --vocab-size 12000 --n-shared-layers 10 \
        --lora-rank 16 --lora-alpha 32 --single-window "$@"
}
shared_trunk
class_lms="$class_lms sentiment/smollm2-pruned-bayes-shared-trunk-s0"
train ensemble $class_lms --name ensemble-class-lms-smollm2
train ensemble sentiment/nb-svm-s0 $class_lms --name ensemble-nb-svm-class-lms-smollm2
shared_trunk --n-train 1000 --max-eval 1000
shared_trunk --n-train 1000 --max-eval 1000 --disc-weight 0 --name smollm2-pruned-bayes-shared-trunk-generative

# Learning curves.
for n in 20 50 200 1000 2000 5000; do
    for model in naive-bayes tfidf-logistic; do
        train $model sentiment --n-train $n --seed 0 --seed 1 --seed 2
    done
    train ngram sentiment --n-train $n --seed 0 --seed 1 --seed 2
done
for n in 1000 2000; do
    train nb-svm sentiment --n-train $n --seed 0 --seed 1 --seed 2
done

# A pretrained model, fine-tuned once per class; with two other samples of reviews as a generator only.
prompted --max-eval 1000
for seed in 1 2; do prompted --max-eval 100 --seed $seed --name smollm2-generator; done

# Synthetic reviews, and the models that are trained with them.
for generator in smollm2-bayes-lora-prompted-n1000-s0 smollm2-generator-n1000-s1 smollm2-generator-n1000-s2; do
    seed=${generator##*-s}
    folder=$(wholescript data generate sentiment/$generator --n-per-class 500 --temperature 0.9 --max-tokens 256 \
        --store results | sed -n 's/^wrote //p')
    for n in 125 250 500; do
        for model in naive-bayes tfidf-logistic nb-svm; do
            train $model sentiment --n-train 1000 --seed $seed --synthetic "$folder" --n-synthetic $n
        done
        train ngram sentiment --n-train 1000 --seed $seed --synthetic "$folder" --n-synthetic $n
    done
done
