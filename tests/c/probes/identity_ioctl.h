/*
 * Identity as the examples of SDK 3.10 and 3.2.0 have it: arrays of the application, which it also
 * stores with IOT_Ioctl.
 */
#ifndef IDENTITY_IOCTL_H
#define IDENTITY_IOCTL_H

char g_product_key[IOTX_PRODUCT_KEY_LEN + 1] = "a1B2c3D4e5F";
char g_product_secret[IOTX_PRODUCT_SECRET_LEN + 1] = "0123456789abcdef";
char g_device_name[IOTX_DEVICE_NAME_LEN + 1] = "dev01";
char g_device_secret[IOTX_DEVICE_SECRET_LEN + 1] = "0123456789abcdef0123456789ABCDEF";

int iotx_set_devinfo(iotx_coap_device_info_t *p_devinfo)
{
    if (p_devinfo == NULL) {
        return IOTX_ERR_INVALID_PARAM;
    }
    memset(p_devinfo, 0, sizeof(iotx_coap_device_info_t));
    memcpy(p_devinfo->product_key, g_product_key, strlen(g_product_key));
    memcpy(p_devinfo->device_name, g_device_name, strlen(g_device_name));
    memcpy(p_devinfo->device_secret, g_device_secret, strlen(g_device_secret));
    HAL_Snprintf(p_devinfo->device_id, IOTX_PRODUCT_KEY_LEN + IOTX_DEVICE_NAME_LEN + 2, "%s.%s",
                 g_product_key, g_device_name);
    return IOTX_SUCCESS;
}

#endif /* IDENTITY_IOCTL_H */
