/*
 * Eight Modbus units that this project did not write: libmodbus reads, checks and answers RTU frames, here over TCP, a thread
 * to each connection.
 *
 * usage: lines PORT; ends with its input.
 *
 * A holding register holds 256 * unit + address % 256, an input register the same with the highest bit set.
 */

#include <arpa/inet.h>
#include <modbus.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { UNITS = 8, REGISTERS = 256 };

static modbus_mapping_t *maps[UNITS + 1];

static void *serve(void *connection) {
    int fd = (int)(intptr_t)connection;
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH], unit;
    modbus_t *context = modbus_new_rtu("/dev/null", 115200, 'N', 8, 1);
    modbus_set_socket(context, fd);
    /* A context is one unit: it becomes the one that is asked. */
    while (recv(fd, &unit, 1, MSG_PEEK) == 1 && unit >= 1 && unit <= UNITS) {
        modbus_set_slave(context, unit);
        int length = modbus_receive(context, query);
        if (length < 0 || (length > 0 && modbus_reply(context, query, length, maps[unit]) < 0)) break;
    }
    close(fd);
    modbus_free(context);
    return NULL;
}

static void *accept_all(void *listener) {
    for (;;) {
        int fd = accept((int)(intptr_t)listener, NULL, NULL), yes = 1;
        pthread_t thread;
        if (fd < 0) exit(1);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) exit(1);
        pthread_detach(thread);
    }
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (count != 2) return 2;
    for (int unit = 1; unit <= UNITS; unit++) {
        maps[unit] = modbus_mapping_new(0, 0, REGISTERS, REGISTERS);
        if (maps[unit] == NULL) return 1;
        for (int at = 0; at < REGISTERS; at++) {
            maps[unit]->tab_registers[at] = unit << 8 | at;
            maps[unit]->tab_input_registers[at] = 0x8000 | unit << 8 | at;
        }
    }
    address.sin_port = htons(atoi(words[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 512) != 0) return 1;
    if (pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)listener) != 0) return 1;
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) continue;
    return 0;
}
