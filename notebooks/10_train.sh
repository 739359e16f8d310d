#!/bin/sh
# Trains the runs that 10_headlines reads, into results/. Needs the headlines: HEADLINES=FILE, or none for the hub.
# The runs `cpu-*` were trained on two otherwise idle cores, all others on a GPU: minutes there, about a day on two
# cores. A finished run with the same settings and data is not trained again; an interrupted training resumes.
set -e
train() { wholescript train headlines "$@" ${HEADLINES:+--path "$HEADLINES"} --store results; }
analyze() { wholescript evaluate headlines "$@" ${HEADLINES:+--path "$HEADLINES"} --store results; }

# The cumulative ablation, with a smaller model and fewer headlines: two seeds a step, one from `deep` to `r-drop`.
steps=$(python -c 'from wholescript.studies.headlines.ablation import ABLATION_STEPS
print(*(step.name for step in ABLATION_STEPS))')
seeds="--seed 1337 --seed 1338"
for step in $steps; do
    case $step in
    deep) seeds="--seed 1337" ;;
    cross-headline-context) seeds="--seed 1337 --seed 1338" ;;
    esac
    train $step --name small-$step --n-headlines 20000 --base-override n_layer=3 --base-override d_model=192 \
        --base-override vocab_size=4000 --base-override batch_size=16 $seeds
done

# Choices that depend on the size, with the baseline's.
tune() {
    name=$1
    shift
    train wsd --name tuning-$name --n-headlines 40000 --override muon_lr=0.02 "$@"
}
tune base
tune quarter-vocabulary --override vocab_size=4000
tune more-dropout --override dropout=0.2
tune most-dropout --override dropout=0.3
tune lower-muon-lr --override muon_lr=0.01
tune higher-muon-lr --override muon_lr=0.04
tune half-batch --override batch_size=32
tune weight-decay --override weight_decay=0.3
tune gated --override attention_gate=true
tune r-drop --override n_dropout_passes=2 --override r_drop=0.5 --override dropout=0.2
tune deep --override n_layer=12 --override d_model=384 --override n_head=6
tune higher-lr --override learning_rate=0.005

# On all headlines.
train baseline --seed 1337 --seed 1338 --seed 1339
train r-drop --name best --seed 1337 --seed 1338 --seed 1339
train baseline --name cpu-baseline
train more-dropout --name cpu-quick --override n_layer=4 --override d_model=384 --override n_head=6 \
    --override dropout=0.1 --override epochs=4
analyze headlines/cpu-baseline-s1337
analyze headlines/cpu-quick-s1337
