"""The remote control commands of builds: handed over, and answered later."""

from celery.worker.control import control_command, inspect_command

from . import celery_node
from .celery_answers import STATUS

METHODS = {
    "mule_welcome": "Accept this worker to a build.",
    "mule_lease": "Say that a build lives.",
    "mule_cancel": "Drop tests of a build.",
    "mule_resend": "Say again what was not acknowledged.",
    "mule_state": "Say which tests of a build are here.",
    "mule_live": "Show what running tests print.",
    "mule_teardown": "End what runs for a build, and leave it.",
}


def _hand_over(method, payload, seal):
    node = celery_node.current
    if node is None or node.refusal or not node.ready:
        return {"error": "mule does not serve builds here: %s" % (
            node and node.refusal or "the native process is not there")}
    if not isinstance(payload, str) or not isinstance(seal, str):
        return {"error": "payload and seal are texts"}
    node.native.say({"msg": "control", "method": method, "payload": payload,
                     "seal": seal, "reply": 0})
    return {"ok": "handed over"}


def _register(method, help_text):
    @control_command(name=method, help=help_text,
                     args=[("payload", str), ("seal", str)],
                     signature="[payload [seal]]")
    def command(state, payload="", seal="", **_):
        return _hand_over(method, payload, seal)


for _method, _text in METHODS.items():
    _register(_method, _text)


@inspect_command(name=STATUS, help="What mule does on this node.")
def status(state, **_):
    """Answered here only where the native process cannot."""
    return _hand_over(STATUS, "", "")
