"""The documented register maps of the templates' devices, served by pymodbus: one unit for each fixture.

usage: devices.py PORT FIXTURE...

A register that the manual does not document is refused with exception 02. "ready" is written once; the end of standard
input ends the server.
"""

import asyncio
import json
import sys

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

TABLES = ("coil", "discrete", "holding", "input")
FUNCTIONS = {1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding", 15: "coil", 16: "holding"}


def flat(blocks):
    return {int(start) + offset: word for start, words in blocks.items() for offset, word in enumerate(words)}


def block(values, datatype):
    """All addresses up to the last; the action refuses those that are not documented."""
    empty = False if datatype is DataType.BITS else 0
    every = [values.get(address, empty) for address in range(max(values, default=0) + 1)]
    if datatype is DataType.BITS:
        every = [bool(level) for level in every]
    return [SimData(0, values=every, datatype=datatype)]


def device(fixture):
    tables = {name: flat(fixture.get(name, {})) for name in TABLES}

    async def act(function_code, start_address, address, count, current_registers, set_values):
        known = tables[FUNCTIONS[function_code]]
        if set_values is not None or any(address + offset not in known for offset in range(count)):
            return ExcCodes.ILLEGAL_ADDRESS
        return None

    kinds = (DataType.BITS, DataType.BITS, DataType.REGISTERS, DataType.REGISTERS)
    blocks = tuple(block(tables[name], kind) for name, kind in zip(TABLES, kinds))
    return SimDevice(id=fixture["unit"], simdata=blocks, action=act)


async def main():
    fixtures = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            fixtures.append(json.load(file))
    server = ModbusTcpServer([device(fixture) for fixture in fixtures], address=("127.0.0.1", int(sys.argv[1])))
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


asyncio.run(main())
