#!/bin/sh
# Trains every run that 10_headlines reads, into results/. Needs the titles: TITLES=FILE, or none for the hub.
# Finished trainings are found again as long as their code stays; a killed one goes on. `cpu-*` were trained on two
# cores with nothing beside them, all else where a graphics card was: minutes there, and about a day of two cores.
set -e
train() { wholescript train titles "$@" ${TITLES:+--path "$TITLES"} --store results; }
learned() { wholescript read-titles "$@" ${TITLES:+--path "$TITLES"} --store results; }

# The steps, at a smaller shape and on fewer titles.
for step in baseline adamw warm-up shuffled rotary rms-norm swiglu residual-init title-mask whole-titles alone \
    unigram half-vocabulary muon wsd decay deep untied gated layer-scale no-dropout more-dropout two-readings r-drop \
    context; do
    train $step --name small-$step --titles 20000 --seed 1337 --seed 1338 \
        --base layers=3 --base width=192 --base vocabulary=4000 --base batch_size=16
done

# What depends on the size, at the baseline's shape.
choice() {
    name=$1
    shift
    train wsd --name choice-$name --titles 40000 --set matrix_rate=0.02 "$@"
}
choice base
choice quarter-vocabulary --set vocabulary=4000
choice more-dropout --set dropout=0.2
choice most-dropout --set dropout=0.3
choice shorter-steps --set matrix_rate=0.01
choice longer-steps --set matrix_rate=0.04
choice half-batch --set batch_size=32
choice decay --set weight_decay=0.3
choice gated --set gated=true
choice r-drop --set readings=2 --set r_drop=0.5 --set dropout=0.2
choice deep --set layers=12 --set width=384 --set heads=6
choice higher-rate --set learning_rate=0.005

# On all titles.
train baseline --seed 1337 --seed 1338 --seed 1339
train r-drop --name best --seed 1337 --seed 1338 --seed 1339
train baseline --name cpu-baseline
train more-dropout --name cpu-quick --set layers=4 --set width=384 --set heads=6 --set dropout=0.1 --set epochs=4
learned headlines/cpu-baseline-s1337
learned headlines/cpu-quick-s1337
