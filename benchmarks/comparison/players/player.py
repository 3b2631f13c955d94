"""streamplay with all of it open: a Player."""

import time

import common

import streamplay

with streamplay.Player(base_url=common.url, engine=common.engine) as player:
    common.ready()
    speech = player.say("x", extra={"extra_params": common.body["extra_params"]})
    common.on_stop(player.interrupt)
    while speech.receipt.ms.first_sound is None and not speech.done:
        time.sleep(0.01)
    common.put_under_load()
    speech.wait()
    common.leave()
