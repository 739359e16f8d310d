"""The studies of the report, one folder each: experiments, tables and plots that only it needs."""
