#!/usr/bin/python
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Stands for the binaries in __binaries, which plugins/action/tighten.py sends to the node instead of it.

What runs on the node takes the same options; Ansible's own checks read them here. The documentation is in
tighten.yml.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = dict(
    state=dict(
        type="str",
        choices=["present", "planned", "scanned", "rolled-back"],
        default="present",
    ),
    plan=dict(type="path"),
    transaction=dict(type="str"),
    only=dict(type="list", elements="str"),
    skip=dict(type="list", elements="str"),
    baseline=dict(type="list", elements="str"),
    waivers=dict(type="list", elements="path"),
    max_risk=dict(type="str", choices=["none", "safe", "disruptive"]),
    root=dict(type="path"),
    state_dir=dict(type="path"),
    node_ip=dict(type="str"),
    allow_from=dict(type="list", elements="str"),
    config=dict(type="path"),
    kubeconfig=dict(type="path"),
    manifests=dict(type="list", elements="path"),
    image_digest=dict(type="str"),
    effects=dict(type="bool", default=True),
    systemctl=dict(type="path"),
    unit_timeout=dict(type="str"),
    pod_timeout=dict(type="str"),
    force=dict(type="bool", default=False),
    fail_on=dict(type="str", choices=["none", "low", "medium", "high"]),
)


def main():
    """Says that the action plugin was passed over."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(
        msg="tighten is a binary that the action plugin of its collection picks for the node: "
        "call it as tighten.kube_proxy.tighten, with the whole collection installed"
    )


if __name__ == "__main__":
    main()
