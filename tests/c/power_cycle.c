/*
 * A device that loses power between its reports: one wake is a restored session, one report and its answer, and
 * the session saved again. Nothing is authenticated anew, and over DTLS no handshake is a full one (the cloud's log
 * tells: see CMakeLists.txt).
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "device.h"
#include "iotx_coap_ext.h"

#define ROOM 8192
#define WAKES 3

typedef struct {
    uint8_t bytes[ROOM];
    size_t len;
} flash_t;

static const char *const s_urls[] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
static int s_authentications;

static void count_authentications(void *context, iotx_coap_event_t event, void *p_data)
{
    (void)context;
    (void)p_data;
    s_authentications += (int)event == IOTX_COAP_EVENT_AUTHENTICATED;
}

static iotx_coap_context_t *wake(const char *url, int number, const flash_t *flash, long long asleep)
{
    char url_of_our_own[128];
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_settings_t settings;

    CHECK(snprintf(url_of_our_own, sizeof(url_of_our_own), "%s", url) > 0);
    device_info(&info, number);
    memset(&config, 0, sizeof(config));
    config.p_url = url_of_our_own;
    config.p_devinfo = &info;
    config.wait_time_ms = 20000;
    config.event_handle = count_authentications;
    iotx_coap_settings_init(&settings, sizeof(settings));
    settings.report_events = 1;
    return iotx_coap_init_restored(&config, &settings, flash->bytes, flash->len, asleep);
}

static void report(iotx_coap_context_t *client)
{
    answer_t answer;

    CHECK_EQ(device_send(client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    device_await(client, &answer);
    CHECK_EQ(answer.code, IOTX_COAP_RESP_CODE_CONTENT);
}

static void save_and_end(iotx_coap_context_t *client, flash_t *flash)
{
    size_t needed = 0;

    CHECK_EQ(iotx_coap_save(client, NULL, &needed), IOTX_SUCCESS);
    CHECK(needed > 0 && needed <= ROOM);
    flash->len = needed - 1;
    CHECK_EQ(iotx_coap_save(client, flash->bytes, &flash->len), IOTX_ERR_BUFF_TOO_SHORT);
    CHECK_EQ(flash->len, needed);
    flash->len = ROOM;
    CHECK_EQ(iotx_coap_save(client, flash->bytes, &flash->len), IOTX_SUCCESS);
    CHECK_EQ(flash->len, needed);
    IOT_CoAP_Deinit(&client);
}

/* From power to power: everything that one wake does. */
static void live(const char *url, flash_t *flash, long long asleep)
{
    iotx_coap_context_t *client = wake(url, 1, flash, asleep);

    CHECK(client != NULL);
    CHECK(iotx_coap_is_authenticated(client));
    report(client);
    CHECK_EQ(s_authentications, 0);
    save_and_end(client, flash);
}

/* Another process: `program wake URL FILE`. */
static void live_elsewhere(char *program, const char *url, flash_t *flash)
{
    char path[] = "/tmp/iotx-power-cycle.XXXXXX";
    char mode[] = "wake", url_of_our_own[128];
    char *arguments[5];
    int file = mkstemp(path), status = -1;
    pid_t child;

    CHECK(file >= 0);
    CHECK(write(file, flash->bytes, flash->len) == (ssize_t)flash->len);
    CHECK(snprintf(url_of_our_own, sizeof(url_of_our_own), "%s", url) > 0);
    arguments[0] = program;
    arguments[1] = mode;
    arguments[2] = url_of_our_own;
    arguments[3] = path;
    arguments[4] = NULL;
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execv(program, arguments);
        _exit(127);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    flash->len = (size_t)read(file, flash->bytes, ROOM);
    CHECK(flash->len > 0 && flash->len <= ROOM);
    CHECK_EQ(close(file), 0);
    CHECK_EQ(unlink(path), 0);
}

static void live_here(const char *url, const char *path)
{
    flash_t flash;
    FILE *file = fopen(path, "r+b");

    CHECK(file != NULL);
    flash.len = fread(flash.bytes, 1, ROOM, file);
    live(url, &flash, -1);
    rewind(file);
    CHECK_EQ(fwrite(flash.bytes, 1, flash.len, file), flash.len);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(truncate(path, (off_t)flash.len), 0);
}

/* Bytes that are not, or not any more, this device's session with this server. */
static void check_refused(const char *url, const char *other_url, const flash_t *flash)
{
    flash_t changed = *flash;

    changed.bytes[changed.len / 2] ^= 1;
    CHECK(wake(url, 1, &changed, 0) == NULL);
    changed = *flash;
    changed.len--;
    CHECK(wake(url, 1, &changed, 0) == NULL);
    changed.len = 0;
    CHECK(wake(url, 1, &changed, 0) == NULL);
    CHECK(wake(url, 2, flash, 0) == NULL);
    CHECK(wake(other_url, 1, flash, 0) == NULL);
}

/* Longer than the token lives: the client authenticates by itself when the program reports. */
static void check_long_sleep(const char *url, flash_t *flash)
{
    iotx_coap_context_t *client = wake(url, 1, flash, 49LL * 60 * 60);
    answer_t answer;

    CHECK(client != NULL);
    CHECK_EQ(iotx_coap_is_authenticated(client), 1); /* reports are taken */
    CHECK_EQ(s_authentications, 0);
    CHECK_EQ(device_send(client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    device_await(client, &answer);
    CHECK_EQ(answer.code, IOTX_COAP_RESP_CODE_CONTENT);
    CHECK_EQ(s_authentications, 1);
    IOT_CoAP_Deinit(&client);
    s_authentications = 0;
}

int main(int argc, char **argv)
{
    flash_t flash;
    int i, wakes;

    if (argc == 4) {
        CHECK(strcmp(argv[1], "wake") == 0);
        live_here(argv[2], argv[3]);
        return EXIT_SUCCESS;
    }
    CHECK_EQ(argc, 1);
    for (i = 0; i < 3; i++) {
        iotx_coap_context_t *client = device_start(1, s_urls[i]);

        report(client);
        save_and_end(client, &flash);
        for (wakes = 0; wakes < WAKES; wakes++) {
            live(s_urls[i], &flash, 60);
        }
        live_elsewhere(argv[0], s_urls[i], &flash);
        check_refused(s_urls[i], s_urls[(i + 1) % 3], &flash);
        check_long_sleep(s_urls[i], &flash);
    }
    return EXIT_SUCCESS;
}
