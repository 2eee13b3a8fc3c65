"""Units of one serial line that this project did not write: pymodbus, one device for each unit address.

usage: units.py PATH BAUD UNIT...

Holding register A of unit U holds 100 * U + A; 10 and 11 hold 25.5 as a float, ABCD; 50 takes no writes to heart: it is
always 7; 60 counts its reads. Input registers and coils are 0 until written. Units that are not there are silent. Prints "ready" once and
"asked UNIT" for each request; ends with its standard input.
"""

import asyncio
import struct
import sys

from pymodbus import FramerType, ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice


async def act(function_code, start_address, address, count, current_registers, set_values):
    """Keeps register 50 at 7, whatever was written, and counts in register 60."""
    if function_code == 3:
        for offset in range(count):
            if address + offset == 50:
                current_registers[address - start_address + offset] = 7
            elif address + offset == 60:
                current_registers[address - start_address + offset] += 1


def unit(number):
    words = [100 * number + address for address in range(100)]
    words[10:12] = struct.unpack(">HH", struct.pack(">f", 25.5))

    def bits():
        return [SimData(0, count=64, values=False, datatype=DataType.BITS)]

    holding = [SimData(0, values=words, datatype=DataType.REGISTERS)]
    inputs = [SimData(0, count=100, values=0, datatype=DataType.REGISTERS)]
    return SimDevice(id=number, simdata=(bits(), bits(), holding, inputs), action=act)


async def main():
    names = {"VendorName": "Acme", "ProductCode": "GT-1", "MajorMinorRevision": "2.0"}
    numbers = [int(number) for number in sys.argv[3:]]

    def said(is_answer, frame):
        if not is_answer:
            print("asked", frame[0], flush=True)
        # pymodbus 3.16 refuses for units that it does not have, whatever ignore_missing_devices says.
        return frame if not is_answer or frame[0] in numbers else b""

    server = ModbusSerialServer(
        [unit(number) for number in numbers],
        framer=FramerType.RTU,
        port=sys.argv[1],
        baudrate=int(sys.argv[2]),
        identity=ModbusDeviceIdentification(info_name=names),
        trace_packet=said,
    )
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


asyncio.run(main())
