/*
 * The symbols that the CoAP example of SDK 3.10 uses, and the names it defines itself.
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

char g_product_key[IOTX_PRODUCT_KEY_LEN + 1] = "a1B2c3D4e5F";
char g_product_secret[IOTX_PRODUCT_SECRET_LEN + 1] = "0123456789abcdef";
char g_device_name[IOTX_DEVICE_NAME_LEN + 1] = "dev01";
char g_device_secret[IOTX_DEVICE_SECRET_LEN + 1] = "0123456789abcdef0123456789ABCDEF";

#define DEVICE_INFO iotx_coap_device_info_t
#define PRINT HAL_Printf
#include "session.h"

int m_coap_client_running = 0;

int iotx_set_devinfo(iotx_coap_device_info_t *p_devinfo)
{
    if (NULL == p_devinfo) {
        return IOTX_ERR_INVALID_PARAM;
    }
    memset(p_devinfo, 0x00, sizeof(iotx_coap_device_info_t));
    memcpy(p_devinfo->product_key, g_product_key, strlen(g_product_key));
    memcpy(p_devinfo->device_name, g_device_name, strlen(g_device_name));
    memcpy(p_devinfo->device_secret, g_device_secret, strlen(g_device_secret));
    HAL_Snprintf(p_devinfo->device_id, IOTX_PRODUCT_KEY_LEN + IOTX_DEVICE_NAME_LEN + 2, "%s.%s",
                 g_product_key, g_device_name);
    return IOTX_SUCCESS;
}

void show_usage(void)
{
    PRINT("usage: -e online|pre, -s dtls, -l\r\n");
}

static void parse_options(int argc, char **argv, const char *letters)
{
    int opt;

    while ((opt = getopt(argc, argv, letters)) != -1) {
        switch (opt) {
        case 'l':
            m_coap_client_running = 1;
            break;
        case 'h':
            show_usage();
            break;
        default:
            break;
        }
    }
}

int main(int argc, char **argv)
{
    char url[256] = {0};
    iotx_coap_device_info_t deviceinfo;

    parse_options(argc, argv, "e:s:lhr");

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    IOT_Ioctl(IOTX_IOCTL_SET_PRODUCT_KEY, g_product_key);
    IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_NAME, g_device_name);
    IOT_Ioctl(IOTX_IOCTL_GET_DEVICE_SECRET, g_device_secret);
    iotx_set_devinfo(&deviceinfo);

    run_session((char *)IOTX_PRE_NOSEC_SERVER_URI, &deviceinfo, 3000, &m_coap_client_running);
    run_session((char *)IOTX_PRE_PSK_SERVER_URI, &deviceinfo, 3000, &m_coap_client_running);
    HAL_Snprintf(url, sizeof(url), IOTX_ONLINE_PSK_SERVER_URL, g_product_key);
    run_session(url, &deviceinfo, 3000, &m_coap_client_running);

    IOT_SetLogLevel(IOT_LOG_NONE);
    return 0;
}
