/* A node on a serial line asked by libmodbus: each function that it has, against what the map says. Argument: the port. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>

#define CHECK(what) do { if (!(what)) { printf("line %d: %s (%s)\n", __LINE__, #what, modbus_strerror(errno)); return 1; } } while (0)
#define REFUSED(call, code) CHECK((call) == -1 && errno == (code))

int main(int argc, char **argv) {
    uint16_t words[125];
    uint8_t bits[32], id[260];
    modbus_t *node = modbus_new_rtu(argc > 1 ? argv[1] : "", 9600, 'N', 8, 1);
    CHECK(node != NULL && modbus_set_slave(node, 1) == 0 && modbus_connect(node) == 0);
    modbus_set_response_timeout(node, 3, 0);
    CHECK(modbus_read_input_registers(node, 0, 125, words) == 125 && words[0] == 2);
    CHECK(modbus_read_input_registers(node, 9, 2, words) == 2);
    CHECK(modbus_get_float_abcd(words) > 19.9f && modbus_get_float_abcd(words) < 20.1f);
    CHECK(modbus_read_registers(node, 0, 123, words) == 123);
    CHECK(modbus_read_bits(node, 0, 11, bits) == 11 && modbus_read_input_bits(node, 0, 19, bits) == 19);
    REFUSED(modbus_write_register(node, 32, 9), EMBXSFAIL);
    REFUSED(modbus_write_register(node, 33, 1), EMBXILVAL);
    CHECK(modbus_write_register(node, 33, 0x5AFE) == 1 && modbus_write_register(node, 32, 77) == 1);
    CHECK(modbus_read_registers(node, 32, 1, words) == 1 && words[0] == 77);
    const uint16_t levels[] = {0x4140, 0, 0x420C, 0}; /* 12 and 35, high word first */
    CHECK(modbus_write_registers(node, 0, 4, levels) == 4);
    REFUSED(modbus_write_registers(node, 0, 1, words), EMBXILADD);
    REFUSED(modbus_read_input_registers(node, 125, 1, words), EMBXILADD);
    CHECK(modbus_write_bit(node, 3, 1) == 1 && modbus_read_bits(node, 3, 2, bits) == 2 && bits[0] == 1);
    bits[0] = 0;
    CHECK(modbus_write_bits(node, 3, 1, bits) == 1);
    REFUSED(modbus_write_and_read_registers(node, 0, 1, words, 0, 1, words), EMBXILFUN);
    CHECK(modbus_report_slave_id(node, sizeof id, id) == 12 && memcmp(id, "hazard-node", 11) == 0 && id[11] == 0xFF);
    for (int poll = 0; poll < 50; poll++) CHECK(modbus_read_input_registers(node, 0, 33, words) == 33);
    modbus_close(node);
    modbus_free(node);
    puts("libmodbus: every function answered as the map says");
    return 0;
}
