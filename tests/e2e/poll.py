"""A pymodbus master on a serial line to a node: polls, reads every table in every size, and tries what must be refused.

usage: poll.py PORT BAUD ROUNDS

Prints one line of JSON: polls, how many had to be asked twice because nobody answered, bad replies, the median and the slowest of
hundred in milliseconds, and what was refused how.
"""

import json
import sys
import time

from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException, ModbusIOException

UNIT = 1


def main():
    port, baud, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = ModbusSerialClient(port, framer=FramerType.RTU, baudrate=baud, timeout=2, retries=0)
    if not client.connect():
        sys.exit(f"{port} does not open")
    # The emulator notices after a moment that its terminal was opened.
    client.retries = 5
    client.read_input_registers(0, count=1, device_id=UNIT)
    client.retries = 0
    polls, again, bad, spans = 0, 0, [], []
    reads = [
        ("read_input_registers", 0, 125),
        ("read_input_registers", 9, 2),
        ("read_holding_registers", 0, 33),
        ("read_holding_registers", 8, 8),
        ("read_coils", 0, 11),
        ("read_discrete_inputs", 0, 16),
    ]
    for turn in range(rounds):
        function, address, count = reads[turn % len(reads)]
        began = time.monotonic()
        try:
            try:
                reply = getattr(client, function)(address, count=count, device_id=UNIT)
            except ModbusIOException:
                # On a busy host the emulator hands a frame's bytes over with pauses, which end the frame.
                again += 1
                reply = getattr(client, function)(address, count=count, device_id=UNIT)
            wrong = reply.isError() and str(reply)
            values = reply.registers if "registers" in function else reply.bits
            wrong = wrong or (len(values) < count and "too short")
        except ModbusException as error:
            wrong = str(error)
        spans.append(time.monotonic() - began)
        polls += 1
        if wrong:
            bad.append(f"{function} {address} {count}: {wrong}")
    spans.sort()
    refused = {
        "input beyond the end": client.read_input_registers(125, count=1, device_id=UNIT).exception_code,
        "holding beyond the end": client.read_holding_registers(60000, count=2, device_id=UNIT).exception_code,
        "half a set-point": client.write_register(0, 1, device_id=UNIT).exception_code,
    }
    identity = client.report_device_id(device_id=UNIT)
    print(
        json.dumps(
            {
                "polls": polls,
                "asked_twice": again,
                "bad": bad,
                "p50_ms": round(1000 * spans[len(spans) // 2], 2),
                "p99_ms": round(1000 * spans[len(spans) * 99 // 100], 2),
                "refused": refused,
                "identity": identity.identifier.decode("ascii", "replace"),
            }
        )
    )


main()
