"""Results published by others on the test texts of our data sets; imports no library."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class PublishedResult:
    """A published accuracy on the official test texts of a data set.

    Attributes:
        name: `<data set>-<model>`, by which a page names it.
        display_name: the model, and how it was trained where that differs from here.
        citation: the key of its publication in references.bib.
        accuracy: as published, a share.
        n_test: the number of test texts that it was measured on.
    """

    name: str
    display_name: str
    citation: str
    accuracy: float
    n_test: int

    @property
    def dataset(self) -> str:
        """The name of the data set."""
        return self.name.partition("-")[0]

    def interval(self) -> tuple[float, float]:
        """Return the bounds of the 95% Wilson interval over test texts (Wilson, 1927)."""
        z = NormalDist().inv_cdf(0.975)
        n, share = self.n_test, self.accuracy
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return centre - half, centre + half


_BANKING77, _AG_NEWS, _IMDB = 3_080, 7_600, 25_000

PUBLISHED = {
    entry.name: entry
    for entry in (
        PublishedResult(
            "banking77-use-convert",
            "USE and ConveRT embeddings + classifier",
            "casanueva2020banking77",
            0.9336,
            _BANKING77,
        ),
        PublishedResult(
            "ag_news-tfidf-ngrams",
            "TF-IDF of n-grams, 120,000 training texts",
            "zhang2015agnews",
            0.9236,
            _AG_NEWS,
        ),
        PublishedResult(
            "ag_news-ulmfit",
            "ULMFiT, 120,000 training texts",
            "howard2018ulmfit",
            0.9499,
            _AG_NEWS,
        ),
        PublishedResult(
            "imdb-class-gpt2",
            "class-conditional GPT-2",
            "bigsnarfdude2025diffusion",
            0.901,
            1_000,
        ),
        PublishedResult("imdb-naive-bayes", "naive Bayes, bigrams", "wang2012nbsvm", 0.8659, _IMDB),
        PublishedResult("imdb-nb-svm", "NB-SVM, bigrams", "wang2012nbsvm", 0.9122, _IMDB),
        PublishedResult(
            "imdb-nb-svm-trigrams", "NB-SVM, trigrams", "mesnil2014nbsvm", 0.9182, _IMDB
        ),
        PublishedResult("imdb-ulmfit", "ULMFiT", "howard2018ulmfit", 0.954, _IMDB),
        PublishedResult("imdb-xlnet", "XLNet-Large", "yang2019xlnet", 0.9621, _IMDB),
    )
}
"""Published results by name."""
