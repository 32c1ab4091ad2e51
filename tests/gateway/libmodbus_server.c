/* A Modbus TCP server by libmodbus: a witness that our driver speaks to more than pymodbus.
 * Usage: libmodbus_server PORT ADDRESS WORD... (input registers from ADDRESS; answers any unit) */
#include <modbus.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int first = atoi(argv[2]), count = argc - 3;
    modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 0, first + count);
    for (int i = 0; i < count; i++)
        map->tab_input_registers[first + i] = (uint16_t)strtol(argv[3 + i], NULL, 0);
    int listener = modbus_tcp_listen(bus, 4);
    for (;;) {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        int size;
        modbus_tcp_accept(bus, &listener);
        while ((size = modbus_receive(bus, query)) >= 0)
            if (size > 0)
                modbus_reply(bus, query, size, map);
        modbus_close(bus);
    }
}
