/* MQTT client: nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_MQTT_H
#define IOT_EXPORT_MQTT_H

#include <stdint.h>

#endif /* IOT_EXPORT_MQTT_H */
