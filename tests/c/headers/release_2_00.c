/*
 * The symbols that the CoAP example of SDK 2.00 uses, and the names it defines itself.
 */
#include <stdio.h>
#include <arpa/inet.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "iot_import.h"
#include "iot_export.h"

/* As the examples do: the application's own names, some with external linkage. */
#define IOTX_PRODUCT_KEY "a1B2c3D4e5F"
#define IOTX_DEVICE_NAME "dev01"
#define IOTX_DEVICE_ID "a1B2c3D4e5F.dev01"
#define IOTX_DEVICE_SECRET "0123456789abcdef0123456789ABCDEF"
#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684"

#define DEVICE_INFO iotx_deviceinfo_t
#define PRINT printf
#include "session.h"

int m_coap_client_running = 0;

int iotx_set_devinfo(iotx_deviceinfo_t *p_devinfo)
{
    if (NULL == p_devinfo) {
        return IOTX_ERR_INVALID_PARAM;
    }
    memset(p_devinfo, 0x00, sizeof(iotx_deviceinfo_t));
    strncpy(p_devinfo->device_id, IOTX_DEVICE_ID, IOTX_DEVICE_ID_LEN);
    strncpy(p_devinfo->product_key, IOTX_PRODUCT_KEY, IOTX_PRODUCT_KEY_LEN);
    strncpy(p_devinfo->device_secret, IOTX_DEVICE_SECRET, IOTX_DEVICE_SECRET_LEN);
    strncpy(p_devinfo->device_name, IOTX_DEVICE_NAME, IOTX_DEVICE_NAME_LEN);
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

/* The spelling that only this release has. */
static int is_error(iotx_coap_resp_code_t code)
{
    switch (code) {
    case IOXT_COAP_RESP_CODE_CONTENT:
        return 0;
    case IOXT_COAP_RESP_CODE_BAD_REQUEST:
    case IOXT_COAP_RESP_CODE_UNAUTHORIZED:
    case IOXT_COAP_RESP_CODE_NOT_FOUND:
    case IOXT_COAP_RESP_CODE_URL_TOO_LONG:
    case IOXT_COAP_RESP_CODE_INTERNAL_SERVER_ERROR:
        return 1;
    default:
        return 1;
    }
}

int main(int argc, char **argv)
{
    char url[256] = {0};
    char *urls[] = {(char *)IOTX_PRE_DTLS_SERVER_URI, (char *)IOTX_PRE_NOSEC_SERVER_URI, url, NULL};
    iotx_deviceinfo_t deviceinfo;
    size_t i;

    parse_options(argc, argv, "e:s:lh");
    iotx_set_devinfo(&deviceinfo);
    snprintf(url, sizeof(url), IOTX_ONLINE_DTLS_SERVER_URL, IOTX_PRODUCT_KEY);
    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        run_session(urls[i], &deviceinfo, 0, &m_coap_client_running);
    }
    return is_error(IOXT_COAP_RESP_CODE_CONTENT);
}
