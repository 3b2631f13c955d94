"""streamplay from a cold start: the command line, or the library where Python is to play."""

import json
import sys

from common import body, engine, url

scenario = body["extra_params"]
if engine == "native":
    from streamplay.cli import main

    extra = "extra_params=" + json.dumps(scenario)
    sys.exit(main(["say", "x", "--base-url", url, "-q", "--extra", extra]))
else:
    import streamplay

    streamplay.say("x", base_url=url, engine="python", extra={"extra_params": scenario})
