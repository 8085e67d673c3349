"""Runs WebAssembly modules in wasmtime and says what they cost.

Reads one JSON object a line from standard input and answers with one a line:

    {"wasm": base64, "imports": [...], "calls": [{"name", "args"}], "fuel": "decimal"?}
      -> {"outcomes": [...], "consumed": "decimal"} or {"refused": message}
    {"wasm": base64, "imports": [...], "bench": "export", "args": [...], "rounds": n}
      -> {"plain": milliseconds, "fuel": milliseconds, "epoch": milliseconds}

Imports are what the host of the generated modules gives, see `tools/metering/harness/host.ts`.
"""

import base64
import importlib.metadata
import json
import sys
import time

import wasmtime
from wasmtime import Config, Engine, Func, FuncType, Global, GlobalType, Instance, Limits
from wasmtime import Memory, MemoryType, Module, Store, Table, TableType, Val, ValType

ENDLESS = 2**63 - 1
BASE = 8


def engine(fuel=True, epoch=False):
    config = Config()
    config.consume_fuel = fuel
    config.epoch_interruption = epoch
    for feature in (
        "tail_call reference_types simd relaxed_simd bulk_memory multi_value multi_memory memory64 "
        "function_references gc exceptions"
    ).split():
        setattr(config, f"wasm_{feature}", True)
    return Engine(config)


METERED = engine()
TYPES = {
    "i32": ValType.i32,
    "i64": ValType.i64,
    "f32": ValType.f32,
    "f64": ValType.f64,
    "externref": ValType.externref,
    "funcref": ValType.funcref,
}


def answer(type_, hash_):
    if type_ in ("i32", "i64"):
        return hash_
    return hash_ / 4 if type_ in ("f32", "f64") else None


def host_function(store, one, started):
    """A function that answers from its integer arguments, as the host in JavaScript does."""
    type_ = FuncType([TYPES[t]() for t in one["params"]], [TYPES[t]() for t in one["results"]])
    results = one["results"]

    def call(caller, *args):
        if one["name"] == "reenter":
            # As in JavaScript, a start function runs before the host has the exports.
            back = caller.get("back") if "exports" in started else None
            return back(caller, args[0]) if back is not None else 0
        hash_ = 7
        for arg in args:
            if isinstance(arg, int):
                hash_ = (hash_ * 31 + (arg & 0x7FFF)) & 0x7FFF
            elif isinstance(arg, float) and arg == arg and abs(arg) < 2**53 and arg == int(arg):
                hash_ = (hash_ * 31 + (int(arg) & 0x7FFF)) & 0x7FFF
        answers = [answer(t, hash_) for t in results]
        if not answers:
            return None
        return answers if len(answers) > 1 else answers[0]

    return Func(store, type_, call, access_caller=True)


def host_import(store, one, started):
    if one["kind"] == "function":
        return host_function(store, one, started)
    if one["kind"] == "global":
        type_ = GlobalType(TYPES[one["type"]](), one["mutable"])
        value = Val.i64(0) if one["mutable"] else Val.i32(BASE)
        return Global(store, type_, value)
    limits = Limits(one["initial"], one["maximum"])
    if one["kind"] == "memory":
        return Memory(store, MemoryType(limits))
    return Table(store, TableType(ValType.funcref(), limits), None)


def arguments(args):
    convert = {"i32": int, "i64": int, "f32": float, "f64": float}
    return [convert.get(a["type"], lambda value: value)(a["value"]) for a in args]


def outcome(act):
    """`returned`, `threw`, `unreachable`, `stopped` (fuel) or `trap`."""
    try:
        act()
        return "returned"
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        text = str(error)
        code = error.trap_code if isinstance(error, wasmtime.Trap) else None
        if "thrown Wasm exception" in text:
            return "threw"
        if code == wasmtime.TrapCode.UNREACHABLE:
            return "unreachable"
        if code == wasmtime.TrapCode.OUT_OF_FUEL or "all fuel consumed" in text:
            return "stopped"
        return "trap " + (text if code is None else code.name)


def run(job):
    store = Store(METERED)
    fuel = int(job.get("fuel", ENDLESS))
    store.set_fuel(fuel)
    try:
        module = Module(METERED, base64.b64decode(job["wasm"]))
    except wasmtime.WasmtimeError as error:
        return {"refused": str(error)}
    started = {}
    given = {one["name"]: host_import(store, one, started) for one in job["imports"]}
    imports = [given[one.name] for one in module.imports]

    def start():
        started["exports"] = Instance(store, module, imports).exports(store)

    outcomes = [outcome(start)]
    costs = [str(fuel - store.get_fuel())]
    for call in job["calls"] if outcomes[0] == "returned" else []:
        if outcomes[-1] not in ("returned", "threw"):
            break
        function = started["exports"][call["name"]]
        outcomes.append(outcome(lambda: function(store, *arguments(call["args"]))))
        costs.append(str(fuel - store.get_fuel()))
    return {"outcomes": outcomes, "costs": costs, "consumed": costs[-1]}


def bench(job):
    """The best time of one call in each of three engines, their rounds interleaved."""
    ways = {}
    for name, (fuel, epoch) in {"plain": (False, False), "fuel": (True, False), "epoch": (False, True)}.items():
        made = engine(fuel, epoch)
        store = Store(made)
        if fuel:
            store.set_fuel(ENDLESS)
        if epoch:
            store.set_epoch_deadline(2**40)
        module = Module(made, base64.b64decode(job["wasm"]))
        given = {one["name"]: host_import(store, one, {}) for one in job["imports"]}
        exports = Instance(store, module, [given[one.name] for one in module.imports]).exports(store)
        ways[name] = (exports[job["bench"]], store, [])
    args = arguments(job["args"])
    for _ in range(job["rounds"]):
        for function, store, times in ways.values():
            begun = time.perf_counter()
            function(store, *args)
            times.append((time.perf_counter() - begun) * 1000)
    return {name: min(times) for name, (_, _, times) in ways.items()}


def main():
    print(json.dumps({"wasmtime": importlib.metadata.version("wasmtime")}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(bench(job) if "bench" in job else run(job)), flush=True)


main()
