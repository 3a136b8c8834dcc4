/*
 * A cloud in memory, for tests that replace the transport below the library: it takes one request
 * and holds the answer until it is fetched. It knows /auth, and one topic for reports.
 */
#ifndef FAKE_CLOUD_H
#define FAKE_CLOUD_H

#include <stddef.h>

#include "iot_export.h"

#define FAKE_CLOUD_HOST "cloud.invalid" /* RFC 6761: no resolver has an address for it */
#define FAKE_CLOUD_TOPIC "/topic/a1B2c3D4e5F/dev01/update/"
#define FAKE_CLOUD_REPLY "done"

typedef struct {
    int auths;
    int reports;
    unsigned char answer[128];
    size_t answer_len; /* 0: none waits */
} fake_cloud_t;

/* Takes one CoAP message. Fails the test if it is not a confirmable POST that the cloud would
 * accept: an authentication of the device, or a report that carries the token it got. */
void fake_cloud_receive(fake_cloud_t *cloud, const unsigned char *message, size_t len);

/* Moves the waiting answer to `buffer` and returns its length, or 0 if none waits. */
size_t fake_cloud_answer(fake_cloud_t *cloud, unsigned char *buffer, size_t size);

/* Makes a client for `url`, with the identity of the device that the cloud knows. */
iotx_coap_context_t *fake_cloud_connect(char *url);

/* Runs one device against `url` from IOT_CoAP_Init to IOT_CoAP_Deinit, with one report whose answer
 * must reach the callback; fails the test otherwise. */
void fake_cloud_run_device(char *url);

#endif /* FAKE_CLOUD_H */
