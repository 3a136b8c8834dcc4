/*
 * SDK 2.03: as 2.01, with an internal server under TEST_COAP_DAILY.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "iot_import.h"
#include "iot_export.h"

#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_DAILY_DTLS_SERVER_URL "coaps://iot-as-coap.alibaba.net:5684"

#define PROBE_DEVINFO iotx_deviceinfo_t
#define PROBE_P_DEVINFO iotx_deviceinfo_t
#define PROBE_PRINT HAL_Printf
#define PROBE_WAIT_TIME_MS 50 /* the examples say 3000, and idle for ten turns before a report */
#include "probe.h"
#include "identity_macros.h"

static const struct probe_release release = {
    .letters = "e:s:lh",
    .environment = NULL,
    .security = "nosec",
    .topic = "/topic/%s/%s/update/",
    .first_report = 11,
    .report_interval = 10,
    .url_dangles = 1,
    .message_zeroed = 0,
    .servers = {
        {"pre", "dtls", IOTX_PRE_DTLS_SERVER_URI},
        {"pre", "nosec", IOTX_PRE_NOSEC_SERVER_URI},
#ifdef TEST_COAP_DAILY
        {"daily", "dtls", IOTX_DAILY_DTLS_SERVER_URL},
#endif
        {"online", "dtls", IOTX_ONLINE_DTLS_SERVER_URL},
    },
};

int main(int argc, char **argv)
{
    IOT_OpenLog("coap");
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    probe_run(&release, argc, argv);
    IOT_CloseLog();
    return EXIT_SUCCESS;
}
