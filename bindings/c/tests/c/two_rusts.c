/* Two static libraries of Rust in one program: nothing of one is taken for the other's, neither a panic nor
 * what is written of it. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern int other_rust_panics(void);

int main(void)
{
    struct tollgate_gate *gate = test_open(test_file("everything.tgx"));

    CHECK(other_rust_panics() == 1);
    CHECK(test_screen(gate, "0037126123499").action == TOLLGATE_BLOCK);
#ifdef TEST_PANIC
    {
        extern tollgate_status tollgate_test_panic(void);

        const char *path = test_scratch("standard_error");
        int before = dup(STDERR_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        struct stat first, second, third;

        CHECK(before >= 0 && file >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
        CHECK(other_rust_panics() == 1 && fstat(file, &first) == 0);
        CHECK_STATUS(TOLLGATE_PANIC, tollgate_test_panic());
        CHECK(fstat(file, &second) == 0);
        CHECK(other_rust_panics() == 1 && fstat(file, &third) == 0);
        CHECK(dup2(before, STDERR_FILENO) == STDERR_FILENO);
        CHECK(first.st_size > 0 && second.st_size == first.st_size && third.st_size > second.st_size);
        close(before);
        close(file);
    }
#endif
    tollgate_close(gate);
    return 0;
}
