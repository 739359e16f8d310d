"""The classifier study: models trained from scratch compared with fine-tuned ones."""
