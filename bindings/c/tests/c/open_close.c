/* Opening and closing: what is an index, what is not, and what each failure is called. */
#include "test.h"

static void refuse(const char *name, const unsigned char *bytes, size_t length, int32_t expected)
{
    const char *path = test_scratch(name);
    struct tollgate_gate *gate = (struct tollgate_gate *)&gate;

    test_publish(path, bytes, length);
    CHECK_STATUS(expected, tollgate_open(path, NULL, &gate));
    CHECK(gate == (struct tollgate_gate *)&gate); /* outputs are written only on success */
    CHECK(tollgate_last_error()[0] != '\0');
    CHECK_STATUS(expected, tollgate_open_memory(bytes, length, NULL, &gate));
}

int main(void)
{
    struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
    struct tollgate_gate *gate, *second;
    struct tollgate_verdict verdict;
    struct tollgate_info info;
    struct tollgate_stats stats;
    unsigned char *bytes;
    size_t length;

    gate = test_open(test_file("everything.tgx"));
    CHECK_TEXT(test_file("everything.tgx"), tollgate_path(gate));
    second = test_open(test_file("smaller.tgx"));
    CHECK_TEXT("block list blacklist +37167000000 +37167000000", (verdict = test_screen(second, "+37167000000"), test_line(&verdict)));
    CHECK_TEXT("allow list partners +37167000000 +37167000000", (verdict = test_screen(gate, "+37167000000"), test_line(&verdict)));
    tollgate_close(second);
    tollgate_close(gate);
    tollgate_close(NULL);

    /* Mapped, with other options, and from memory. */
    options.mapped = 1;
    options.max_loss_percent = 100;
    CHECK_OK(tollgate_open(test_file("everything.tgx"), &options, &gate));
    CHECK_OK(tollgate_get_info(gate, &info));
    CHECK(info.mapped == 1);
    tollgate_close(gate);
    bytes = test_read(test_file("everything.tgx"), &length);
    CHECK_OK(tollgate_open_memory(bytes, length, NULL, &gate));
    memset(bytes, 0, length); /* the gate has its own */
    verdict = test_screen(gate, "112");
    CHECK(verdict.reason == TOLLGATE_REASON_EMERGENCY);
    CHECK(tollgate_path(gate) == NULL);
    CHECK_STATUS(TOLLGATE_NO_FILE, tollgate_reload(gate, NULL));
    /* Found in review: this, and what is kept of it, told programs of C to call a function of Rust. */
    CHECK_TEXT("the gate was opened from memory and has no file; open it on one", tollgate_last_error());
    CHECK_OK(tollgate_get_stats(gate, &stats));
    CHECK_TEXT(tollgate_last_error(), stats.last_error);
    CHECK_STATUS(TOLLGATE_NO_FILE, tollgate_watch(gate, 0));
    tollgate_close(gate);
    free(bytes);

    /* Every way in which a file is none of ours. */
    bytes = test_read(test_file("everything.tgx"), &length);
    CHECK_STATUS(TOLLGATE_IO, tollgate_open(test_scratch("nowhere.tgx"), NULL, &gate));
    CHECK(strstr(tollgate_last_error(), "nowhere.tgx") != NULL);
    CHECK_STATUS(TOLLGATE_IO, tollgate_open("/", NULL, &gate));
    CHECK_STATUS(TOLLGATE_IO, tollgate_open("", NULL, &gate));
    refuse("empty.tgx", bytes, 0, TOLLGATE_NOT_AN_INDEX);
    refuse("text.tgx", (const unsigned char *)"a text that is long enough to be read as a header of an index", 61,
           TOLLGATE_NOT_AN_INDEX);
    refuse("cut.tgx", bytes, length - 1, TOLLGATE_INDEX_LENGTH);
    refuse("half.tgx", bytes, length / 2, TOLLGATE_INDEX_LENGTH);
    bytes[length / 2] ^= 1;
    refuse("changed.tgx", bytes, length, TOLLGATE_INDEX_CHECKSUM);
    bytes[length / 2] ^= 1;
    bytes[4] ^= 0x40; /* the version, docs/format.md */
    {
        const char *path = test_scratch("version.tgx");
        tollgate_status status;

        test_publish(path, bytes, length);
        status = tollgate_open(path, NULL, &gate);
        CHECK(status == TOLLGATE_INDEX_VERSION || status == TOLLGATE_NOT_AN_INDEX);
    }
    free(bytes);

    /* Nothing was named: the default index, which may or may not be there. (tests/install has both.) */
    CHECK(tollgate_default_index()[0] == '/');
    {
        FILE *file = fopen(tollgate_default_index(), "rb");

        if (file != NULL) {
            fclose(file);
            CHECK_OK(tollgate_open(NULL, NULL, &gate));
            CHECK_TEXT(tollgate_default_index(), tollgate_path(gate));
            tollgate_close(gate);
        } else {
            CHECK_STATUS(TOLLGATE_NO_DEFAULT_INDEX, tollgate_open(NULL, NULL, &gate));
            CHECK(strstr(tollgate_last_error(), "tollgate build") != NULL);
            CHECK(strstr(tollgate_last_error(), tollgate_default_index()) != NULL);
        }
    }
    return 0;
}
