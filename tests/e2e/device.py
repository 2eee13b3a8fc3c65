"""A Modbus device that this project did not write: pymodbus behind a small control line.

usage: device.py tcp PORT | device.py rtu PATH BAUD

Standard input:  "hr ADDRESS VALUE..." sets holding registers of unit 1, "ir ..." input registers, "quit" ends; "whim WORD..." says
                 what becomes of the next writes of registers: take, lose (and say that it was taken), busy, or a number to store.
Standard output: "ready" once, then "coils ADDRESS LEVEL..." for each write of coils and "asked ADDRESS" for each read of
registers, and "wrote ADDRESS VALUE..." for each write of registers that arrives, with the monotonic time in microseconds in front.
"""

import asyncio
import sys
import time

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

REGISTERS = {3: [0] * 1000, 4: [0] * 1000}
WHIMS = []


async def act(function_code, start_address, address, count, current_registers, set_values):
    """Shows what the control line set, and tells of writes."""
    if function_code in REGISTERS:
        print(time.monotonic_ns() // 1000, "asked", address, flush=True)
        for offset in range(count):
            current_registers[address - start_address + offset] = REGISTERS[function_code][address + offset]
    elif function_code in (6, 16) and set_values is not None:
        print(time.monotonic_ns() // 1000, "wrote", address, *set_values, flush=True)
        whim = WHIMS.pop(0) if WHIMS else "take"
        if whim == "busy":
            return ExcCodes.DEVICE_BUSY
        for offset, value in enumerate(set_values):
            if whim != "lose":
                REGISTERS[3][address + offset] = value if whim == "take" else int(whim)
    elif function_code in (5, 15) and set_values is not None:
        levels = " ".join(str(int(bool(value))) for value in set_values)
        print(time.monotonic_ns() // 1000, "coils", address, levels, flush=True)


async def control(stop):
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while words := (await reader.readline()).decode().split():
        if words[0] == "quit":
            break
        if words[0] == "whim":
            WHIMS.extend(words[1:])
            continue
        table = REGISTERS[{"hr": 3, "ir": 4}[words[0]]]
        for offset, word in enumerate(words[2:]):
            table[int(words[1]) + offset] = int(word)
    stop.set()


async def main():
    def bits():
        return [SimData(0, count=64, values=False, datatype=DataType.BITS)]

    def registers():
        return [SimData(0, count=1000, values=0, datatype=DataType.REGISTERS)]

    device = SimDevice(id=1, simdata=(bits(), bits(), registers(), registers()), action=act)
    if sys.argv[1] == "tcp":
        server = ModbusTcpServer(device, address=("127.0.0.1", int(sys.argv[2])))
    else:
        server = ModbusSerialServer(device, framer=FramerType.RTU, port=sys.argv[2], baudrate=int(sys.argv[3]))
    stop = asyncio.Event()
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await control(stop)
    await server.shutdown()


asyncio.run(main())
