import pytest
import torch

from wholescript.models.aggregators import GatedAttention, QueryAggregator
from wholescript.models.chunked_classifier import ChunkedClassifier, pad_chunks
from wholescript.models.scratch_encoder import ScratchEncoder

VOCAB = 50


def test_pad_chunks_keeps_the_chunks_of_each_film() -> None:
    vectors = torch.arange(12.0).view(6, 2)
    padded, mask = pad_chunks(vectors, torch.tensor([1, 3, 2]))
    assert padded.shape == (3, 3, 2)
    assert mask.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    torch.testing.assert_close(padded[mask], vectors)


@pytest.mark.parametrize("aggregator", [GatedAttention, QueryAggregator])
def test_logits_do_not_depend_on_the_batch(aggregator: type) -> None:
    torch.manual_seed(0)
    model = ChunkedClassifier(ScratchEncoder(VOCAB, 16, 2, 32), aggregator(16, 8)).eval()
    ids = torch.randint(VOCAB, (5, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(12) < torch.tensor([12, 3, 7, 1, 12])[:, None]
    batch = model(ids, mask, torch.tensor([3, 2]))
    alone = model(ids[3:], mask[3:], torch.tensor([2]))
    torch.testing.assert_close(batch.logits[1:], alone.logits)
    torch.testing.assert_close(batch.attention.sum(1), torch.ones(2))
