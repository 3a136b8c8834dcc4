/*
 * SDK 2.00: identity from macros, no log calls, no wait_time_ms, and IOXT_ names of the codes.
 */
#include <stdio.h>
#include <arpa/inet.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "iot_import.h"
#include "iot_export.h"

#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684"

#define PROBE_DEVINFO iotx_deviceinfo_t
#define PROBE_P_DEVINFO iotx_deviceinfo_t
#define PROBE_PRINT printf
#include "probe.h"
#include "identity_macros.h"

static const struct probe_release release = {
    .letters = "e:s:lh",
    .environment = NULL,
    .security = "nosec",
    .topic = "/topic/%s/%s/update/",
    .first_report = 1,
    .report_interval = 1,
    .url_dangles = 1,
    .message_zeroed = 0,
    .servers = {
        {"pre", "dtls", IOTX_PRE_DTLS_SERVER_URI},
        {"pre", "nosec", IOTX_PRE_NOSEC_SERVER_URI},
        {"online", "dtls", IOTX_ONLINE_DTLS_SERVER_URL},
    },
};

/* Handlers of this release know the codes by names that only it has. */
static int is_success(iotx_coap_resp_code_t code)
{
    switch (code) {
    case IOXT_COAP_RESP_CODE_CONTENT:
        return 1;
    case IOXT_COAP_RESP_CODE_BAD_REQUEST:
    case IOXT_COAP_RESP_CODE_UNAUTHORIZED:
    case IOXT_COAP_RESP_CODE_NOT_FOUND:
    case IOXT_COAP_RESP_CODE_URL_TOO_LONG:
    case IOXT_COAP_RESP_CODE_INTERNAL_SERVER_ERROR:
    default:
        return 0;
    }
}

int main(int argc, char **argv)
{
    CHECK(is_success((iotx_coap_resp_code_t)0x45));
    CHECK(!is_success((iotx_coap_resp_code_t)0x82));
    probe_run(&release, argc, argv);
    return EXIT_SUCCESS;
}
