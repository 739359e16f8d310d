"""The conclusions of the report; `wholescript.report.claims` says how they are evaluated."""

from wholescript.report.claims import claim
from wholescript.report.results import Results

WORDS = "evaluation/words"
AGGREGATORS = ("training/mean-pooling", "training/gated-attention", "training/query-decoder")
QUARTERS = tuple(f"evaluation/quarter-{number}" for number in range(1, 5))
SAME = 0.01  # AUC: a difference that no reader of a list of films would notice


@claim("Word counts rank films better than each aggregator of frozen chunk embeddings.")
def words_lead(results: Results) -> bool:
    """The paired interval of each aggregator lies below zero."""
    return all(results.difference(f"{run} - {WORDS}:auc").high < 0 for run in AGGREGATORS)


@claim("A stack of words and chunk embeddings is no better than words alone.")
def stack_adds_nothing(results: Results) -> bool:
    """The paired interval does not lie above zero."""
    return results.difference(f"evaluation/stack - {WORDS}:auc").low <= 0


@claim("How the chunks are put together hardly matters: the aggregators end within 0.01 of AUC.")
def aggregators_tie(results: Results) -> bool:
    """The best and the worst aggregator are no further apart than `SAME`."""
    found = [results.metric(f"{run}:auc").value for run in AGGREGATORS]
    return max(found) - min(found) <= SAME


@claim("The opening pages tell less than any quarter of the script, and the whole tells most.")
def signal_is_spread(results: Results) -> bool:
    """Opening below every quarter, every quarter below the whole."""
    opening = results.metric("evaluation/control-opening:auc").value
    quarters = [results.metric(f"{run}:auc").value for run in QUARTERS]
    return opening < min(quarters) and max(quarters) < results.metric(f"{WORDS}:auc").value


@claim("It is not the era: within decades, words rank better than year alone does over all.")
def not_the_era(results: Results) -> bool:
    """The lower bound within decades lies above the upper bound of the year."""
    year = results.metric("evaluation/control-year:auc").high
    return results.metric(f"{WORDS}:within_decade_auc").low > year


@claim("Nothing leaks: with shuffled labels the same procedure ends at chance, 0.50 ± 0.03.")
def nothing_leaks(results: Results) -> bool:
    """The value lies within the band that was set beforehand."""
    return abs(results.metric("evaluation/control-shuffled-labels:auc").value - 0.5) <= 0.03


@claim("Films of the future are harder: words rank them worse than films of all years.")
def future_is_harder(results: Results) -> bool:
    """On films after the boundary, the value lies below the interval of the random folds."""
    later = results.metric("evaluation/words-temporal:auc").value
    return later < results.metric(f"{WORDS}:auc").low


@claim("No treatment of imbalance ranks better than doing nothing, by more than 0.01 of AUC.")
def imbalance_needs_no_treatment(results: Results) -> bool:
    """The upper bound of each paired difference from the plain model is at most `SAME`."""
    names = [name for name in results.names() if name.startswith("imbalance/")]
    treated = [n for n in names if not n.endswith(("/plain", "/differences", "-recalibrated"))]
    differences = [results.difference(f"{run} - imbalance/plain:auc") for run in treated]
    return bool(differences) and all(found.high <= SAME for found in differences)
