/* Device shadow (MQTT): nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_SHADOW_H
#define IOT_EXPORT_SHADOW_H

#include <stdint.h>

#endif /* IOT_EXPORT_SHADOW_H */
