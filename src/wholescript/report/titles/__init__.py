"""The companion study of headlines: its steps, trained as stored runs, told as tables."""
