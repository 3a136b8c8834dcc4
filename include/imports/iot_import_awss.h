/* Platform functions of Wi-Fi provisioning: nothing of it concerns a CoAP firmware. */
#ifndef IOT_IMPORT_AWSS_H
#define IOT_IMPORT_AWSS_H

#include <stdint.h>

#endif /* IOT_IMPORT_AWSS_H */
