"""What holds for all tests."""

from hypothesis import settings

# A slow machine is no failure, and the same examples everywhere make a failure repeatable.
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")
