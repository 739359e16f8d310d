import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch.nn.functional import cross_entropy

from wholescript.models.transformer_classifier import CausalTransformerClassifier
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.objectives.documents import ClassificationObjective, class_logits

WORDS, CLASSES, N = 30, 3, 23


@pytest.fixture
def batches():
    """23 documents of 1 to 12 tokens, five per batch; padded with 29."""
    rng = np.random.default_rng(0)
    tokens = [rng.integers(2, WORDS - 1, rng.integers(1, 13)) for _ in range(N)]
    return DocumentBatchLoader(tokens, rng.integers(0, CLASSES, N), 5, pad_token_id=WORDS - 1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CausalTransformerClassifier(WORDS, CLASSES, "tiny", dropout=0.3)


def rows(found):
    return np.concatenate([batch.indices for batch in found]).tolist()


def test_a_batch_is_padded_on_the_right(batches):
    for batch in [*batches.train_batches(1), *batches.eval_batches()]:
        for place, row in enumerate(batch.indices):
            ids, mask = batch.input_ids[place], batch.attention_mask[place]
            length = len(batches.tokens[row])
            assert ids[:length].tolist() == batches.tokens[row].tolist()
            assert (ids[length:] == WORDS - 1).all()
            assert mask.tolist() == [True] * length + [False] * (len(ids) - length)
        assert batch.input_ids.shape[1] == max(len(batches.tokens[row]) for row in batch.indices)
        assert batch.labels.tolist() == batches.labels[batch.indices].tolist()
        assert batch.input_ids.dtype == batch.labels.dtype == torch.int64


def test_training_order_depends_on_the_seed(batches):
    orders = [rows(batches.train_batches(seed)) for seed in (1, 1, 2)]
    assert sorted(orders[0]) == list(range(N)) == sorted(orders[2])
    assert orders[0] == orders[1] != orders[2]
    assert len(list(batches.train_batches(3))) == len(batches) == 5


def test_evaluation_order_is_by_length(batches):
    order = rows(batches.eval_batches())
    assert sorted(order) == list(range(N))
    lengths = batches.lengths
    assert lengths.tolist() == [len(ids) for ids in batches.tokens]
    assert (np.diff(lengths[order]) >= 0).all()


def test_logits_are_in_document_order(batches, model):
    logits, labels = class_logits(model, batches, ClassificationObjective())
    assert logits.shape == (N, CLASSES) and logits.dtype == np.float32
    np.testing.assert_array_equal(labels, batches.labels)
    for row, ids in enumerate(batches.tokens):
        ids = torch.from_numpy(ids)[None]
        alone = model(ids, torch.ones_like(ids, dtype=torch.bool))[0]
        np.testing.assert_allclose(logits[row], alone.detach(), atol=1e-5)


def test_validation_metrics(batches, model):
    val_metrics = ClassificationObjective().validation_step(model, batches, cross_entropy)
    logits, labels = class_logits(model, batches, ClassificationObjective())
    expected = cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    assert val_metrics == {
        "val_loss": pytest.approx(float(expected)),
        "val_accuracy": pytest.approx(accuracy_score(labels, logits.argmax(1))),
        "val_macro_f1": pytest.approx(f1_score(labels, logits.argmax(1), average="macro")),
    }
    assert val_metrics["val_accuracy"] != val_metrics["val_macro_f1"]


def test_dropout_depends_on_the_seed(batches, model):
    batch = next(batches.train_batches(0))
    model.train()

    def gradient(seed):
        model.zero_grad()
        loss = ClassificationObjective().training_step(model, batch, cross_entropy, seed=seed)
        assert not loss.requires_grad
        return model.head[1].weight.grad.clone()

    assert torch.equal(gradient(1), gradient(1))
    assert not torch.equal(gradient(1), gradient(2))


def test_the_gradient_is_that_of_the_loss(batches, model):
    batch = next(batches.eval_batches())
    model.eval()
    found = ClassificationObjective().training_step(model, batch, cross_entropy, seed=0)
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    expected = cross_entropy(model(batch.input_ids, batch.attention_mask), batch.labels)
    expected.backward()
    assert float(found) == expected.item()
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)


def test_bfloat16_logits_are_close_and_weights_stay_float32(batches, model):
    batch = next(batches.eval_batches())
    model.eval()
    whole, half = (
        ClassificationObjective(bfloat16).logits(model, batch) for bfloat16 in (False, True)
    )
    assert half.dtype == torch.float32
    assert not torch.equal(whole, half)
    torch.testing.assert_close(whole, half, rtol=0, atol=0.05)
    ClassificationObjective(True).training_step(model, batch, cross_entropy, seed=0)
    for parameter in model.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32


class Recorder(torch.nn.Module):
    """Records its input ids and predicts the same for all."""

    def __init__(self):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(CLASSES))
        self.inputs = []

    def forward(self, input_ids, attention_mask):
        self.inputs.append(input_ids)
        return self.bias.expand(len(input_ids), CLASSES)


def test_token_dropout_applies_in_training_only():
    rng = np.random.default_rng(0)
    tokens = [rng.integers(2, WORDS, length) for length in (200, 300)]
    (batch,) = DocumentBatchLoader(tokens, np.array([0, 1]), 2).eval_batches()
    objective, model = ClassificationObjective(token_dropout=0.2, mask_token_id=1), Recorder()
    for seed in (1, 1, 2):
        objective.training_step(model, batch, cross_entropy, seed=seed)
    objective.logits(model, batch)
    first, same, other, evaluated = model.inputs
    changed = first != batch.input_ids
    assert (first[changed] == 1).all()
    assert not changed[~batch.attention_mask].any(), "padding is not dropped"
    assert changed.sum() / batch.attention_mask.sum() == pytest.approx(0.2, abs=0.05)
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(evaluated, batch.input_ids)
