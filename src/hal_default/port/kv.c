/*
 * Weak defaults for the key-value store: a small store that outlives the process, in one file.
 *
 * The file is the one that IOTX_KV_FILE names; else iot_sdk/kv under $XDG_STATE_HOME, or under
 * $HOME/.local/state; else /var/lib/iot_sdk/kv. Only its owner may read it: firmware keeps secrets here.
 *
 * Every change writes a new file beside the old one and renames it into place, so that a crash or a power cut
 * leaves one or the other, never a mixture. A lock file keeps processes and threads from losing each other's
 * changes.
 *
 * Format: MAGIC, then for each entry the length of the key (1 byte), the key, the length of the value (4
 * bytes, least significant first), the value.
 */
#define _DEFAULT_SOURCE /* flock */

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "trouble.h"
#include "wrappers.h"

#define MAGIC "IOTXKV\0\1"
#define MAGIC_LEN ((size_t)8)
#define MAX_KEY_LEN 255
#define MAX_FILE_LEN ((size_t)1 << 20) /* what firmware keeps here is settings */

#define KEY_LEN_SIZE ((size_t)1)
#define VALUE_LEN_SIZE ((size_t)4)

/* The whole file in memory. */
struct contents {
    unsigned char *data;
    size_t len;
};

/* One entry of it. */
struct entry {
    const unsigned char *start;
    const unsigned char *key;
    size_t key_len;
    const unsigned char *value;
    size_t value_len;
    const unsigned char *end;
};

/* One call of the firmware. */
struct call {
    char path[PATH_MAX]; /* of the store */
    int lock;            /* the lock's descriptor; -1: not taken */
    int cancel_state;    /* of the thread, before */
    struct iotx_hal_trouble trouble;
};

static int store_path(char *path)
{
    const char *file = iotx_hal_default_variable("IOTX_KV_FILE");
    const char *base;

    if (file != NULL) {
        return iotx_hal_default_join(path, file, "");
    }
    base = iotx_hal_default_variable("XDG_STATE_HOME");
    if (base != NULL) {
        return iotx_hal_default_join(path, base, "/iot_sdk/kv");
    }
    base = iotx_hal_default_variable("HOME");
    if (base != NULL) {
        return iotx_hal_default_join(path, base, "/.local/state/iot_sdk/kv");
    }
    return iotx_hal_default_join(path, "/var/lib/iot_sdk/kv", "");
}

/* The entry at `at`; 0, or -1 if that does not lie within the contents. */
static int parse(const struct contents *contents, const unsigned char *at, struct entry *entry)
{
    size_t left = (size_t)(contents->data + contents->len - at);
    const unsigned char *size;

    if (left < KEY_LEN_SIZE || left - KEY_LEN_SIZE < at[0] + VALUE_LEN_SIZE) {
        return -1;
    }
    entry->start = at;
    entry->key = at + KEY_LEN_SIZE;
    entry->key_len = at[0];
    size = entry->key + entry->key_len;
    entry->value = size + VALUE_LEN_SIZE;
    entry->value_len = (size_t)size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 |
                       (size_t)size[3] << 24;
    left -= KEY_LEN_SIZE + entry->key_len + VALUE_LEN_SIZE;
    if (left < entry->value_len) {
        return -1;
    }
    entry->end = entry->value + entry->value_len;
    return 0;
}

static int is_whole(const struct contents *contents)
{
    const unsigned char *at = contents->data + MAGIC_LEN;
    struct entry entry;

    if (contents->len < MAGIC_LEN || memcmp(contents->data, MAGIC, MAGIC_LEN) != 0) {
        return 0;
    }
    while (at != contents->data + contents->len) {
        if (parse(contents, at, &entry) != 0) {
            return 0;
        }
        at = entry.end;
    }
    return 1;
}

/* Finds `key` in contents that are whole. */
static int find(const struct contents *contents, const char *key, struct entry *entry)
{
    const unsigned char *at = contents->data + MAGIC_LEN;
    size_t key_len = strlen(key);

    while (at != contents->data + contents->len && parse(contents, at, entry) == 0) {
        if (entry->key_len == key_len && memcmp(entry->key, key, key_len) == 0) {
            return 1;
        }
        at = entry->end;
    }
    return 0;
}

/* Memory that held values is cleared before it is given back. */
static void discard(struct contents *contents)
{
    volatile unsigned char *byte = contents->data;
    size_t left = contents->data != NULL ? contents->len : 0;

    while (left-- > 0) {
        *byte++ = 0;
    }
    free(contents->data);
    contents->data = NULL;
}

