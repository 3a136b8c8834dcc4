/*
 * Identity as the examples of SDK 2.00 to 2.03 have it: macros of their own, copied as far as the
 * library's limits go.
 */
#ifndef IDENTITY_MACROS_H
#define IDENTITY_MACROS_H

#define IOTX_PRODUCT_KEY "a1B2c3D4e5F"
#define IOTX_DEVICE_NAME "dev01"
#define IOTX_DEVICE_ID "a1B2c3D4e5F.dev01"
#define IOTX_DEVICE_SECRET "0123456789abcdef0123456789ABCDEF"

int iotx_set_devinfo(iotx_deviceinfo_t *p_devinfo)
{
    if (p_devinfo == NULL) {
        return IOTX_ERR_INVALID_PARAM;
    }
    memset(p_devinfo, 0, sizeof(iotx_deviceinfo_t));
    strncpy(p_devinfo->device_id, IOTX_DEVICE_ID, IOTX_DEVICE_ID_LEN);
    strncpy(p_devinfo->product_key, IOTX_PRODUCT_KEY, IOTX_PRODUCT_KEY_LEN);
    strncpy(p_devinfo->device_secret, IOTX_DEVICE_SECRET, IOTX_DEVICE_SECRET_LEN);
    strncpy(p_devinfo->device_name, IOTX_DEVICE_NAME, IOTX_DEVICE_NAME_LEN);
    return IOTX_SUCCESS;
}

#endif /* IDENTITY_MACROS_H */
