"""Eight Modbus units that this project did not write: pymodbus, RTU frames over TCP.

usage: lines.py PORT

A holding register holds 256 * unit + address % 256, an input register the same with the highest bit set.
"""

import asyncio
import sys

from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

UNITS = range(1, 9)


def registers(unit, high):
    values = [high | unit << 8 | address & 0xFF for address in range(256)]
    return [SimData(0, values=values, datatype=DataType.REGISTERS)]


def bits():
    return [SimData(0, count=64, values=False, datatype=DataType.BITS)]


async def main():
    devices = [SimDevice(id=u, simdata=(bits(), bits(), registers(u, 0), registers(u, 0x8000))) for u in UNITS]
    server = ModbusTcpServer(devices, framer=FramerType.RTU, address=("127.0.0.1", int(sys.argv[1])))
    await server.serve_forever(background=True)
    print("ready", flush=True)
    # The end of the input is the end.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


asyncio.run(main())
