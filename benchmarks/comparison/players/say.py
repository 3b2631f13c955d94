"""The library from a cold start, with a callback in Python; the native one is the command line."""

from common import body, engine, url

import streamplay

streamplay.say("x", base_url=url, engine=engine, extra={"extra_params": body["extra_params"]})
