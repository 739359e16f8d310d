"""Diagrams of the models, memory strategies and splits, drawn from the settings of the code.

Each module draws one; `write.py` writes them to `report/diagrams`.
"""
