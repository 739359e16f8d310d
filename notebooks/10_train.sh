#!/bin/sh
# Trains every run that 10_headlines reads, into results/. Needs the titles: TITLES=FILE, or none for the hub.
# Finished trainings are found again as long as their code stays; a killed one goes on.
set -e
titles() { wholescript train titles "$@" ${TITLES:+--path "$TITLES"} --store results; }
learned() { wholescript read-titles "$@" ${TITLES:+--path "$TITLES"} --store results; }

titles baseline
