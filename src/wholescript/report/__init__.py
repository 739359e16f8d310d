"""Runs, figures, notebooks and the pipeline that ties them together.

What the cells of a notebook call is gathered in `cells`. Nothing is imported here: the site is
built by modules of this package that need neither PyTorch nor pandas, and starts at once.
"""
