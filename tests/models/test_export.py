import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.models.tiny_decoders import write_tiny
from tests.training.planted_documents import planted
from wholescript.errors import ParameterError
from wholescript.models.export import export_classifier
from wholescript.studies.classifiers.finetuned import FINETUNE_TRAIN_CONFIG, FinetunedClassifier

CLASSES = ["sea", "music", "mountain"]
READ = """
import sys
sys.modules["wholescript"] = None  # the folder is read without this package
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder, *texts = sys.argv[1:]
model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
for row in logits.softmax(-1).tolist():
    print(model.config.id2label[row.index(max(row))], *row)
"""


def fine_tuned(folder, tuning, kind="llama"):
    config = replace(FINETUNE_TRAIN_CONFIG, epochs=2, learning_rate=1e-2)
    estimator = FinetunedClassifier(
        max_length=16, bfloat16=False, pretrained=write_tiny(folder, kind), tuning=tuning,
        train_config=config,
    )  # fmt: skip
    return estimator.fit(planted(60), planted(30, seed=1), seed=0)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_transformers_reads_an_exported_classifier(tmp_path, tuning):
    fitted = fine_tuned(tmp_path / "tiny", tuning)
    assert fitted.network.head[-1].bias.abs().max() > 0
    export_classifier(fitted.network, CLASSES, 16, tmp_path / "exported", "tiny")
    texts = ["the old ferry", "a choir of the bright organ near every old violin " * 3]
    expected = fitted.predict_proba(texts)
    command = [sys.executable, "-c", READ, tmp_path / "exported", *texts]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = np.array([[float(value) for value in line.split()[1:]] for line in lines])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert [line.split()[0] for line in lines] == [CLASSES[row.argmax()] for row in expected]
    with pytest.raises(ParameterError, match="is not empty"):
        export_classifier(fitted.network, CLASSES, 16, tmp_path / "exported", "tiny")


def test_other_architectures_are_refused(tmp_path):
    network = fine_tuned(tmp_path / "tiny", "frozen", "gpt2").network
    with pytest.raises(ParameterError, match=r"tiny cannot be exported: only .* Llama family"):
        export_classifier(network, CLASSES, 16, tmp_path / "exported", "tiny")
