/*
 * SDK 3.2.0: coap-psk unless -s says otherwise, a URL that outlives Init, the first report in the
 * sixth turn.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "coap_api.h"
#include "wrappers.h"

#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.coap.cn-shanghai.link.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_PRE_PSK_SERVER_URI "coap-psk://pre.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.coap.cn-shanghai.link.aliyuncs.com:5684"
#define IOTX_ONLINE_PSK_SERVER_URL "coap-psk://%s.coap.cn-shanghai.link.aliyuncs.com:5682"

#define PROBE_DEVINFO iotx_coap_device_info_t
#define PROBE_P_DEVINFO iotx_coap_device_info_t
#define PROBE_PRINT HAL_Printf
#define PROBE_WAIT_TIME_MS 50 /* the example says 3000, and idles for five turns before a report */
#include "probe.h"
#include "identity_ioctl.h"

static const struct probe_release release = {
    .letters = "e:s:lhr",
    .environment = "online",
    .security = "psk",
    .topic = "/topic/%s/%s/user/update/",
    .first_report = 6,
    .report_interval = 4,
    .url_dangles = 0,
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
    IOT_Ioctl(IOTX_IOCTL_SET_PRODUCT_KEY, g_product_key);
    IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_NAME, g_device_name);
    IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_SECRET, g_device_secret);
    probe_run(&release, argc, argv);
    IOT_SetLogLevel(IOT_LOG_NONE);
    return EXIT_SUCCESS;
}
