"""The headlines study: a GPT-style language model of Hacker News headlines, one change at a time."""
