/*
 * What clients cost that only wait: makes so many authenticated ones in one process. Prints how many, the resident size
 * in KiB with one, with all, and the peak. Usage: idle URL CLIENTS
 */

#include "wire.h"

#include "iot_import.h"
#include "iot_export.h"
#include "iot_export_coap.h"

#include <sys/resource.h>

static void allow_descriptors(unsigned long clients)
{
    struct rlimit limit;

    bench_check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    if (limit.rlim_cur < clients + 64) {
        limit.rlim_cur = clients + 64;
        limit.rlim_max = limit.rlim_max < limit.rlim_cur ? limit.rlim_cur : limit.rlim_max;
        bench_check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "descriptors for all clients");
    }
}

static iotx_coap_context_t *client_of(char *url, unsigned long number)
{
    iotx_device_info_t device;
    iotx_coap_config_t config;
    iotx_coap_context_t *client;

    memset(&device, 0, sizeof(device));
    memset(&config, 0, sizeof(config));
    strcpy(device.product_key, "a1B2c3D4e5F");
    snprintf(device.device_name, sizeof(device.device_name), "dev%lu", number);
    strcpy(device.device_secret, "0123456789abcdef0123456789ABCDEF");
    snprintf(device.device_id, sizeof(device.device_id), "a1B2c3D4e5F.dev%lu", number);
    config.p_devinfo = &device;
    config.p_url = url;
    client = IOT_CoAP_Init(&config);
    bench_check(client != NULL, "IOT_CoAP_Init");
    bench_check(IOT_CoAP_DeviceNameAuth(client) == IOTX_SUCCESS, "IOT_CoAP_DeviceNameAuth");
    return client;
}

int main(int argc, char **argv)
{
    iotx_coap_context_t **clients;
    unsigned long count, made, one;

    bench_check(argc == 3, "usage: idle URL CLIENTS");
    count = strtoul(argv[2], NULL, 10);
    bench_check(count > 1, "two clients at least");
    IOT_SetLogLevel(IOT_LOG_NONE);
    allow_descriptors(count);
    clients = calloc(count, sizeof(*clients));
    bench_check(clients != NULL, "memory");
    clients[0] = client_of(argv[1], 0);
    one = bench_memory("/proc/self/smaps_rollup", "Rss:");
    for (made = 1; made < count; made++) {
        clients[made] = client_of(argv[1], made);
    }
    printf("%lu %lu %lu %lu\n", count, one, bench_memory("/proc/self/smaps_rollup", "Rss:"),
           bench_memory("/proc/self/status", "VmHWM:"));
    while (made > 0) {
        IOT_CoAP_Deinit(&clients[--made]);
    }
    free(clients);
    return 0;
}
