/*
 * SDK 3.10: identity stored with IOT_Ioctl, where a getter stands in the place of a setter, on a
 * buffer whose secret is used afterwards.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "coap_api.h"
#include "wrappers.h"

#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_PRE_PSK_SERVER_URI "coap-psk://pre.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_ONLINE_PSK_SERVER_URL "coap-psk://%s.coap.cn-shanghai.link.aliyuncs.com:5682"

#define PROBE_DEVINFO iotx_coap_device_info_t
#define PROBE_P_DEVINFO iotx_coap_device_info_t
#define PROBE_PRINT HAL_Printf
#define PROBE_WAIT_TIME_MS 3000
#include "probe.h"
#include "identity_ioctl.h"

static const struct probe_release release = {
    .letters = "e:s:lhr",
    .environment = NULL,
    .security = "nosec",
    .topic = "/topic/%s/%s/user/update/",
    .first_report = 1,
    .report_interval = 10,
    .url_dangles = 1,
    .message_zeroed = 1,
    .servers = {
        {"pre", "nosec", IOTX_PRE_NOSEC_SERVER_URI},
        {"pre", "psk", IOTX_PRE_PSK_SERVER_URI},
        {"online", "psk", IOTX_ONLINE_PSK_SERVER_URL},
    },
};

int main(int argc, char **argv)
{
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    IOT_Ioctl(IOTX_IOCTL_SET_PRODUCT_KEY, g_product_key);
    IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_NAME, g_device_name);
    IOT_Ioctl(IOTX_IOCTL_GET_DEVICE_SECRET, g_device_secret);
    probe_run(&release, argc, argv);
    IOT_SetLogLevel(IOT_LOG_NONE);
    return EXIT_SUCCESS;
}
