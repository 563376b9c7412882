"""Choosing tools from the question alone, before any untrusted text is read. Front door: :class:`Router`."""

from core.agent.routing.router import Router

__all__ = ["Router"]
