#!/bin/sh
# Trains every run that 07_scratch_or_finetune reads, into results/. Needs the texts, prepared once:
#   wholescript prepare banking77 [--path FOLDER]
#   wholescript prepare ag_news [--path FOLDER] --keep crowd_label
#   wholescript prepare imdb [--path FOLDER]
# Finished trainings are found again as long as their code stays; a killed one goes on. Some seven hours of one core.
set -e
train() { wholescript train "$@" --store results; }

for kind in svm sentences kernel linear-stack stack; do
    train linear banking77 --kind $kind --seed 0 --seed 1 --seed 2
done
for kind in svm sentences kernel linear-stack stack; do
    train linear ag_news --kind $kind --seed 0 --seed 1 --seed 2
done
for size in tiny small medium; do train scratch banking77 --size $size; done
train scratch banking77 --size tiny --seed 1 --seed 2
train scratch ag_news --size tiny --epochs 8 --seed 0 --seed 1 --seed 2
train scratch banking77 --size tiny --token-dropout 0.15 --learning-rate 3e-3 --name scratch-tiny-noisy \
    --seed 0 --seed 1 --seed 2
train finetune banking77 --epochs 3 --batch-size 16 --accumulate 2 --seed 0 --seed 1 --seed 2
train finetune ag_news --epochs 1 --batch-size 16 --accumulate 2

for examples in 50 200 1000 3000; do
    for kind in svm sentences; do
        train linear ag_news --kind $kind --examples $examples --seed 0 --seed 1 --seed 2
    done
done
for examples in 200 1000 3000; do
    train scratch ag_news --size tiny --epochs 8 --examples $examples --seed 0 --seed 1 --seed 2
done

thousand() { train finetune ag_news --examples 1000 --epochs 3 --batch-size 16 --accumulate 2 "$@"; }
thousand --tuning lora
thousand --tuning frozen --learning-rate 1e-3 --tested 2000
thousand --tuning full --learning-rate 5e-5 --tested 2000

for rate in 1e-4 3e-4 3e-3 1e-2; do
    train scratch banking77 --size tiny --learning-rate $rate --name scratch-tiny-lr$rate
done

for kind in svm sentences kernel; do
    train linear ag_news --kind $kind --labels crowd_label --seed 0 --seed 1 --seed 2
done
train scratch ag_news --size tiny --epochs 8 --labels crowd_label --seed 0 --seed 1 --seed 2
wholescript labels banking77 --store results
wholescript labels ag_news --labels crowd_label --store results

for kind in svm sentences linear-stack; do train linear imdb --kind $kind --seed 0 --seed 1 --seed 2; done
train linear imdb --kind kernel
train scratch imdb --size tiny --epochs 3 --seed 0 --seed 1 --seed 2
