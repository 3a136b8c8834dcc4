/*
 * IOT_CoAP_Init for objects compiled with the headers of SDK 2.00: libiot_sdk_compat200.a, to be named on
 * the link line before the library.
 *
 * There the configuration has no wait_time_ms, the strings of the device info are shorter, and response
 * callbacks get the client instead of the report's user_data. All other calls fit as they are.
 */
#include <stddef.h>

#include "identity.h"
#include "iotx_coap_ext.h"

struct device_info {
    char product_key[11 + 1];
    char device_name[20 + 1];
    char device_id[64 + 1];
    char device_secret[32 + 1];
};

struct config {
    char *p_url;
    const struct device_info *p_devinfo;
    iotx_event_handle_t event_handle;
};

/* What the compiler of the objects made of them. */
typedef char device_info_has_131_bytes[sizeof(struct device_info) == 131 ? 1 : -1];
typedef char secret_is_at_98[offsetof(struct device_info, device_secret) == 98 ? 1 : -1];
typedef char config_is_three_pointers[sizeof(struct config) == 3 * sizeof(void *) ? 1 : -1];

iotx_coap_context_t *IOT_CoAP_Init(iotx_coap_config_t *p_config)
{
    const struct config *old = (const void *)p_config;
    iotx_coap_settings_t settings;
    iotx_coap_config_t config;
    iotx_deviceinfo_t info;
    iotx_coap_context_t *client;

    iotx_coap_settings_init(&settings, sizeof(settings));
    settings.callback_argument = IOTX_COAP_CALLBACK_CLIENT;
    if (old == NULL) {
        return iotx_coap_init_with(NULL, &settings);
    }
    memset(&config, 0, sizeof(config)); /* a wait_time_ms of 0 is 2 s, what 2.00 has always */
    config.p_url = old->p_url;
    if (old->p_devinfo == NULL) {
        return iotx_coap_init_with(&config, &settings);
    }
    memset(&info, 0, sizeof(info));
    COMPAT_COPY(info.product_key, old->p_devinfo->product_key);
    COMPAT_COPY(info.device_name, old->p_devinfo->device_name);
    COMPAT_COPY(info.device_id, old->p_devinfo->device_id);
    COMPAT_COPY(info.device_secret, old->p_devinfo->device_secret);
    config.p_devinfo = &info;
    client = iotx_coap_init_with(&config, &settings);
    compat_wipe(&info);
    return client;
}
