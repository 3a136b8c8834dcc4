/* Sub-devices of a gateway (MQTT): nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_SUBDEV_H
#define IOT_EXPORT_SUBDEV_H

#include <stdint.h>

#endif /* IOT_EXPORT_SUBDEV_H */
