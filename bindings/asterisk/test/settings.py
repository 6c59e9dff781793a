"""The tollgate.conf of the tests."""

SETTINGS = """[general]
index = {index}
watch = {watch}
{general}
[outbound]
hangup = 403
{outbound}
[inbound]
hangup = 607
{inbound}
"""


def settings(index, watch="no", general="", outbound="", inbound=""):
    return SETTINGS.format(index=index, watch=watch, general=general, outbound=outbound, inbound=inbound)
