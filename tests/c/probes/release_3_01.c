/*
 * SDK 3.01: other headers, the platform's identity as in 2.30, and a device_id of 54 bytes.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "coap_api.h"
#include "coap_wrapper.h"

#define IOTX_PRODUCT_SECRET "0123456789abcdef"
#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.coap.cn-shanghai.link.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_PRE_PSK_SERVER_URI "coap-psk://pre.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.coap.cn-shanghai.link.aliyuncs.com:5684"
#define IOTX_ONLINE_PSK_SERVER_URL "coap-psk://%s.coap.cn-shanghai.link.aliyuncs.com:5682"

#define PROBE_DEVINFO iotx_deviceinfo_t
#define PROBE_P_DEVINFO iotx_device_info_t
#define PROBE_PRINT HAL_Printf
#define PROBE_WAIT_TIME_MS 3000
#define PROBE_ID_LEN (IOTX_PRODUCT_KEY_LEN + IOTX_DEVICE_NAME_LEN + 2)
#include "probe.h"
#include "identity_hal.h"

static const struct probe_release release = {
    .letters = "e:s:lhr",
    .environment = NULL,
    .security = "nosec",
    .topic = "/topic/%s/%s/update/",
    .first_report = 1,
    .report_interval = 10,
    .url_dangles = 1,
    .message_zeroed = 1,
    .servers = {
        {"pre", "dtls", IOTX_PRE_DTLS_SERVER_URI},
        {"pre", "psk", IOTX_PRE_PSK_SERVER_URI},
        {"pre", "nosec", IOTX_PRE_NOSEC_SERVER_URI},
        {"online", "dtls", IOTX_ONLINE_DTLS_SERVER_URL},
        {"online", "psk", IOTX_ONLINE_PSK_SERVER_URL},
    },
};

int main(int argc, char **argv)
{
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    give_identity_to_platform();
    probe_run(&release, argc, argv);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    IOT_SetLogLevel(IOT_LOG_NONE);
    return EXIT_SUCCESS;
}
