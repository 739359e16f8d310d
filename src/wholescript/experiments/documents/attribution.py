"""What each word of one document is worth to a trained run, stored for a notebook."""

from dataclasses import dataclass
from typing import Any, ClassVar

from scipy.stats import spearmanr

from wholescript.evaluation.token_attribution import attribute_tokens
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run


@dataclass(frozen=True)
class TokenAttribution(Experiment[Run]):
    """The evidence of each word of `text`, as the run `<run>-words`.

    `fitted` is what `load_trained_run` returns of the run.
    """

    kind: ClassVar[str] = "token_attribution"
    replaces: ClassVar[bool] = True

    fitted: Any
    text: str

    def name_on(self, data: Run) -> str:
        """Return `<run>-words`."""
        return f"{data.name}-words"

    def settings_on(self, data: Run) -> dict[str, Any]:
        """Return the text."""
        return {"text": self.text}

    def data_identity(self, data: Run) -> dict[str, Any]:
        """Return the key of the run."""
        return {"of": data.key}

    def execute(self, data: Run, context: Context) -> Outcome:
        """Leave out each word in turn.

        Raises:
            ParameterError: the run cannot weigh words.
        """
        table = attribute_tokens(self.fitted, self.text)
        probabilities = self.fitted.predict_proba([self.text])[0]
        said = int(probabilities.argmax())
        metrics = {
            "probability": Metric(float(probabilities[said]), tolerance=0.01),
            "evidence": Metric(float(table["evidence"].sum()), tolerance=0.05),
        }
        if "attention" in table:
            agreement = spearmanr(table["attention"], table["evidence"].abs()).statistic
            metrics["agreement"] = Metric(float(agreement), tolerance=0.02)
        facts = {
            "said": data.config["classes"][said],
            "textset": data.config["textset"],
            "scale": data.config["scale"],
        }
        return Outcome(metrics, history=table, facts=facts)
