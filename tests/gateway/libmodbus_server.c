/* A Modbus server by libmodbus: a witness that our driver speaks to more than pymodbus.
 * Usage: libmodbus_server PORT|DEVICE ADDRESS WORD...
 * Serves input and holding registers from ADDRESS, over TCP to any unit, or as RTU unit 1 on a
 * serial device at 115200 baud, 8N1. */
#include <modbus.h>
#include <stdlib.h>

static void serve(modbus_t *bus, modbus_mapping_t *map) {
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int size;
    while ((size = modbus_receive(bus, query)) >= 0)
        if (size > 0)
            modbus_reply(bus, query, size, map);
}

int main(int argc, char **argv) {
    int first = atoi(argv[2]), count = argc - 3, serial = argv[1][0] == '/';
    modbus_t *bus = serial ? modbus_new_rtu(argv[1], 115200, 'N', 8, 1)
                           : modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(0, 0, first + count, first + count);
    for (int i = 0; i < count; i++)
        map->tab_input_registers[first + i] = map->tab_registers[first + i] =
            (uint16_t)strtol(argv[3 + i], NULL, 0);
    if (serial) {
        modbus_set_slave(bus, 1);
        if (modbus_connect(bus) < 0)
            return 1;
        for (;;)
            serve(bus, map);
    }
    int listener = modbus_tcp_listen(bus, 4);
    for (;;) {
        modbus_tcp_accept(bus, &listener);
        serve(bus, map);
        modbus_close(bus);
    }
}
