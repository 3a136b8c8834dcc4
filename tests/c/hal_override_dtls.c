/*
 * A firmware with its own DTLS, for instance the one inside a modem: the library must use it, in
 * the static and in the shared library, and never the default it brings along (see no_system.c).
 */
#include <string.h>

#include "check.h"
#include "fake_cloud.h"
#include "iot_import.h"
#include "wrappers.h"

static fake_cloud_t s_cloud;
static int s_session; /* its address is the session */
static uint64_t s_now = 1000;
static int s_opened, s_closed, s_written, s_read;

/* Time passes only while the library waits. */
uint64_t HAL_UptimeMs(void)
{
    return s_now;
}

void HAL_SleepMs(uint32_t ms)
{
    s_now += ms;
}

uint32_t HAL_Random(uint32_t region)
{
    return 4 % region; /* message ids and jitter need no more here */
}

void HAL_Srandom(uint32_t seed)
{
    (void)seed;
}

DTLSContext *HAL_DTLSSession_create(coap_dtls_options_t *p_options)
{
    CHECK(strcmp(p_options->p_host, FAKE_CLOUD_HOST) == 0);
    CHECK_EQ(p_options->port, 5684);
    CHECK(p_options->p_ca_cert_pem != NULL);
    CHECK(strstr((const char *)p_options->p_ca_cert_pem, "BEGIN CERTIFICATE") != NULL);
    s_opened++;
    return (DTLSContext *)&s_session;
}

unsigned int HAL_DTLSSession_write(DTLSContext *context, const unsigned char *p_data,
                                   unsigned int *p_datalen)
{
    CHECK(context == (DTLSContext *)&s_session);
    s_written++;
    fake_cloud_receive(&s_cloud, p_data, *p_datalen);
    return DTLS_SUCCESS;
}

/* A timeout is success with no bytes, as in the SDK's own port. */
unsigned int HAL_DTLSSession_read(DTLSContext *context, unsigned char *p_data,
                                  unsigned int *p_datalen, unsigned int timeout_ms)
{
    CHECK(context == (DTLSContext *)&s_session);
    s_read++;
    *p_datalen = (unsigned int)fake_cloud_answer(&s_cloud, p_data, *p_datalen);
    if (*p_datalen == 0) {
        CHECK(timeout_ms > 0); /* 0 would wait for ever */
        s_now += timeout_ms;
    }
    return DTLS_SUCCESS;
}

unsigned int HAL_DTLSSession_free(DTLSContext *context)
{
    CHECK(context == (DTLSContext *)&s_session);
    s_closed++;
    return DTLS_SUCCESS;
}

int main(void)
{
    char url[] = "coaps://" FAKE_CLOUD_HOST ":5684";

    fake_cloud_run_device(url);

    CHECK_EQ(s_cloud.auths, 1);
    CHECK_EQ(s_cloud.reports, 1);
    CHECK_EQ(s_opened, 1);
    CHECK_EQ(s_closed, 1);
    CHECK(s_written >= 2);
    CHECK(s_read >= 2);
    return EXIT_SUCCESS;
}
