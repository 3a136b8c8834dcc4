/* HTTP/2 streams: nothing of it concerns a CoAP firmware. */
#ifndef IOT_EXPORT_HTTP2_STREAM_H
#define IOT_EXPORT_HTTP2_STREAM_H

#include <stdint.h>

#endif /* IOT_EXPORT_HTTP2_STREAM_H */
