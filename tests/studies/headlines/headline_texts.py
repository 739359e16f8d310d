"""Small sets of artificial headlines."""

THINGS = ("cups", "bees", "maps", "logs", "days", "cats", "roads", "games")
HEADLINES = [f"Show HN: {tool} for {thing}" for tool in ("a tool", "an app") for thing in THINGS]
