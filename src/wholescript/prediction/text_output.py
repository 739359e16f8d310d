"""A prediction as text for the terminal: a summary line and an explanation."""

from collections.abc import Iterator

from wholescript.prediction.predict import Prediction

MAX_SHOWN = 3  # parts and words per sign; the figure shows all


def summary_line(prediction: Prediction) -> str:
    """Return the probability, its interval and the base rate in one line."""
    return (
        f"probability of a nomination for writing: {prediction.probability:.0%} "
        f"(95% interval {prediction.low:.0%} to {prediction.high:.0%}); "
        f"base rate in the training films: {prediction.base_rate:.0%}"
    )


def explanation_lines(prediction: Prediction) -> Iterator[str]:
    """Yield the largest contributions, in log-odds relative to the mean film, and the warnings."""
    yield (
        f"mean film: {prediction.mean_script_probability:.0%}; contributions in log-odds relative "
        "to it"
    )
    parts = sorted(prediction.parts, key=lambda part: -part.contribution)
    for part in (*parts[:MAX_SHOWN], *parts[-MAX_SHOWN:]):
        position = f"{100 * part.start:3.0f}-{100 * part.stop:.0f}%"
        yield f"{position:>8} of the script  {part.contribution:+.3f}  from {part.first_words!r}"
    word_contributions = prediction.word_contributions
    for shown in (word_contributions[:MAX_SHOWN], word_contributions[-MAX_SHOWN:]):
        yield "words: " + ", ".join(f"{word} {value:+.3f}" for word, value in shown)
    for warning in prediction.warnings:
        yield f"warning: {warning}"
