/*
 * Identity as the examples of SDK 2.1 to 3.01 have it: given to the platform, and read back where it
 * is needed.
 */
#ifndef IDENTITY_HAL_H
#define IDENTITY_HAL_H

#define IOTX_PRODUCT_KEY "a1B2c3D4e5F"
#define IOTX_DEVICE_NAME "dev01"
#define IOTX_DEVICE_SECRET "0123456789abcdef0123456789ABCDEF"

static void give_identity_to_platform(void)
{
    HAL_SetProductKey((char *)IOTX_PRODUCT_KEY);
    HAL_SetDeviceName((char *)IOTX_DEVICE_NAME);
    HAL_SetDeviceSecret((char *)IOTX_DEVICE_SECRET);
#ifdef IOTX_PRODUCT_SECRET
    HAL_SetProductSecret((char *)IOTX_PRODUCT_SECRET);
#endif
}

int iotx_set_devinfo(iotx_deviceinfo_t *p_devinfo)
{
    if (p_devinfo == NULL) {
        return IOTX_ERR_INVALID_PARAM;
    }
    memset(p_devinfo, 0, sizeof(iotx_deviceinfo_t));
    HAL_GetProductKey(p_devinfo->product_key);
    HAL_GetDeviceName(p_devinfo->device_name);
    HAL_GetDeviceSecret(p_devinfo->device_secret);
#ifdef PROBE_ID_LEN /* 3.01, where device_id has room for key, dot and name only */
    HAL_Snprintf(p_devinfo->device_id, PROBE_ID_LEN, "%s.%s", p_devinfo->product_key,
                 p_devinfo->device_name);
#else
    HAL_GetDeviceID(p_devinfo->device_id);
#endif
    return IOTX_SUCCESS;
}

#endif /* IDENTITY_HAL_H */
