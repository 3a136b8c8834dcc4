/* Firmware over MQTT: nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_FOTA_H
#define IOT_EXPORT_FOTA_H

#include <stdint.h>

#endif /* IOT_EXPORT_FOTA_H */
