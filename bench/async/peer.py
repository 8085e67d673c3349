"""Calls the export `f` of a component by wasmtime's Python package. Reads the component from standard input, and prints the
microseconds of processor time that one call takes, the median of several rounds."""

import statistics
import sys
import time

from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker

CALLS = 20_000
ROUNDS = 5

config = Config()
config.consume_fuel = True
engine = Engine(config)
store = Store(engine)
linker = Linker(engine)
with linker.root() as root:
    root.add_func("wait", lambda _, n: n)
component = Component(engine, sys.stdin.buffer.read())
instance = linker.instantiate(store, component)
call = instance.get_func(store, "f")


def one_round() -> float:
    store.set_fuel(10_000_000_000)
    began = time.process_time()
    for _ in range(CALLS):
        call(store, 1)
        # Later versions of the package do this themselves.
        call.post_return(store)
    return (time.process_time() - began) * 1e6 / CALLS


one_round()
print(statistics.median(one_round() for _ in range(ROUNDS)))
