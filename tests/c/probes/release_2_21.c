/*
 * SDK 2.21: symmetric encryption (coap-psk), a second session with -r, the first report in the first
 * turn.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "iot_import.h"
#include "iot_export.h"

#define IOTX_DEVICE_ID "a1B2c3D4e5F.dev01" /* defined, and not used */
#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_PSK_SERVER_URI "coap-psk://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_PSK_SERVER_URL "coap-psk://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_DAILY_DTLS_SERVER_URI "coaps://11.239.164.238:5684"
#define IOTX_DAILY_PSK_SERVER_URI "coap-psk://10.101.83.159:5682"

#define PROBE_DEVINFO iotx_deviceinfo_t
#define PROBE_P_DEVINFO iotx_device_info_t
#define PROBE_PRINT HAL_Printf
#define PROBE_WAIT_TIME_MS 3000
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
    .message_zeroed = 0,
    .servers = {
        {"pre", "dtls", IOTX_PRE_DTLS_SERVER_URI},
        {"pre", "psk", IOTX_PRE_PSK_SERVER_URI},
        {"pre", "nosec", IOTX_PRE_NOSEC_SERVER_URI},
        {"online", "dtls", IOTX_ONLINE_DTLS_SERVER_URL},
        {"online", "psk", IOTX_ONLINE_PSK_SERVER_URL},
        {"daily", "dtls", IOTX_DAILY_DTLS_SERVER_URI},
        {"daily", "psk", IOTX_DAILY_PSK_SERVER_URI},
    },
};

int main(int argc, char **argv)
{
    IOT_OpenLog("coap");
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    give_identity_to_platform();
    probe_run(&release, argc, argv);
    IOT_CloseLog();
    return EXIT_SUCCESS;
}
