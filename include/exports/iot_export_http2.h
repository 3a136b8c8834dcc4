/* HTTP/2 client: nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_HTTP2_H
#define IOT_EXPORT_HTTP2_H

#include <stdint.h>

#endif /* IOT_EXPORT_HTTP2_H */
