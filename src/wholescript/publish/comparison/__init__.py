"""What moved between two outputs of the report, by meaning: numbers, plots, tables, claims."""
