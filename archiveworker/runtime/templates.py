"""The one way to Jinja: templates that ship with the package, for pages of the worker and of archives.

All values are escaped, and a value that a template asks for and nobody gave is an error. Not for the demo LMS, which
shares nothing with what it tests.
"""

import jinja2

from archiveworker.runtime import resources


def environment(*folders: str) -> jinja2.Environment:
    """Return an environment with the templates of ``folders``; callers keep it, and add filters of their own.

    Args:
        folders: of the resources, e.g. ``web``; the first that has a template gives it.
    """
    return jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FileSystemLoader([resources.root() / folder for folder in folders]),
        auto_reload=False,
    )
