/*
 * The same work through the library, as firmware does it: authenticate, then SendMessage, Yield, SendMessage, Yield.
 * Each Yield must bring its report's answer. Usage: ours URL REPORTS [non]
 */

#include "wire.h"

#include "iot_import.h"
#include "iot_export.h"
#include "iot_export_coap.h"

static unsigned long answered;

static void on_response(void *user_data, void *message)
{
    (void)user_data;
    (void)message;
    answered++;
}

int main(int argc, char **argv)
{
    iotx_device_info_t device;
    iotx_coap_config_t config;
    iotx_coap_context_t *client;
    iotx_message_t report;
    unsigned long reports, done;
    uint64_t begun, first = 0, started;

    bench_check(argc >= 3, "usage: ours URL REPORTS [non]");
    reports = strtoul(argv[2], NULL, 10);
    IOT_SetLogLevel(IOT_LOG_NONE);
    memset(&device, 0, sizeof(device));
    memset(&config, 0, sizeof(config));
    memset(&report, 0, sizeof(report));
    strcpy(device.product_key, "a1B2c3D4e5F");
    strcpy(device.device_name, "dev01");
    strcpy(device.device_secret, "0123456789abcdef0123456789ABCDEF");
    strcpy(device.device_id, "a1B2c3D4e5F.dev01");
    config.p_devinfo = &device;
    config.p_url = argv[1];
    config.wait_time_ms = 5000;
    report.p_payload = (unsigned char *)BENCH_PAYLOAD;
    report.payload_len = sizeof(BENCH_PAYLOAD) - 1;
    report.resp_callback = on_response;
    report.msg_type = argc > 3 ? IOTX_MESSAGE_NON : IOTX_MESSAGE_CON;
    report.content_type = IOTX_CONTENT_TYPE_JSON;

    begun = bench_now();
    client = IOT_CoAP_Init(&config);
    bench_check(client != NULL, "IOT_CoAP_Init");
    bench_check(IOT_CoAP_DeviceNameAuth(client) == IOTX_SUCCESS, "IOT_CoAP_DeviceNameAuth");
    started = bench_now();
    for (done = 0; done < reports; done++) {
        bench_check(IOT_CoAP_SendMessage(client, BENCH_PATH, &report) == IOTX_SUCCESS, "IOT_CoAP_SendMessage");
        bench_check(IOT_CoAP_Yield(client) == IOTX_SUCCESS, "IOT_CoAP_Yield");
        bench_check(answered == done + 1, "the answer");
        if (first == 0) {
            first = bench_now();
        }
    }
    bench_print(reports, begun, first, started, bench_now());
    IOT_CoAP_Deinit(&client);
    return 0;
}
