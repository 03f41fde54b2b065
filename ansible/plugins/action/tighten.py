# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Picks the binary for the node's architecture; the binary is the module and does everything else."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash

COLLECTION = "tighten.kube_proxy"

# What the kernel calls the architecture (uname -m), and what the binary for it is called.
BINARIES = {
    "x86_64": "tighten_amd64",
    "amd64": "tighten_amd64",
    "aarch64": "tighten_arm64",
    "arm64": "tighten_arm64",
}


class ActionModule(ActionBase):
    """tighten.kube_proxy.tighten"""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        del tmp  # has no effect any more
        wrap_async = self._task.async_val and not self._connection.has_native_async
        try:
            module, error = self._module(task_vars or {})
            if error:
                return merge_hash(result, {"failed": True, "changed": False, "msg": error, "rc": 1})
            return merge_hash(
                result,
                self._execute_module(
                    module_name=module,
                    # Ansible adds its own keys to them, and a task may run more than once.
                    module_args=dict(self._task.args),
                    task_vars=task_vars,
                    wrap_async=wrap_async,
                ),
            )
        finally:
            if not wrap_async:
                self._remove_tmp_path(self._connection._shell.tmpdir)

    def _module(self, task_vars):
        """The module's full name, or why there is none."""
        machine = self._machine(task_vars)
        if machine not in BINARIES:
            return None, (
                "tighten runs on x86_64 and aarch64, and this node says that it is %s (uname -m); "
                "nothing was done" % (machine or "nothing that could be read")
            )
        module = "%s.__binaries.%s" % (COLLECTION, BINARIES[machine])
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(module)
        if not found.resolved:
            return None, (
                "the collection has no binary for %s: plugins/modules/__binaries/%s is missing; nothing was done; "
                "help: build the collection with both binaries (ansible/build.sh), and install that"
                % (machine, BINARIES[machine])
            )
        return module, None

    def _machine(self, task_vars):
        """What the node is. Asked with uname where no facts were gathered, which would need Python."""
        facts = task_vars.get("ansible_facts") or {}
        if not self._task.delegate_to and facts.get("architecture"):
            return str(facts["architecture"])
        told = self._low_level_execute_command("uname -m", sudoable=False)
        lines = (told.get("stdout") or "").split()
        return lines[-1] if told.get("rc") == 0 and lines else None
