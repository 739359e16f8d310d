"""The encoder study: an encoder trained from scratch on IMDB, and the label-sorted split."""
