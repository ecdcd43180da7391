"""A sidecar that gives a legacy LMS's database a read-only web API. Nothing yet: no source needs it so far."""
