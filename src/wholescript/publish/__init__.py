"""Publishing: notebooks executed, figures with provenance, claims, checks, and the site."""
