"""From a script in a file to a probability: the shipped word model and what explains it.

Nothing is imported here, and what a prediction imports needs neither PyTorch nor pandas: an
answer takes about a second.
"""
