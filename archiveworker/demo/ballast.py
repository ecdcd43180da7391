"""Styles and scripts that are as heavy as a real Moodle's and change nothing on the page: for measuring alone.

Moodle 4.5 sends about 0.9 MB of rules and, as one bundle, about 2.5 MB of modules, of which a report uses some eighty.
Everything here is generated, so that the demo needs nobody else's files.
"""

from functools import cache
from typing import Final

_RULES: Final = 6_700
_MODULES: Final = 375
_USED_MODULES: Final = 80
_METHODS: Final = 14
_PARTS: Final = ("card", "nav", "btn", "form", "drawer", "block", "activity", "course", "badge", "table")

_METHOD: Final = """        method{n}: function(items, options) {{
            var settings = Object.assign({{limit: {n}, step: 1, name: 'part{n}'}}, options || {{}}), found = [];
            for (var i = 0; i < items.length; i += settings.step) {{
                if (items[i] && found.length < settings.limit) {{ found.push({{key: i, value: String(items[i])}}); }}
            }}
            return found.map(function(one) {{ return settings.name + ':' + one.key + '=' + one.value; }}).join('&');
        }}"""


@cache
def styles() -> bytes:
    """Return the rules, in UTF-8."""
    rules = []
    for number in range(_RULES):
        part = _PARTS[number % len(_PARTS)]
        rules.append(
            f".ballast-{part}-{number} > .ballast-{part}-item:not(.disabled):hover,.ballast-{part}-{number}.show a"
            f"{{padding:{number % 9}px;color:#{number % 4096:03x};border-radius:.25rem}}"
        )
    return "\n".join(rules).encode()


@cache
def script() -> bytes:
    """Return the modules and a beginning that runs some of them, in UTF-8."""
    methods = ",\n".join(_METHOD.format(n=n) for n in range(_METHODS))
    lines = ["(function() { var modules = {};"]
    for number in range(_MODULES):
        lines.append(f"modules['ballast/m{number}'] = function() {{\n    return {{\n{methods}\n    }};\n}};")
    lines.append(
        f"var made = []; for (var i = 0; i < {_USED_MODULES}; i++) {{ made.push(modules['ballast/m' + i]()); }}"
    )
    lines.append(f"made.forEach(function(m) {{ for (var n = 0; n < {_METHODS}; n++) {{ m['method' + n](made); }} }});")
    lines.append("})();")
    return "\n".join(lines).encode()
