"""The headlines study: a GPT of Hacker News headlines and a cumulative ablation of its training.

Reading order: `tokenizer`, `batches`, `train_config`, `train`, `scoring`, `losses`, `ablation`,
`experiment`, `analysis`, `analysis_runs`, `tables`, `plots`. The headlines are loaded by
`wholescript.data.headlines`, the model is `wholescript.models.gpt`.
"""
