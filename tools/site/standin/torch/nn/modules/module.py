"""The hooks that torch keeps for all modules: none."""

_global_forward_hooks: dict[int, object] = {}
_global_forward_pre_hooks: dict[int, object] = {}
