"""The site: built when something changed, packed as an archive, served live while one writes."""
