"""A node on a serial line asked by pymodbus: each function of the slave, against what the map says. Arguments: the port."""

import struct
import sys
import time

from pymodbus.client import ModbusSerialClient

UNIT = 1
UNLOCK, KEY, TIMEOUT, WINDOW = 33, 0x5AFE, 32, 34


def good(answer):
    assert not answer.isError(), answer
    return answer


def refused(answer, code):
    assert answer.isError() and answer.exception_code == code, answer


client = ModbusSerialClient(sys.argv[1], baudrate=9600, parity="N", timeout=3, retries=0)
assert client.connect(), "no port"
print("FC04", good(client.read_input_registers(0, count=125, device_id=UNIT)).registers[:2])
value = good(client.read_input_registers(9, count=2, device_id=UNIT)).registers
assert abs(struct.unpack(">f", struct.pack(">HH", *value))[0] - 20.0) < 0.1, value
print("FC03", len(good(client.read_holding_registers(0, count=123, device_id=UNIT)).registers))
assert good(client.read_coils(0, count=11, device_id=UNIT)).bits[:11] == [False] * 11
assert len(good(client.read_discrete_inputs(0, count=19, device_id=UNIT)).bits) >= 19
refused(client.write_register(TIMEOUT, 9, device_id=UNIT), 4)
refused(client.write_register(UNLOCK, 1, device_id=UNIT), 3)
good(client.write_register(UNLOCK, KEY, device_id=UNIT))
good(client.write_register(TIMEOUT, 99, device_id=UNIT))
assert good(client.read_holding_registers(TIMEOUT, count=1, device_id=UNIT)).registers == [99]
good(client.write_registers(0, list(struct.unpack(">HHHH", struct.pack(">ff", 10.0, 30.0))), device_id=UNIT))
refused(client.write_registers(0, [0x41], device_id=UNIT), 2)
refused(client.read_input_registers(125, count=1, device_id=UNIT), 2)
good(client.write_coil(3, True, device_id=UNIT))
good(client.write_coils(3, [False, True], device_id=UNIT))
assert good(client.read_coils(3, count=2, device_id=UNIT)).bits[:2] == [False, True]
good(client.write_coils(3, [False, False], device_id=UNIT))
client.write_coil(0, True, device_id=0, no_response_expected=True)
time.sleep(0.05)  # a broadcast has no answer, and the line is silent behind it
assert good(client.diag_query_data(b"\xa5\x37", device_id=UNIT)).message == b"\xa5\x37"
identity = good(client.read_device_information(read_code=2, object_id=0, device_id=UNIT)).information
assert identity[0] == b"Hazard Agent" and identity[5] == b"hazard-node", identity
print("FC17", good(client.report_device_id(device_id=UNIT)).identifier)
for _ in range(50):
    assert len(good(client.read_input_registers(0, count=33, device_id=UNIT)).registers) == 33
print("pymodbus: every function answered as the map says")
