"""The network: a request for speech → the events of its answer."""
