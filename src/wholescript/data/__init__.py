"""Films with their labels, labelled documents, and headlines: sources, checks, splits."""
