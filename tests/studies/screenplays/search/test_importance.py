import numpy as np
import pandas as pd

from wholescript.studies.screenplays.search.importance import R2_ROW, hyperparameter_importance


def trials(n=60):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "rate": rng.uniform(0, 1, n),
            "kind": rng.choice(["a", "b", "c"], n),
            "idle": rng.uniform(0, 1, n),
            "fixed": 1,
        }
    )
    # Kind "b" lies between the others, so its effect is not monotonic in the codes.
    table["loss"] = 2 * table["rate"] + (table["kind"] == "b") + rng.normal(0, 0.1, n)
    return table


def test_important_hyperparameters_are_ranked_first():
    found = hyperparameter_importance(
        trials(), ["rate", "kind", "idle", "fixed"], "loss", n_bootstrap=10
    )
    assert found.index.tolist()[0] == R2_ROW
    assert set(found.index) == {R2_ROW, "rate", "kind", "idle"}
    assert found.loc[R2_ROW, "value"] > 0.6
    assert (found.loc[["rate", "kind"], "low"] > 0.05).all()
    assert found.loc["idle", "low"] < 0.05
    assert found.loc["idle", "value"] < found.loc["kind", "value"] / 3
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_results_depend_on_the_seed_alone():
    table = trials(30)
    first, second, other = (
        hyperparameter_importance(table, ["rate", "idle"], "loss", n_bootstrap=3, seed=seed)
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)


def test_a_random_score_has_no_surrogate_r2():
    table = trials()
    noise = table.assign(loss=np.random.default_rng(1).permutation(table["loss"]))
    found = hyperparameter_importance(noise, ["rate", "kind", "idle"], "loss", n_bootstrap=10)
    assert found.loc[R2_ROW, "value"] < 0.1
