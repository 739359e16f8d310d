#!/bin/sh
# Trains the runs that 07_scratch_or_finetune reads, into results/: about seven hours on one core. Needs the data
# sets, prepared once:
#   wholescript data prepare banking77 [--path FOLDER]
#   wholescript data prepare ag_news [--path FOLDER] --keep-column crowd_label
#   wholescript data prepare imdb [--path FOLDER]
# A finished run with the same settings and data is not trained again; an interrupted training resumes.
set -e
train() { wholescript train "$@" --store results; }

models="tfidf-svm sentence-linear sentence-kernel linear-ensemble sparse-dense-ensemble"
for data in banking77 ag_news; do
    for model in $models; do train $model $data --seed 0 --seed 1 --seed 2; done
done
for size in tiny small medium; do train scratch banking77 --size $size; done
train scratch banking77 --size tiny --seed 1 --seed 2
train scratch ag_news --size tiny --epochs 8 --seed 0 --seed 1 --seed 2
train scratch banking77 --size tiny --token-dropout 0.15 --learning-rate 3e-3 --name scratch-tiny-token-dropout \
    --seed 0 --seed 1 --seed 2
train finetune banking77 --epochs 3 --batch-size 16 --gradient-accumulation-steps 2 --seed 0 --seed 1 --seed 2
train finetune ag_news --epochs 1 --batch-size 16 --gradient-accumulation-steps 2

# Learning curves.
for n in 50 200 1000 3000; do
    for model in tfidf-svm sentence-linear; do
        train $model ag_news --n-train $n --seed 0 --seed 1 --seed 2
    done
done
for n in 200 1000 3000; do
    train scratch ag_news --size tiny --epochs 8 --n-train $n --seed 0 --seed 1 --seed 2
done

# Which weights to fine-tune, from 1,000 training texts.
n1000() { train finetune ag_news --n-train 1000 --epochs 3 --batch-size 16 --gradient-accumulation-steps 2 "$@"; }
n1000 --tuning lora
n1000 --tuning frozen --learning-rate 1e-3 --max-eval 2000
n1000 --tuning full --learning-rate 5e-5 --max-eval 2000

for rate in 1e-4 3e-4 3e-3 1e-2; do
    train scratch banking77 --size tiny --learning-rate $rate --name scratch-tiny-lr$rate
done

# Label errors.
for model in tfidf-svm sentence-linear sentence-kernel; do
    train $model ag_news --label-column crowd_label --seed 0 --seed 1 --seed 2
done
train scratch ag_news --size tiny --epochs 8 --label-column crowd_label
wholescript data label-errors banking77 --store results
wholescript data label-errors ag_news --label-column crowd_label --store results

for model in tfidf-svm sentence-linear linear-ensemble; do
    train $model imdb --seed 0 --seed 1 --seed 2
done
train sentence-kernel imdb
train scratch imdb --size tiny --epochs 3 --seed 0 --seed 1 --seed 2
