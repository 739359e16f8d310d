"""Synthetic screenplays whose label is predicted by a few words."""

import numpy as np

FILMS = 60
COMMON = ["the", "a", "door", "opens", "she", "walks", "to", "him", "then", "they", "look", "at"]
PREDICTIVE = ("father", "remember", "quiet")


def fountain_of(seed: int, positive: bool) -> str:
    """Return a Fountain screenplay of 1,500 words; positive ones use PREDICTIVE more often."""
    rng = np.random.default_rng(seed)
    words = [
        *COMMON,
        *(f"word{chr(97 + i)}" for i in range(26)),
        *PREDICTIVE * (3 if positive else 1),
    ]

    def line() -> str:
        return " ".join(rng.choice(words, rng.integers(5, 18))).capitalize() + "."

    scenes = [
        f"INT. HOUSE {chr(65 + k % 26)} - NIGHT\n\n{line()} Café.\n\nMARY\n{line()}\n\n"
        f"JOHN\n(quietly)\n{line()}\n"
        for k in range(40)
    ]
    return "\n".join(scenes)
