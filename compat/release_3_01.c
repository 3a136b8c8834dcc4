/*
 * IOT_CoAP_Init for objects compiled with the headers of SDK 3.01: libiot_sdk_compat301.a, to be named on
 * the link line before the library.
 *
 * There the device id is eleven bytes shorter than in every other release since 2.01, so that the secret
 * lies elsewhere. All other calls fit as they are.
 */
#include <stddef.h>

#include "identity.h"
#include "iotx_coap_ext.h"

struct device_info {
    char product_key[20 + 1];
    char device_name[32 + 1];
    char device_id[20 + 32 + 2];
    char device_secret[64 + 1];
};

/* What the compiler of the objects made of it. */
typedef char device_info_has_173_bytes[sizeof(struct device_info) == 173 ? 1 : -1];
typedef char secret_is_at_108[offsetof(struct device_info, device_secret) == 108 ? 1 : -1];

iotx_coap_context_t *IOT_CoAP_Init(iotx_coap_config_t *p_config)
{
    const struct device_info *old;
    iotx_coap_config_t config;
    iotx_deviceinfo_t info;
    iotx_coap_context_t *client;

    if (p_config == NULL || p_config->p_devinfo == NULL) {
        return iotx_coap_init_with(p_config, NULL);
    }
    old = (const void *)p_config->p_devinfo;
    memset(&info, 0, sizeof(info));
    COMPAT_COPY(info.product_key, old->product_key);
    COMPAT_COPY(info.device_name, old->device_name);
    COMPAT_COPY(info.device_id, old->device_id);
    COMPAT_COPY(info.device_secret, old->device_secret);
    memset(&config, 0, sizeof(config));
    config.p_url = p_config->p_url;
    config.wait_time_ms = p_config->wait_time_ms;
    config.p_devinfo = &info;
    client = iotx_coap_init_with(&config, NULL);
    compat_wipe(&info);
    return client;
}