static ssize_t read_all(int fd, unsigned char *data, size_t room)
{
    size_t len = 0;

    while (len < room) {
        ssize_t got = read(fd, data + len, room - len);

        if (got == 0) {
            break;
        }
        if (got > 0) {
            len += (size_t)got;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return (ssize_t)len;
}

/* Reads the store; one that does not exist is empty. 0, or -1 and a note. */
static int load(struct call *call, struct contents *contents)
{
    const char *problem = NULL;
    struct stat status;
    ssize_t len = -1;
    int fd = open(call->path, O_RDONLY | O_CLOEXEC);

    contents->data = NULL;
    contents->len = 0;
    if (fd < 0 && errno == ENOENT) {
        contents->data = malloc(MAGIC_LEN);
        contents->len = MAGIC_LEN;
        if (contents->data != NULL) {
            memcpy(contents->data, MAGIC, MAGIC_LEN);
            return 0;
        }
    } else if (fd >= 0 && fstat(fd, &status) == 0) {
        /* With room for the byte that shows that the file has grown meanwhile. */
        size_t room = (size_t)status.st_size < MAX_FILE_LEN ? (size_t)status.st_size + 1
                                                            : MAX_FILE_LEN + 1;

        contents->data = malloc(room);
        len = contents->data != NULL ? read_all(fd, contents->data, room) : -1;
        contents->len = len > 0 ? (size_t)len : 0;
        if (len >= 0 && (contents->len == room || !is_whole(contents))) {
            problem = "damaged; HAL_Kv_Erase_All begins a new one";
        }
    }
    if (len < 0 || problem != NULL) {
        iotx_hal_default_note(&call->trouble, call->path, problem);
        discard(contents);
        len = -1;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return len >= 0 ? 0 : -1;
}

/* Puts contents of `len` bytes in the place of the store. 0, or -1 and a note. */
static int replace(struct call *call, const unsigned char *data, size_t len, int sync)
{
    char new_path[PATH_MAX];
    int result = -1;
    int fd;

    if (iotx_hal_default_join(new_path, call->path, ".new") != 0) {
        iotx_hal_default_note(&call->trouble, call->path, "path too long");
        return -1;
    }
    fd = iotx_hal_default_new_file(new_path);
    if (fd >= 0 && iotx_hal_default_write_all(fd, data, len) == 0) {
        result = iotx_hal_default_put_in_place(fd, new_path, call->path, sync);
    }
    if (result != 0) {
        iotx_hal_default_note(&call->trouble, call->path, NULL);
    }
    if (fd >= 0) {
        (void)close(fd);
        if (result != 0) {
            (void)unlink(new_path); /* a disk that is full must not stay so for half a store */
        }
    }
    return result;
}

/* Makes the directories above `path`; what fails shows when the file is opened. */
static void make_directories(const char *path)
{
    char directory[PATH_MAX];
    char *slash;

    if (iotx_hal_default_join(directory, path, "") != 0) {
        return;
    }
    for (slash = strchr(directory + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(directory, S_IRWXU) == 0) {
            (void)iotx_hal_default_sync_name(directory);
        }
        *slash = '/';
    }
}

/* Takes the lock of the store. 0, or -1 and a note. */
static int take_lock(struct call *call)
{
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    char lock_path[PATH_MAX];
    int locked = -1;

    if (iotx_hal_default_join(lock_path, call->path, ".lock") != 0) {
        iotx_hal_default_note(&call->trouble, call->path, "path too long");
        return -1;
    }
    call->lock = open(lock_path, flags, S_IRUSR | S_IWUSR);
    if (call->lock < 0 && errno == ENOENT) {
        make_directories(lock_path);
        call->lock = open(lock_path, flags, S_IRUSR | S_IWUSR);
    }
    if (call->lock >= 0) {
        do {
            locked = flock(call->lock, LOCK_EX);
        } while (locked != 0 && errno == EINTR);
    }
    if (locked != 0) {
        iotx_hal_default_note(&call->trouble, call->path, NULL);
        return -1;
    }
    return 0;
}

/* Writes the store anew without `key`, and with `value` for it if that is not NULL. */
static int change(struct call *call, const char *key, const void *value, size_t value_len, int sync)
{
    struct contents old;
    struct contents new;
    struct entry entry;
    size_t key_len = strlen(key);
    unsigned char *to;
    int result = -1;

    if (load(call, &old) != 0) {
        return -1;
    }
    if (!find(&old, key, &entry)) {
        if (value == NULL) {
            discard(&old);
            return 0;
        }
        entry.start = entry.end = old.data + old.len;
    }
    new.len = old.len - (size_t)(entry.end - entry.start);
    if (value != NULL) {
        new.len += KEY_LEN_SIZE + key_len + VALUE_LEN_SIZE + value_len;
    }
    new.data = new.len <= MAX_FILE_LEN ? malloc(new.len) : NULL;
    if (new.data == NULL) {
        iotx_hal_default_note(&call->trouble, key, "the store is full");
    } else {
        size_t before = (size_t)(entry.start - old.data);
        size_t behind = (size_t)(old.data + old.len - entry.end);

        memcpy(new.data, old.data, before);
        memcpy(new.data + before, entry.end, behind);
        if (value != NULL) {
            to = new.data + before + behind;
            *to++ = (unsigned char)key_len;
            memcpy(to, key, key_len);
            to += key_len;
            *to++ = (unsigned char)(value_len & 0xff);
            *to++ = (unsigned char)(value_len >> 8 & 0xff);
            *to++ = (unsigned char)(value_len >> 16 & 0xff);
            *to++ = (unsigned char)(value_len >> 24 & 0xff);
            memcpy(to, value, value_len);
        }
        result = replace(call, new.data, new.len, sync);
        discard(&new);
    }
    discard(&old);
    return result;
}

/* Whether the arguments are what they must be; a note says so if not. */
static int are_valid(struct call *call, const char *key, int others)
{
    if (key == NULL || key[0] == '\0' || strlen(key) > MAX_KEY_LEN) {
        iotx_hal_default_note(&call->trouble, "key", "NULL, empty, or longer than 255 bytes");
        return 0;
    }
    if (!others) {
        iotx_hal_default_note(&call->trouble, key, "NULL, or a length that is none");
    }
    return others;
}

/* Begins a call, which a cancellation of the thread must not interrupt. 0, or -1 and a note. */
static int begin(struct call *call, const char *function)
{
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel_state);
    iotx_hal_default_no_trouble(&call->trouble, function);
    call->lock = -1;
    if (store_path(call->path) != 0) {
        iotx_hal_default_note(&call->trouble, "key-value store", "path too long");
        return -1;
    }
    return 0;
}

/* Ends it: without the lock, what was noted is logged. */
static int end(struct call *call, int result)
{
    if (call->lock >= 0) {
        /* A process that was forked meanwhile has the descriptor too, and would keep the lock. */
        (void)flock(call->lock, LOCK_UN);
        (void)close(call->lock);
    }
    iotx_hal_default_tell(&call->trouble);
    (void)pthread_setcancelstate(call->cancel_state, &call->cancel_state);
    return result;
}

WEAK int HAL_Kv_Set(const char *key, const void *val, int len, int sync)
{
    struct call call;
    int result = -1;

    if (begin(&call, "HAL_Kv_Set") == 0 && are_valid(&call, key, val != NULL && len >= 0) &&
        take_lock(&call) == 0) {
        result = change(&call, key, val, (size_t)len, sync);
    }
    return end(&call, result);
}

WEAK int HAL_Kv_Del(const char *key)
{
    struct call call;
    int result = -1;

    if (begin(&call, "HAL_Kv_Del") == 0 && are_valid(&call, key, 1) && take_lock(&call) == 0) {
        result = change(&call, key, NULL, 0, 1);
    }
    return end(&call, result);
}

/* Does not look at what there is, so that it mends a damaged store. */
WEAK int HAL_Kv_Erase_All(void)
{
    struct call call;
    int result = -1;

    if (begin(&call, "HAL_Kv_Erase_All") == 0 && take_lock(&call) == 0) {
        result = replace(&call, (const unsigned char *)MAGIC, MAGIC_LEN, 1);
    }
    return end(&call, result);
}

/* Needs no lock: a rename swaps whole files. */
static int get(struct call *call, const char *key, void *buffer, int *buffer_len)
{
    struct contents contents;
    struct entry entry;
    int result = -1;

    if (load(call, &contents) != 0) {
        return -1;
    }
    if (find(&contents, key, &entry)) {
        if (*buffer_len >= 0 && entry.value_len <= (size_t)*buffer_len) {
            memcpy(buffer, entry.value, entry.value_len);
            *buffer_len = (int)entry.value_len;
            result = 0;
        } else {
            iotx_hal_default_note(&call->trouble, key, "the buffer is too small");
        }
    }
    discard(&contents);
    return result;
}

WEAK int HAL_Kv_Get(const char *key, void *buffer, int *buffer_len)
{
    struct call call;
    int result = -1;

    if (begin(&call, "HAL_Kv_Get") == 0 &&
        are_valid(&call, key, buffer != NULL && buffer_len != NULL)) {
        result = get(&call, key, buffer, buffer_len);
    }
    return end(&call, result);
}
