"""The network: a speech request → the events of its answer.

`client` is its face and `transport` the only import of httpx; `response` makes
the attempts and `body` keeps the limits. What decides (`endpoint`, `shape`,
`retry`, `refusals`, `presentable`) is pure.
"""
