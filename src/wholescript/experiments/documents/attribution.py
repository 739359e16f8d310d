"""The attribution of each token of one document by a trained run, as a stored run."""

from dataclasses import dataclass
from typing import Any, ClassVar

from scipy.stats import spearmanr

from wholescript.evaluation.token_attribution import attribute_tokens
from wholescript.experiments.documents.load import load_trained_run
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run


@dataclass(frozen=True)
class TokenAttribution(Experiment[Run]):
    """The attribution of each token of `text`, as the run `<run>-token-attribution`.

    The classifier is loaded from the weights of the run, on the computer where it was trained.
    """

    kind: ClassVar[str] = "token_attribution"
    replaces: ClassVar[bool] = True

    text: str

    def run_name(self, data: Run) -> str:
        """Return `<run>-token-attribution`."""
        return f"{data.name}-token-attribution"

    def settings_for(self, data: Run) -> dict[str, Any]:
        """Return the text."""
        return {"text": self.text}

    def data_identity(self, data: Run) -> dict[str, Any]:
        """Return the key of the run."""
        return {"run": data.key}

    def execute(self, data: Run, context: Context) -> Outcome:
        """Compute the attribution (`attribute_tokens`).

        Raises:
            RunError: the weights of the run are not on this computer.
            ParameterError: the classifier does not support token attribution.
        """
        fitted = load_trained_run(context.workspace.project, data)
        table = attribute_tokens(fitted, self.text)
        probabilities = fitted.predict_proba([self.text])[0]
        predicted = int(probabilities.argmax())
        metrics = {
            "probability": Metric(float(probabilities[predicted]), tolerance=0.01),
            "attribution_sum": Metric(float(table["attribution"].sum()), tolerance=0.05),
        }
        if "attention" in table:
            correlation = spearmanr(table["attention"], table["attribution"].abs()).statistic
            metrics["attention_rank_correlation"] = Metric(float(correlation), tolerance=0.02)
        metadata = {
            "predicted": data.config["classes"][predicted],
            "dataset": data.config["dataset"],
            "scale": data.config["scale"],
        }
        return Outcome(metrics, history=table, metadata=metadata)
