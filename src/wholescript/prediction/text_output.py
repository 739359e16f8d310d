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
    """Yield the largest contributions, in log-odds relative to the mean film, and the warnings.

    Words have their standard errors (SE) over the bootstrap refits.
    """
    yield (
        f"mean film: {prediction.mean_script_probability:.0%}; contributions in log-odds relative "
        "to it"
    )
    parts = sorted(prediction.parts, key=lambda part: -part.contribution)
    for part in (*parts[:MAX_SHOWN], *parts[-MAX_SHOWN:]):
        position = f"{100 * part.start:3.0f}-{100 * part.stop:.0f}%"
        yield f"{position:>8} of the script  {part.contribution:+.3f}  from {part.first_words!r}"
    raising = [word for word in prediction.words if word.contribution > 0][:MAX_SHOWN]
    lowering = [word for word in prediction.words if word.contribution < 0][: -MAX_SHOWN - 1 : -1]
    for effect, words in (("raise", raising), ("lower", lowering)):
        listed = ", ".join(
            f"{word.word} {word.contribution:+.3f} (SE {word.std_error:.3f})" for word in words
        )
        yield f"words that {effect} it most: {listed or 'none'}"
    for warning in prediction.warnings:
        yield f"warning: {warning}"
