"""A prediction in words: the answer in a line, and what explains it."""

from collections.abc import Iterator

from wholescript.prediction.reading import Prediction

MAX_SHOWN = 3  # parts and words of each sign; the figure shows all


def summary_line(prediction: Prediction) -> str:
    """Return the answer in a line, never without the base rate."""
    return (
        f"nominated for its writing: {prediction.probability:.0%} "
        f"(95% interval {prediction.low:.0%} to {prediction.high:.0%}); "
        f"of the films learnt from, {prediction.base_rate:.0%} were"
    )


def explanation_lines(prediction: Prediction) -> Iterator[str]:
    """Yield lines on where the answer comes from, in log odds against the average film."""
    yield f"the average film has {prediction.average:.0%}; in log odds against it"
    parts = sorted(prediction.parts, key=lambda part: -part.adds)
    for part in (*parts[:MAX_SHOWN], *parts[-MAX_SHOWN:]):
        place = f"{100 * part.start:3.0f}-{100 * part.stop:.0f}%"
        yield f"{place:>8} of the script  {part.adds:+.3f}  from {part.first_words!r}"
    for end in (prediction.words[:MAX_SHOWN], prediction.words[-MAX_SHOWN:]):
        yield "words: " + ", ".join(f"{word} {adds:+.3f}" for word, adds in end)
    for warning in prediction.warnings:
        yield f"take care, {warning}"
