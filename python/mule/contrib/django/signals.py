"""Signals for a project: what it wants to do in each process that runs tests.

    from mule.contrib.django.signals import slot_started

    @receiver(slot_started)
    def separate_media(sender, slot, local_slot, **kwargs):
        settings.MEDIA_ROOT = "/tmp/media-%d" % slot

`slot_started` is sent in each worker before its first test, after its
connections point at databases of its own. `slot` is unique in the build,
`local_slot` on this machine; they are MULE_SLOT and MULE_LOCAL_SLOT. A
receiver that raises ends the run.
"""

from django.dispatch import Signal

slot_started = Signal()
