"""Renders the content that mystmd writes to static pages."""
