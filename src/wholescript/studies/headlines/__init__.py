"""The headlines study: a GPT of headlines and a cumulative ablation of its training.

Reading order: `tokenizer`, `batches`, `train_config`, `train`, `scoring`, `losses`, `ablation`,
`experiment`, `recipe.yaml`, `recipe`, `analysis`, `analysis_runs`, `study`, `tables`, `plots`. The
headlines are loaded by `wholescript.data.headlines`, the model is `wholescript.models.gpt`.
"""
