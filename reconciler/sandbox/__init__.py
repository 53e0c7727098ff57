"""The local platform: the same API, really run. Shares only ``routing`` and ``catalogue`` with the tool.

``Sandbox`` is all that others need; importing it is cheap, starting one is not.
"""

from reconciler.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
