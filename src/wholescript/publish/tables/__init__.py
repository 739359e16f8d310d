"""Tables of the pages: data sets, models, results and an overview, made from the registry and runs.

Standard library only: mystmd starts the plugin that calls `directives.make_table` for every page.
"""
