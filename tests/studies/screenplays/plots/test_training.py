import pandas as pd
import pytest

from wholescript.studies.screenplays.plots.training import loss_curves


def history(last_train_loss: float) -> pd.DataFrame:
    losses = [0.7, last_train_loss]
    return pd.DataFrame({"epoch": [1, 2], "train_loss": losses, "val_loss": [0.6, 0.5]})


def test_training_loss_above_the_entropy_of_the_labels_is_titled_as_not_converged() -> None:
    # The entropy of one half is log 2 = 0.693 nats.
    histories = {"fitted": history(0.68), "stuck": history(0.70)}
    fitted, stuck = loss_curves(histories, positive_rate=0.5).axes
    assert (fitted.get_title(), stuck.get_title()) == ("fitted", "stuck\n(not converged)")
    assert fitted.lines[-1].get_ydata() == pytest.approx([0.693, 0.693], abs=1e-3)
