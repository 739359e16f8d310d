from pathlib import Path

import pytest

from wholescript.errors import ParameterError
from wholescript.files import ROOT
from wholescript.studies.screenplays.search.space import (
    Categorical,
    Interval,
    SearchProtocol,
    inactive_hyperparameters,
    make_estimator,
    parse_space,
    read_space,
)

GATED = {"architecture": ["gated_attention"]}


def parse(protocol=None, **hyperparameters):
    return parse_space({"protocol": protocol or {}, "hyperparameters": GATED | hyperparameters})


def test_published_space_is_valid():
    space = read_space(ROOT / "search" / "aggregators.yaml")
    assert parse_space(space.to_dict()) == space
    for architecture in space.hyperparameters["architecture"].bounds:
        sampled = {name: values.bounds[-1] for name, values in space.hyperparameters.items()}
        estimator = make_estimator(sampled | {"architecture": architecture}, space.protocol)
        assert estimator.build()
        assert estimator.train_config.epochs == space.protocol.epochs
        assert (
            estimator.train_config.learning_rate
            == space.hyperparameters["learning_rate"].bounds[-1]
        )


def test_lists_and_intervals_are_parsed():
    space = parse(
        dropout={"low": 0, "high": 0.5}, d_model=[8, 16], learning_rate={"low": "1e-4", "high": 1}
    )
    assert space.hyperparameters["dropout"] == Interval(0.0, 0.5)
    assert space.hyperparameters["d_model"] == Categorical((8, 16))
    assert space.hyperparameters["learning_rate"].low == 1e-4
    assert parse(batch_size=4).hyperparameters["batch_size"] == Categorical((4,))


def test_hyperparameters_of_other_architectures_are_inactive():
    sampled = {"architecture": "gated_attention", "n_head": 4, "d_model": 8, "dimensions": 5}
    assert inactive_hyperparameters(sampled) == ["n_head"]
    assert inactive_hyperparameters(sampled | {"architecture": "query_decoder"}) == []
    assert make_estimator(sampled, SearchProtocol()).aggregator_options == {"d_model": 8}
    assert make_estimator(sampled, SearchProtocol()).dimensions == 5


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"learning_rat": [1e-3]}, "'learning_rat' is unknown; did you mean 'learning_rate'?"),
        ({"architecture": ["gated_atention"]}, "did you mean 'gated_attention'?"),
        ({"architecture": {"low": 0, "high": 1}}, "architecture must be a list"),
        ({"dropout": []}, "dropout is an empty list"),
        ({"dropout": [1.5]}, "dropout: 1.5 is not a number between 0 and 0.95"),
        ({"dropout": ["none"]}, "'none' is not a number"),
        ({"d_model": [0]}, "0 is not a whole number of at least 2"),
        ({"batch_size": [True]}, "True is not a whole number"),
        ({"batch_size": [8.5]}, "8.5 is not a whole number"),
        ({"dropout": {"low": 0.5, "high": 0.1}}, "low=0.5 must be below high=0.1"),
        ({"dropout": {"low": 0.5}}, "dropout lacks high"),
        ({"dropout": {"low": 0, "hihg": 0.1}}, "did you mean 'high'?"),
        ({"dropout": {"low": 0, "high": 0.5, "scale": "log"}}, "must be positive for a log scale"),
        ({"dropout": {"low": 0, "high": 0.5, "scale": "lin"}}, "did you mean 'linear'?"),
        ({"n_head": [2]}, "none of gated_attention has n_head"),
        ({"architecture": ["query_decoder"], "n_head": [3]}, "d_model=64 does not fit n_head=3"),
        ({"d_model": {"low": 8, "high": 64}}, "d_model must be a list"),
    ],
)
def test_invalid_hyperparameters_raise(hyperparameters, message):
    with pytest.raises(ParameterError, match=message):
        parse(**hyperparameters)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ({"epoch": 3}, "did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs=0 must be a whole number >= 1"),
        ({"epochs": 2.5}, r"epochs=2\.5 must be a whole number"),
        ({"epochs": 2}, "grace_epochs=3 must not exceed epochs=2"),
        ({"split": "tempral"}, "did you mean 'temporal'?"),
        ({"target": "nominated_for_writng"}, "did you mean 'nominated_for_writing'?"),
    ],
)
def test_invalid_protocol_raises(protocol, message):
    with pytest.raises(ParameterError, match=message):
        parse(protocol)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ("- a", "the space is .* not a mapping with the keys protocol, hyperparameters"),
        ("hyperparameters: {}", "'architecture' is missing"),
        ("hyperparameter: {}", "did you mean 'hyperparameters'?"),
        ("hyperparameters: {architecture: [linear_atention]}", "own.yaml: .* did you mean"),
    ],
)
def test_invalid_file_raises(tmp_path: Path, content, message):
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ParameterError, match=message):
        read_space(path)


def test_missing_file_raises(tmp_path):
    with pytest.raises(ParameterError, match=r"none\.yaml cannot be read: No such file"):
        read_space(tmp_path / "none.yaml")
