#include "act/unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/log.h"

enum { ANSWER_USEC = 1000000 };

static const char systemd[] = "org.freedesktop.systemd1";

/* Not sd_bus_open_system(), which would wait for its first answer longer than a watchdog does. */
static int open_bus(sd_bus **ret) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_address(bus, address ? address : "unix:path=/run/dbus/system_bus_socket");
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, 1);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, ANSWER_USEC);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                (void)sd_bus_unref(bus);
        else
                *ret = bus;
        return r;
}

/* The object path of the service's unit, in *ret_answer. Its control group would tell it too, but not on each kind of hierarchy. */
static int find_unit(sd_bus *bus, sd_bus_message **ret_answer, const char **ret_path) {
        int r = sd_bus_call_method(bus, systemd, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "GetUnitByPID", NULL, ret_answer, "u",
                                   (uint32_t)getpid());

        return r < 0 ? r : sd_bus_message_read(*ret_answer, "o", ret_path);
}

/* Whether the property is this word. */
static int has_word(sd_bus *bus, const char *path, const char *interface, const char *property, const char *word) {
        char *value = NULL;
        int r = sd_bus_get_property_string(bus, systemd, path, interface, property, NULL, &value);

        if (r >= 0)
                r = strcmp(value, word) == 0;
        free(value);
        return r;
}

/* Whether the job that stops the unit is one to start it again. */
static int is_restarted(sd_bus *bus, const char *path) {
        sd_bus_message *answer = NULL;
        const char *job = NULL;
        int r = sd_bus_get_property(bus, systemd, path, "org.freedesktop.systemd1.Unit", "Job", NULL, &answer, "(uo)");

        if (r >= 0)
                r = sd_bus_message_read(answer, "(uo)", NULL, &job);
        if (r >= 0)
                r = has_word(bus, job, "org.freedesktop.systemd1.Job", "JobType", "restart");
        (void)sd_bus_message_unref(answer);
        return r;
}

static int ask(sd_bus *bus, const char *path) {
        /* Of older systemds, which release the store with the stop, it is an unknown property. */
        int r = has_word(bus, path, "org.freedesktop.systemd1.Service", "FileDescriptorStorePreserve", "restart");

        if (r > 0)
                return is_restarted(bus, path);
        return r < 0 ? r : has_word(bus, path, "org.freedesktop.systemd1.Service", "FileDescriptorStorePreserve", "yes");
}

bool unit_store_outlives_stop(void) {
        sd_bus_message *answer = NULL;
        const char *path = NULL;
        sd_bus *bus = NULL;
        int r = open_bus(&bus);

        if (r >= 0)
                r = find_unit(bus, &answer, &path);
        if (r >= 0)
                r = ask(bus, path);
        (void)sd_bus_message_unref(answer);
        (void)sd_bus_close_unref(bus);
        if (r < 0)
                log_message(LOG_DEBUG, "systemd does not say what becomes of the sockets that it keeps: %s", strerror(-r));
        return r > 0;
}
