"""The site: incremental build, archive, and development server."""
