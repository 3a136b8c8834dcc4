/* Wi-Fi provisioning: nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_AWSS_H
#define IOT_EXPORT_AWSS_H

#include <stdint.h>

#endif /* IOT_EXPORT_AWSS_H */
