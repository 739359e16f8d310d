"""Every plot of the report: data in, figure out; nothing is computed that is a result."""
