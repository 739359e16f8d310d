"""The classifier study: small models from scratch against fine-tuned ones."""
