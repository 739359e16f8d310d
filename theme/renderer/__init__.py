"""Turns the content that mystmd writes into static pages."""
