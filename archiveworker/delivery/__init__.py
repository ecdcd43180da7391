"""Where archives go besides the LMS: one module a kind of target, each a ``domain.ports.DeliveryTarget``.

Set up by the administrator alone; a job names a target and never brings an address or a secret of its own. Another
kind is another module here and a line in ``composition.build_targets``.
"""
